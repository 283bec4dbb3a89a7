//! What the observer tells the tail, and the tail the observer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};
use switchboard_model::{ClusterRef, TailState};

use crate::catalogue::Catalogue;
use crate::plan::{PartitionKey, TailPlan};

/// Orders to the tail, and its report.
#[derive(Default)]
pub(crate) struct TailControl {
    pub(crate) orders: Mutex<Orders>,
    pub(crate) changed: Condvar,
    pub(crate) report: Mutex<TailReport>,
    /// Where the tailed partitions end, by the newest poll.
    pub(crate) ends: Mutex<HashMap<PartitionKey, i64>>,
}

/// What is to be read.
#[derive(Clone, Default)]
pub(crate) struct Orders {
    pub plan: Arc<TailPlan>,
    pub cluster: ClusterRef,
    /// Topics that are gone.
    pub forgotten: Vec<Arc<str>>,
    /// Rises with each change.
    pub version: u64,
}

/// How the reading goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailReport {
    /// Topics the brokers do not let this user read, and when they last said so.
    pub denied: BTreeMap<Arc<str>, Instant>,
    /// Since when the sink has had no room.
    pub full_since: Option<Instant>,
    /// When the rate cap last held the reading up.
    pub capped_at: Option<Instant>,
    /// Records with a header name that is not UTF-8.
    pub num_unreadable: u64,
    /// Offsets that expired before they were read.
    pub num_expired: i64,
    /// What keeps records from being read at all.
    pub trouble: Option<String>,
}

impl TailControl {
    /// Tells the tail what to read. Topics in `forgotten` are gone.
    pub fn order(&self, plan: TailPlan, cluster: &ClusterRef, forgotten: Vec<Arc<str>>) {
        let mut orders = self.orders.lock();
        if *orders.plan == plan && orders.cluster == *cluster && forgotten.is_empty() {
            return;
        }
        orders.plan = Arc::new(plan);
        orders.cluster = cluster.clone();
        orders.forgotten.extend(forgotten);
        orders.version += 1;
        self.changed.notify_all();
    }

    /// Takes note of where tailed partitions end.
    pub fn set_ends(&self, catalogue: &Catalogue) {
        let tailed = catalogue.present().filter(|(_, topic)| topic.tail == TailState::Tailed);
        let ends = tailed.flat_map(|(_, topic)| topic.partitions.iter().filter_map(|p| Some(((Arc::clone(&topic.name), p.partition), p.high?)))).collect();
        *self.ends.lock() = ends;
    }

    pub fn report(&self) -> TailReport {
        self.report.lock().clone()
    }

    /// Takes note that the tail's thread ended over a mistake of ours.
    pub fn broke_down(&self) {
        let why = "records are read no more: their reading broke down (see the log). Start again, or remove this source and add it anew";
        self.report.lock().trouble = Some(why.to_owned());
    }

    /// Topics that the brokers did not let this user read so short a time ago, by name.
    pub fn denied(&self, within: Duration) -> Vec<Arc<str>> {
        self.report.lock().denied.iter().filter(|(_, at)| at.elapsed() < within).map(|(topic, _)| Arc::clone(topic)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_read_is_not_given_up_for_ever() {
        let control = TailControl::default();
        let before = Instant::now().checked_sub(Duration::from_secs(61)).expect("a machine that has run for a minute");
        control.report.lock().denied.insert(Arc::from("long"), before);
        control.report.lock().denied.insert(Arc::from("just"), Instant::now());
        let denied = |within: Duration| control.denied(within).iter().map(ToString::to_string).collect::<Vec<String>>();
        assert_eq!(denied(Duration::from_mins(1)), ["just"]);
        assert_eq!(denied(Duration::from_hours(1)), ["just", "long"]);
    }

    #[test]
    fn a_reading_that_broke_down_is_told() {
        let control = TailControl::default();
        assert_eq!(control.report().trouble, None);
        control.broke_down();
        assert!(control.report().trouble.is_some_and(|why| why.contains("Start again")));
    }
}
