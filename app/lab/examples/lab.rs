//! The lab as a program of its own: `lab [--kafka HOST:PORT] [--books FILE] [--otlp-grpc-port N] [--otlp-http-port N] [--rate N] [--seed N]
//! [--no-script] [--hold]`. Commands are lines on standard input.

use anyhow::{Context as _, bail};
use switchboard_lab::{LabConfig, run};

fn main() -> anyhow::Result<()> {
    let mut config = LabConfig::default();
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let mut value = || args.next().with_context(|| format!("{name} needs a value"));
        match name.as_str() {
            "--kafka" => config.kafka = Some(value()?),
            "--books" => config.books = Some(value()?.into()),
            "--otlp-grpc-port" => config.otlp_grpc_port = value()?.parse()?,
            "--otlp-http-port" => config.otlp_http_port = value()?.parse()?,
            "--rate" => config.rate = value()?.parse()?,
            "--seed" => config.seed = value()?.parse()?,
            "--no-script" => config.script = false,
            "--hold" => config.hold = true,
            _ => bail!("unknown argument {name}"),
        }
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(config))
}
