//! Messages within `google.protobuf.Any`: no service names their types, so that a server tells them only when it is asked for each.

use std::collections::BTreeSet;

use serde_json::Value;

/// The most types that are asked for.
const TYPES_MAX: usize = 64;
/// Whoever reads messages knows these.
const WELL_KNOWN: &str = "google.protobuf.";

/// Full names of the messages that messages in JSON hold in an `Any`, each once.
pub(super) fn boxed_types(messages: &[String]) -> Vec<String> {
    let mut types = BTreeSet::new();
    for message in messages.iter().filter(|message| message.contains("@type")) {
        // What is no JSON is told by whoever encodes it.
        let Ok(value) = serde_json::from_str::<Value>(message) else { continue };
        let mut values = vec![&value];
        while let Some(value) = values.pop() {
            match value {
                Value::Array(all) => values.extend(all),
                Value::Object(fields) => {
                    let name = fields.get("@type").and_then(Value::as_str).map(|url| url.rsplit('/').next().unwrap_or_default());
                    types.extend(name.filter(|name| !name.is_empty() && !name.starts_with(WELL_KNOWN)).map(str::to_owned));
                    values.extend(fields.values());
                }
                _ => {}
            }
        }
    }
    types.into_iter().take(TYPES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_wherever_they_stand() {
        let messages = [
            r#"{"any": {"@type": "type.googleapis.com/shop.Box", "in": [{"@type": "x/shop.Item"}, {"@type": "x/shop.Box"}]}, "free": {"@type": 5}}"#,
            r#"[{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}, {"@type": ""}, {"@type": "shop.Bare"}]"#,
            "no JSON with @type",
            "{}",
        ];
        assert_eq!(boxed_types(&messages.map(str::to_owned)), ["shop.Bare", "shop.Box", "shop.Item"]);
        let many = format!("[{}]", (0..100).map(|number| format!("{{\"@type\": \"x/a.B{number}\"}}")).collect::<Vec<_>>().join(","));
        assert_eq!(boxed_types(&[many]).len(), TYPES_MAX);
    }
}
