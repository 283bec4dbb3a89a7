//! Where the records of a channel are proposed to be sent to: there again, or, where it holds dead letters, to the channel that they came from. Pure.

use std::collections::BTreeSet;

use switchboard_engine::view::{ChannelKey, DeadLetterView};
use switchboard_model::is_dead_letter_name;

use super::topics::Topic;
use crate::sanitise::visible;

/// Channels that are named at most where letters came from several.
const NAMED_MAX: usize = 3;

/// The channel that is proposed; the reason where none is: what lies among the dead cannot go back there, and nothing tells where it came from.
pub(super) fn proposed(channel: &ChannelKey, dead: &[DeadLetterView], topics: &[Topic]) -> Result<String, String> {
    let is_same = |cluster: Option<&str>| cluster.zip(channel.cluster.as_deref()).is_none_or(|(of, asked)| of == asked);
    let own = || dead.iter().filter(|view| view.channel == channel.name && is_same(Some(&view.cluster)));
    // Dead letters among others do not make what lies beside them dead.
    if !is_dead_letter_name(&channel.name) && !own().any(|view| !view.is_among_others) {
        return Ok(channel.name.clone());
    }
    let origins: BTreeSet<&str> = own().filter_map(|view| view.origin.as_deref()).collect();
    let origins: Vec<&str> = origins.into_iter().collect();
    match origins[..] {
        [origin] => return Ok(origin.to_owned()),
        [] => {}
        _ => {
            let named: Vec<_> = origins.iter().take(NAMED_MAX).map(|origin| visible(origin)).collect();
            let more = if origins.len() > NAMED_MAX { format!(" and {} more", origins.len() - NAMED_MAX) } else { String::new() };
            return Err(format!("what lies here came from {}{more}: name the channel to send to", named.join(", ")));
        }
    }
    let there = topics.iter().filter(|topic| is_same(topic.cluster.as_deref()) && !is_dead_letter_name(&topic.name));
    let named_after = there.map(|topic| topic.name.as_str()).filter(|name| is_named_after(&channel.name, name));
    named_after.max_by_key(|name| name.len()).map(str::to_owned).ok_or_else(|| {
        "neither the headers of what lies here nor the name of the topic tell which channel it came from: name the channel to send to".to_owned()
    })
}

/// Whether a dead-letter channel bears another's name, as its beginning, its end or between, up to separators: `orders-dlt`, `dlq.orders`,
/// `error.orders.inventory`.
fn is_named_after(dead: &str, name: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b'-' | b'.' | b'_'));
    let bytes = dead.as_bytes();
    !name.is_empty()
        && dead != name
        && dead.match_indices(name).any(|(at, _)| is_edge(at.checked_sub(1).and_then(|before| bytes.get(before))) && is_edge(bytes.get(at + name.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing, views::messages::topics::topics};

    fn key(name: &str) -> ChannelKey {
        ChannelKey { cluster: Some("lab-kafka".into()), name: name.into() }
    }

    #[test]
    fn what_lies_among_the_dead_is_proposed_to_go_where_it_came_from() {
        let business = testing::order_business();
        let topics = topics(&business);
        let of = business.dead_letters.iter().find(|view| view.channel == "orders.placed-dlt").expect("dead letters");
        let from = |channel: &str, origin: Option<&str>| DeadLetterView { channel: channel.into(), origin: origin.map(str::to_owned), ..of.clone() };
        let among_others = DeadLetterView { is_among_others: true, ..from("orders.placed", Some("orders.placed")) };
        let elsewhere = DeadLetterView { cluster: "staging".into(), ..from("orders.placed-dlt", Some("payments")) };
        for (channel, dead, told) in [
            ("orders.placed", vec![], Ok("orders.placed")),
            ("orders.placed", vec![among_others], Ok("orders.placed")),
            ("orders.placed-dlt", vec![from("orders.placed-dlt", Some("orders.v2"))], Ok("orders.v2")),
            // The profile calls it so.
            ("rejected", vec![from("rejected", Some("orders.v2"))], Ok("orders.v2")),
            // Its letters do not tell: the longest name of a topic that is in its name.
            ("orders.placed-dlt", vec![from("orders.placed-dlt", None)], Ok("orders.placed")),
            ("orders.placed-dlt", vec![elsewhere], Ok("orders.placed")),
            ("dlq.orders.placed", vec![], Ok("orders.placed")),
            ("error.orders.placed.inventory", vec![], Ok("orders.placed")),
            ("unheard-of-dlt", vec![], Err("neither the headers of what lies here nor the name")),
            ("reorders.placed-dlt", vec![], Err("neither the headers of what lies here nor the name")),
            (
                "all-dlq",
                vec![from("all-dlq", Some("b")), from("all-dlq", Some("a")), from("all-dlq", None)],
                Err("what lies here came from a, b: name the channel to send to"),
            ),
        ] {
            let found = proposed(&key(channel), &dead, &topics);
            match told {
                Ok(target) => assert_eq!(found.as_deref(), Ok(target), "{channel}"),
                Err(why) => assert!(found.as_ref().is_err_and(|found| found.starts_with(why)), "{channel}: {found:?}"),
            }
        }
    }
}
