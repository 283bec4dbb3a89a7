//! An answer beside the one before: what is new in it, line by line, and what is gone. Pure.

use std::sync::Arc;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};
use switchboard_desk::send::{SendBoard, Sent, draft::RequestKind};

use super::answer::status_line;
use crate::widgets::json_text;

/// Lines that are alike and stand around a difference.
const AROUND: usize = 3;
/// Lines of a difference at most.
const LINES_MAX: usize = 2_000;
/// After this time what is left is told as a whole, so that no frame waits.
const WITHIN: Duration = Duration::from_millis(60);

/// A line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DiffLine {
    /// In both.
    Same(String),
    /// Only in the one before.
    Gone(String),
    /// Only in this one.
    New(String),
    /// So many that are in both are not shown.
    Alike(usize),
    /// So many more are not shown.
    More(usize),
}

/// The one before: the next older answer of the same server to the same request, by its name and what it asks for.
pub(super) fn before<'a>(board: &'a SendBoard, sent: &Sent) -> Option<&'a Arc<Sent>> {
    if sent.ask.draft.kind() == RequestKind::Record {
        return None;
    }
    let is_same = |other: &Sent| other.call == sent.call && other.target == sent.target && other.ask.draft.title() == sent.ask.draft.title();
    let older = board.sent.iter().filter(|other| other.sent_id < sent.sent_id && other.answer.status.is_some() && is_same(other));
    older.max_by_key(|other| other.sent_id)
}

/// What is new in an answer, and what is gone: its status first, then its body. JSON is compared a member a line.
pub(super) fn compare(before: &Sent, sent: &Sent) -> Vec<DiffLine> {
    let status = |sent: &Sent| status_line(sent, sent.at_ns).0.word;
    let (old, new) = (status(before), status(sent));
    let mut lines = if old == new { vec![DiffLine::Same(new)] } else { vec![DiffLine::Gone(old), DiffLine::New(new)] };
    let (old, new) = (body(before), body(sent));
    let diff = TextDiff::configure().timeout(WITHIN).diff_lines(&old, &new);
    let mut body = Vec::new();
    for change in diff.iter_all_changes() {
        let text = change.value().trim_end_matches(['\n', '\r']).to_owned();
        body.push(match change.tag() {
            ChangeTag::Equal => DiffLine::Same(text),
            ChangeTag::Delete => DiffLine::Gone(text),
            ChangeTag::Insert => DiffLine::New(text),
        });
    }
    lines.extend(folded(body));
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    lines.extend((more > 0).then_some(DiffLine::More(more)));
    lines
}

/// The beginning of a body that is kept, or its messages, as lines.
fn body(sent: &Sent) -> String {
    if !sent.answer.messages.is_empty() {
        let theirs = sent.answer.messages.iter().filter(|message| !message.is_ours);
        return theirs.map(|message| formatted(&message.text) + "\n").collect();
    }
    let text = sent.answer.text().map(|(text, _)| text);
    formatted(&text.unwrap_or_else(|| String::from_utf8_lossy(&sent.answer.body)))
}

fn formatted(text: &str) -> String {
    json_text::format(text).unwrap_or_else(|_| text.to_owned())
}

/// Without the lines that are alike and stand far from any difference.
fn folded(lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let is_same = |line: &DiffLine| matches!(line, DiffLine::Same(_));
    let mut is_near = vec![false; lines.len()];
    for at in (0..lines.len()).filter(|at| !is_same(&lines[*at])) {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len());
        is_near[around].fill(true);
    }
    let mut folded = Vec::new();
    for (line, is_near) in lines.into_iter().zip(is_near) {
        match folded.last_mut() {
            _ if is_near => folded.push(line),
            Some(DiffLine::Alike(num)) => *num += 1,
            _ => folded.push(DiffLine::Alike(1)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use switchboard_desk::send::{Answer, SentId, Status};

    use super::*;
    use crate::views::send::sample;

    fn with(number: u64, status: u16, body: &str) -> Sent {
        let answer = Answer { status: Some(Status::Http { status, version: "HTTP/1.1" }), body: body.to_owned().into(), ..Answer::default() };
        Sent { sent_id: SentId(number), answer, ..sample::answered() }
    }

    #[test]
    fn what_is_new_and_what_is_gone_is_told_line_by_line() {
        let told = compare(&with(1, 200, r#"{"id":1,"a":[1,2,3,4,5,6],"state":"placed"}"#), &with(2, 503, r#"{"id":2,"a":[1,2,3,4,5,6],"state":"placed"}"#));
        let line = |text: &str| text.to_owned();
        assert_eq!(
            told,
            [
                DiffLine::Gone(line("200 OK")),
                DiffLine::New(line("503 Service Unavailable")),
                DiffLine::Same(line("{")),
                DiffLine::Gone(line("  \"id\": 1,")),
                DiffLine::New(line("  \"id\": 2,")),
                DiffLine::Same(line("  \"a\": [")),
                DiffLine::Same(line("    1,")),
                DiffLine::Same(line("    2,")),
                DiffLine::Alike(7),
            ]
        );
        let alike = compare(&with(1, 200, "a\nb"), &with(2, 200, "a\nb"));
        assert_eq!(alike, [DiffLine::Same(line("200 OK")), DiffLine::Alike(2)]);
    }

    #[test]
    fn the_one_before_is_the_next_older_of_the_same_request() {
        let other = Sent { call: "GET /".to_owned(), ..with(4, 200, "") };
        let sent = [with(5, 200, ""), other, with(3, 200, ""), with(1, 200, "")].map(Arc::new).to_vec();
        let board = SendBoard { sent, ..SendBoard::default() };
        assert_eq!(before(&board, &board.sent[0]).map(|sent| sent.sent_id), Some(SentId(3)));
        assert_eq!(before(&board, &board.sent[1]).map(|sent| sent.sent_id), None);
    }

    #[test]
    fn what_is_long_and_wholly_other_is_told_in_time() {
        let of = |word: &str| (0..20_000).map(|line| format!("{word} {line}")).collect::<Vec<_>>().join("\n");
        let (old, new) = (with(1, 200, &of("a")), with(2, 200, &of("b")));
        let begun = std::time::Instant::now();
        let told = compare(&old, &new);
        assert!(told.len() <= LINES_MAX + 1 && matches!(told.last(), Some(DiffLine::More(_))));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}
