//! The lab as a process of its own, quiet: little happens but what a test does.

use std::process::Stdio;
use std::time::Duration;

use crate::program::{Program, free_ports};

/// The lab, and the profile that watches it (TOML). It ends when it is dropped, for then its standard input ends.
pub fn quiet_lab(within: Duration) -> (Program, String) {
    let (grpc_port, http_port) = free_ports().expect("ports");
    let ports = (grpc_port.to_string(), http_port.to_string());
    let args = ["lab", "--rate", "0.1", "--no-script", "--otlp-grpc-port", &ports.0, "--otlp-http-port", &ports.1];
    let mut lab = Program::start_as(&args, |command| {
        command.stdin(Stdio::piped());
    })
    .expect("starts");
    lab.wait_for_line("# ready", within).expect("the lab");
    let profile = lab.output().split("# ready").next().unwrap_or_default().to_owned();
    (lab, profile)
}
