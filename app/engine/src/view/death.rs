//! How a record died that was read again, as its headers tell.

use crate::state::death;

/// What a dead letter tells of its death. All text is safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Death {
    /// The group it died in; `None` = it does not tell.
    pub group: Option<String>,
    /// How long it was tried again before it was given up, ns; `None` = it was not, or does not tell.
    pub retried_ns: Option<i64>,
}

impl Death {
    /// Of a record on this channel, by its time (ns since the Unix epoch) and its headers in their order; `None` = they tell of no death, or of one before
    /// it was put back where it came from.
    pub fn of<'a>(channel: &str, timestamp_ns: Option<i64>, headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>) -> Option<Self> {
        let info = death(headers, true).0.filter(|info| info.origin.as_deref() != Some(channel))?;
        Some(Self { group: info.group_on(channel), retried_ns: info.retried_ns(timestamp_ns) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_and_tries_are_told_by_the_headers_of_whatever_framework_gave_it_up() {
        let headers = [
            ("kafka_dlt-original-topic", "orders"),
            ("kafka_dlt-exception-fqcn", "java.lang.IllegalStateException"),
            ("kafka_dlt-original-consumer-group", "inventory"),
        ];
        let of = |channel: &str, num: usize| Death::of(channel, Some(9_000_000), headers.iter().take(num).map(|(name, value)| (*name, Some(value.as_bytes()))));
        assert_eq!(of("orders-dlt", 3), Some(Death { group: Some("inventory".to_owned()), retried_ns: None }));
        assert_eq!(of("orders-dlt", 2), Some(Death::default()));
        assert_eq!((of("orders", 3), of("orders-dlt", 0)), (None, None), "back where it came from, and never dead");
        // Spring Cloud Stream's headers leave the group out; the name of its channel has it.
        let bound = [("x-original-topic", "orders"), ("x-exception-message", "no"), ("x-exception-fqcn", "E"), ("x-exception-stacktrace", "E: no")];
        let told = Death::of("error.orders.billing", None, bound.iter().map(|(name, value)| (*name, Some(value.as_bytes()))));
        assert_eq!(told.and_then(|death| death.group).as_deref(), Some("billing"));
    }
}
