//! The sources: how each is doing, what it turned away, and what endpoints said of themselves.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use switchboard_model::{HealthFact, HealthState, InstanceFact, ItemKind, Refusal, SourceId, SourceInfo, SourcePhase, SourceStatus};

use crate::source_shares::SharedMap;
use crate::state::latest::Latest;
use crate::view::{ClockSet, CountsReport, RefusalView, RefusedReport, SourceView};
use crate::words;

/// Kinds of refusal kept, shared out by source; the one not seen for longest goes first, its count is kept.
const MAX_REFUSALS: usize = 256;
/// Endpoints and addresses kept per source.
const MAX_ENDPOINTS: usize = 256;
/// Text from peers is cut here.
const MAX_PEER_CHARS: usize = 256;
/// How many settings of the clock are kept.
const MAX_CLOCK_SET: usize = 64;
const MINUTE_NS: i64 = 60_000_000_000;
/// That the machine's clock was set is told so much later at most, ns.
const CLOCK_SET_TOLD_NS: i64 = 5_000_000_000;

/// All sources of the session.
#[derive(Debug)]
pub(crate) struct Sources {
    rows: BTreeMap<SourceId, SourceRow>,
    refusals: SharedMap<RefusalKey, RefusalTally>,
    /// Refusals that are no longer listed.
    num_unlisted_refusals: u64,
    /// When the newest of those was refused, ns since the Unix epoch.
    unlisted_ns: i64,
    /// When the machine's clock was set, the newest last.
    clock_set: Vec<ClockSet>,
    /// By how much it was set before those, ns.
    clock_set_before_ns: i64,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            refusals: SharedMap::new(MAX_REFUSALS, 0),
            num_unlisted_refusals: 0,
            unlisted_ns: 0,
            clock_set: Vec::new(),
            clock_set_before_ns: 0,
        }
    }
}

#[derive(Debug, Default)]
struct SourceRow {
    info: Option<SourceInfo>,
    status: Latest<SourceStatus>,
    health: BTreeMap<(String, String), Latest<HealthFact>>,
    instances: BTreeMap<String, Latest<InstanceFact>>,
    /// Facts on endpoints that found no room.
    num_left_out: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RefusalKey {
    source: SourceId,
    rule: String,
    peer: String,
    host: Option<String>,
    origin: Option<String>,
}

#[derive(Debug, Default)]
struct RefusalTally {
    next_step: String,
    last_ns: i64,
    count: u64,
}

impl Sources {
    /// The machine's clock was set.
    pub(crate) fn apply_clock_set(&mut self, at_ns: i64, by_ns: i64) {
        let set = ClockSet { at_ns, by_ns };
        let at = self.clock_set.partition_point(|known| (known.at_ns, known.by_ns) < (at_ns, by_ns));
        self.clock_set.insert(at, set);
        if self.clock_set.len() > MAX_CLOCK_SET {
            self.clock_set_before_ns = self.clock_set_before_ns.saturating_add(self.clock_set.remove(0).by_ns);
        }
    }

    /// By how much the machine's clock was set in all before a minute begins, ns. `None` = it was set in that minute, or so shortly before
    /// or after that times which arrive in it may be told by the one clock or the other.
    pub(crate) fn clock_set_by_ns(&self, from_ns: i64) -> Option<i64> {
        let near = from_ns.saturating_sub(MINUTE_NS)..from_ns.saturating_add(MINUTE_NS + CLOCK_SET_TOLD_NS);
        if self.clock_set.iter().any(|set| near.contains(&set.at_ns)) {
            return None;
        }
        let before = self.clock_set.iter().filter(|set| set.at_ns < from_ns);
        Some(before.fold(self.clock_set_before_ns, |sum, set| sum.saturating_add(set.by_ns)))
    }

    /// When the machine's clock was set, the newest last.
    pub(crate) fn clock_set(&self) -> &[ClockSet] {
        &self.clock_set
    }

    /// A source that the session has made.
    pub(crate) fn add(&mut self, info: SourceInfo) {
        let row = self.rows.entry(info.id).or_default();
        row.info = Some(info);
    }

    /// How a source is doing.
    pub(crate) fn apply_status(&mut self, status: &SourceStatus) {
        self.rows.entry(status.source).or_default().status.offer(status.at_ns, status);
    }

    /// What a health endpoint said.
    pub(crate) fn apply_health(&mut self, source: SourceId, fact: &HealthFact, received_ns: i64) {
        let row = self.rows.entry(source).or_default();
        let key = (fact.endpoint.clone(), fact.asked.clone());
        if row.health.len() < MAX_ENDPOINTS || row.health.contains_key(&key) {
            row.health.entry(key).or_default().offer(received_ns, fact);
        } else {
            row.num_left_out += 1;
        }
    }

    /// What answers behind an address.
    pub(crate) fn apply_instance(&mut self, source: SourceId, fact: &InstanceFact, received_ns: i64) {
        let row = self.rows.entry(source).or_default();
        if row.instances.len() < MAX_ENDPOINTS || row.instances.contains_key(&fact.address) {
            row.instances.entry(fact.address.clone()).or_default().offer(received_ns, fact);
        } else {
            row.num_left_out += 1;
        }
    }

    /// Facts on endpoints that found no room, by source.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (SourceId, u64)> {
        self.rows.iter().map(|(source, row)| (*source, row.num_left_out)).filter(|(_, num)| *num > 0)
    }

    /// A refused connection or request. Equal ones are counted together, whatever their port.
    pub(crate) fn apply_refusal(&mut self, source: SourceId, refusal: &Refusal, received_ns: i64) {
        let cut = |text: &String| words::visible(text, MAX_PEER_CHARS);
        let key = RefusalKey {
            source,
            rule: cut(&refusal.rule),
            peer: cut(&peer_ip(&refusal.peer)),
            host: refusal.host.as_ref().map(cut),
            origin: refusal.origin.as_ref().map(cut),
        };
        let next_step = cut(&refusal.next_step);
        let mut unlisted = None;
        let tally = self.refusals.see_and(&key, source, received_ns, |_, tally| unlisted = Some(tally));
        if let Some(tally) = tally {
            let is_first = tally.count == 0;
            tally.count = tally.count.saturating_add(refusal.count.max(1));
            if is_first || (received_ns, &next_step) > (tally.last_ns, &tally.next_step) {
                (tally.last_ns, tally.next_step) = (received_ns, next_step);
            }
        }
        if let Some(tally) = unlisted {
            self.num_unlisted_refusals = self.num_unlisted_refusals.saturating_add(tally.count);
            self.unlisted_ns = self.unlisted_ns.max(tally.last_ns);
        }
    }

    /// Whether the source works now.
    pub(crate) fn is_live(&self, source: SourceId) -> bool {
        self.rows.get(&source).and_then(|row| row.status.get()).is_some_and(|status| matches!(status.phase, SourcePhase::Live | SourcePhase::Degraded))
    }

    /// Since when and why the source of this name cannot be read; `None` while it can.
    pub(crate) fn failure(&self, name: &str) -> Option<(i64, &str)> {
        let row = self.rows.values().find(|row| row.info.as_ref().is_some_and(|info| info.name == name))?;
        let status = row.status.get().filter(|status| status.phase == SourcePhase::Failed)?;
        Some((status.at_ns, &status.detail))
    }

    /// One row a source, in the order of the profile; the caller knows the counts.
    pub(crate) fn views(
        &self,
        counts: impl Fn(SourceId) -> (CountsReport, Vec<(ItemKind, CountsReport)>),
        cluster_id: impl Fn(&str) -> Option<String>,
    ) -> Vec<SourceView> {
        let mut views = Vec::with_capacity(self.rows.len());
        for (source, row) in &self.rows {
            let Some(info) = &row.info else { continue };
            let status = row.status.get();
            let mut detail = status.map_or_else(|| "has not answered yet".to_owned(), |status| status.detail.clone());
            for note in row.notes() {
                detail = if detail.is_empty() { note } else { detail + "; " + &note };
            }
            let (counts, by_kind) = counts(*source);
            views.push(SourceView {
                name: info.name.clone(),
                kind: info.kind,
                cluster_id: if info.kind.has_channels() { cluster_id(&info.name) } else { None },
                phase: status.map_or(SourcePhase::Connecting, |status| status.phase),
                detail,
                next_step: status.map(|status| status.next_step.clone()).unwrap_or_default(),
                at_ns: status.map_or(0, |status| status.at_ns),
                counts,
                by_kind,
                left_out: Vec::new(),
            });
        }
        views
    }

    /// What was refused, newest last. Those no longer listed come first, as one row.
    pub(crate) fn refused(&self) -> Vec<RefusedReport> {
        let report = |view: RefusalView| RefusedReport {
            source: view.source,
            peer: view.peer,
            host: view.host,
            origin: view.origin,
            rule: view.rule,
            next_step: view.next_step,
            count: view.count,
        };
        self.refusals().into_iter().rev().map(report).collect()
    }

    /// What was refused, newest first. Those no longer listed come last, as one row.
    pub(crate) fn refusals(&self) -> Vec<RefusalView> {
        let mut listed: Vec<_> = self.refusals.iter().collect();
        listed.sort_by_key(|(key, tally)| Reverse((tally.last_ns, *key)));
        let rows = listed.into_iter().map(|(key, tally)| RefusalView {
            at_ns: tally.last_ns,
            source: self.name(key.source),
            peer: key.peer.clone(),
            host: key.host.clone(),
            origin: key.origin.clone(),
            rule: key.rule.clone(),
            next_step: tally.next_step.clone(),
            count: tally.count,
        });
        let unlisted = (self.num_unlisted_refusals > 0).then(|| RefusalView {
            at_ns: self.unlisted_ns,
            rule: "others, no longer listed one by one".into(),
            count: self.num_unlisted_refusals,
            ..RefusalView::default()
        });
        rows.chain(unlisted).collect()
    }

    /// The source's name, or its number where the session has not told it.
    fn name(&self, source: SourceId) -> String {
        let info = self.rows.get(&source).and_then(|row| row.info.as_ref());
        info.map_or_else(|| format!("source {}", source.0), |info| info.name.clone())
    }
}

impl SourceRow {
    /// What its endpoints said that its status does not tell.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for fact in self.health.values().filter_map(Latest::get) {
            let asked = if fact.asked.is_empty() { "the server".to_owned() } else { words::visible(&fact.asked, MAX_PEER_CHARS) };
            match fact.state {
                HealthState::Serving => {}
                HealthState::NotServing => notes.push(format!("{asked} says that it does not serve")),
                HealthState::ServiceUnknown => notes.push(format!("{asked} is not known to its health service")),
                HealthState::Unknown => notes.push(format!("{asked} says that it does not know its health")),
                HealthState::NotAsked => notes.push(format!("{asked} could not be asked for its health")),
            }
        }
        for fact in self.instances.values().filter_map(Latest::get).filter(|fact| fact.changing) {
            let address = words::visible(&fact.address, MAX_PEER_CHARS);
            let now = fact.instance.as_ref().map_or_else(String::new, |instance| format!(", now {}", words::visible(instance, MAX_PEER_CHARS)));
            notes.push(format!("changing instances answer at {address}{now}"));
        }
        notes
    }
}

/// The address without its port.
fn peer_ip(peer: &str) -> String {
    if let Ok(address) = peer.parse::<SocketAddr>() {
        return address.ip().to_string();
    }
    peer.parse::<IpAddr>().map_or_else(|_| peer.to_owned(), |ip| ip.to_string())
}

#[cfg(test)]
mod tests {
    use switchboard_model::SourceKind;

    use super::*;

    fn info(id: u32, name: &str) -> SourceInfo {
        SourceInfo { id: SourceId(id), name: name.into(), kind: SourceKind::Otlp, environment: None }
    }

    fn status(at_ns: i64, phase: SourcePhase, detail: &str) -> SourceStatus {
        SourceStatus { source: SourceId(1), at_ns, phase, failure: None, detail: detail.into(), next_step: "wait".into() }
    }

    fn refusal(peer: &str, host: &str) -> Refusal {
        Refusal { peer: peer.into(), host: Some(host.into()), origin: None, rule: "host".into(), next_step: "allow it".into(), count: 1 }
    }

    #[test]
    fn the_newest_status_wins_in_any_order() {
        let statuses = [
            status(1, SourcePhase::Connecting, "connecting"),
            status(3, SourcePhase::Failed, "refused"),
            status(2, SourcePhase::Live, "live"),
            status(3, SourcePhase::Degraded, "half"),
        ];
        let told = |order: [usize; 4]| {
            let mut sources = Sources::default();
            sources.add(info(1, "a"));
            for index in order {
                sources.apply_status(&statuses[index]);
            }
            (sources.views(|_| Default::default(), |_| None), sources.failure("a").is_some())
        };
        let (views, failed) = told([0, 1, 2, 3]);
        for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            assert_eq!(told(order).0, views);
        }
        assert_eq!((views[0].phase, failed), (SourcePhase::Failed, true));
        assert!(!Sources::default().is_live(SourceId(1)));
    }

    #[test]
    fn a_source_that_said_nothing_is_connecting() {
        let mut sources = Sources::default();
        sources.add(info(7, "b"));
        let views = sources.views(|source| (CountsReport { received: u64::from(source.0), ..CountsReport::default() }, Vec::new()), |_| None);
        assert_eq!((views[0].phase, views[0].detail.as_str(), views[0].counts.received), (SourcePhase::Connecting, "has not answered yet", 7));
    }

    #[test]
    fn equal_refusals_are_counted_together_whatever_their_port() {
        let mut sources = Sources::default();
        sources.add(info(1, "otlp"));
        for (at_ns, peer) in [(5, "127.0.0.1:40000"), (3, "127.0.0.1:40001"), (4, "[::1]:9"), (9, "::1")] {
            sources.apply_refusal(SourceId(1), &refusal(peer, "evil\u{202e}"), at_ns);
        }
        let refused = sources.refused();
        let told: Vec<_> = refused.iter().map(|row| (row.source.as_str(), row.peer.as_str(), row.host.as_deref(), row.count)).collect();
        assert_eq!(told, [("otlp", "127.0.0.1", Some("evil\\u{202e}"), 2), ("otlp", "::1", Some("evil\\u{202e}"), 2)]);
    }

    #[test]
    fn a_flood_of_refusals_stays_bounded_and_every_one_is_counted() {
        let mut sources = Sources::default();
        for number in 0..1000 {
            sources.apply_refusal(SourceId(1), &refusal("10.0.0.1:1", &format!("host-{number}")), number);
        }
        let refused = sources.refused();
        assert_eq!(refused.len(), MAX_REFUSALS + 1);
        assert_eq!(refused.iter().map(|row| row.count).sum::<u64>(), 1000);
        assert_eq!(refused.last().and_then(|row| row.host.as_deref()), Some("host-999"));
    }

    #[test]
    fn endpoints_that_do_not_serve_and_changing_instances_are_told() {
        let mut sources = Sources::default();
        sources.add(info(1, "health"));
        sources.apply_status(&status(1, SourcePhase::Live, "answers"));
        let health = |asked: &str, state| HealthFact { endpoint: "e".into(), service: None, asked: asked.into(), state };
        sources.apply_health(SourceId(1), &health("lab.Orders", HealthState::NotServing), 8);
        sources.apply_health(SourceId(1), &health("lab.Orders", HealthState::Serving), 7);
        sources.apply_health(SourceId(1), &health("", HealthState::Serving), 8);
        let instance = InstanceFact { address: "http://a".into(), service: None, instance: Some("orders-2".into()), changing: true, process_id: None };
        sources.apply_instance(SourceId(1), &instance, 9);
        let views = sources.views(|_| Default::default(), |_| None);
        assert_eq!(views[0].detail, "answers; lab.Orders says that it does not serve; changing instances answer at http://a, now orders-2");
        assert!(sources.is_live(SourceId(1)));
        // Of each word its own sentence: what does not know is not what could not be asked.
        for (state, sentence) in [
            (HealthState::Unknown, "the server says that it does not know its health"),
            (HealthState::NotAsked, "the server could not be asked for its health"),
            (HealthState::ServiceUnknown, "the server is not known to its health service"),
        ] {
            let mut sources = Sources::default();
            sources.add(info(1, "health"));
            sources.apply_status(&status(1, SourcePhase::Live, "answers"));
            sources.apply_health(SourceId(1), &health("", state), 8);
            assert_eq!(sources.views(|_| Default::default(), |_| None)[0].detail, format!("answers; {sentence}"), "{state:?}");
        }
    }

    #[test]
    fn what_the_clock_was_set_by_counts_from_the_minute_after_it_however_often_it_was_set() {
        const S: i64 = 1_000_000_000;
        let mut sources = Sources::default();
        assert_eq!(sources.clock_set_by_ns(600 * S), Some(0));
        for (at_s, by_s) in [(700, -10), (600, 3_600)] {
            sources.apply_clock_set(at_s * S, by_s * S);
        }
        for (from_s, by_s) in [(480, Some(0)), (540, None), (600, None), (660, None), (720, None), (780, Some(3_590))] {
            assert_eq!(sources.clock_set_by_ns(from_s * S), by_s.map(|by_s| by_s * S), "{from_s}");
        }
        for number in 0..100 {
            sources.apply_clock_set((10_000 + number) * S, S);
        }
        assert_eq!((sources.clock_set().len(), sources.clock_set_by_ns(60_000 * S)), (MAX_CLOCK_SET, Some(3_690 * S)));
    }
}
