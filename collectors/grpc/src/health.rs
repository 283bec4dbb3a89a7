//! The collector: one follower per health service asked for, and a board on which all of them write.

use std::sync::Arc;

use switchboard_model::{Condition, Redactor, Sink, SourceCommand, Teller};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Config;
use crate::board::Board;
use crate::endpoint::connect;
use crate::failure::Failure;
use crate::follow::Follower;

/// The most health services asked for.
const MOST_ASKED: usize = 64;

/// Follows the health services of one gRPC server until it is stopped.
#[derive(Debug)]
pub struct GrpcHealth {
    refresh: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl GrpcHealth {
    /// Starts asking. Never fails: what does not work is a status of the source.
    pub fn start(config: Config, sink: Sink, _redactor: Arc<Redactor>, runtime: &tokio::runtime::Handle) -> Self {
        let (refresh, refreshed) = watch::channel(0);
        let task = runtime.spawn(run(config, sink, refreshed));
        Self { refresh, task }
    }

    /// Takes a command: a refresh checks now; others are not for this kind of source.
    #[expect(clippy::needless_pass_by_value, reason = "all collectors take commands alike")]
    pub fn command(&self, command: SourceCommand) {
        if command == SourceCommand::Refresh {
            self.refresh.send_modify(|number| *number += 1);
        }
    }

    /// Ends all asking; what was under way is dropped at once.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for GrpcHealth {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut config: Config, sink: Sink, refreshed: watch::Receiver<u64>) {
    let num_asked = config.asked.len();
    config.asked.truncate(MOST_ASKED);
    if config.asked.is_empty() {
        config.asked.push(String::new());
    }
    let mut teller = Teller::new(sink.clone());
    let (server, channel) = match connect(&config) {
        Ok(connected) => connected,
        Err(failure) => {
            // Nothing but another profile mends this.
            teller.tell(failure.told());
            return;
        }
    };
    let too_many = (num_asked > MOST_ASKED).then(|| Failure::too_many_asked(num_asked, MOST_ASKED));
    teller.tell(Condition::connecting(format!("asks {}", server.address)));
    let board = Arc::new(Board::new(&config, server.address.clone(), too_many, sink, teller));
    let mut followers = JoinSet::new();
    for (at, asked) in config.asked.iter().enumerate() {
        followers.spawn(Follower::new(at, asked.clone(), &config, server.clone(), channel.clone(), Arc::clone(&board), refreshed.clone()).run());
    }
    // Followers end when the session closed the source, or with this task, which owns them.
    while followers.join_next().await.is_some() {}
}
