//! What was answered, in words and in parts of time. Pure.

use std::{borrow::Cow, time::Duration};

use switchboard_desk::{
    ledger::Settled,
    send::{Answer, Ended, One, RepeatFigures, Sent, Status, draft::RequestKind},
};
use switchboard_model::{Outcome, Phase, Place};

use crate::{figures, ink::Tone, sanitise::visible, theme::Ink, words::statuses::grpc_word};

/// A phase is at least so much of the bar, or it would not be seen.
const LEAST_SHARE: f32 = 0.012;
/// What left, and nothing came of.
const NO_ANSWER: &str = "no answer";
/// The code of gRPC that a lost connection has (google.rpc.Code).
const UNAVAILABLE: i32 = 14;

/// What became of something that was sent, in a word or two.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Became {
    /// The words, safe to show.
    pub word: String,
    /// What stands for them where they have no room; `None` = they are short.
    pub sign: Option<Cow<'static, str>>,
    /// Its colour.
    pub ink: Ink,
}

impl Became {
    fn new(word: impl Into<String>, ink: Ink) -> Self {
        Self { word: word.into(), sign: None, ink }
    }

    /// One that a sign can stand for.
    fn signed(sign: impl Into<Cow<'static, str>>, word: impl Into<String>, ink: Ink) -> Self {
        Self { sign: Some(sign.into()), ..Self::new(word, ink) }
    }

    /// What is written of it beside something of this width, which comes first: the words where both have room, and else the sign.
    pub(super) fn beside(&self, wanted_pt: f32, room_pt: f32, width_pt: impl Fn(&str) -> f32) -> &str {
        let fits = |text: &str| wanted_pt + width_pt(text) <= room_pt;
        self.sign.as_deref().filter(|_| !fits(&self.word)).unwrap_or(&self.word)
    }

    /// Of what was sent, as of now.
    pub(super) fn of(sent: &Sent) -> Self {
        if let Some(told) = &sent.figures {
            return Self::of_many(sent, told);
        }
        let Some(settled) = &sent.settled else {
            let word = if sent.is_open { "open" } else { "…" };
            return Self::new(word, Ink::Dim);
        };
        match settled {
            Settled::Tried(Outcome::Done(_)) => match &sent.answer.status {
                Some(Status::Http { status, .. }) => Self::of_http(&sent.answer, *status, status.to_string()),
                Some(Status::Grpc { code, .. }) => Self::new(grpc_word(*code), grpc_ink(*code)),
                Some(Status::Persisted { .. }) if sent.answer.num_persisted > 1 => {
                    Self::new(format!("{} ✓", figures::count(sent.answer.num_persisted)), Ink::Text)
                }
                Some(Status::Persisted { at: Some(at) }) => Self::new(at.to_string(), Ink::Text),
                Some(Status::Persisted { at: None }) | None => Self::new("✓", Ink::Text),
            },
            Settled::Tried(Outcome::NotDone(_)) => Self::signed("✕", not_done_word(sent), Ink::Warn),
            Settled::Tried(Outcome::Possibly(_)) => Self::of_doubt(sent),
            Settled::Skipped(_) => Self::signed("–", "skipped", Ink::Warn),
            Settled::Refused(_) => Self::signed("–", "refused", Ink::Warn),
        }
    }
}

impl Became {
    /// Of an answer of HTTP: its status, and where it broke off.
    fn of_http(answer: &Answer, status: u16, words: String) -> Self {
        let how = match (answer.is_cancelled, &answer.cut) {
            (true, _) => "cancelled",
            (false, Some(_)) => "cut off",
            (false, None) => return Self::new(words, http_ink(status)),
        };
        let ink = if answer.is_cancelled || http_ink(status) != Ink::Text { http_ink(status) } else { Ink::Warn };
        Self::signed(format!("{status}, {how}"), format!("{words}, {how} after {}", figures::bytes(answer.body_bytes)), ink)
    }

    /// Of what left and had no end that its server told.
    fn of_doubt(sent: &Sent) -> Self {
        let answer = &sent.answer;
        let after = match (answer.num_received(), answer.messages_left_out) {
            (0, _) => String::new(),
            (num, 0) => format!(" after {}", figures::things(num, "message", "messages")),
            (num, _) => format!(" after at least {}", figures::things(num, "message", "messages")),
        };
        match (sent.ask.draft.kind(), &answer.status) {
            (RequestKind::Record, _) => Self::signed("?", Outcome::POSSIBLY, Ink::Bad),
            _ if answer.is_cancelled => Self::signed("cancelled", format!("cancelled{after}"), Ink::Dim),
            (_, Some(Status::Http { status, .. })) => Self { ink: Ink::Bad, ..Self::of_http(answer, *status, status.to_string()) },
            (_, Some(Status::Grpc { code: UNAVAILABLE, .. })) => Self::signed("lost", format!("connection lost{after}"), Ink::Bad),
            (_, Some(Status::Grpc { code: 0, .. })) => Self::new(grpc_word(0), Ink::Bad),
            // No server told it.
            (_, Some(Status::Grpc { code, .. })) => Self::signed(grpc_word(*code), format!("{} (this side){after}", grpc_word(*code)), Ink::Bad),
            (_, None | Some(Status::Persisted { .. })) => Self::signed("?", NO_ANSWER, Ink::Bad),
        }
    }

    /// Of many: how far they are, and how many failed; of a probe how the last one ended.
    fn of_many(sent: &Sent, told: &RepeatFigures) -> Self {
        if sent.is_probe() {
            let every = sent.ask.draft.repeat().map(|repeat| figures::age((repeat.every_s * 1e9) as i64)).unwrap_or_default();
            let state = if sent.is_going() { format!("every {every}") } else { "stopped".to_owned() };
            return match told.last.last() {
                Some(one) if one.ended.is_failure() => Self::new(format!("✕ {}, {state}", end_word(one.ended)), Ink::Bad),
                Some(_) => Self::new(format!("✓ {state}"), Ink::Text),
                None => Self::new(state, Ink::Dim),
            };
        }
        let (num, failed) = (figures::count(told.num), figures::count(told.num_failed));
        match (sent.is_going(), told.num_failed) {
            (true, 0) => Self::new(format!("{num} of {}", figures::count(sent.num)), Ink::Dim),
            (_, 0) if told.num < sent.num => Self::new(format!("{num} of {}", figures::count(sent.num)), Ink::Warn),
            (_, 0) => Self::new(format!("{num} ✓"), Ink::Text),
            (_, _) => Self::new(format!("{failed} of {num} ✕"), Ink::Bad),
        }
    }
}

/// How one ended, in a word.
pub(super) fn end_word(ended: Ended) -> String {
    match ended {
        Ended::Http(status) => status.to_string(),
        Ended::Grpc(code) => grpc_word(code),
        Ended::NotSent => "not sent".to_owned(),
        Ended::Possibly => NO_ANSWER.to_owned(),
    }
}

/// One of many, in words.
pub(super) fn one_words(one: &One) -> String {
    let why = if one.why.is_empty() { String::new() } else { format!(": {}", visible(&one.why)) };
    format!("{}, {}{why}", end_word(one.ended), figures::duration(one.took.as_nanos().min(i64::MAX as u128) as i64))
}

/// How many there were, how fast, and how they ended. Of many that are not a probe's those that were asked for are told, and what these add up to.
pub(super) fn ends(sent: &Sent, told: &RepeatFigures) -> String {
    let num_ended = |is: fn(Ended) -> bool| told.by_end.iter().filter(|(ended, _)| is(*ended)).map(|(_, num)| num).sum::<u64>();
    let (num_not_sent, num_unanswered) = (num_ended(|ended| ended == Ended::NotSent), num_ended(|ended| ended == Ended::Possibly));
    let num_sent = told.num.saturating_sub(num_not_sent);
    let rest = if sent.is_probe() { 0 } else { sent.num.saturating_sub(told.num) };
    let (num_to_go, num_not_sent) = if sent.is_going() { (rest, num_not_sent) } else { (0, num_not_sent + rest) };
    let some = |num: u64, what: &str| (num > 0).then(|| format!("{} {what}", figures::count(num)));
    let failed = if told.num_failed == 0 { "none failed".to_owned() } else { format!("{} failed", figures::count(told.num_failed)) };
    let share = if told.num_failed > 0 { format!(" ({})", figures::percent(told.num_failed as f64 / told.num as f64)) } else { String::new() };
    let parts = [
        (!sent.is_probe()).then(|| format!("{} asked for", figures::count(sent.num))),
        Some(format!("{} sent", figures::count(num_sent))),
        some(num_sent.saturating_sub(num_unanswered), "answered"),
        some(num_unanswered, "without an answer"),
        some(num_not_sent, "not sent"),
        some(num_to_go, "to go"),
        (!sent.is_probe()).then(|| format!("{}/s", figures::rate(told.rate_per_s))),
        Some(format!("{failed}{share}")),
    ];
    let statuses = told.by_end.iter().filter(|(ended, _)| !matches!(ended, Ended::NotSent | Ended::Possibly));
    let by_status = statuses.map(|(ended, num)| format!("{} × {}", end_word(*ended), figures::count(*num)));
    parts.into_iter().flatten().chain(by_status).collect::<Vec<_>>().join(" · ")
}

fn not_done_word(sent: &Sent) -> &'static str {
    if sent.ask.draft.kind() == RequestKind::Record { Outcome::NOT_DONE } else { "not sent" }
}

/// The colour of a status of HTTP: only what is unusual has one.
fn http_ink(status: u16) -> Ink {
    match status {
        500.. => Ink::Bad,
        400.. | ..200 => Ink::Warn,
        _ => Ink::Text,
    }
}

/// The same of gRPC: what the caller asked wrongly for is going wrong, what the server failed at is wrong.
fn grpc_ink(code: i32) -> Ink {
    match code {
        0 => Ink::Text,
        3 | 5 | 6 | 7 | 9 | 11 | 16 => Ink::Warn,
        _ => Ink::Bad,
    }
}

/// What a status of HTTP is called (RFC 9110, 15); empty where it has no name that people know.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// The line above an answer: what it says of itself first, in the colour of that, then what is known of it besides.
pub(super) fn status_line(sent: &Sent, now_ns: i64) -> (Became, Vec<String>) {
    let answer = &sent.answer;
    let outcome = Became::of(sent);
    let lead = match (&answer.status, &sent.settled) {
        _ if sent.figures.is_some() => outcome,
        (Some(Status::Http { status, .. }), None | Some(Settled::Tried(Outcome::Done(_)))) => {
            Became::of_http(answer, *status, format!("{status} {}", reason(*status)).trim_end().to_owned())
        }
        (Some(Status::Persisted { at: Some(at) }), Some(Settled::Tried(Outcome::Done(_)))) => Became::new(format!("{} {at}", visible(&sent.call)), Ink::Text),
        (_, None) if sent.is_open => Became::new("the stream is open", Ink::Text),
        (_, None) => Became::new("on its way", Ink::Dim),
        _ => outcome,
    };
    let took_ns = sent.took_ns(now_ns);
    let mut parts = vec![figures::duration(took_ns)];
    if answer.num_persisted > 1 {
        parts.push(format!("{} persisted", figures::count(answer.num_persisted)));
    }
    if answer.body_bytes > 0 || matches!(answer.status, Some(Status::Http { .. })) {
        parts.push(match answer.wire_bytes {
            Some(wire_bytes) if wire_bytes < answer.body_bytes => format!("{}, {} on the wire", figures::bytes(answer.body_bytes), figures::bytes(wire_bytes)),
            _ => figures::bytes(answer.body_bytes),
        });
    }
    let num_theirs = answer.num_received();
    if !answer.messages.is_empty() {
        let at_least = if answer.messages_left_out > 0 { "at least " } else { "" };
        parts.push(format!("{at_least}{} received", figures::things(num_theirs, "message", "messages")));
    }
    parts.extend(content_type(answer).map(|content_type| visible(content_type).into_owned()));
    if let Some(Status::Http { version, .. }) = &answer.status {
        parts.push((*version).to_owned());
    }
    if is_over_a_kept_connection(answer) {
        parts.push("connection kept".to_owned());
    }
    (lead, parts)
}

/// Whether it came over a connection that was there already: something came, and nobody connected.
fn is_over_a_kept_connection(answer: &Answer) -> bool {
    let has = |phase| answer.took.iter().any(|(took, _)| *took == phase);
    has(Phase::FirstByte) && !has(Phase::Connect)
}

/// What the answer says its body is, without parameters.
fn content_type(answer: &Answer) -> Option<&str> {
    let (_, value) = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

/// What went wrong, or may have, in a sentence: why it was not sent, what the server's status says.
pub(super) fn why(sent: &Sent) -> Option<(String, Tone)> {
    if let Some(Status::Grpc { code, message }) = &sent.answer.status
        && *code != 0
        && !message.is_empty()
    {
        return Some((visible(message).into_owned(), Tone::Bad));
    }
    let settled = sent.settled.as_ref()?;
    let tone = match settled {
        Settled::Tried(Outcome::Possibly(_)) if sent.answer.is_cancelled && sent.ask.draft.kind() != RequestKind::Record => Tone::Quiet,
        Settled::Tried(Outcome::Possibly(_)) => Tone::Bad,
        _ => Tone::Warn,
    };
    Some(settled.reason()).filter(|reason| !reason.is_empty()).map(|reason| (visible(reason).into_owned(), tone))
}

/// A part of the time that a request took.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PhasePart {
    /// `first byte 8.1 ms`.
    pub words: String,
    /// Where it begins in the bar, 0 to 1.
    pub from: f32,
    /// Where it ends.
    pub to: f32,
    /// Whether it is the longest: that is where the time went.
    pub is_longest: bool,
}

/// The bar of phases, in their order; what takes no time is as wide as is seen.
pub(super) fn phases(took: &[(Phase, Duration)]) -> Vec<PhasePart> {
    let share = |took: Duration, sum: f64| if sum > 0.0 { (took.as_secs_f64() / sum) as f32 } else { 1.0 };
    let sum_s: f64 = took.iter().map(|(_, took)| took.as_secs_f64()).sum();
    let shares: Vec<f32> = took.iter().map(|(_, took)| share(*took, sum_s).max(LEAST_SHARE)).collect();
    let sum: f32 = shares.iter().sum();
    let longest = (0..took.len()).max_by_key(|at| (took[*at].1, std::cmp::Reverse(*at)));
    let mut from = 0.0;
    let part = |(index, (phase, took)): (usize, &(Phase, Duration))| {
        let to = if index + 1 == shares.len() { 1.0 } else { from + shares[index] / sum };
        let words = format!("{} {}", phase.word(), figures::duration(took.as_nanos().min(i64::MAX as u128) as i64));
        let part = PhasePart { words, from, to, is_longest: longest == Some(index) };
        from = to;
        part
    };
    took.iter().enumerate().map(part).collect()
}

/// Where the record lies that was written last.
pub(super) fn written_to(sent: &Sent) -> Option<&Place> {
    match &sent.answer.status {
        Some(Status::Persisted { at }) => at.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing::NOW_NS, views::send::sample};

    #[test]
    fn what_became_of_it_is_a_word_and_only_what_is_unusual_has_a_colour() {
        let told: Vec<(String, Ink)> = sample::board().sent.iter().map(|sent| Became::of(sent)).map(|told| (told.word, told.ink)).collect();
        let told: Vec<(&str, Ink)> = told.iter().map(|(word, ink)| (word.as_str(), *ink)).collect();
        assert_eq!(told, [("200", Ink::Text), ("503", Ink::Bad), ("23 ✓", Ink::Text), ("OK", Ink::Text), ("not sent", Ink::Warn)]);
    }

    #[test]
    fn the_line_above_an_answer_says_what_it_is_and_how_long_it_took() {
        let board = sample::board();
        let line = |index: usize| {
            let (lead, rest) = status_line(&board.sent[index], NOW_NS);
            format!("{} · {}", lead.word, rest.join(" · "))
        };
        assert_eq!(line(0), "200 OK · 8.8 ms · 68 B · application/json · HTTP/1.1");
        assert_eq!(line(2), "orders.placed 3@18190 · 2.30 s · 23 persisted");
        assert_eq!(line(3), "OK · 6.0 ms · 1 message received");
        let mut kept = Sent::clone(&board.sent[0]);
        kept.answer.took.retain(|(phase, _)| *phase != Phase::Connect);
        assert_eq!(status_line(&kept, NOW_NS).1.last().map(String::as_str), Some("connection kept"));
        assert_eq!(why(&board.sent[4]), Some(("nobody listens on localhost:9999".to_owned(), Tone::Warn)));
        assert_eq!(why(&board.sent[0]), None);
    }

    #[test]
    fn the_bar_of_phases_is_full_and_each_of_them_is_seen() {
        let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
        let parts = phases(&[(Phase::Resolve, ms(0.2)), (Phase::Connect, ms(0.3)), (Phase::FirstByte, ms(8.1)), (Phase::Rest, ms(0.0))]);
        assert_eq!(parts.iter().map(|part| part.words.as_str()).collect::<Vec<_>>(), ["resolve 200 µs", "connect 300 µs", "first byte 8.1 ms", "rest 0 µs"]);
        let ends: Vec<f32> = parts.iter().flat_map(|part| [part.from, part.to]).collect();
        assert!(ends[0].abs() < 1e-6 && (ends[7] - 1.0).abs() < 1e-6 && ends[1..7].chunks(2).all(|pair| (pair[0] - pair[1]).abs() < 1e-6), "{ends:?}");
        assert!(parts.iter().all(|part| part.to - part.from > 0.01) && parts[2].to - parts[2].from > 0.9);
        assert_eq!(parts.iter().map(|part| part.is_longest).collect::<Vec<_>>(), [false, false, true, false]);
        assert_eq!(phases(&[]), []);
        assert!((phases(&[(Phase::Rest, Duration::ZERO)])[0].to - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_has_no_room_beside_a_name_is_a_sign_and_what_is_short_stays_a_word() {
        let width_pt = |text: &str| text.chars().count() as f32 * 7.0;
        let not_sent = Became::of(&sample::board().sent[4]);
        let answered = Became::of(&sample::board().sent[0]);
        // "not sent" is 56 points wide.
        for (wanted_pt, told) in [(50.0, "not sent"), (94.0, "not sent"), (95.0, "✕"), (400.0, "✕")] {
            assert_eq!((not_sent.beside(wanted_pt, 150.0, width_pt), answered.beside(wanted_pt, 150.0, width_pt)), (told, "200"), "{wanted_pt}");
        }
    }

    #[test]
    fn what_broke_off_is_told_by_how_it_did_and_what_had_come() {
        let board = sample::board();
        let (http, call) = (&board.sent[0], Sent { is_open: false, ended_ns: Some(NOW_NS), ..sample::open_stream() });
        let told = |sent: &Sent, settled: Outcome, change: &dyn Fn(&mut Answer)| {
            let mut sent = Sent { settled: Some(Settled::Tried(settled)), ..sent.clone() };
            change(&mut sent.answer);
            let (became, (lead, _)) = (Became::of(&sent), status_line(&sent, NOW_NS));
            assert_eq!(became.ink, lead.ink, "{}", lead.word);
            (became.word, lead.word, became.ink)
        };
        let is = |told: (String, String, Ink), word: &str, lead: &str, ink: Ink| assert_eq!(told, (word.to_owned(), lead.to_owned(), ink));
        let possibly = || Outcome::Possibly("the connection was lost".to_owned());
        let answered = || Outcome::Done(switchboard_model::Receipt::Answered(200));
        let came = |answer: &mut Answer| answer.body_bytes = 12_288;
        let cut = |answer: &mut Answer| (answer.body_bytes, answer.cut) = (12_288, Some("the connection was lost".to_owned()));
        let size = figures::bytes(12_288);
        is(told(http, answered(), &cut), &format!("200, cut off after {size}"), &format!("200 OK, cut off after {size}"), Ink::Warn);
        let cancelled = |answer: &mut Answer| {
            came(answer);
            answer.is_cancelled = true;
        };
        is(told(http, answered(), &cancelled), &format!("200, cancelled after {size}"), &format!("200 OK, cancelled after {size}"), Ink::Text);
        is(told(http, answered(), &came), "200", "200 OK", Ink::Text);
        is(told(http, possibly(), &|answer| *answer = Answer::default()), "no answer", "no answer", Ink::Bad);
        is(told(http, possibly(), &|answer| *answer = Answer { is_cancelled: true, ..Answer::default() }), "cancelled", "cancelled", Ink::Dim);
        for (code, word) in [(4, "DEADLINE_EXCEEDED (this side) after 2 messages"), (14, "connection lost after 2 messages"), (0, "OK")] {
            let ends = |answer: &mut Answer| answer.status = Some(Status::Grpc { code, message: String::new() });
            is(told(&call, possibly(), &ends), word, word, Ink::Bad);
        }
        let nothing_came = |answer: &mut Answer| {
            answer.messages.retain(|message| message.is_ours);
            answer.status = Some(Status::Grpc { code: 4, message: String::new() });
        };
        is(told(&call, possibly(), &nothing_came), "DEADLINE_EXCEEDED (this side)", "DEADLINE_EXCEEDED (this side)", Ink::Bad);
        let stopped = "cancelled after 2 messages";
        is(told(&call, possibly(), &|answer| answer.is_cancelled = true), stopped, stopped, Ink::Dim);
        let left_out = |answer: &mut Answer| (answer.is_cancelled, answer.messages_left_out) = (true, 7);
        assert_eq!(told(&call, possibly(), &left_out).0, "cancelled after at least 2 messages");
        assert_eq!(told(&board.sent[2], possibly(), &|_| {}).0, "possibly persisted");
    }

    #[test]
    fn what_was_asked_for_adds_up() {
        let mut sent = Sent { num: 200, ..sample::many() };
        let told = |num: u64, by_end: &[(Ended, u64)]| RepeatFigures {
            num,
            num_failed: num - 80,
            rate_per_s: 10.0,
            by_end: by_end.to_vec(),
            ..RepeatFigures::default()
        };
        let of = [(Ended::NotSent, 112), (Ended::Http(200), 80), (Ended::Possibly, 3)];
        let stopped = ends(&sent, &told(195, &of));
        assert!(
            stopped.starts_with("200 asked for · 83 sent · 80 answered · 3 without an answer · 117 not sent · "),
            "what was not begun was not sent: {stopped}"
        );
        assert!(stopped.ends_with(" · 200 × 80"), "{stopped}");
        (sent.settled, sent.ended_ns) = (None, None);
        let going = ends(&sent, &told(195, &of));
        assert!(going.starts_with("200 asked for · 83 sent · 80 answered · 3 without an answer · 112 not sent · 5 to go · "), "{going}");
    }
}
