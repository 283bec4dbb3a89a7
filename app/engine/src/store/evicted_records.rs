//! How many records of each channel were given up.

use switchboard_model::SourceId;

use super::record_segment::RecordSegment;
use super::value::text_of;
use crate::source_shares::{SharedMap, Shares};
use crate::view::ChannelKey;

/// Channels of which it is counted how many records were given up, shared out by source; further ones are counted.
const MAX_EVICTED_CHANNELS: usize = 20_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct EvictedRecords {
    /// By channel and cluster.
    by_channel: SharedMap<(String, String), u64>,
}

impl Default for EvictedRecords {
    fn default() -> Self {
        // What was counted of a source's channels does not leave for more of its own.
        Self { by_channel: SharedMap::new(MAX_EVICTED_CHANNELS, i64::MAX) }
    }
}

impl EvictedRecords {
    /// A segment was given up.
    pub(crate) fn count(&mut self, segment: &RecordSegment) {
        let mut arrived: Vec<Option<(SourceId, i64)>> = vec![None; segment.channel_rows.len()];
        for (row, channel) in segment.channel_of.iter().enumerate() {
            if let Some(first @ None) = arrived.get_mut(*channel as usize) {
                *first = Some(segment.arrivals.of(row));
            }
        }
        for (number, (num_rows, arrived)) in segment.channel_rows.iter().zip(arrived).enumerate() {
            let Some((source, received_ns)) = arrived else { continue };
            let (cluster, name) = segment.channel_numbered(number as u32);
            let key = (text_of(name).to_owned(), cluster.name.clone());
            if let Some(num) = self.by_channel.see(&key, source, received_ns) {
                *num += u64::from(*num_rows);
            }
        }
    }

    /// Channels that found no room.
    pub(crate) fn shares(&self) -> &Shares {
        self.by_channel.shares()
    }

    /// Records of a channel that were given up.
    pub(crate) fn of(&self, channel: &ChannelKey) -> u64 {
        let from = (channel.name.clone(), String::new());
        let of_name = self.by_channel.from(&from).take_while(|((name, _), _)| *name == channel.name);
        of_name.filter(|((_, cluster), _)| channel.cluster.as_ref().is_none_or(|wanted| wanted == cluster)).map(|(_, num)| num).sum()
    }
}
