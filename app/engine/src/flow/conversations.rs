//! Answers: a message with the correlation id of an earlier one, published elsewhere by another service.

use switchboard_model::SourceId;

use crate::flow::bounded::Bounded;
use crate::names::{Gone, ServiceId};
use crate::source_shares::{SharedMap, Shares};

/// Publications of one conversation that are compared.
const MAX_PUBLISHED: usize = 16;
/// Pairs of request and answer that are kept apart, shared out by source.
const MAX_ANSWERS: usize = 20_000;

#[derive(Clone, Copy, Debug)]
struct Published {
    service: ServiceId,
    channel: u64,
    first_ns: i64,
    last_ns: i64,
}

/// Who published what under which id, and what answers what.
#[derive(Debug)]
pub(crate) struct Conversations {
    published: Bounded<u64, Vec<Published>>,
    /// By asking service, its channel and answering service: the channels of the answers.
    answers: SharedMap<(ServiceId, u64, ServiceId), Vec<u64>>,
    version: u64,
    /// Whose batch is read, and when it arrived, ns.
    teller: (SourceId, i64),
}

impl Conversations {
    /// Remembers at most so many conversations.
    pub(crate) fn new(cap: usize) -> Self {
        Self { published: Bounded::new(cap), answers: SharedMap::new(MAX_ANSWERS, 0), version: 0, teller: (SourceId(0), 0) }
    }

    /// Whose batch is read from now on, and when it arrived.
    pub(crate) fn set_teller(&mut self, source: SourceId, received_ns: i64) {
        self.teller = (source, received_ns);
    }

    /// What found no room.
    pub(crate) fn shares(&self) -> &Shares {
        self.answers.shares()
    }

    /// A message of a conversation was published. Channels go by the hash of their names.
    pub(crate) fn publish(&mut self, service: ServiceId, channel: u64, conversation: u64, at_ns: i64) {
        let published = self.published.entry(conversation);
        let at = match published.iter().position(|known| (known.service, known.channel) == (service, channel)) {
            Some(at) => {
                let known = &mut published[at];
                (known.first_ns, known.last_ns) = (known.first_ns.min(at_ns), known.last_ns.max(at_ns));
                at
            }
            None if published.len() < MAX_PUBLISHED => {
                published.push(Published { service, channel, first_ns: at_ns, last_ns: at_ns });
                published.len() - 1
            }
            None => return,
        };
        let this = published[at];
        for other in published.iter().filter(|other| other.channel != this.channel && other.service != this.service) {
            for (request, answer) in [(other, &this), (&this, other)] {
                if request.first_ns > answer.last_ns {
                    continue;
                }
                let (source, now_ns) = self.teller;
                let Some(channels) = self.answers.see(&(request.service, request.channel, answer.service), source, now_ns) else { continue };
                if channels.len() < MAX_PUBLISHED && !channels.contains(&answer.channel) {
                    channels.push(answer.channel);
                    self.version += 1;
                }
            }
        }
    }

    /// The channels on which `by` answered what `from` published on `channel`.
    pub(crate) fn answers(&self, from: ServiceId, channel: u64, by: ServiceId) -> &[u64] {
        self.answers.get(&(from, channel, by)).map_or(&[], Vec::as_slice)
    }

    /// Services that are gone are other ones, and answer nobody.
    pub(super) fn forget(&mut self, gone: &Gone) {
        for published in self.published.values_mut() {
            published.retain(|known| !gone.has_service(known.service));
        }
        self.answers.retain(|(from, _, by), _| !gone.has_service(*from) && !gone.has_service(*by));
        self.version += 1;
    }

    /// Rises when another pair is found.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// What it holds, in bytes, roughly.
    pub(crate) fn size_bytes(&self) -> usize {
        self.published.size_bytes() + self.answers.len() * 128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_later_and_by_another_on_another_channel() {
        let (shop, stock) = (ServiceId(2), ServiceId(3));
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let mut conversations = Conversations::new(10);
            let published = [(shop, 1, 77, 100), (stock, 2, 77, 200), (stock, 1, 78, 50)];
            for at in order {
                let (service, channel, conversation, at_ns) = published[at];
                conversations.publish(service, channel, conversation, at_ns);
            }
            assert_eq!(conversations.answers(shop, 1, stock), [2]);
            assert_eq!(conversations.answers(stock, 2, shop), [0_u64; 0]);
        }
    }
}
