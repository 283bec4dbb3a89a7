//! Compares the report with the books that the lab's business keeps: interaction by interaction, count by count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Every difference between report and books, in words; none = they agree.
pub fn differences(report: &Value, books: &Value) -> Vec<String> {
    let mut found = Vec::new();
    calls(report, books, &mut found);
    // What a broker keeps for itself (`__consumer_offsets`) is no business of the books.
    let channels = rows(&report["channels"]).filter(|row| !row["name"].as_str().is_some_and(|name| name.starts_with("__"))).cloned().collect();
    sums("records", &by(&books["records"], &["channel"], "records"), &by(&Value::Array(channels), &["name"], "records"), &mut found);
    let delivered = rows(&report["hops"]).filter(|hop| hop["kind"] == "deliver").cloned().collect();
    sums("deliveries", &by(&books["deliveries"], &["channel", "group"], "count"), &by(&Value::Array(delivered), &["from", "to"], "calls"), &mut found);
    sums("dead letters", &by(&books["dead_letters"], &["channel"], "count"), &by(&report["dead_letters"], &["channel"], "count"), &mut found);
    breakers(report, books, &mut found);
    found
}

/// Differences that what the books tell of deaths and outages does not explain: an instance that was killed may have counted what its spans
/// never told (`counted`) and begun what others saw (`unfinished`); a mock broker that went away may hold a record twice.
pub fn beyond_losses(report: &Value, books: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let lost = |part: &'static str, list: &'static str| -> Value {
        Value::Array(rows(&books["lost_spans_possible"]).flat_map(|lost| rows(&lost[part][list])).cloned().collect())
    };
    let mut bounds = |what: &str, list: &'static str, keys: &[&str], count: &str, seen: &BTreeMap<String, Option<u64>>, more: u64| {
        let booked = by(&books[list], keys, count);
        let (counted, unfinished) = (by(&lost("counted", list), keys, count), by(&lost("unfinished", list), keys, count));
        for key in booked.keys().chain(seen.keys()).chain(unfinished.keys()).collect::<BTreeSet<_>>() {
            // Over gRPC no attribute of a span tells of a second try.
            if what == "retries" && key.ends_with("grpc") {
                continue;
            }
            let of = |side: &BTreeMap<String, Option<u64>>| side.get(key).copied().unwrap_or(Some(0));
            let (Some(booked), Some(counted), Some(unfinished)) = (of(&booked), of(&counted), of(&unfinished)) else { continue };
            let (least, most) = (booked.saturating_sub(counted), booked + unfinished + more);
            match of(seen) {
                Some(seen) if (least..=most).contains(&seen) => {}
                seen => found.push(format!("{what} of {key}: report {seen:?}, books {booked}, so {least} to {most}")),
            }
        }
    };
    let channels: BTreeSet<&str> = rows(&report["channels"]).filter_map(|channel| channel["name"].as_str()).collect();
    let sync = Value::Array(rows(&report["interactions"]).filter(|row| !row["via"].as_str().is_some_and(|via| channels.contains(via))).cloned().collect());
    for count in ["calls", "errors", "retries", "timeouts"] {
        bounds(count, "calls", &["from", "to", "via"], count, &by(&sync, &["from", "to", "via"], count), 0);
    }
    // At most what both instances' outboxes and inventory had under way when the brokers went.
    let twice = 200 * rows(&books["broker_outages"]).count() as u64;
    bounds("records", "records", &["channel"], "records", &by(&report["channels"], &["name"], "records"), twice);
    let delivered = Value::Array(rows(&report["hops"]).filter(|hop| hop["kind"] == "deliver").cloned().collect());
    bounds("deliveries", "deliveries", &["channel", "group"], "count", &by(&delivered, &["from", "to"], "calls"), twice);
    let dead = by(&report["dead_letters"], &["channel"], "count");
    for (channel, booked) in by(&books["dead_letters"], &["channel"], "count") {
        let seen = dead.get(&channel).copied().flatten().unwrap_or(0);
        if !(booked.unwrap_or(0)..=booked.unwrap_or(0) + twice).contains(&seen) {
            found.push(format!("dead letters of {channel}: report {seen}, books {booked:?}"));
        }
    }
    for line in rows(&books["telemetry"]).filter(|line| line["failed_spans"].as_u64() != Some(0)) {
        found.push(format!("{}'s exporter gave up on spans: {line}", text(&line["instance"])));
    }
    found
}

/// Sources whose counts do not add up.
pub fn unaccounted(report: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for source in rows(&report["sources"]) {
        let kinds = source["by_kind"].as_object().into_iter().flatten().map(|(kind, counts)| (kind.as_str(), counts));
        for (kind, counts) in kinds.chain([("all", &source["counts"])]) {
            let count = |name: &str| counts[name].as_u64().unwrap_or_else(|| panic!("{name} of {kind} is no count: {counts}"));
            let sum: u64 = ["stored", "evicted", "folded", "duplicate", "refused", "queued"].into_iter().map(count).sum();
            if count("received") != sum {
                found.push(format!("{} {kind}: received {} but {sum} are accounted for: {counts}", source["name"], count("received")));
            }
        }
    }
    found
}

fn rows(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| "(unknown)".to_owned(), str::to_owned)
}

fn by(array: &Value, keys: &[&str], count: &str) -> BTreeMap<String, Option<u64>> {
    let mut sums = BTreeMap::new();
    for row in rows(array) {
        let key = keys.iter().map(|key| text(&row[*key])).collect::<Vec<_>>().join(" → ");
        let sum = sums.entry(key).or_insert(Some(0));
        *sum = sum.zip(row[count].as_u64()).map(|(sum, count)| sum + count);
    }
    sums
}

fn sums(what: &str, books: &BTreeMap<String, Option<u64>>, report: &BTreeMap<String, Option<u64>>, found: &mut Vec<String>) {
    for key in books.keys().chain(report.keys()).collect::<BTreeSet<_>>() {
        let of = |side: &BTreeMap<String, Option<u64>>| side.get(key).copied().unwrap_or(Some(0));
        if of(books) != of(report) {
            found.push(format!("{what} of {key}: books {:?}, report {:?}", of(books), of(report)));
        }
    }
}

/// Calls of the books against interactions over a protocol (those over a channel are proved by records and deliveries).
fn calls(report: &Value, books: &Value, found: &mut Vec<String>) {
    let channels: BTreeSet<&str> = rows(&report["channels"]).filter_map(|channel| channel["name"].as_str()).collect();
    let sync: Vec<Value> = rows(&report["interactions"]).filter(|row| !row["via"].as_str().is_some_and(|via| channels.contains(via))).cloned().collect();
    for count in ["calls", "errors", "retries", "timeouts"] {
        let keys = ["from", "to", "via"];
        sums(count, &by(&books["calls"], &keys, count), &by(&Value::Array(sync.clone()), &keys, count), found);
    }
}

/// Each instance's breaker went through the same states in both.
fn breakers(report: &Value, books: &Value, found: &mut Vec<String>) {
    let mut booked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let name = |row: &Value| format!("{} {} {}", text(&row["caller"]), text(&row["instance"]), text(&row["name"]));
    for row in rows(&books["breakers"]) {
        booked.entry(name(row)).or_default().push(text(&row["state"]));
    }
    let mut reported: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows(&report["breakers"]) {
        let states = rows(&row["transitions"]).map(|transition| text(&transition[1])).collect();
        reported.insert(name(row), states);
    }
    for (breaker, states) in &booked {
        // The report's states are read before the business comes to rest, so the books may know more at the end.
        match reported.get(breaker) {
            None => found.push(format!("breaker {breaker}: in the books, not in the report")),
            // The first in the books is what it began with: no change.
            Some(seen) if seen.is_empty() && states.len() > 1 => found.push(format!("breaker {breaker}: books {states:?}, report none")),
            Some(seen) if !is_subsequence_from_start(seen, states) => found.push(format!("breaker {breaker}: books {states:?}, report {seen:?}")),
            Some(_) => {}
        }
    }
}

/// Breakers of which the report lacks changes that the books know from before a moment: the report's states were read well after that.
pub fn untold_changes(report: &Value, books: &Value, before_ns: i64) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows(&report["breakers"]) {
        let told: Vec<String> = rows(&row["transitions"]).map(|transition| text(&transition[1])).collect();
        let is_its = |booked: &&Value| ["caller", "instance", "name"].iter().all(|key| booked[*key] == row[*key]);
        let is_before = |booked: &&Value| booked["at_ns"].as_i64().is_some_and(|at_ns| at_ns < before_ns);
        let booked: Vec<String> = rows(&books["breakers"]).filter(is_its).filter(is_before).map(|booked| text(&booked["state"])).collect();
        if changes(&told).len() < changes(&booked).len() {
            found.push(format!("{} of {} went through {booked:?}, and the report tells of {told:?}", row["name"], row["instance"]));
        }
    }
    found
}

/// The states without an initial `closed`, which is no change.
fn changes(states: &[String]) -> &[String] {
    if states.first().is_some_and(|state| state == "closed") { &states[1..] } else { states }
}

/// Whether `seen` is how `all` begins, but for an initial `closed` that one of them may leave out.
fn is_subsequence_from_start(seen: &[String], all: &[String]) -> bool {
    changes(all).starts_with(changes(seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_of_one_is_found() {
        let books = json!({"calls": [{"from": null, "to": "a", "via": "http", "calls": 3, "errors": 1, "retries": 0, "timeouts": 0}],
            "records": [{"channel": "c", "records": 5}], "deliveries": [{"group": "g", "channel": "c", "count": 5}], "dead_letters": [], "breakers": []});
        let mut report = json!({"interactions": [{"from": null, "to": "a", "via": "http", "calls": 3, "errors": 1, "retries": 0, "timeouts": 0},
                {"from": "a", "to": "b", "via": "c", "calls": 5, "errors": 0, "retries": 0, "timeouts": 0}],
            "channels": [{"name": "c", "records": 5}], "hops": [{"kind": "deliver", "from": "c", "to": "g", "calls": 5}], "dead_letters": [], "breakers": []});
        assert_eq!(differences(&report, &books), Vec::<String>::new());
        report["interactions"][0]["errors"] = json!(0);
        report["hops"][0]["calls"] = json!(6);
        report["channels"][0]["records"] = json!(null);
        assert_eq!(differences(&report, &books).len(), 3);
    }

    #[test]
    fn what_a_death_explains_is_no_difference_and_what_it_does_not_is() {
        let call = |calls: u64| json!({"from": "a", "to": "b", "via": "http", "calls": calls, "errors": 0, "retries": 0, "timeouts": 0});
        let books = json!({"calls": [call(10)], "records": [], "deliveries": [], "dead_letters": [], "breakers": [], "broker_outages": [], "telemetry": [],
            "lost_spans_possible": [{"counted": {"calls": [call(2)]}, "unfinished": {"calls": [call(1)]}}]});
        for (seen, differences) in [(7, 1), (8, 0), (10, 0), (11, 0), (12, 1)] {
            let report = json!({"interactions": [call(seen)], "channels": [], "hops": [], "dead_letters": []});
            assert_eq!(beyond_losses(&report, &books).len(), differences, "{seen}");
        }
    }

    #[test]
    fn a_change_that_is_not_told_in_time_is_found() {
        let booked = |at_ns: i64, state: &str| json!({"caller": "orders", "instance": "orders-1", "name": "b", "state": state, "at_ns": at_ns});
        let books = json!({"breakers": [booked(1, "closed"), booked(2, "open"), booked(3, "half_open")]});
        let report = json!({"breakers": [{"caller": "orders", "instance": "orders-1", "name": "b", "transitions": [["2026-11-28T06:12:31.802Z", "open"]]}]});
        assert_eq!(untold_changes(&report, &books, 3), Vec::<String>::new());
        assert_eq!(untold_changes(&report, &books, 4).len(), 1);
    }

    #[test]
    fn a_lost_item_is_found() {
        let counts = json!({"received": 3, "stored": 1, "evicted": 1, "folded": 0, "duplicate": 0, "refused": 0, "queued": 0});
        assert_eq!(unaccounted(&json!({"sources": [{"name": "s", "counts": counts, "by_kind": {"span": counts}}]})).len(), 2);
    }
}
