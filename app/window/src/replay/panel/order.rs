//! What becomes of the order of records that have the same key.

use switchboard_desk::send::replay::{KeyOrder, TargetPlan};

use super::{NAMED_MAX, figure};
use crate::{figures, ink::Tone, sanitise::visible, widgets::detail::Row};

/// Whether the order of each key is kept, and if not why.
pub(super) fn order_row(order: &KeyOrder, targets: &[TargetPlan]) -> Row {
    let keys = |num: usize| figures::things(num as u64, "key", "keys");
    let value = match (order.num_keys, order.num_kept) {
        (0, _) if targets.iter().map(|target| target.num).sum::<usize>() == order.num_keyless => "there are no keys".to_owned(),
        (0, _) => "each key is there once".to_owned(),
        (num, kept) if num == kept => format!("kept of {}", keys(num)),
        (num, kept) => format!("kept of {} of {}", figures::count(kept as u64), keys(num)),
    };
    let mut why = Vec::new();
    let mut say = |num: usize, words: &str| {
        if num > 0 {
            why.push(format!("{} {words}", keys(num)));
        }
    };
    say(order.num_apart, "into several partitions");
    say(order.num_from_several, "from several partitions, or from where is not told: as they were chosen");
    say(order.num_turned, "chosen otherwise than they lay");
    say(order.num_with_gaps, "of which some records are left out");
    if !order.divided_otherwise.is_empty() {
        let mut named: Vec<String> = order.divided_otherwise.iter().take(NAMED_MAX).map(|channel| visible(channel).into_owned()).collect();
        let more = order.divided_otherwise.len().saturating_sub(NAMED_MAX);
        named.extend((more > 0).then(|| format!("{more} more")));
        why.push(format!("{}: another number of partitions, or unknown, so earlier records of a key may lie in another", named.join(", ")));
    }
    if order.num_keyless > 0 && order.num_keys + order.num_with_gaps > 0 {
        why.push(format!("{} without a key", figures::things(order.num_keyless as u64, "record", "records")));
    }
    if order.num_unread > 0 {
        why.push(format!("the keys of {} left out were not read", figures::count(order.num_unread as u64)));
    }
    let is_kept = order.num_keys == order.num_kept && order.num_with_gaps == 0 && order.divided_otherwise.is_empty();
    figure("order per key", &value).explained(&why.join("; ")).toned(if is_kept { Tone::Quiet } else { Tone::Warn })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::dead_letters::sample;
    use switchboard_desk::send::replay::Writing;

    #[test]
    fn whether_the_order_of_each_key_is_kept_is_told_and_why_not() {
        let targets = sample::previewed(Writing::Allowed).preview.as_ref().expect("a preview").targets.clone();
        let all = targets[0].num;
        for (order, value, why, tone) in [
            (KeyOrder::default(), "each key is there once", "", Tone::Quiet),
            (KeyOrder { num_keyless: all, ..KeyOrder::default() }, "there are no keys", "", Tone::Quiet),
            (KeyOrder { num_keys: 1, num_kept: 1, num_keyless: 2, ..KeyOrder::default() }, "kept of 1 key", "2 records without a key", Tone::Quiet),
            (
                KeyOrder { num_keys: 1_041, num_kept: 1_037, num_apart: 2, num_from_several: 1, num_turned: 1, ..KeyOrder::default() },
                "kept of 1,037 of 1,041 keys",
                "2 keys into several partitions; 1 key from several partitions, or from where is not told: as they were chosen; 1 key chosen otherwise than they lay",
                Tone::Warn,
            ),
            (
                KeyOrder { num_keys: 3, num_kept: 3, num_with_gaps: 1, num_unread: 2, divided_otherwise: ["copy".into()].into(), ..KeyOrder::default() },
                "kept of 3 keys",
                "1 key of which some records are left out; copy: another number of partitions, or unknown, so earlier records of a key may lie in another; \
                 the keys of 2 left out were not read",
                Tone::Warn,
            ),
        ] {
            assert_eq!(order_row(&order, &targets), figure("order per key", value).explained(why).toned(tone), "{order:?}");
        }
    }
}
