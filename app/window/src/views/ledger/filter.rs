//! What can be chosen above the list, and its words. Pure.

use switchboard_desk::ledger::{Became, LedgerFilter, TargetKind};

use crate::sanitise::visible_within;

/// Characters of a target in the head.
const TARGET_CHARS_MAX: usize = 40;

/// Kinds of targets that can be chosen, `None` = all.
pub(super) const KINDS: [Option<TargetKind>; 4] = [None, Some(TargetKind::Channel), Some(TargetKind::Http), Some(TargetKind::Grpc)];

/// What became of sends that can be chosen, `None` = all, the most urgent first.
pub(super) const BECAME: [Option<Became>; 8] = [
    None,
    Some(Became::Possibly),
    Some(Became::DeadAgain),
    Some(Became::NotDone),
    Some(Became::Refused),
    Some(Became::Skipped),
    Some(Became::Done),
    Some(Became::Consumed),
];

/// The word for a kind of target.
pub(super) fn kind_word(kind: Option<TargetKind>) -> &'static str {
    match kind {
        None => "all",
        Some(TargetKind::Channel) => "topics",
        Some(TargetKind::Http) => "HTTP",
        Some(TargetKind::Grpc) => "gRPC",
    }
}

/// The word for an outcome: as it is called for the kind of target that is chosen, or for whatever.
pub(super) fn became_word(became: Option<Became>, kind: Option<TargetKind>) -> &'static str {
    let is_channel = kind == Some(TargetKind::Channel);
    match became {
        None => "any outcome",
        Some(Became::Done) => match kind {
            None => "sent",
            Some(TargetKind::Channel) => "persisted",
            Some(TargetKind::Http) => "answered",
            Some(TargetKind::Grpc) => "called",
        },
        Some(Became::NotDone) if is_channel => "not persisted",
        Some(Became::NotDone) => "not sent",
        Some(Became::Possibly) if is_channel => "possibly persisted",
        Some(Became::Possibly) => "possibly sent",
        Some(Became::Skipped) => "skipped",
        Some(Became::Refused) => "refused",
        Some(Became::Consumed) => "consumed",
        Some(Became::DeadAgain) => "dead again",
    }
}

/// The next one of some that can be chosen.
pub(super) fn next<T: PartialEq + Copy>(all: &[T], chosen: T) -> T {
    let at = all.iter().position(|one| *one == chosen).unwrap_or(0);
    all[(at + 1) % all.len()]
}

/// What is chosen, in words; empty = all lines.
pub(super) fn words(filter: &LedgerFilter) -> String {
    let text = filter.text.trim();
    let parts = [
        filter.target_kind.map(|kind| kind_word(Some(kind)).to_owned()),
        filter.target.as_ref().map(|target| format!("to {}", target_words(target))),
        filter.became.map(|became| became_word(Some(became), filter.target_kind).to_owned()),
        (!text.is_empty()).then(|| format!("with “{}”", visible_within(text, TARGET_CHARS_MAX))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A target in the head.
pub(super) fn target_words(target: &str) -> String {
    visible_within(target, TARGET_CHARS_MAX).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_called_as_what_is_sent_to_has_them() {
        let words = |kind: Option<TargetKind>| BECAME.map(|became| became_word(became, kind))[1..].join(", ");
        assert_eq!(words(None), "possibly sent, dead again, not sent, refused, skipped, sent, consumed");
        assert_eq!(words(Some(TargetKind::Channel)), "possibly persisted, dead again, not persisted, refused, skipped, persisted, consumed");
        assert_eq!(words(Some(TargetKind::Http)), "possibly sent, dead again, not sent, refused, skipped, answered, consumed");
    }

    #[test]
    fn a_filter_is_told_in_words_and_its_choices_come_round() {
        let filter = LedgerFilter {
            text: " 4711 ".to_owned(),
            target_kind: Some(TargetKind::Grpc),
            target: Some("http://localhost:1".to_owned()),
            became: Some(Became::NotDone),
        };
        assert_eq!(words(&filter), "gRPC, to http://localhost:1, not sent, with “4711”");
        assert_eq!(words(&LedgerFilter::default()), "");
        let mut kind = None;
        for right in ["topics", "HTTP", "gRPC", "all"] {
            kind = next(&KINDS, kind);
            assert_eq!(kind_word(kind), right);
        }
    }
}
