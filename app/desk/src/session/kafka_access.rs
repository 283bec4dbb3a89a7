//! A Kafka cluster of the profile, as replaying reaches it: fresh reads always, a producer only with a permit.

use std::sync::Arc;

use switchboard_kafka::{Cancel, Config, ReadLimits, Sender, SenderOptions, read_originals};
use switchboard_model::{OriginalRecord, Outcome, OutgoingRecord, PermitRefused, Redactor, SeenRecord, Skipped, WritePermit, WriteRules};

use crate::replay::{ClusterAccess, RecordSender, Waiting};

/// The environment whose clusters ask for their name to be typed.
const PRODUCTION: &[&str] = &["production", "prod"];

/// A cluster, and what the profile says about writing to it.
pub(super) struct KafkaAccess {
    pub config: Arc<Config>,
    pub redactor: Arc<Redactor>,
    pub writes_allowed: bool,
    pub is_production: bool,
}

/// Whether an environment is called production.
pub(super) fn is_production(environment: Option<&str>) -> bool {
    environment.is_some_and(|name| PRODUCTION.iter().any(|production| production.eq_ignore_ascii_case(name.trim())))
}

impl KafkaAccess {
    fn permit(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<WritePermit, PermitRefused> {
        WritePermit::from_profile(&WriteRules {
            source: &self.config.name,
            cluster_id,
            writes_allowed: self.writes_allowed,
            is_production: self.is_production,
            typed_name,
        })
    }
}

impl ClusterAccess for KafkaAccess {
    fn read(&self, seen: Vec<SeenRecord>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>> {
        let (config, redactor) = (Arc::clone(&self.config), Arc::clone(&self.redactor));
        Box::pin(async move { read_originals(&config, redactor, seen, ReadLimits::default(), Cancel::default()).await })
    }

    fn may_write(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        self.permit(cluster_id, typed_name).map(drop)
    }

    fn asks_for_name(&self) -> bool {
        self.writes_allowed && self.is_production
    }

    fn connect(&self, cluster_id: Option<String>, typed_name: Option<String>) -> Waiting<Result<Arc<dyn RecordSender>, String>> {
        let permit = self.permit(cluster_id.as_deref(), typed_name.as_deref());
        let config = Arc::clone(&self.config);
        Box::pin(async move {
            let permit = permit.map_err(|refused| refused.to_string())?;
            let sender = Sender::connect(&config, permit, SenderOptions::default()).await.map_err(|refused| refused.to_string())?;
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

    fn send(&self, record: OutgoingRecord) -> Waiting<Outcome> {
        Box::pin(self.0.send(record))
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_production_in_any_case_asks_for_its_name() {
        for (environment, is) in [(Some("production"), true), (Some(" Prod "), true), (Some("staging"), false), (Some("preproduction"), false), (None, false)] {
            assert_eq!(is_production(environment), is, "{environment:?}");
        }
    }
}
