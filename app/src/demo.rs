//! The demo's lab: a child process that a session watches like any other system.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

use crate::cli::DemoArgs;
use crate::profile::Profile;

/// How long the lab may take to print its profile.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long the lab may take to drain its queues and flush its exporters.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// The lab as a child. It ends with its standard input, so it never outlives this process.
pub struct LabChild {
    child: Child,
    stdin: ChildStdin,
    /// The last line that the lab said, without the leading `# `.
    said: watch::Receiver<String>,
    keeps_books: bool,
}

/// Ports for OTLP that are free now.
pub fn free_otlp_ports() -> anyhow::Result<(u16, u16)> {
    let bind = || std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback");
    let (grpc, http) = (bind()?, bind()?);
    Ok((grpc.local_addr()?.port(), http.local_addr()?.port()))
}

impl LabChild {
    /// Starts the lab, at rest: no order is placed before [`LabChild::go`]. Gives the lab and the profile that it prints.
    pub async fn start(args: &DemoArgs, otlp_grpc_port: u16, otlp_http_port: u16) -> anyhow::Result<(Self, Profile)> {
        let program = std::env::current_exe().context("this program's own path is unknown, so the lab cannot be started")?;
        let mut command = Command::new(program);
        command.arg("lab").args(["--otlp-grpc-port", &otlp_grpc_port.to_string(), "--otlp-http-port", &otlp_http_port.to_string()]);
        command.arg("--hold").args(["--rate", &args.rate.to_string()]);
        if let Some(kafka) = &args.kafka {
            command.args(["--kafka", kafka]);
        }
        if let Some(books) = &args.books {
            command.arg("--books").arg(books);
        }
        if args.no_script {
            command.arg("--no-script");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().context("the lab could not be started")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { bail!("the lab was started without pipes") };
        let mut lines = BufReader::new(stdout).lines();
        let text = tokio::time::timeout(READY_WITHIN, async {
            let mut text = String::new();
            while let Some(line) = lines.next_line().await? {
                if line == "# ready" {
                    return Ok(text);
                }
                text.push_str(&line);
                text.push('\n');
            }
            bail!("the lab ended before it was ready; run `switchboard lab` to see why")
        });
        let text = text.await.context("the lab was not ready within 30 s; run `switchboard lab` to see why")??;
        let profile = Profile::parse(&text, "the lab's")?;
        let (say, said) = watch::channel(String::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                say.send_replace(line.trim_start_matches("# ").to_owned());
            }
        });
        Ok((Self { child, stdin, said, keeps_books: args.books.is_some() }, profile))
    }

    /// Lets the business begin.
    pub async fn go(&mut self) -> anyhow::Result<()> {
        self.tell("go").await
    }

    /// The last thing the lab said; changes can be awaited.
    pub fn said(&self) -> watch::Receiver<String> {
        self.said.clone()
    }

    /// Whether it was asked to write its books.
    pub fn keeps_books(&self) -> bool {
        self.keeps_books
    }

    /// Stops the business: no new orders, queues drained as far as the faults allow, exporters flushed, books written.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        let mut said = self.said.clone();
        self.tell("stop").await?;
        tokio::time::timeout(STOPPED_WITHIN, said.wait_for(|line| line == "stopped"))
            .await
            .context("the lab did not come to rest within 30 s")?
            .context("the lab ended while it came to rest")?;
        Ok(())
    }

    /// Ends the lab.
    pub async fn quit(mut self) {
        // A lab that is gone already is what we want.
        let _gone = self.tell("quit").await;
        if tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await.is_err() {
            let _gone = self.child.kill().await;
        }
    }

    async fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.context("the lab has ended")?;
        self.stdin.flush().await.context("the lab has ended")
    }
}
