use std::sync::Arc;

use switchboard_desk::{
    ledger::{Ending, LetterState, SentState},
    send::replay::{AskedLetters, At, CallsOnTheWay, GroupsAt, Preparing, Proof, RangesFound, ReplayAsk, Retry, RunBoard, RunPhase, Sighting, TargetPlan},
};

use super::super::panel_ui::bar_parts;
use super::{run::outcome_sign, *};
use crate::views::dead_letters::{sample, state_ink};
use crate::{ink::tone_inks, testing::NOW_NS, theme::Ink};

/// All that the panel says of a run, changed a little.
fn said(phase: &RunPhase, change: impl FnOnce(&mut RunBoard)) -> (ReplayPanel, String) {
    let mut board = sample::running(phase, 5);
    let run = Arc::make_mut(board.run.as_mut().expect("a run"));
    change(run);
    let asking = Asking { marked: Marked::default(), cluster: None, readers: None, typed_name: "", num_changed: 0, plan_file: None };
    let panel = panel(&board, &asking, NOW_NS);
    let text = format!("{} {:?}", panel.phase, panel.sections);
    (panel, text)
}

#[test]
fn every_outcome_of_a_send_is_called_the_same_and_is_as_urgent_wherever_it_is_told() {
    for outcome in SettledAs::ALL {
        let (counts, counted_as) = match outcome {
            SettledAs::Done => (SentCounts { persisted: 1, ..SentCounts::default() }, outcome),
            SettledAs::NotDone => (SentCounts { not_persisted: 1, ..SentCounts::default() }, outcome),
            SettledAs::Possibly => (SentCounts { possibly_persisted: 1, ..SentCounts::default() }, outcome),
            SettledAs::Skipped | SettledAs::Refused => (SentCounts { skipped: 1, ..SentCounts::default() }, SettledAs::Skipped),
        };
        let tone = Tone::from(outcome.severity());
        let (panel, text) = said(&RunPhase::Rest, |run| {
            run.counts = counts;
            for line in &mut run.canary {
                (line.outcome, line.state, line.seen) = (Some(outcome), LetterState::Open, Sighting::default());
            }
        });
        let links: Vec<(&str, &str, Tone)> = panel
            .sections
            .iter()
            .flat_map(|section| &section.rows)
            .filter_map(|row| match row {
                Row::Link { label, value, tone, .. } => Some((label.as_str(), value.as_str(), *tone)),
                _ => None,
            })
            .collect();
        let waiting = if outcome == SettledAs::Done { ", waiting" } else { "" };
        let told = format!("{} {}{waiting}", outcome_sign(outcome), outcome.word());
        let first: Vec<_> = links.iter().filter(|(label, ..)| label.contains('@')).collect();
        assert!(!first.is_empty() && first.iter().all(|(_, value, of)| *value == told && *of == tone), "{outcome:?}: {text}");
        let counted: Vec<_> = links.iter().filter(|(label, ..)| *label == counted_as.word()).collect();
        assert!(matches!(counted[..], [(_, "1", of)] if *of == tone), "{outcome:?}: {text}");
        let inks: Vec<Ink> = bar_parts(counts).into_iter().filter(|(num, _)| *num > 0).map(|(_, ink)| ink).collect();
        assert_eq!(inks, [if tone == Tone::Quiet { Ink::Good } else { tone_inks(tone).0 }], "{outcome:?}");
        assert_eq!(text.contains("is not sent again unless"), outcome == SettledAs::Possibly, "{outcome:?}: {text}");
    }
    let doubtful = LetterState::Sent(SentState::Possibly);
    assert_eq!(doubtful.severity(), SettledAs::Possibly.severity());
    assert_eq!(state_ink(&doubtful), tone_inks(doubtful.severity().into()).0);
}

#[test]
fn what_is_tried_again_is_not_called_consumed_and_others_are_named_as_others() {
    let retry = Retry {
        at: At { channel: "orders.placed-retry-0".into(), partition: 1, offset: 3 },
        next_try: Some(2),
        due_ns: Some(NOW_NS + 86_400_000_000_000),
        since_ns: NOW_NS,
        over_ns: None,
    };
    let (_, text) = said(&RunPhase::Watching, |run| {
        for line in &mut run.canary {
            line.state = LetterState::Sent(SentState::Persisted);
            line.seen = Sighting { retry: Some(retry.clone()), ..Sighting::default() };
        }
        (run.num_consumed, run.num_retried) = (0, 5);
        run.waits_for = "5 of the first are being tried again on orders.placed-retry-0; how long that goes on is not told".into();
        run.others = ["audit".to_owned(), "mail".to_owned()].into();
    });
    for part in [
        "the first few are sent; 5 of the first are being tried again",
        "· being tried again",
        // It is due on another day.
        "on orders.placed-retry-0 1@3, try 2 at 2026-11-22 ",
        "which says nothing of the group that failed: audit, mail",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("✓ consumed"), "{text}");
}

#[test]
fn where_waiting_can_not_tell_the_operator_is_told_why_and_decides() {
    let send = |panel: &ReplayPanel| panel.buttons.iter().find(|button| button.command == UiCommand::SendReplay).cloned().expect("a button");
    let (panel, text) = said(&RunPhase::Watching, |run| {
        run.waits_for = "its headers do not tell in which group it died".into();
        run.is_untellable = true;
    });
    assert!(text.contains("do not tell in which group"), "{text}");
    assert_eq!((send(&panel).text.as_str(), send(&panel).unavailable.as_str()), ("Send the rest unseen", ""));
    let (panel, _) = said(&RunPhase::Watching, |_| {});
    assert_eq!(send(&panel).unavailable, "the group that failed has to process the first few first");
}

#[test]
fn how_large_a_record_may_be_stands_in_the_plan_and_so_does_that_nobody_knows() {
    for (limit, said) in [
        (Ok(1_048_588), "\"largest there\", value: \"1.0 MiB\""),
        (Err("these brokers do not tell the settings of topics".to_owned()), "\"largest there\", value: \"unknown\""),
    ] {
        let mut board = sample::previewed(Writing::Allowed);
        Arc::make_mut(board.preview.as_mut().expect("a preview")).targets[0].size_limit = limit.clone();
        let asking = Asking { marked: Marked::default(), cluster: None, readers: None, typed_name: "", num_changed: 0, plan_file: None };
        let text = format!("{:?}", panel(&board, &asking, NOW_NS).sections);
        assert!(text.contains(said), "{text}");
        assert_eq!(text.contains("do not tell the settings of topics"), limit.is_err(), "{text}");
    }
}

#[test]
fn what_goes_to_each_of_several_topics_stands_in_the_plan_and_who_reads_which() {
    let mut board = sample::previewed(Writing::Allowed);
    let asking = Asking { marked: Marked::default(), cluster: None, readers: None, typed_name: "", num_changed: 0, plan_file: None };
    let of_one = format!("{:?}", panel(&board, &asking, NOW_NS).sections);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    let other = TargetPlan { channel: "payments".into(), num: 3, size_limit: Err("nobody told".into()), ..preview.targets[0].clone() };
    preview.targets.push(other);
    preview.readers.groups[0].topic = "orders.placed".into();
    preview.readers.groups[1].topic = "payments".into();
    let panel = panel(&board, &asking, NOW_NS);
    let text = format!("{:?}", panel.sections);
    assert_eq!(panel.title, "Replay 296 to 2 topics");
    for part in [
        "label: \"orders.placed\", value: \"296 · 177.2 KiB\"",
        "partition as original of 4 · takes 1.0 MiB at most",
        "label: \"payments\", value: \"3 · 177.2 KiB\"",
        "how much it takes is unknown: nobody told",
        "payments · reads them twice",
        "topic by topic",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("largest there") && of_one.contains("largest there") && !of_one.contains("each to its own topic"), "{text}");
}

#[test]
fn how_many_are_read_again_is_told_once_that_is_known() {
    let asking = Asking { marked: Marked::default(), cluster: None, readers: None, typed_name: "", num_changed: 0, plan_file: None };
    for (num_asked, said) in [(None, "asking the brokers what lies in the range now"), (Some(1_204), "reading 200 of 1,204 again from the broker")] {
        let preparing = Some(Preparing { num_read: num_asked.map_or(0, |_| 200), num_asked });
        let board = ReplayBoard { preparing, ..ReplayBoard::default() };
        assert_eq!(panel(&board, &asking, NOW_NS).phase, said);
    }
}

#[test]
fn what_a_range_came_to_stands_in_the_plan() {
    let mut board = sample::previewed(Writing::Allowed);
    let asking = Asking { marked: Marked::default(), cluster: None, readers: None, typed_name: "", num_changed: 0, plan_file: None };
    let of_letters = format!("{:?}", panel(&board, &asking, NOW_NS).sections);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    let notes = vec!["orders 0 begins at offset 10 by now: what was before has expired".to_owned()];
    preview.ranges = Some(RangesFound { num_places: 1_204, num_empty: 7, num_outside: 0, num_partitions_left_out: 2, notes });
    preview.ask = Arc::new(ReplayAsk { letters: AskedLetters::Ranges(Vec::new()), ..ReplayAsk::clone(&preview.ask) });
    let text = format!("{:?}", panel(&board, &asking, NOW_NS).sections);
    for part in [
        "\"places\", value: \"1,204\"",
        "\"without a record\", value: \"7\"",
        "what was before has expired",
        "partition by partition",
        "\"partitions left out\", value: \"2\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("of another time"), "{text}");
    // What was never seen is compared with nothing.
    let is_compared = |text: &str| text.contains("not a byte has changed");
    assert!(is_compared(&of_letters) && !is_compared(&text), "{text}");
}

#[test]
fn what_fails_behind_the_group_comes_first_and_what_is_left_out_is_counted() {
    let call = |number: u64| CallsOnTheWay {
        from: "inventory".into(),
        to: format!("service-{number}"),
        num_recent: 10 * number,
        num_recent_errors: if number == 7 { 4 } else { 0 },
        num: 100,
        num_errors: 4,
        groups: vec!["inventory".into(), "fraud".into()],
    };
    let change = |run: &mut RunBoard| (run.readers.calls, run.readers.breakers) = ((0..8).map(call).collect(), Vec::new());
    let (panel, text) = said(&RunPhase::Rest, change);
    let section = panel.sections.iter().find(|section| section.title == "Behind inventory").expect("a section");
    assert!(
        matches!(&section.rows[0], Row::Link { label, value, tone: Tone::Warn, .. } if label == "inventory → service-7" && value == "4 of 70 failed"),
        "{text}"
    );
    assert!(matches!(&section.rows[1], Row::Link { value, tone: Tone::Quiet, .. } if value == "none"), "{text}");
    assert!(text.contains("10 well") && text.contains("and 2 more"), "{text}");
    assert!(text.contains("also behind fraud") && panel.sections.iter().all(|section| section.title != "Behind fraud"), "it is told once: {text}");
    let (panel, _) = said(&RunPhase::Rest, |run| (run.readers.calls, run.readers.breakers) = (Vec::new(), Vec::new()));
    assert!(panel.sections.iter().all(|section| !section.title.starts_with("Behind")), "nothing is said of nothing");
}

#[test]
fn what_is_behind_each_group_stands_with_that_group_and_trouble_comes_before_what_is_well() {
    let (panel, text) = said(&RunPhase::Rest, |_| {});
    let titles: Vec<&str> = panel.sections.iter().map(|section| section.title.as_str()).filter(|title| title.starts_with("Behind")).collect();
    assert_eq!(titles, ["Behind inventory", "Behind fraud", "Behind shipping"], "the one that failed first: {text}");
    let shipping = panel.sections.iter().find(|section| section.title == "Behind shipping").expect("a section");
    let labels: Vec<&str> = shipping.rows.iter().map(Row::name).collect();
    assert_eq!(labels, ["shipping → ups-gateway", "shipping → ups-gateway"], "its breaker and its calls");
    assert!(text.contains("handled by inventory") && text.contains("circuit breaker"), "{text}");
}

#[test]
fn of_dead_letters_and_others_in_one_run_both_are_counted_and_neither_is_told_of_all() {
    let mixed = |phase: RunPhase| {
        said(&phase, |run| {
            let groups = GroupsAt { read_by: ["billing".to_owned()].into_iter().collect(), ..GroupsAt::default() };
            for (place, line) in run.canary.iter_mut().enumerate() {
                (line.state, line.seen) = if place == 0 {
                    (LetterState::Sent(SentState::Persisted), Sighting { groups: Some(groups.clone()), ..Sighting::default() })
                } else {
                    (LetterState::Consumed, Sighting::default())
                };
            }
            (run.num_read, run.num_consumed) = (1, 4);
            run.waits_for.clear();
        })
    };
    let (panel, text) = mixed(RunPhase::Passed);
    assert_eq!(panel.phase, "the first few were read or processed, and none came back: the rest may go");
    assert!(text.contains("\"read by every group\", value: \"1\"") && text.contains("\"consumed\", value: \"4\""), "{text}");
    let (panel, text) = mixed(RunPhase::Watching);
    assert!(panel.phase.contains("read or processed") && !text.contains("every group that is known"), "{text}");
    let rest = panel.buttons.iter().find(|button| button.command == UiCommand::SendReplay).expect("a button");
    assert_eq!(rest.unavailable, "the first few have to be read or processed first");
}

#[test]
fn a_run_that_has_ended_shows_what_has_died_since() {
    let ended = RunPhase::Ended(Ending::Halted, "orders.placed-dlt 0@7718 came back dead".into());
    let (panel, text) = said(&ended, |run| {
        run.canary.iter_mut().for_each(|line| line.state = LetterState::DeadAgain);
        (run.num_consumed, run.num_dead_again) = (0, 5);
    });
    assert_eq!(text.matches("✕ dead again").count(), 5, "{text}");
    assert!(panel.progress.is_some_and(|progress| progress.right == "5 dead again"));
}

#[test]
fn of_what_never_was_a_dead_letter_the_groups_that_read_it_are_named_and_nothing_is_called_consumed() {
    let groups = |read_by: &[&str], unread_by: &[&str]| GroupsAt {
        read_by: read_by.iter().map(|group| (*group).to_owned()).collect(),
        unread_by: unread_by.iter().map(|group| (*group).to_owned()).collect(),
        ..GroupsAt::default()
    };
    let of = |phase: RunPhase, groups: GroupsAt| {
        said(&phase, move |run| {
            let waits_for = if groups.have_all_read() { String::new() } else { groups.words() };
            let at = At { channel: "orders.placed".into(), partition: 0, offset: 3 };
            let proof = groups.have_all_read().then(|| Proof { evidence: groups.words(), at, since_ns: NOW_NS, has_settled: true });
            for line in &mut run.canary {
                line.state = LetterState::Sent(SentState::Persisted);
                line.seen = Sighting { groups: Some(groups.clone()), proof: proof.clone(), waits_for: waits_for.clone(), ..Sighting::default() };
            }
            (run.num_consumed, run.num_read, run.waits_for) = (0, if proof.is_some() { 5 } else { 0 }, waits_for);
        })
    };
    let (panel, text) = of(RunPhase::Watching, groups(&["billing", "inventory"], &["audit"]));
    assert!(panel.phase.starts_with("the first few are sent; read by billing, inventory; not yet by audit"), "{text}");
    let rest = panel.buttons.iter().find(|button| button.command == UiCommand::SendReplay).expect("a button");
    assert_eq!(rest.unavailable, "every group that is known has to read the first few first");
    assert!(!text.contains("consumed") && !text.contains("dead again") && !text.contains("group that failed processed"), "{text}");
    let (panel, text) = of(RunPhase::Passed, groups(&["billing", "inventory"], &[]));
    assert_eq!(panel.phase, "every group that is known has read the first few, and none came back: the rest may go");
    assert_eq!(text.matches("✓ read by every group").count(), 5, "{text}");
    assert!(text.contains("read by billing, inventory") && text.contains("\"read by every group\", value: \"5\""), "{text}");
}

#[test]
fn where_all_went_among_the_first_few_and_nobody_can_tell_of_them_nothing_is_left_but_to_be_done() {
    let texts = |panel: &ReplayPanel| panel.buttons.iter().map(|button| (button.text.clone(), button.unavailable.is_empty())).collect::<Vec<_>>();
    let all_went = |run: &mut RunBoard| run.counts = SentCounts { persisted: 5, ..SentCounts::default() };
    let (panel, _) = said(&RunPhase::Watching, |run| {
        all_went(run);
        run.is_untellable = true;
    });
    assert_eq!(texts(&panel), [("Done".to_owned(), true), ("Stop".to_owned(), true)]);
    let (panel, _) = said(&RunPhase::Watching, all_went);
    assert_eq!(texts(&panel), [("Stop".to_owned(), true)], "its group is waited for");
}

#[test]
fn what_is_no_dead_letter_is_called_a_record() {
    let said = |is_dead: bool| {
        let mut board = sample::previewed(Writing::Allowed);
        let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
        let mut letters: Vec<_> = preview.planned.drain(..).map(|planned| planned.asked).collect();
        for asked in &mut letters {
            asked.is_dead = is_dead;
        }
        preview.ask = Arc::new(ReplayAsk { letters: AskedLetters::These(letters), ..ReplayAsk::clone(&preview.ask) });
        let asking = Asking { marked: Marked::default(), cluster: None, readers: None, typed_name: "", num_changed: 2, plan_file: None };
        let panel = panel(&board, &asking, NOW_NS);
        format!("{} {:?}", panel.phase, panel.sections)
    };
    for (is_dead, parts) in [
        (true, ["nothing would be sent: every letter is skipped", "2 letters were dealt with since it was made"]),
        (false, ["nothing would be sent: every record is skipped", "2 records were dealt with since it was made"]),
    ] {
        let text = said(is_dead);
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}
