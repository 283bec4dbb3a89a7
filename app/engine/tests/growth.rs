//! Work on what is observed grows with how much it is and no faster, whatever strangers send.

mod batches;

use batches::{Record, Span, engine, facts, group, pairs, records, spans, tick, topic};
use switchboard_engine::Engine;
use switchboard_engine::view::{Answer, ChannelKey, PointQuery, Query, ScanQuery, TraceFilter, TraceOrder};
use switchboard_measure::growth::{alone, assert_linear};
use switchboard_model::{Batch, CorrelationId, Fact, GroupFact, GroupMember, GroupOffset, Input, TraceId};

/// What some are called, and what makes a number of them.
type Kind<T> = (&'static str, fn(usize) -> Vec<T>);

/// An engine that took a batch and told what follows from it.
fn taken(batch: &Batch) -> Engine {
    let mut engine = engine();
    engine.apply(Input::Batch(batch.clone()));
    engine.apply(Input::Batch(tick(1_000)));
    engine.report(&[]);
    drop(engine.snapshot(&[]));
    engine
}

/// Spans by what makes them costly, so many.
fn kinds_of_spans() -> Vec<Kind<Span>> {
    vec![
        ("children of one", |num| (0..num as u64).map(|id| Span::client("shop", 1, id + 2, 1)).collect()),
        ("failed children of one, tried again", |num| {
            (0..num as u64).map(|id| Span::client("shop", 1, id + 2, 1).at(1_000 + id as i64, 1).failed("no")).collect()
        }),
        ("a chain", |num| (0..num as u64).map(|id| Span::server("shop", 1, id + 2, id + 1)).collect()),
        ("a chain, its end first", |num| (0..num as u64).rev().map(|id| Span::server("shop", 1, id + 2, id + 1)).collect()),
        ("a chain of calls", |num| {
            let pair = |id: u64| {
                [
                    Span::client(if id.is_multiple_of(2) { "a" } else { "b" }, 1, 2 * id + 2, 2 * id + 1),
                    Span::server(if id.is_multiple_of(2) { "b" } else { "a" }, 1, 2 * id + 3, 2 * id + 2),
                ]
            };
            (0..num as u64 / 2).flat_map(pair).collect()
        }),
        ("a ring of parents", |num| (0..num as u64).map(|id| Span::server("shop", 1, id + 1, (id + 1) % num as u64 + 1)).collect()),
        ("the same again and again", |num| (0..num).map(|_| Span::server("shop", 1, 2, 1)).collect()),
        ("one id, other contents", |num| (0..num).map(|number| Span::server("shop", 1, 2, 1).named(&format!("n{number}"))).collect()),
        ("traces", |num| (0..num as u64).map(|id| Span::server("shop", u128::from(id) + 1, id + 1, 0)).collect()),
        ("operations", |num| (0..num as u64).map(|id| Span::server("shop", u128::from(id) + 1, id + 1, 0).named(&format!("n{id}"))).collect()),
        ("instances", |num| (0..num as u64).map(|id| Span::server("shop", u128::from(id) + 1, id + 1, 0).on(&format!("i{id}"))).collect()),
        ("peers", |num| {
            (0..num as u64).map(|id| Span::client("shop", u128::from(id) + 1, id + 1, 0).with(&[("server.address", &format!("host-{id}"))])).collect()
        }),
        ("channels", |num| (0..num as u64).map(|id| Span::producer("shop", &format!("t{id}"), u128::from(id) + 1, id + 1, 0)).collect()),
        ("readers of one message", |num| {
            let first = Span::producer("shop", "orders", 1, 1, 0);
            let readers = (0..num as u64).map(|id| Span::process("mail", "orders", "g", u128::from(id) + 2, id + 2, 0).linked(1, 1, &[]));
            std::iter::once(first).chain(readers).collect()
        }),
        ("readers of one place", |num| {
            let place: &[(&str, &str)] = &[("messaging.destination.partition.id", "0"), ("messaging.kafka.offset", "7")];
            (0..num as u64).map(|id| Span::process("mail", "orders", "g", u128::from(id) + 2, id + 2, 0).with(place).failed("no")).collect()
        }),
        ("links of one", |num| {
            vec![(0..num as u64).fold(Span::process("mail", "orders", "g", 1, 1, 0), |span, id| span.linked(u128::from(id) + 2, id + 2, &[]))]
        }),
        ("links to nothing known", |num| {
            (0..num as u64 / 8)
                .map(|at| {
                    (0..8).fold(Span::process("mail", "orders", "g", u128::from(at) + 1, at + 1, 0), |span, id| {
                        span.linked(u128::from(at * 8 + id) + (1 << 80), id + 1, &[])
                    })
                })
                .collect()
        }),
        ("exceptions of one", |num| {
            vec![(0..num).fold(Span::server("shop", 1, 1, 0).failed("no"), |span, number| {
                span.exception("org.x.KafkaException", &format!("nested exception is org.x.KafkaException {number}"))
            })]
        }),
        ("refusals by many breakers", |num| {
            let refused = |id: usize| {
                let message = format!("CircuitBreaker 'b{id}' is OPEN and does not permit further calls");
                Span::client("shop", id as u128 + 1, id as u64 + 1, 0)
                    .failed(&message)
                    .exception("io.github.resilience4j.circuitbreaker.CallNotPermittedException", &message)
            };
            (0..num).map(refused).collect()
        }),
        ("long stacks", |num| {
            let stack = "Caused by: a.KafkaException: 'b\n\tat a.B.c(B.java:1)\n".repeat(400);
            let failed = |id: usize| Span {
                events: vec![("exception", pairs(&[("exception.type", "a.KafkaException"), ("exception.stacktrace", &stack)]))],
                ..Span::server("shop", id as u128 + 1, id as u64 + 1, 0).failed("no")
            };
            (0..num / 16).map(failed).collect()
        }),
    ]
}

#[test]
fn twice_the_spans_take_twice_the_time() {
    for (what, make) in kinds_of_spans() {
        let batch = |num: usize| spans(10, &make(num));
        assert_linear(what, 2_000, batch, taken);
    }
}

#[test]
fn a_deep_trace_needs_no_deep_stack() {
    let _alone = alone();
    let look = || {
        let deep: Vec<Span> = (0..50_000).map(|id| Span::server("shop", 1, id + 2, id + 1)).collect();
        for order in [deep.clone(), deep.into_iter().rev().collect()] {
            let mut engine = engine();
            engine.apply(Input::Batch(spans(10, &order)));
            engine.apply(Input::Batch(tick(1_000)));
            drop((engine.report(&[]), engine.snapshot(&[])));
            for query in [
                Query::Point(PointQuery::Trace { trace_id: TraceId(1) }),
                Query::Scan(ScanQuery::Traces {
                    filter: TraceFilter { through: Some(("shop".to_owned(), "shop".to_owned())), ..TraceFilter::default() },
                    order: TraceOrder::Slowest,
                    limit: 10,
                }),
                Query::Point(PointQuery::Conversation { id: CorrelationId::Wide(1), limit: 10 }),
                Query::Scan(ScanQuery::Find { text: "operation".to_owned(), limit: 10 }),
            ] {
                drop(engine.query(&query));
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(look).expect("a thread");
    thread.join().expect("no panic");
}

/// Records by what makes them costly, so many.
fn kinds_of_records() -> Vec<Kind<Record>> {
    fn record(offset: usize) -> Record {
        Record { topic: "orders-dlt", partition: 0, offset: offset as i64, trace: None, correlation: None, headers: Vec::new() }
    }
    vec![
        ("dead letters that died of the same", |num| {
            let headers = pairs(&[("kafka_dlt-original-topic", "orders"), ("kafka_dlt-exception-fqcn", "a.B"), ("kafka_dlt-exception-message", "no")]);
            (0..num).map(|offset| Record { headers: headers.clone(), ..record(offset) }).collect()
        }),
        ("dead letters, each of its own", |num| {
            let headers =
                |offset: usize| pairs(&[("kafka_dlt-original-topic", &format!("t-{}", letters(offset))), ("kafka_dlt-exception-message", &letters(offset))]);
            (0..num).map(|offset| Record { headers: headers(offset), ..record(offset) }).collect()
        }),
        ("dead letters with long stacks", |num| {
            let stack = "Caused by: a.KafkaException: 'b\n\tat a.B.c(B.java:1)\n".repeat(400);
            let headers = pairs(&[
                ("kafka_dlt-original-topic", "orders"),
                ("kafka_dlt-exception-message", &"'a \"b ".repeat(2_000)),
                ("kafka_dlt-exception-stacktrace", &stack),
            ]);
            (0..num / 16).map(|offset| Record { headers: headers.clone(), ..record(offset) }).collect()
        }),
        ("headers of one", |num| {
            let headers = (0..num).map(|number| ("kafka_dlt-exception-message", format!("x{number}"))).collect();
            vec![Record { headers, ..record(0) }]
        }),
        ("one id", |num| (0..num).map(|offset| Record { correlation: Some("order-4711"), ..record(offset) }).collect()),
        ("one trace", |num| (0..num).map(|offset| Record { trace: Some((1, 1)), ..record(offset) }).collect()),
        ("one place again and again", |num| (0..num).map(|_| record(7)).collect()),
        ("partitions", |num| (0..num).map(|number| Record { partition: number as i32, ..record(0) }).collect()),
    ]
}

/// A number in letters, for numbers tell no two deaths apart.
fn letters(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

#[test]
fn twice_the_records_take_twice_the_time() {
    for (what, make) in kinds_of_records() {
        let batch = |num: usize| records(10, &make(num));
        assert_linear(what, 2_000, batch, taken);
    }
}

#[test]
fn twice_the_facts_take_twice_the_time() {
    let kinds: [Kind<Fact>; 4] = [
        ("topics", |num| (0..num).map(|number| topic(&format!("t{number}"), 10)).collect()),
        ("groups", |num| (0..num).map(|number| group(&format!("g{number}"), "orders", 1, 10, 5)).collect()),
        ("groups of topics", |num| (0..num).flat_map(|number| [topic(&format!("t{number}"), 10), group("g", &format!("t{number}"), 1, 10, 5)]).collect()),
        ("readings of one group", |num| (0..num as i64).map(|read| group("g", "orders", read, 10_000, read)).collect()),
    ];
    for (what, make) in kinds {
        assert_linear(what, 1_000, |num| facts(10, make(num)), taken);
    }
}

#[test]
fn twice_the_partitions_of_a_group_take_twice_the_time() {
    // Of three partitions two are read, by two members; nothing moves on any.
    let read = |num: usize, read_ms: i64| {
        let member = |which: usize| GroupMember {
            member_id: format!("m{which}"),
            client_id: "c".to_owned(),
            host: "/h".to_owned(),
            assignment: (which..num).step_by(3).map(|partition| ("orders".to_owned(), partition as i32)).collect(),
        };
        let offset = |partition: usize| GroupOffset {
            topic: "orders".to_owned(),
            partition: partition as i32,
            committed: Some(5),
            end: Some(10),
            low: Some(0),
            ..GroupOffset::default()
        };
        let Fact::Group(one) = group("g", "orders", 5, 10, read_ms) else { panic!("it is a group") };
        Fact::Group(GroupFact { members: Some(vec![member(0), member(1)]), offsets: (0..num).map(offset).collect(), ..one })
    };
    let batch = |num: usize| facts(10, vec![topic("orders", 10), read(num, 1_000), read(num, 600_000)]);
    assert_linear("partitions of a group", 4_000, batch, |batch| {
        let mut engine = taken(batch);
        let answer = engine.query(&Query::Point(PointQuery::Group { cluster: None, group: "g".to_owned(), topic: "orders".to_owned() }));
        assert!(matches!(&answer, Answer::Group(Some(_))));
        answer
    });
}

/// Makes a batch of so many.
type Making = Box<dyn Fn(usize) -> Batch>;

#[test]
fn twice_what_is_stored_takes_twice_the_time_to_look_through() {
    let questions = |needle: &str| {
        let channel = ChannelKey { cluster: None, name: "orders-dlt".to_owned() };
        vec![
            Query::Scan(ScanQuery::Find { text: needle.to_owned(), limit: 100 }),
            Query::Point(PointQuery::Trace { trace_id: TraceId(1) }),
            Query::Point(PointQuery::Conversation { id: CorrelationId::Text("order-4711".to_owned()), limit: 100 }),
            Query::Scan(ScanQuery::DeadLettersSince { cluster: "broker".to_owned(), since_ns: 0, skip: 0, limit: 100 }),
            Query::Scan(ScanQuery::RecordMatches { channel, text: needle.to_owned(), after: None, limit: 100 }),
            Query::Scan(ScanQuery::Traces { filter: TraceFilter::default(), order: TraceOrder::Slowest, limit: 100 }),
        ]
    };
    let mut kinds: Vec<(&str, Making)> = Vec::new();
    for (what, make) in kinds_of_spans() {
        kinds.push((what, Box::new(move |num| spans(10, &make(num)))));
    }
    for (what, make) in kinds_of_records() {
        kinds.push((what, Box::new(move |num| records(10, &make(num)))));
    }
    for (what, make) in kinds {
        let stored = |num: usize| {
            let mut engine = engine();
            engine.apply(Input::Batch(make(num)));
            engine.apply(Input::Batch(tick(1_000)));
            std::cell::RefCell::new(engine)
        };
        for needle in ["Caused by: a.KafkaExceptionX", "aéß"] {
            for question in questions(needle) {
                assert_linear(&format!("{what}: {question:?}"), 2_000, stored, |engine| engine.borrow_mut().query(&question));
            }
        }
    }
}
