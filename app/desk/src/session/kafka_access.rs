//! A Kafka cluster of the profile, as replaying reaches it: fresh reads always, a producer only with a permit.

use std::ops::Range;
use std::sync::Arc;

use switchboard_kafka::{Cancel, Config, ReadLimits, Sender, SenderOptions, batch_bytes, batch_limit, extent, extents_of_times, read_originals};
use switchboard_model::{
    Leave, OperationFailure, OriginalRecord, OutgoingRecord, PermitRefused, Redactor, SeenRecord, SendPermit, SendRules, Skipped, Target, is_dead_letter_name,
};

use crate::send::access::{Caps, ClusterAccess, Extents, Queued, RecordSender, Waiting};
use crate::session::allowed::Allowed;

/// A cluster, and what the profile says about sending to it.
pub(super) struct KafkaAccess {
    pub config: Arc<Config>,
    pub redactor: Arc<Redactor>,
    pub leave: Leave,
    pub caps: Caps,
    pub is_production: bool,
    pub allowed: Allowed,
}

impl KafkaAccess {
    fn permit(&self, cluster_id: Option<&str>, typed_name: Option<&str>, is_unlocked: bool) -> Result<SendPermit, PermitRefused> {
        let target = target(cluster_id);
        SendPermit::from_rules(&SendRules {
            name: &self.config.name,
            is_unlocked: is_unlocked || self.allowed.has(target.as_ref()),
            target,
            addresses: &[],
            leave: self.leave,
            is_production: self.is_production,
            typed_name,
        })
    }
}

fn target(cluster_id: Option<&str>) -> Option<Target> {
    cluster_id.map(|cluster_id| Target::Cluster(cluster_id.to_owned()))
}

impl ClusterAccess for KafkaAccess {
    fn read(&self, seen: Vec<SeenRecord>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>> {
        let (config, redactor) = (Arc::clone(&self.config), Arc::clone(&self.redactor));
        Box::pin(async move { read_originals(&config, redactor, seen, ReadLimits::default(), Cancel::default()).await })
    }

    fn extent(&self, channel: &str, partition: i32) -> Waiting<Result<Range<i64>, OperationFailure>> {
        let (config, channel) = (Arc::clone(&self.config), channel.to_owned());
        Box::pin(async move { extent(&config, &channel, partition).await })
    }

    fn extents(&self, channel: &str, times_ms: Range<i64>) -> Waiting<Result<Extents, OperationFailure>> {
        let (config, channel) = (Arc::clone(&self.config), channel.to_owned());
        Box::pin(async move { extents_of_times(&config, &channel, times_ms).await })
    }

    fn may_write(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        self.permit(cluster_id, typed_name, false).map(drop)
    }

    fn allow(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        if self.is_production && typed_name != Some(self.config.name.as_str()) {
            return Err(PermitRefused::NotConfirmed { name: self.config.name.clone() });
        }
        let permit = self.permit(cluster_id, typed_name, true)?;
        self.allowed.allow(permit.target().clone());
        Ok(())
    }

    fn asks_for_name(&self) -> bool {
        self.is_production && self.leave == Leave::Given
    }

    fn is_production(&self) -> bool {
        self.is_production
    }

    fn is_dead_letter_channel(&self, channel: &str) -> bool {
        is_dead_letter_name(channel) || self.config.dead_letter_channels.iter().any(|named| named == channel)
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn size_limit(&self, channel: &str) -> Waiting<Result<u64, String>> {
        let (config, channel) = (Arc::clone(&self.config), channel.to_owned());
        Box::pin(async move { batch_limit(&config, &channel).await })
    }

    fn size_there(&self, record: &OutgoingRecord) -> u64 {
        batch_bytes(record)
    }

    fn connect(&self, cluster_id: Option<String>, typed_name: Option<String>, size_limit: Option<u64>) -> Waiting<Result<Arc<dyn RecordSender>, String>> {
        let permit = self.permit(cluster_id.as_deref(), typed_name.as_deref(), false);
        let config = Arc::clone(&self.config);
        Box::pin(async move {
            let permit = permit.map_err(|refused| refused.to_string())?;
            let options = SenderOptions { batch_bytes: size_limit, ..SenderOptions::default() };
            let sender = Sender::connect(&config, permit, options).await.map_err(|refused| refused.to_string())?;
            Ok(Arc::new(KafkaSender(Arc::new(sender))) as Arc<dyn RecordSender>)
        })
    }
}

struct KafkaSender(Arc<Sender>);

impl RecordSender for KafkaSender {
    fn num_partitions(&self, topic: &str) -> Waiting<Result<i32, String>> {
        let (sender, topic) = (Arc::clone(&self.0), topic.to_owned());
        Box::pin(async move { sender.num_partitions(&topic).await.map_err(|refused| refused.to_string()) })
    }

    fn ends(&self, topic: &str) -> Waiting<Result<Vec<i64>, String>> {
        let (sender, topic) = (Arc::clone(&self.0), topic.to_owned());
        Box::pin(async move { sender.ends(&topic).await.map_err(|refused| refused.to_string()) })
    }

    fn queue(&self, record: OutgoingRecord) -> Waiting<Queued> {
        let sender = Arc::clone(&self.0);
        Box::pin(async move { Queued::new(sender.enqueue(record).await.outcome()) })
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;
    use crate::sources::Prepared;

    async fn access(table: &str) -> Arc<dyn ClusterAccess> {
        let text = format!("name = \"p\"\n[[kafka]]\nname = \"shop\"\nbrokers = \"127.0.0.1:9\"\n{table}");
        let profile = Profile::parse(&text, "test").expect("valid");
        let source = profile.source("shop").expect("it is there").clone();
        let prepared = Prepared::of(source.clone(), profile.clone(), 64 << 20).await.expect("prepared");
        prepared.cluster_access(&source, &profile, &Arc::new(Redactor::new([7; 16], &[])), &Allowed::default()).expect("it has records")
    }

    #[tokio::test]
    async fn a_profile_says_how_carefully_it_is_replayed_and_which_channels_hold_the_dead() {
        let said = access("dead_letter_channels = [\"orders.rejected\"]\nreplay = { first = 2, per_second = 40, at_most = 300 }").await;
        assert_eq!(said.caps(), Caps { num_first: Some(2), rate_per_s: Some(40), num_most: Some(300) });
        let dead = |access: &dyn ClusterAccess| ["orders.rejected", "orders-dlt", "orders"].map(|channel| access.is_dead_letter_channel(channel));
        assert_eq!(dead(said.as_ref()), [true, true, false]);
        let unsaid = access("").await;
        assert_eq!((unsaid.caps(), dead(unsaid.as_ref())), (Caps::default(), [false, true, false]));
        assert_eq!(access("replay = { at_most = 7 }").await.caps(), Caps { num_most: Some(7), ..Caps::default() });
    }
}
