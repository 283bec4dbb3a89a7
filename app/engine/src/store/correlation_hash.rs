//! The hash of a correlation id, whatever its spelling, without making the id.

use switchboard_model::{CorrelationId, TextArena, Value};

use super::hash::Seed;
use super::value::StoredValue;

/// Ids that match by [`CorrelationId::matches`] have the same hash: of a wide id only the low 64 bits count.
pub(crate) fn hash_of_id(seed: Seed, id: &CorrelationId) -> u64 {
    match id {
        CorrelationId::Wide(wide) => seed.word(*wide as u64),
        CorrelationId::Number(number) => seed.word(*number),
        CorrelationId::Text(text) => seed.bytes(text.as_bytes()),
    }
}

/// The hash of the id that [`CorrelationId::parse`] would read.
pub(crate) fn hash_of_bytes(seed: Seed, bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok().map(str::trim);
    let Some(text) = text.filter(|text| !(bytes.len() == 16 && text.bytes().any(|byte| byte.is_ascii_control()))) else {
        return CorrelationId::parse(bytes).map(|id| hash_of_id(seed, &id));
    };
    if text.is_empty() {
        return None;
    }
    let ascii = text.as_bytes();
    let is_uuid = ascii.len() == 36 && [8, 13, 18, 23].iter().all(|at| ascii[*at] == b'-');
    if is_uuid || ascii.len() == 32 {
        let mut num_digits = 0;
        let mut low = 0_u64;
        for byte in ascii.iter().filter(|byte| !(is_uuid && **byte == b'-')) {
            let Some(digit) = (*byte as char).to_digit(16) else { break };
            low = low << 4 | u64::from(digit);
            num_digits += 1;
        }
        if num_digits == 32 {
            return Some(seed.word(low));
        }
    }
    if ascii.len() <= 20
        && ascii.iter().all(u8::is_ascii_digit)
        && (ascii.len() == 1 || ascii[0] != b'0')
        && let Ok(number) = text.parse()
    {
        return Some(seed.word(number));
    }
    Some(seed.bytes(ascii))
}

/// The hash of the id that an attribute's value holds.
pub(crate) fn hash_of_value(seed: Seed, value: Value, text: &TextArena) -> Option<u64> {
    match value {
        Value::Str(at) | Value::Bytes(at) => hash_of_bytes(seed, text.bytes(at)),
        Value::I64(number) => Some(u64::try_from(number).map_or_else(|_| seed.bytes(number.to_string().as_bytes()), |number| seed.word(number))),
        Value::F64(_) | Value::Bool(_) | Value::List(_) => None,
    }
}

/// The id that a stored attribute's value holds.
pub(crate) fn id_of(value: StoredValue<'_>) -> Option<CorrelationId> {
    match value {
        StoredValue::Str(bytes) | StoredValue::Bytes(bytes) => CorrelationId::parse(bytes),
        StoredValue::I64(number) => CorrelationId::parse(number.to_string().as_bytes()),
        StoredValue::F64(_) | StoredValue::Bool(_) | StoredValue::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spellings() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof![
            "[0-9a-fA-F-]{32}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9]{0,21}",
            " ?[a-z0-9-]{0,36} ?",
            "[a-z\\t]{16}",
        ];
        prop_oneof![proptest::collection::vec(any::<u8>(), 0..40), text.prop_map(String::into_bytes)]
    }

    proptest! {
        #[test]
        fn hashes_as_the_model_parses(bytes in spellings()) {
            let seed = Seed::random();
            prop_assert_eq!(hash_of_bytes(seed, &bytes), CorrelationId::parse(&bytes).map(|id| hash_of_id(seed, &id)));
        }
    }
}
