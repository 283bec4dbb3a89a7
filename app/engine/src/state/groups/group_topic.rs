//! A group on a topic: what it committed there, partition by partition and over time.

use std::collections::HashSet;

use switchboard_model::GroupOffset;

use crate::state::groups::lag::{Sample, SampleWindow};
use crate::state::groups::partition_course::{PartitionCourses, Point};
use crate::state::groups::partitions::GroupPartitions;
use crate::state::groups::standing::Standing;
use crate::state::groups::topic::Topic;
use crate::state::groups::waiting::{Asides, Part, behind, content_hash};

/// A group on a topic.
#[derive(Debug, Default)]
pub(crate) struct GroupTopic {
    /// The reading that `partitions` tell of: its time, and a hash of its content that decides between two of one time.
    pub(super) reading: Option<(i64, u64)>,
    /// How many partitions the reading told of.
    pub(crate) num_read: usize,
    pub(crate) partitions: GroupPartitions,
    /// What that reading told beside offsets.
    asides: Asides,
    pub(crate) samples: SampleWindow,
    /// How its partitions go on one by one; `None` = they are not followed.
    pub(crate) courses: Option<Box<PartitionCourses>>,
    /// What follows from it, until something new comes.
    pub(super) standing: Option<Box<Standing>>,
}

impl GroupTopic {
    /// Its partitions as the group stands on them.
    pub(crate) fn parts<'a>(&'a self, topic: &'a Topic) -> impl Iterator<Item = Part<'a>> {
        let began_ns = topic.began_ns();
        let low = move |partition: i32| topic.watermarks.get(&partition).and_then(|watermarks| watermarks.low(began_ns));
        self.partitions.iter().map(move |known| Part::of(known, low(known.partition), &self.asides))
    }

    /// Takes a reading.
    pub(super) fn apply(&mut self, read_ns: i64, offsets: &[&GroupOffset], (whole, memberless, is_followed): (bool, bool, bool)) {
        self.standing = None;
        if !is_followed {
            self.courses = None;
        }
        let mut sample = Sample { read_ns, committed: 0, end: 0, lag: 0, num_lagging: 0, memberless, is_exact: true };
        let mut num_committed = 0;
        let mut is_complete = true;
        self.partitions.reserve(offsets.len());
        let reading = Some((read_ns, content_hash(offsets)));
        let is_newest = reading > self.reading;
        if is_newest {
            (self.reading, self.num_read) = (reading, offsets.len());
            self.asides = Asides::of(offsets);
            let told: HashSet<i32> = offsets.iter().map(|offset| offset.partition).collect();
            let untold: Vec<i32> = self.partitions.iter().map(|known| known.partition).filter(|known| !told.contains(known)).collect();
            for number in untold {
                self.partitions.update(number, |known| known.set(None, None));
            }
        }
        for offset in offsets {
            let committed = offset.committed.filter(|committed| *committed >= 0);
            self.partitions.update(offset.partition, |known| {
                if let Some(committed) = committed {
                    known.remember(read_ns, committed);
                }
                if is_newest {
                    known.set(committed, offset.end);
                }
            });
            let Some(committed) = committed else {
                is_complete &= whole;
                continue;
            };
            let Some(end) = offset.end.filter(|end| *end >= 0) else {
                is_complete = false;
                continue;
            };
            let lag = behind(committed, offset.low, end, offset.readable_behind);
            if is_followed {
                self.courses.get_or_insert_default().observe(offset.partition, Point { lag, read_ns, committed });
            }
            sample.committed = sample.committed.saturating_add(committed);
            sample.end = sample.end.saturating_add(end);
            sample.lag = sample.lag.saturating_add(lag);
            sample.num_lagging += u32::from(lag > 0);
            sample.is_exact &= lag == 0 || offset.readable_behind.is_some();
            num_committed += 1;
        }
        if is_complete && num_committed > 0 {
            self.samples.insert(sample);
        }
    }
}
