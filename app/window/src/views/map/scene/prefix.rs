//! The part that all names begin with: said once instead of on every box. Pure.

/// Fewer names than this keep theirs whole.
const NAMES_MIN: usize = 3;
/// A shorter beginning is no burden.
const PREFIX_CHARS_MIN: usize = 3;

/// How many bytes all names begin with alike, up to and with a separator, so that something is left of each.
pub(crate) fn common_prefix<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let mut common: Option<&str> = None;
    let mut num = 0;
    for name in names {
        num += 1;
        // Without its last character: something has to be left.
        let name = name.char_indices().next_back().map_or("", |(last, _)| &name[..last]);
        common = Some(match common {
            None => name,
            Some(common) => {
                let same = common.char_indices().zip(name.chars()).find(|((_, a), b)| a != b).map_or(common.len().min(name.len()), |((at, _), _)| at);
                &common[..same]
            }
        });
    }
    let common = common.filter(|_| num >= NAMES_MIN).unwrap_or_default();
    let end = common.rfind(['-', '.', '_', '/', ':']).map_or(0, |at| at + 1);
    if common[..end].chars().count() >= PREFIX_CHARS_MIN { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_that_all_begin_with_are_cut() {
        for (names, prefix) in [
            (&["acme-shop-orders", "acme-shop-payments", "acme-shop-search"][..], "acme-shop-"),
            (&["acme-orders", "acme-ordering", "acme-order-status"], "acme-"),
            (&["orders", "orders-db", "orders-api"], ""),
            (&["acme.a", "acme.b"], ""),
            (&["a-one", "a-two", "a-three"], ""),
            (&["zürich-a", "zürich-b", "zürlich-c"], ""),
            (&["zürich-a", "zürich-b", "zürich-c"], "zürich-"),
            (&[], ""),
        ] {
            let len = common_prefix(names.iter().copied());
            assert_eq!(names.first().map_or("", |name| &name[..len]), prefix, "of {names:?}");
        }
    }

    #[test]
    fn something_is_left_of_each_name() {
        // The shortest name is the prefix itself.
        let names = ["acme-", "acme-b", "acme-c"];
        assert!(common_prefix(names.into_iter()) < "acme-".len());
    }
}
