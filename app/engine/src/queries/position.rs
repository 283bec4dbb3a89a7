//! A place on a channel, as people and logs write it.

use std::borrow::Cow;

/// A partition, an offset, and the channel where one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    channel: Option<String>,
    partition: i32,
    offset: i64,
}

impl Position {
    /// Reads `2@100`, `p2@100`, and with a topic before it `orders@2@100`, `orders 2@100`, `orders p2@100`, `orders-2@100`,
    /// `orders[2]@100`, `orders:2:100` or `orders/2/100`; `None` if it is none of these.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((place, offset)) = text.rsplit_once('@') {
            let (channel, partition) = channel_and_partition(place.trim())?;
            return Some(Self { channel, partition, offset: number(offset.trim())? });
        }
        let (place, offset) = text.rsplit_once([':', '/'])?;
        let (channel, partition) = place.rsplit_once([':', '/'])?;
        let channel = Some(channel.to_owned()).filter(|channel| !channel.is_empty())?;
        Some(Self { channel: Some(channel), partition: number(partition)?, offset: number(offset)? })
    }

    /// Whether a message lies there.
    pub(crate) fn is_at<'a>(&self, (partition, offset): (i32, i64), channel: impl FnOnce() -> Cow<'a, str>) -> bool {
        self.offset == offset && self.partition == partition && self.channel.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&channel()))
    }
}

fn channel_and_partition(place: &str) -> Option<(Option<String>, i32)> {
    let is_separator = |c: char| c.is_whitespace() || matches!(c, '@' | '-' | '/' | ':' | '[' | '#');
    let place = place.strip_suffix(']').unwrap_or(place);
    let start = place.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let partition = number(&place[start..])?;
    let before = &place[..start];
    let before = before.strip_suffix(['p', 'P']).filter(|rest| rest.is_empty() || rest.ends_with(is_separator)).unwrap_or(before);
    if before.is_empty() {
        return Some((None, partition));
    }
    let channel = before.strip_suffix(is_separator)?.trim_end();
    (!channel.is_empty()).then(|| (Some(channel.to_owned()), partition))
}

/// A number without sign.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::assert_linear;

    #[test]
    fn twice_the_text_takes_twice_the_time() {
        for part in ["@", "1@", "a@1@", ":", ":1", "/1", "1", "a", "p", "p1", "-", " ", "\u{3000}", "]", "[1]", "#", "é", "e\u{301}"] {
            for end in ["", "@1", "2@1", ":2:1", "[2]@1"] {
                let text = |len: usize| part.repeat(len / part.len()) + end;
                assert_linear(&format!("{part:?} with {end:?}"), 1 << 18, text, |text| Position::parse(text));
            }
        }
    }

    #[test]
    fn a_position_is_read_in_its_spellings() {
        let at = |channel: Option<&str>, partition: i32, offset: i64| Some(Position { channel: channel.map(str::to_owned), partition, offset });
        for (text, position) in [
            ("2@100", at(None, 2, 100)),
            (" p2@100 ", at(None, 2, 100)),
            ("2 @ 100", at(None, 2, 100)),
            ("orders.placed@2@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed 2@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed p2@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed-2@100", at(Some("orders.placed"), 2, 100)),
            ("orders-7-2@100", at(Some("orders-7"), 2, 100)),
            ("orders.placed[2]@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed:2:100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed/2/100", at(Some("orders.placed"), 2, 100)),
            ("shop 2@9223372036854775807", at(Some("shop"), 2, i64::MAX)),
            ("2@9223372036854775808", None),
            ("2147483648@1", None),
            ("-2@100", None),
            ("2@-100", None),
            ("orders@100", None),
            ("shop2@example.com", None),
            ("shop2@100", None),
            ("12:30", None),
            ("@100", None),
            ("2@", None),
            ("@", None),
            (":2:100", None),
            ("", None),
        ] {
            assert_eq!(Position::parse(text), position, "{text}");
        }
    }

    #[test]
    fn without_a_channel_it_is_the_place_on_any() {
        let is_at = |text: &str, channel: &'static str, at: (i32, i64)| Position::parse(text).expect("a position").is_at(at, || channel.into());
        assert!(is_at("2@100", "orders", (2, 100)) && is_at("2@100", "audit", (2, 100)));
        assert!(!is_at("2@100", "orders", (2, 101)) && !is_at("2@100", "orders", (1, 100)));
        assert!(is_at("Orders@2@100", "orders", (2, 100)) && !is_at("Orders@2@100", "audit", (2, 100)));
    }
}
