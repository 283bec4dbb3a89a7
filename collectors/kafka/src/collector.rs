//! The collector as the session sees it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{Condition, FailureKind, Redactor, Sink, SourceCommand, Teller};

use crate::config::Config;
use crate::control::Control;
use crate::failure::BrokerErrors;
use crate::observer::Observer;
use crate::tail::Tail;
use crate::tail_control::TailControl;

/// How long a stop waits for the threads. A thread that is blocked in a library call ends later by itself; the closed sink
/// takes nothing from it any more.
const STOP_WITHIN: Duration = Duration::from_millis(400);

/// Observes one Kafka cluster: metadata, watermarks, consumer groups and records. Never joins a group, never commits, never
/// creates a topic.
pub struct KafkaCollector {
    control: Arc<Control>,
}

impl KafkaCollector {
    /// Begins to observe. Never fails: what goes wrong is a status. The library has threads of its own, so the runtime is not
    /// needed; it is named as in every other collector.
    pub fn start(config: Config, sink: Sink, redactor: Arc<Redactor>, _runtime: &tokio::runtime::Handle) -> Self {
        let control = Arc::new(Control::new(&config));
        let config = Arc::new(config);
        let (tail_control, errors) = (Arc::new(TailControl::default()), Arc::new(BrokerErrors::default()));
        let observer = Observer::new(Arc::clone(&config), Arc::clone(&control), Arc::clone(&tail_control), Arc::clone(&errors), sink.clone());
        let tail = Tail::new(config, Arc::clone(&control), Arc::clone(&tail_control), errors, sink.clone(), redactor);
        let read = move || {
            // What says how the cluster is doing goes on, and must not say that records are read.
            if catch_unwind(AssertUnwindSafe(|| tail.run())).is_err() {
                tail_control.broke_down();
            }
        };
        let spawned = spawn("kafka-observer", &control, move || observer.run()).and_then(|()| spawn("kafka-tail", &control, read));
        if let Err(error) = spawned {
            control.stop();
            let detail = format!("No thread could be started: {error}");
            Teller::new(sink).tell(Condition::failed(FailureKind::Limit, detail, "Raise the limit on threads of this user"));
        }
        Self { control }
    }

    /// Takes a command; never blocks.
    pub fn command(&self, command: SourceCommand) {
        self.control.command(command);
    }

    /// Ends it. Returns within 500 ms; a client that is blocked in a library call is destroyed later on a reaper thread.
    pub async fn stop(self) {
        self.control.stop();
        self.control.wait_until_ended(STOP_WITHIN).await;
    }
}

impl Drop for KafkaCollector {
    fn drop(&mut self) {
        self.control.stop();
    }
}

fn spawn(name: &str, control: &Arc<Control>, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let running = control.running();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _running = running;
            run();
        })
        .map(drop)
}
