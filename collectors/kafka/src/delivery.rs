//! What became of a record that was sent, by the delivery's error.

use switchboard_model::{Outcome, Place};

use crate::failure::Code;
use crate::native::{self, DeliveryReport};

/// Errors of a broker that leave open whether the record was written: the answer came late, only the copies are too few, or the
/// broker does not know itself.
const LEFT_OPEN: &[Code] = &[
    // REQUEST_TIMED_OUT, NETWORK_EXCEPTION, NOT_ENOUGH_REPLICAS_AFTER_APPEND
    Code(7),
    Code(13),
    Code(20),
    // OUT_OF_ORDER_SEQUENCE_NUMBER, DUPLICATE_SEQUENCE_NUMBER, KAFKA_STORAGE_ERROR
    Code(45),
    Code(46),
    Code(56),
];

/// What a report says: acknowledged; refused by the broker, or taken back while still queued; or in doubt, which is all else.
pub(crate) fn outcome(report: &DeliveryReport) -> Outcome {
    let words = native::code_text(report.code);
    match report.code {
        Code::NONE => Outcome::persisted((report.offset >= 0).then(|| Place::at(report.partition, report.offset))),
        Code::PURGED_FROM_QUEUE => Outcome::NotDone("cancelled while it was still queued".to_owned()),
        Code::PURGED_IN_FLIGHT => Outcome::Possibly("cancelled while it was on its way".to_owned()),
        // The library itself found nowhere to send it to.
        Code::UNKNOWN_TOPIC | Code::UNKNOWN_PARTITION if report.never_sent => Outcome::NotDone(words),
        code if is_refusal(code, &words) => Outcome::NotDone(words),
        _ if report.never_sent => Outcome::Possibly(format!("{words}; it seems never to have left this machine")),
        _ => Outcome::Possibly(words),
    }
}

/// Whether a broker's error says for certain that nothing was written. An error the library has no name for says nothing.
fn is_refusal(code: Code, words: &str) -> bool {
    code.0 > 0 && !LEFT_OPEN.contains(&code) && !words.starts_with("Err-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(code: i32, never_sent: bool) -> &'static str {
        outcome(&DeliveryReport { ticket: 1, code: Code(code), never_sent, partition: 2, offset: 7 }).word()
    }

    #[test]
    fn each_error_says_what_is_certain_and_no_more() {
        // MESSAGE_TOO_LARGE, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER, NOT_ENOUGH_REPLICAS, TOPIC_AUTHORIZATION_FAILED, INVALID_RECORD
        for code in [10, 3, 6, 19, 29, 87] {
            assert_eq!(word(code, false), "not persisted", "{code}");
        }
        for code in [7, 13, 20, 45, 46, 56, -1, 9_999] {
            assert_eq!(word(code, false), "possibly persisted", "{code}");
        }
        // Time-out, transport, all brokers down, destroyed: in doubt, whatever the library believes.
        for code in [-192, -185, -195, -187, -197, -151] {
            assert_eq!((word(code, false), word(code, true)), ("possibly persisted", "possibly persisted"), "{code}");
        }
        assert_eq!((word(-152, true), word(0, false)), ("not persisted", "persisted"));
        assert_eq!((word(-188, true), word(-190, true)), ("not persisted", "not persisted"));
        assert_eq!((word(-188, false), word(-190, false)), ("possibly persisted", "possibly persisted"));
    }

    #[test]
    fn an_offset_that_was_not_told_is_none() {
        let report = DeliveryReport { ticket: 1, code: Code::NONE, never_sent: false, partition: 2, offset: -1 };
        assert_eq!(outcome(&report), Outcome::persisted(None));
    }
}
