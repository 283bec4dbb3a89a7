//! Rows that only exceptions made, beside rows that are read.

use switchboard_model::InstanceFact;

use super::*;

const S: i64 = 1_000_000_000;

fn says(name: &str, state: &str) -> String {
    format!("CircuitBreaker '{name}' is {state} and does not permit further calls")
}

fn report(breakers: &mut Breakers, instance: &str, source: u32, name: &str, second: i64, state: BreakerState) {
    let fact = BreakerFact {
        caller: Some("shop".into()),
        instance: Some(instance.into()),
        name: name.into(),
        state: Some(state),
        failure_rate_percent: None,
        not_permitted_calls: None,
        buffered_calls: None,
        failed_calls: None,
        origin: "actuator".into(),
    };
    breakers.apply_report(&fact, SourceId(source), second * S);
}

/// Two breakers in two instances, which are read by the names of the profile; `payments` of the first is open.
fn two_instances(second: i64) -> Breakers {
    let mut breakers = Breakers::default();
    for (instance, source, payments) in [("shop-1", 1, BreakerState::Open), ("shop-2", 2, BreakerState::Closed)] {
        report(&mut breakers, instance, source, "payments", second, payments);
        report(&mut breakers, instance, source, "stock", second, BreakerState::Closed);
    }
    breakers
}

fn rows(breakers: &mut Breakers, second: i64, num_live: usize) -> Vec<(String, String, Option<BreakerState>)> {
    let views = breakers.views(second * S, &Sources::default(), &|caller| if caller == "shop" { num_live } else { 0 });
    views.into_iter().map(|view| (view.name, view.instance.unwrap_or_default(), view.state)).collect()
}

fn read_rows() -> Vec<(String, String, Option<BreakerState>)> {
    let row = |name: &str, instance: &str, state| (name.to_owned(), instance.to_owned(), Some(state));
    vec![
        row("payments", "shop-1", BreakerState::Open),
        row("payments", "shop-2", BreakerState::Closed),
        row("stock", "shop-1", BreakerState::Closed),
        row("stock", "shop-2", BreakerState::Closed),
    ]
}

#[test]
fn where_every_instance_is_read_random_names_of_instances_make_no_further_rows() {
    let mut breakers = two_instances(10);
    breakers.observe_exception("shop", Some("0b5c-4711"), "", &says("payments", "OPEN"), 9 * S);
    breakers.observe_exception("shop", Some("77aa-0815"), "", &says("stock", "OPEN"), 9 * S);
    assert_eq!(rows(&mut breakers, 11, 2), read_rows());
    let views = breakers.views(11 * S, &Sources::default(), &|_| 2);
    assert!(views.iter().all(|view| view.disagreement.is_none()), "whose exception it was is not known: {views:?}");
    assert_eq!(rows(&mut breakers, 11, 3).len(), 6, "a third instance is not read");
    assert_eq!(rows(&mut breakers, 11, 0).len(), 6, "how many there are is not known");
    assert_eq!(rows(&mut breakers, 60, 2).len(), 6, "they are not read any more");
    let mut nameless = two_instances(10);
    nameless.observe_exception("shop", None, "", &says("payments", "OPEN"), 9 * S);
    assert_eq!(rows(&mut nameless, 11, 2).len(), 5, "spans that name no instance are not counted");
}

#[test]
fn the_only_instance_that_is_read_takes_what_exceptions_say_of_it() {
    let mut breakers = Breakers::default();
    report(&mut breakers, "shop-1", 1, "payments", 10, BreakerState::Closed);
    breakers.observe_exception("shop", Some("0b5c-4711"), "", &says("payments", "OPEN"), 12 * S);
    assert_eq!(rows(&mut breakers, 13, 2).len(), 2);
    let views = breakers.views(13 * S, &Sources::default(), &|_| 1);
    assert_eq!((views.len(), views[0].instance.as_deref(), views[0].state), (1, Some("shop-1"), Some(BreakerState::Closed)));
    assert_eq!(views[0].disagreement.as_deref(), Some("an exception said open, 2 s after the last report, which says closed"));
}

#[test]
fn an_instance_that_lies_where_a_source_reads_is_that_source_s() {
    let read = |source: u32, address: &str, process_id: Option<u64>| {
        (SourceId(source), InstanceFact { address: address.into(), service: Some("shop".into()), instance: None, changing: false, process_id })
    };
    let seen = |host: &str, port: Option<i64>, process_id: Option<i64>| {
        let mut whereabouts = Whereabouts::default();
        whereabouts.see_host(host);
        if let Some(port) = port {
            whereabouts.see_port(port);
        }
        if let Some(id) = process_id {
            whereabouts.see_process(id);
        }
        whereabouts
    };
    let laptop = [read(1, "http://localhost:8081/actuator", Some(500)), read(2, "http://localhost:8082/actuator", None)];
    let hosts = [read(1, "http://shop-a:8081/actuator", None), read(2, "http://shop-b:8081/actuator", None)];
    let alike = [read(1, "http://shop-a:8081/actuator", None), read(2, "http://shop-a:8081/actuator", None)];
    for (name, read, seen, folds) in [
        ("process", &laptop, seen("laptop", None, Some(500)), true),
        ("port", &laptop, seen("laptop", Some(8082), None), true),
        ("another port", &laptop, seen("laptop", Some(8083), None), false),
        ("host", &hosts, seen("shop-b", None, Some(1)), true),
        ("nothing", &hosts, seen("shop-c", None, None), false),
        ("two sources at one place", &alike, seen("shop-a", None, None), false),
    ] {
        let mut breakers = two_instances(10);
        for (source, fact) in read {
            breakers.apply_instance(*source, fact, 10 * S);
        }
        breakers.observe_exception("shop", Some("0b5c-4711"), "", &says("payments", "OPEN"), 9 * S);
        breakers.see_whereabouts("shop", "0b5c-4711", &seen);
        assert_eq!(rows(&mut breakers, 11, 5).len(), if folds { 4 } else { 5 }, "{name}");
        // Another instance that lies there as well: then neither is certain.
        breakers.see_whereabouts("shop", "ffff-0001", &seen);
        assert_eq!(rows(&mut breakers, 11, 5).len(), 5, "{name}, twice");
    }
}
