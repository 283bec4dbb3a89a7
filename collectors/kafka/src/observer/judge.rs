//! How a cluster is doing, as its status tells it.

use switchboard_model::{Condition, FailureKind, TailState};

use super::{DENIED_FOR, FULL_AFTER, Observer, Poll};
use crate::failure::{Failure, describe};
use crate::groups::Listing;

impl Observer {
    /// Tells how the cluster is doing. True if nothing is to be tried again sooner.
    pub(super) fn judge(&mut self, poll: &Poll) -> bool {
        let report = self.tail_control.report();
        // Until what is tried again can have been refused again.
        let denied = self.tail_control.denied(DENIED_FOR + self.config.poll_interval * 2 + FULL_AFTER);
        let unreachable = self.groups.report.failed.iter().find(|(_, error)| error.code.is_unreachable());
        let listing_failed = matches!(&self.groups.listing, Listing::Failed(_));
        let all_well = poll.num_unknown_ends == 0 && !listing_failed && self.groups.report.failed.is_empty();
        if all_well {
            self.errors.clear();
        }
        let observed = Condition::live(self.summary(poll));
        self.teller.tell(if poll.num_unknown_ends > 0 || listing_failed || unreachable.is_some() {
            let explained = self.errors.explain(&self.config.brokers, None);
            let listing_error = match &self.groups.listing {
                Listing::Failed(error) => Some(describe("Listing of groups", error)),
                _ => None,
            };
            let coordinator = unreachable.map(|(group, error)| describe(&format!("Coordinator of group {group}"), error));
            let leaderless = Failure {
                kind: FailureKind::Peer,
                detail: format!("{} of {} partitions have no leader", poll.num_unknown_ends, poll.num_ends),
                next_step: "Bring the brokers that hold them back".to_owned(),
            };
            let failure = explained.or_else(|| poll.failure.clone()).or(listing_error).or(coordinator).unwrap_or(leaderless);
            let is_all_unknown = poll.num_unknown_ends == poll.num_ends && (poll.num_ends > 0 || listing_failed);
            if is_all_unknown { failure.failed() } else { failure.degraded().and(observed) }
        } else if let Some((group, error)) = self.groups.report.failed.first() {
            describe(&format!("Offsets of group {group}"), error).degraded().and(observed)
        } else if let Listing::Refused(why) = &self.groups.listing {
            let next_step = "Allow this user to describe the cluster (ACL operation DESCRIBE), or name the groups in the profile";
            Condition::degraded(FailureKind::Authorise, format!("Listing of groups is refused: {why}"), next_step).and(observed)
        } else if let Some(topic) = denied.first() {
            let next_step = "Allow this user to read it (ACL operation READ on the topic)";
            Condition::degraded(FailureKind::Authorise, format!("Records of {topic} may not be read by this user"), next_step).and(observed)
        } else if let Some(why) = report.trouble {
            Condition::degraded(FailureKind::Protocol, why, "").and(observed)
        } else if report.full_since.is_some_and(|since| since.elapsed() > FULL_AFTER) {
            let next_step = "Give Switchboard more memory (--memory), or tail fewer channels";
            Condition::degraded(FailureKind::Limit, "Reading of records is paused: the queue to the engine is full", next_step).and(observed)
        } else {
            observed
        });
        all_well
    }

    /// What is observed, in a sentence.
    fn summary(&self, poll: &Poll) -> String {
        let report = self.tail_control.report();
        let (mut num_topics, mut num_tailed) = (0, 0);
        for (_, topic) in self.catalogue.present().filter(|(_, topic)| !topic.is_internal()) {
            num_topics += 1;
            num_tailed += usize::from(topic.tail == TailState::Tailed);
        }
        let place = self.config.environment.as_ref().map_or(String::new(), |environment| format!(" in {environment}"));
        let mut text = format!(
            "{}, {} ({num_tailed} tailed), {}{place}",
            plural(poll.num_brokers, "broker"),
            plural(num_topics, "topic"),
            plural(self.groups.len(), "group")
        );
        if matches!(self.groups.listing, Listing::Unsupported) {
            text += "; the brokers do not offer listing of groups, so those named are followed by their offsets";
        }
        let left_out = &self.groups.report.left_out;
        if !left_out.is_empty() {
            let named: Vec<&str> = left_out.iter().take(20).map(String::as_str).collect();
            let more = if left_out.len() > named.len() { format!(" and {} more", left_out.len() - named.len()) } else { String::new() };
            text += &format!("; at most {} groups are followed by their offsets, not followed: {}{more}", self.config.max_groups_by_offsets, named.join(", "));
        }
        if self.groups.report.num_unfollowed > 0 {
            text += &format!("; {} more are listed and not followed", plural(self.groups.report.num_unfollowed, "group"));
        }
        if self.groups.report.num_unasked > 0 {
            text += &format!("; groups are not asked for their offsets on {}", plural(self.groups.report.num_unasked, "further partition"));
        }
        if self.catalogue.num_left_out > 0 {
            text += &format!("; {} found no room", plural(self.catalogue.num_left_out, "topic"));
        }
        if self.wishes.num_left_out > 0 {
            text += &format!("; {} names found no room", self.wishes.num_left_out);
        }
        if report.num_unreadable > 0 {
            text += &format!("; {} with header names that are not UTF-8", plural(report.num_unreadable as usize, "record"));
        }
        if report.num_expired > 0 {
            text += &format!("; {} expired before they were read", plural(report.num_expired as usize, "offset"));
        }
        if let Some(cap) = self.config.rate_cap_bytes_per_s
            && report.capped_at.is_some_and(|at| at.elapsed() < FULL_AFTER)
        {
            text += &format!("; reading is held to {} MB/s", cap / 1_000_000);
        }
        text
    }
}

fn plural(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
