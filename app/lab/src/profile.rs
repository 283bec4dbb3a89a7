use std::{fmt::Write as _, path::Path};

use crate::{LabConfig, broker::SUBSCRIPTIONS};

/// One orders instance as the profile names it.
pub(crate) struct Endpoint {
    pub(crate) instance: &'static str,
    /// Port of the actuator.
    pub(crate) management_port: u16,
    /// Port of gRPC, with its health service.
    pub(crate) grpc_port: u16,
}

/// The profile by which a session sees this lab, as TOML.
pub(crate) fn profile(config: &LabConfig, brokers: &str, health_service: &str, orders: &[Endpoint], requests: &Path) -> String {
    let mut text = String::new();
    let groups = SUBSCRIPTIONS.iter().map(|(group, _)| format!("\"{group}\"")).collect::<Vec<_>>().join(", ");
    let _ = write!(
        text,
        "name = \"lab\"\nenvironment = \"lab\"\nrequests = {}\n\n[otlp]\ngrpc_port = {}\nhttp_port = {}\n\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = {}\ngroups = [{groups}]\n{}",
        quoted(&requests.display().to_string()),
        config.otlp_grpc_port,
        config.otlp_http_port,
        quoted(brokers),
        // The lab's own cluster is there to be tried out; another one is not ours to write to.
        if config.kafka.is_none() { "write = true\n" } else { "" },
    );
    for Endpoint { instance, management_port, .. } in orders {
        let _ = write!(
            text,
            "\n[[http]]\nname = \"{instance} actuator\"\nurl = \"http://127.0.0.1:{management_port}/actuator\"\nservice = \"orders\"\ninstance = \"{instance}\"\n"
        );
    }
    for Endpoint { instance, grpc_port, .. } in orders {
        let _ = write!(
            text,
            "\n[[grpc]]\nname = \"{instance} health\"\nurl = \"http://127.0.0.1:{grpc_port}\"\nservice = \"orders\"\nhealth = [\"\", \"{health_service}\"]\n"
        );
    }
    text
}

/// A TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_toml_with_every_source() {
        let endpoints = [
            Endpoint { instance: "orders-1", management_port: 8081, grpc_port: 5051 },
            Endpoint { instance: "orders-2", management_port: 8082, grpc_port: 5052 },
        ];
        let text = profile(&LabConfig::default(), "127.0.0.1:1,h\"o\\st:2", "shop.v1.Orders", &endpoints, Path::new("/tmp/a\"b"));
        assert!(text.contains("requests = \"/tmp/a\\\"b\"\n"), "{text}");
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["otlp"]["grpc_port"].as_integer(), Some(4317));
        assert_eq!(read["kafka"][0]["brokers"].as_str(), Some("127.0.0.1:1,h\"o\\st:2"));
        assert_eq!(read["kafka"][0]["write"].as_bool(), Some(true));
        let others = profile(&LabConfig { kafka: Some("h:1".to_owned()), ..LabConfig::default() }, "h:1", "shop.v1.Orders", &[], Path::new("r"));
        assert!(!others.contains("write"), "{others}");
        assert_eq!(read["kafka"][0]["groups"].as_array().map(Vec::len), Some(6));
        assert_eq!(read["http"][1]["url"].as_str(), Some("http://127.0.0.1:8082/actuator"));
        assert_eq!(read["grpc"][0]["health"][1].as_str(), Some("shop.v1.Orders"));
    }
}
