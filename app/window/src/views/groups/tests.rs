//! The groups view through labels and keys, and as pictures.

use egui::{Key, accesskit::Role};
use egui_kittest::kittest::Queryable as _;
use switchboard_engine::view::{Answer, GroupDetail, GroupView, LagPoint, LagVerdict, MemberView, PartitionLag, PointQuery, Query, Snapshot, SpanReader};

use crate::{
    ThemeChoice, WindowApp,
    testing::{self, FixedSource, NOW_NS},
    tests::harness::{Step, copied, goto, harness, picture, press, run, settle, stays_while_answers_are_late},
    view::{Target, UiCommand, ViewKind},
    widgets::detail::Row,
};

type Harness = egui_kittest::Harness<'static, WindowApp>;

const SECOND_NS: i64 = 1_000_000_000;

fn member(client_id: &str, host: &str, partitions: &[i32]) -> MemberView {
    MemberView { member_id: format!("{client_id}-4bf9").into(), client_id: client_id.into(), host: host.into(), partitions: partitions.into() }
}

/// The order business, in which the group that falls behind has two members.
fn business() -> Snapshot {
    let mut business = testing::order_business();
    let mut groups = business.groups.to_vec();
    for group in groups.iter_mut().filter(|group| group.group == "inventory") {
        group.members = Some(vec![member("consumer-inventory-2", "/10.0.0.7", &[0, 2]), member("lib-kafka-1", "/10.0.0.9", &[1])]);
    }
    business.groups = groups.into();
    business
}

fn detail(view: GroupView) -> GroupDetail {
    let partition = |partition: i32, lag: Option<u64>, member: Option<&str>, moved_s: Option<i64>| PartitionLag {
        partition,
        low: Some(0),
        end: lag.map(|lag| 4_000 + lag as i64),
        committed: (partition != 3).then_some(4_000),
        lag,
        member_id: member.map(|client_id| format!("{client_id}-4bf9")),
        committed_ns: moved_s.map(|ago_s| NOW_NS - ago_s * SECOND_NS),
        verdict: lag.map_or(LagVerdict::Unknown, |lag| if lag > 1_000 { LagVerdict::Growing } else { LagVerdict::Ok }),
    };
    let point = |step: u64| LagPoint {
        at_ns: NOW_NS - 300 * SECOND_NS + step as i64 * 5 * SECOND_NS,
        lag: (step % 17 != 3).then_some(step * step / 3),
        committed: Some(3_000 + step * 15),
        end: Some(3_000 + step * 60),
    };
    GroupDetail {
        view,
        partitions: vec![
            partition(0, Some(1_180), Some("consumer-inventory-2"), Some(3)),
            partition(1, Some(24), Some("lib-kafka-1"), Some(2)),
            partition(2, Some(0), Some("consumer-inventory-2"), None),
            partition(3, None, None, None),
        ],
        history: (0..60).map(point).collect(),
        others: vec!["fraud".to_owned(), "shipping".to_owned()],
    }
}

#[test]
fn what_is_not_listed_is_counted() {
    let business = business();
    let view = business.groups.iter().find(|view| view.group == "inventory").expect("a group").clone();
    let known = GroupDetail { others: (0..70).map(|number| format!("reader-{number}")).collect(), ..detail(view.clone()) };
    let words = super::group_detail::detail(&view, Some(&known), &business, NOW_NS);
    assert!(words.sections.iter().any(|section| section.rows.last() == Some(&Row::text("and 6 more"))), "{words:?}");
    assert_eq!([Row::more(12, 12), Row::more(1_300, 12)], [None, Some(Row::text("and 1,288 more"))]);
}

fn source() -> FixedSource {
    let business = business();
    let source = FixedSource::new(business.clone());
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Group { group, .. }) => {
            Some(Answer::Group(business.groups.iter().find(|view| view.group == *group).map(|view| Box::new(detail(view.clone())))))
        }
        _ => None,
    });
    source
}

fn inventory() -> Target {
    Target::Group { cluster: None, group: "inventory".to_owned(), topic: "orders.placed".to_owned() }
}

fn first_row(harness: &Harness) -> String {
    use egui_kittest::kittest::NodeT as _;
    harness.get_all_by_role(Role::ListItem).next().and_then(|row| row.accesskit_node().label()).expect("a row")
}

#[test]
fn the_worst_group_stands_first_with_its_reason_in_words() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Groups));
    assert_eq!(
        first_row(&harness),
        "group inventory on orders.placed, 1,204 behind, 38 s, falls behind: 12 messages a second come in, 3 are handled, members 2"
    );
    harness.get_by_label("sort by group").click();
    settle(&mut harness);
    assert!(first_row(&harness).starts_with("group fraud on orders.placed"), "{}", first_row(&harness));
    harness.get_by_label("sort by behind").click();
    settle(&mut harness);
    assert!(first_row(&harness).starts_with("group inventory"));
    harness.get_by_label("sort by behind").click();
    settle(&mut harness);
    assert!(!first_row(&harness).starts_with("group inventory"));
}

#[test]
fn a_group_says_which_partition_carries_the_lag_and_who_reads_it() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Groups));
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_role_and_label(Role::Heading, "inventory");
    harness.get_by_label("messages behind 1,204");
    harness.get_by_label("time behind 38 s");
    harness.get_by_label("caught up never at this pace");
    harness.get_by_label("partition 0: falls behind, 1,180 behind, read by inventory-2, committed 4000, 3 s ago");
    harness.get_by_label("partition 3: lag unknown, read by nobody, no commit");
    harness.get_by_label("Lag over the last 5 min · at most 1,160");
    harness.get_by_label("inventory-2, p0 p2, client id consumer-inventory-2, from 10.0.0.7 · joined by client id");
    harness.get_by_label("lib-kafka-1, p1, from 10.0.0.9 · its instance is unknown");
    harness.get_by_label("shipping reads it too").scroll_to_me();
    settle(&mut harness);
    harness.get_by_label("shipping reads it too").click();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "shipping");
    run(&mut harness, UiCommand::Back);
    harness.get_by_role_and_label(Role::Heading, "inventory");
    press(&mut harness, &[Key::Escape]);
    assert!(harness.query_by_role_and_label(Role::Heading, "inventory").is_none());
}

#[test]
fn what_is_seen_of_a_group_stays_while_it_is_asked_anew() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Groups));
    goto(&mut harness, &inventory());
    harness.get_by_role_and_label(Role::Heading, "inventory");
    stays_while_answers_are_late(&mut harness, &source);
}

#[test]
fn words_and_figures_of_a_group_are_never_cut() {
    let mut business = testing::order_business();
    let mut groups = business.groups.to_vec();
    let reader = SpanReader { service: "inventory".into(), instance: None, client_id: None, partitions: vec![0] };
    for (group, verdict) in groups.iter_mut().zip([LagVerdict::OpenTransaction, LagVerdict::BeyondEnd, LagVerdict::Growing].into_iter().cycle()) {
        (group.members, group.readers, group.verdict) = (None, vec![reader.clone()], verdict);
        group.reason = "behind by 1,204 records, 12 s; grew by 178 in the last 17 s, and more besides that finds no room in a row".into();
        group.topic = format!("{}.with-a-name-that-is-much-longer-than-a-column", group.topic);
    }
    let (group, topic) = (groups[0].group.clone(), groups[0].topic.clone());
    business.groups = groups.clone().into();
    let source = FixedSource::new(business);
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Group { group, topic, .. }) => {
            let view = groups.iter().find(|view| view.group == *group && view.topic == *topic)?;
            let mut detail = detail(view.clone());
            detail.partitions.iter_mut().for_each(|partition| partition.verdict = LagVerdict::Growing);
            Some(Answer::Group(Some(Box::new(detail))))
        }
        _ => None,
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Groups));
    let shown = testing::painted_lines(harness.output());
    goto(&mut harness, &Target::Group { cluster: None, group, topic });
    let beside_a_detail = testing::painted_lines(harness.output());
    for shown in [&shown, &beside_a_detail] {
        for word in ["waits for an open transaction: ", "committed beyond the end: ", "falls behind: "] {
            let rows: Vec<&String> = shown.iter().filter(|text| text.starts_with(word.trim_end_matches(": "))).collect();
            assert!(!rows.is_empty(), "{word} of {shown:?}");
            for row in rows {
                let is_whole_clause = ["", "1,204 records", "1,204 records, 12 s", "1,204 records, 12 s; grew by 178 in the last 17 s"];
                let rest = row.strip_suffix('…').map(|cut| cut.strip_prefix(word).unwrap_or_default());
                // Where the verdict says it, the reason does not say it again.
                let rest = if word.starts_with("falls") { rest } else { rest.map(|rest| rest.strip_prefix("behind by ").unwrap_or(rest)) };
                assert!(rest.is_none_or(|rest| is_whole_clause.contains(&rest)), "{row}");
            }
        }
    }
    assert!(shown.iter().any(|text| text == "1 from spans"), "{shown:?}");
    assert!(beside_a_detail.iter().any(|text| text.starts_with("falls behind · ") && text.ends_with(" ago")), "{beside_a_detail:?}");
}

#[test]
fn what_is_unknown_is_unknown() {
    let mut business = testing::order_business();
    let mut groups = business.groups.to_vec();
    groups.truncate(1);
    groups[0] = GroupView {
        lag: None,
        lag_s: None,
        members: None,
        members_reason: Some("the broker does not let it be described".to_owned()),
        read_ns: None,
        verdict: LagVerdict::Unknown,
        reason: "no offset was read".into(),
        ..groups[0].clone()
    };
    business.groups = groups.into();
    let mut harness = harness(&FixedSource::new(business), UiCommand::Show(ViewKind::Groups));
    assert_eq!(first_row(&harness), "group inventory on orders.placed, unknown behind, unknown, unknown: no offset was read, members unknown");
    press(&mut harness, &[Key::Home]);
    harness.get_by_label("messages behind unknown");
    harness.get_by_label("Members unknown: the broker does not let it be described");
}

#[test]
fn a_jump_without_a_cluster_finds_its_group_and_it_is_copied() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Map));
    goto(&mut harness, &inventory());
    harness.get_by_role_and_label(Role::Heading, "inventory");
    let ctx = harness.ctx.clone();
    harness.state_mut().window.run(&ctx, UiCommand::CopyJson);
    harness.step();
    let json: serde_json::Value = serde_json::from_str(&copied(&harness).expect("copied")).expect("JSON");
    assert_eq!((json["lag"].as_u64(), json["verdict"].as_str(), json["partitions"][3]["lag"].as_u64()), (Some(1_204), Some("growing"), None));
}

#[test]
fn without_groups_it_says_what_would_bring_them() {
    let mut harness = harness(&FixedSource::new(Snapshot::default()), UiCommand::Show(ViewKind::Groups));
    harness.get_by_label("No consumer groups yet");
    harness.get_by_label("Add a Kafka cluster: its groups appear here with their lag. Observing leaves no trace on the broker");
    press(&mut harness, &[Key::ArrowDown, Key::Enter, Key::Escape]);
}

/// The texts that are painted once the pointer rests there.
fn painted_at(harness: &mut Harness, at: egui::Pos2) -> Vec<String> {
    harness.event(egui::Event::PointerMoved(at));
    settle(harness);
    testing::painted_lines(harness.output())
}

#[test]
fn courses_begin_with_what_the_engine_remembers_under_one_heading_and_say_what_was_when() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Groups));
    // One snapshot has come: what was before is known from the engine.
    let shown = testing::painted_lines(harness.output());
    assert!(shown.iter().any(|text| text == "lag, last 5 min"), "{shown:?}");
    let row = harness.get_all_by_role(Role::ListItem).next().expect("a row").rect();
    let at = egui::pos2(row.right() - 30.0, row.center().y);
    let shown = painted_at(&mut harness, at);
    assert!(shown.iter().any(|text| text.ends_with(" ago")) && shown.iter().any(|text| text.ends_with(" behind") && text.len() < 20), "{shown:?}");
    press(&mut harness, &[Key::ArrowDown]);
    let chart = harness.get_by_label("Lag over the last 5 min · at most 1,160").rect();
    let right = painted_at(&mut harness, egui::pos2(chart.right() - 2.0, chart.center().y));
    assert!(right.iter().any(|text| text == "1,160 behind"), "{right:?}");
    for mark in ["4 min", "1 min", "now"] {
        assert!(right.iter().any(|text| text == mark), "{mark} of {right:?}");
    }
}

#[test]
fn pictures_of_groups_stay_as_they_are() {
    let steps = [Step::Goto(inventory())];
    picture("groups-dark", ThemeChoice::Dark, (1280, 800), &source(), &steps);
}
