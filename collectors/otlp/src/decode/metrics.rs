//! Metrics: data points are counted and folded.

use std::ops::ControlFlow;

use super::envelope::{Visit, walk};
use super::wire::{Malformed, Reader};

/// How many data points a request holds. A metric that is broken makes the request broken.
pub(crate) fn count(request: &[u8]) -> Result<u64, Malformed> {
    let mut points = Points { num_points: 0, broken: None };
    walk(request, &mut points)?.is_break();
    points.broken.map_or(Ok(points.num_points), Err)
}

struct Points {
    num_points: u64,
    broken: Option<Malformed>,
}

impl Visit<'_> for Points {
    fn resource(&mut self, _resource: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn scope(&mut self) {}

    fn item(&mut self, _resource: &[u8], _scope_name: &[u8], metric: &[u8]) -> ControlFlow<()> {
        match points_of(metric) {
            Ok(num_points) => {
                self.num_points += num_points;
                ControlFlow::Continue(())
            }
            Err(broken) => {
                self.broken = Some(broken);
                ControlFlow::Break(())
            }
        }
    }
}

fn points_of(metric: &[u8]) -> Result<u64, Malformed> {
    let mut num_points = 0;
    let mut reader = Reader::new(metric);
    while let Some(tag) = reader.tag()? {
        // gauge 5, sum 7, histogram 9, exponential histogram 10, summary 11: each holds its points in field 1.
        if !matches!(tag, 0x2a | 0x3a | 0x4a | 0x52 | 0x5a) {
            reader.skip(tag)?;
            continue;
        }
        let mut data = Reader::new(reader.bytes()?);
        while let Some(tag) = data.tag()? {
            num_points += u64::from(tag == 0x0a);
            data.skip(tag)?;
        }
    }
    Ok(num_points)
}
