use std::fmt;

use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// The business's source of chance, seeded once for the whole lab.
pub(crate) struct Dice(Mutex<StdRng>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// True with this probability, 0 to 1.
    pub(crate) fn chance(&self, probability: f64) -> bool {
        self.0.lock().random_bool(probability)
    }

    /// A number from 0 up to, but without, `limit`, which is at least 1.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        self.0.lock().random_range(0..limit)
    }

    /// A new random UUID (version 4). It does not depend on the seed: two labs on one Kafka must not mix their conversations up.
    #[expect(clippy::unused_self, reason = "all chance comes from the dice")]
    pub(crate) fn uuid(&self) -> Uuid {
        let mut bytes: [u8; 16] = rand::random();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid(bytes)
    }
}

/// A UUID; `Display` gives its usual text, the field its 16 raw bytes as Spring sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uuid(pub(crate) [u8; 16]);

impl Uuid {
    /// Reads the usual text with its four hyphens; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.split('-').collect();
        if groups.iter().map(|g| g.len()).ne([8, 4, 4, 4, 12]) {
            return None;
        }
        let digits = groups.concat();
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_text_has_version_and_variant_and_reads_back() {
        let uuid = Dice::new(7).uuid();
        let text = uuid.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]));
        assert_eq!(Uuid::parse(&text), Some(uuid));
        for bad in ["", "4711", "00000000-0000-0000-0000-00000000000g", "000000000-000-0000-0000-000000000000"] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_same_seed_throws_the_same() {
        let throw = |seed| (0..50).map(|_| 0).scan(Dice::new(seed), |dice, _: i32| Some(dice.below(1_000))).collect::<Vec<_>>();
        assert_eq!(throw(3), throw(3));
        assert_ne!(throw(3), throw(4));
    }
}
