//! Where a secret of a profile comes from: never from the profile itself.

use std::sync::mpsc::sync_channel;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use crate::profile_error::ProfileError;
use crate::secret_command;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// What a command prints, without the line's end.
    Command(String),
}

/// A secret that requests can name. It goes to one server and no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSecret {
    /// By which requests name it.
    pub name: String,
    /// The server that it may go to: `https://host:port`.
    pub server: String,
    /// Where it comes from.
    pub from: Secret,
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Read as whatever it is: an error of serde would repeat a password that stands here.
        if let toml::Value::Table(table) = toml::Value::deserialize(deserializer)?
            && let Some((from, toml::Value::String(name))) = table.iter().next().filter(|_| table.len() == 1)
        {
            match from.as_str() {
                "env" => return Ok(Self::Env(name.clone())),
                "command" => return Ok(Self::Command(name.clone())),
                _ => {}
            }
        }
        Err(serde::de::Error::custom("a profile holds no secret; write { env = \"NAME\" } or { command = \"what prints it\" }"))
    }
}

impl Secret {
    /// Fetches the secret. `field` is named in errors; the secret never is.
    pub async fn fetch(&self, field: &str) -> Result<String, ProfileError> {
        let failed = |origin: String, reason: String| ProfileError::Secret { field: field.to_owned(), origin, reason };
        match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| failed(format!("the environment variable {name}"), "it is not set. Set it before you start Switchboard".to_owned())),
            Self::Command(command) => secret_command::ask(command).await.map_err(|reason| failed(format!("the command `{command}`"), reason)),
        }
    }

    /// The same where there may be none; `field` is one of this source.
    pub(crate) async fn fetch_if(secret: Option<&Self>, field: &str, source_name: &str) -> Result<Option<String>, ProfileError> {
        match secret {
            Some(secret) => secret.fetch(&format!("{field} of {source_name}")).await.map(Some),
            None => Ok(None),
        }
    }

    /// Waits for the secret, on a client's own thread. It is fetched by the runtime, which ends what is asked for it when it ends itself:
    /// the thread may be left behind.
    pub(crate) fn wait(&self, field: &str, runtime: &Handle) -> Result<String, String> {
        let (tell, told) = sync_channel(1);
        let (secret, field) = (self.clone(), field.to_owned());
        runtime.spawn(async move {
            let fetched = secret.fetch(&field).await.map_err(|error| error.to_string());
            let _waited_for = tell.send(fetched);
        });
        told.recv().unwrap_or_else(|_| Err("the program ends".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secrets_come_from_outside() {
        assert_eq!(Secret::Command("echo hidden".to_owned()).fetch("password").await.expect("printed"), "hidden");
        let error = Secret::Env("SWITCHBOARD_NO_SUCH_VARIABLE".to_owned()).fetch("password").await.expect_err("not set").to_string();
        assert!(error.contains("SWITCHBOARD_NO_SUCH_VARIABLE") && error.contains("Set it"), "{error}");
        let error = Secret::Command("exit 3".to_owned()).fetch("password").await.expect_err("fails").to_string();
        assert!(error.contains("exit 3"), "{error}");
    }

    #[cfg(target_os = "linux")]
    mod linux {
        use std::path::Path;
        use std::time::{Duration, Instant};

        use super::*;

        /// Waits for a state.
        fn wait_for<T>(what: &str, state: impl Fn() -> Option<T>) -> T {
            let deadline = Instant::now() + Duration::from_secs(20);
            loop {
                if let Some(state) = state() {
                    return state;
                }
                assert!(Instant::now() < deadline, "{what} did not come");
                std::thread::sleep(Duration::from_millis(10));
            }
        }

        /// What a process was started with; `None` once it has ended.
        fn command_line(process_id: &str) -> Option<Vec<u8>> {
            std::fs::read(Path::new("/proc").join(process_id).join("cmdline")).ok().filter(|line| !line.is_empty())
        }

        #[test]
        fn a_token_that_is_being_asked_for_ends_with_the_program() {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
            let said = Secret::Command("printf said".to_owned()).wait("token", runtime.handle());
            assert_eq!(said, Ok("said".to_owned()));
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("process");
            let hangs = Secret::Command(format!("echo $$ > '{}'; exec sleep 97534.25", path.display()));
            let handle = runtime.handle().clone();
            let waiting = std::thread::spawn(move || hangs.wait("token", &handle));
            let process_id = wait_for("the command", || {
                let text = std::fs::read_to_string(&path).ok()?;
                text.strip_suffix('\n').map(str::to_owned)
            });
            wait_for("what hangs", || command_line(&process_id).filter(|line| line.starts_with(b"sleep")));
            runtime.shutdown_timeout(Duration::from_secs(5));
            assert_eq!(waiting.join().expect("no panic"), Err("the program ends".to_owned()));
            wait_for("its end", || command_line(&process_id).is_none().then_some(()));
        }
    }
}
