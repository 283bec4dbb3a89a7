//! Facts and states are made of names and sentences that brokers, servers and senders wrote: they hold no secret either.

use super::Redactor;
use crate::{Batch, Fact, SourceStatus, TailState};

impl Redactor {
    /// Takes the secrets out of what a source says of others. Other batches were redacted by their collector, value by value.
    pub(crate) fn clean_batch(&self, batch: &mut Batch) {
        if let Batch::Facts(batch) = batch {
            for fact in &mut batch.facts {
                self.clean_fact(fact);
            }
        }
    }

    /// Takes the secrets out of what a source says of itself.
    pub(crate) fn clean_status(&self, status: &mut SourceStatus) {
        self.clean(&mut status.detail);
        self.clean(&mut status.next_step);
    }

    fn clean(&self, text: &mut String) {
        if let Some(clean) = self.redact_text(text) {
            *text = clean;
        }
    }

    fn clean_some(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.clean(text);
        }
    }

    fn clean_fact(&self, fact: &mut Fact) {
        match fact {
            Fact::Cluster(fact) => fact.brokers.iter_mut().for_each(|broker| self.clean(&mut broker.host)),
            Fact::Topic(fact) => {
                self.clean(&mut fact.topic);
                if let TailState::NotTailed(reason) = &mut fact.tail {
                    self.clean(reason);
                }
            }
            Fact::TopicGone { topic, .. } => self.clean(topic),
            Fact::Group(fact) => {
                self.clean(&mut fact.group);
                self.clean_some(&mut fact.state);
                self.clean_some(&mut fact.members_reason);
                self.clean_some(&mut fact.error);
                for member in fact.members.iter_mut().flatten() {
                    self.clean(&mut member.member_id);
                    self.clean(&mut member.client_id);
                    self.clean(&mut member.host);
                    member.assignment.iter_mut().for_each(|(topic, _)| self.clean(topic));
                }
                // A topic has many partitions, one after another.
                let mut clean = String::new();
                for offset in &mut fact.offsets {
                    if offset.topic != clean {
                        self.clean(&mut offset.topic);
                        clean.clone_from(&offset.topic);
                    }
                }
            }
            Fact::GroupGone { group, .. } => self.clean(group),
            Fact::Breaker(fact) => {
                self.clean_some(&mut fact.caller);
                self.clean_some(&mut fact.instance);
                self.clean(&mut fact.name);
            }
            Fact::BreakerEvent(fact) => {
                self.clean_some(&mut fact.caller);
                self.clean_some(&mut fact.instance);
                self.clean(&mut fact.name);
            }
            Fact::Instance(fact) => {
                self.clean(&mut fact.address);
                self.clean_some(&mut fact.service);
                self.clean_some(&mut fact.instance);
            }
            Fact::Health(fact) => {
                self.clean(&mut fact.endpoint);
                self.clean_some(&mut fact.service);
                self.clean(&mut fact.asked);
            }
            Fact::ClockSet { .. } => {}
            Fact::Refused(refusal) => {
                self.clean(&mut refusal.peer);
                self.clean_some(&mut refusal.host);
                self.clean_some(&mut refusal.origin);
                self.clean(&mut refusal.next_step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::*;

    #[test]
    fn what_a_source_says_goes_through_the_queue_without_secrets() {
        const SECRET: &str = "password=hunter2Zq7";
        let (cluster, some) = (ClusterRef::default(), Some(SECRET.to_owned()));
        let s = || SECRET.to_owned();
        let facts = vec![
            Fact::Cluster(ClusterFact { cluster: cluster.clone(), brokers: vec![Broker { broker_id: 1, host: s(), port: 1 }] }),
            Fact::TopicGone { cluster: cluster.clone(), topic: s() },
            Fact::GroupGone { cluster: cluster.clone(), group: s() },
            Fact::BreakerEvent(BreakerEventFact { caller: some.clone(), instance: some.clone(), name: s(), kind: BreakerEventKind::Other, at_ns: 0 }),
            Fact::Instance(InstanceFact {
                address: "http://joe:hunter2Zq7@host".to_owned(),
                service: some.clone(),
                instance: some.clone(),
                changing: false,
                process_id: None,
            }),
            Fact::Health(HealthFact { endpoint: s(), service: some.clone(), asked: s(), state: HealthState::Serving }),
            Fact::Refused(Refusal { peer: s(), host: some.clone(), origin: some, rule: "host".to_owned(), next_step: s(), count: 1 }),
        ];
        let num_facts = facts.len();
        let (intake, mut outlet) = channel(1 << 20);
        intake.redact_with(Arc::new(Redactor::new([1; 16], &[])));
        let sink = intake.sink(SourceId(1));
        assert!(matches!(sink.offer(Batch::Facts(FactBatch { header: BatchHeader::default(), facts })), Offer::Taken));
        sink.status(SourceStatus {
            source: SourceId(1),
            at_ns: 0,
            phase: SourcePhase::Failed,
            failure: None,
            detail: format!("http://host said: {SECRET}"),
            next_step: s(),
        });
        let said: Vec<String> = std::iter::from_fn(|| outlet.recv(Duration::ZERO)).map(|input| format!("{input:?}")).collect();
        assert_eq!(said.len(), 2);
        for text in said {
            assert!(!text.contains("hunter2") && text.contains("redacted:"), "{text}");
            assert!(text.matches("redacted:").count() >= if text.contains("Cluster") { num_facts } else { 2 }, "{text}");
        }
    }
}
