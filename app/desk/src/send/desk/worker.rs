//! The one task behind the desk: it takes commands, and starts what takes time as operations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{OperationId, OperationInfo};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::reflection::describe;
use super::sending::Sending;
use super::{Office, Then};
use crate::send::board::{ByHand, Question, SchemaBoard, SchemaKey, SentId};
use crate::send::command::{SendAsk, SendCommand};
use crate::send::draft::{Draft, Request};
use crate::send::saved::{self, SavedBoard};

/// Between two looks at which clusters there are.
const LOOK: Duration = Duration::from_millis(250);
/// Schemas that are kept: the one that was asked for first goes.
const MAX_SCHEMAS: usize = 32;

pub(super) struct Worker {
    office: Arc<Office>,
    /// Operations by what they send.
    sending: BTreeMap<SentId, OperationId>,
}

impl Worker {
    pub(super) fn new(office: Arc<Office>) -> Self {
        Self { office, sending: BTreeMap::new() }
    }

    /// Carries out commands until nobody can give any more.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<SendCommand>) {
        self.reload().await;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.carry_out(command).await,
                    None => break,
                },
                _ = look.tick() => self.show_clusters(),
            }
        }
    }

    async fn carry_out(&mut self, command: SendCommand) {
        let office = Arc::clone(&self.office);
        match command {
            SendCommand::Send(ask) => {
                *office.asked.lock() = None;
                office.clears();
                self.send(ask, false);
            }
            SendCommand::Confirm { typed_name } => self.confirm(typed_name.as_deref()),
            SendCommand::Withdraw => {
                *office.asked.lock() = None;
                office.update(|board| (board.refusal, board.asking) = (None, None));
            }
            SendCommand::Cancel(sent_id) => {
                if let Some(operation) = self.sending.get(&sent_id) {
                    office.config.operations.cancel(*operation);
                }
            }
            SendCommand::SaveBody(sent_id, path) => {
                // No other command waits for the disk.
                tokio::spawn(async move {
                    let written = Arc::clone(&office).save_body(sent_id, path).await;
                    office.update(|board| match written {
                        Ok(path) => (board.refusal, board.written) = (None, Some((sent_id, path))),
                        Err(reason) => (board.refusal, board.written) = (Some(reason), None),
                    });
                });
            }
            SendCommand::Message(sent_id, text) => {
                let refused = self.message(sent_id, &text).err();
                office.update(|board| {
                    let number = board.by_hand.as_ref().map_or(0, |before| before.number) + 1;
                    (board.refusal, board.by_hand) = (None, Some(ByHand { sent_id, number, refused }));
                });
            }
            SendCommand::HalfClose(sent_id) => {
                office.change(sent_id, |sent| sent.is_open = false);
                office.open.lock().remove(&sent_id);
            }
            SendCommand::Forget => {
                office.update(|board| board.sent.retain(|sent| sent.is_going()));
                office.forget_bodies();
            }
            SendCommand::Describe(draft, environment) => {
                let draft = Arc::new(Draft { name: String::new(), request: Request::Grpc(*draft) });
                self.describe(SendAsk { draft, environment, given: BTreeMap::new(), by_hand: false, is_probe: false });
            }
            SendCommand::Save { path, draft } => self.change_saved(move |folder| saved::save(folder, &path, &draft)).await,
            SendCommand::SaveImported { requests, environment, variables } => {
                self.change_saved(move |folder| saved::save_imported(folder, &requests, &environment, &variables)).await;
            }
            SendCommand::SaveProto { path, text } => self.change_saved(move |folder| saved::save_proto(folder, &path, &text)).await,
            SendCommand::Remove(path) => self.change_saved(move |folder| saved::remove(folder, &path)).await,
            SendCommand::Reload => self.reload().await,
        }
    }

    fn send(&mut self, ask: SendAsk, is_meant: bool) {
        let office = Arc::clone(&self.office);
        let sent_id = office.next_id();
        let info = OperationInfo { what: format!("Send {}", ask.draft.title()), source: String::new() };
        let sending = Sending { office: Arc::clone(&office), sent_id, ask, is_meant };
        match office.config.operations.start::<(), _, _>(info, |teller| sending.run(teller)) {
            Ok(operation) => {
                let kept = &office.board.lock().sent;
                self.sending.retain(|sent_id, _| kept.iter().any(|sent| sent.sent_id == *sent_id && sent.is_going()));
                self.sending.insert(sent_id, operation.id());
            }
            Err(failure) => office.refuse(failure.to_string()),
        }
    }

    fn confirm(&mut self, typed_name: Option<&str>) {
        let Some(asked) = self.office.asked.lock().take() else { return self.office.refuse("nothing is asked any more; send it again") };
        let is_meant = matches!(asked.asking.question, Question::Confirm { .. });
        if !is_meant && let Err(refused) = asked.way.allow(&self.office, typed_name) {
            let reason = refused.to_string();
            *self.office.asked.lock() = Some(asked);
            return self.office.refuse(reason);
        }
        if is_meant {
            asked.way.confirmed(&self.office);
        }
        self.office.update(|board| (board.refusal, board.asking) = (None, None));
        match asked.then {
            Then::Send => self.send(asked.asking.ask, is_meant),
            Then::Describe => self.describe(asked.asking.ask),
        }
    }

    fn message(&self, sent_id: SentId, text: &str) -> Result<(), String> {
        let open = self.office.open.lock();
        let stream = open.get(&sent_id).ok_or("this stream is not open any more; send it again")?;
        let bytes = stream.schema.encode(&stream.method, text)?;
        let room = stream.messages.try_reserve().map_err(|error| match error {
            TrySendError::Full(()) => "messages wait to be taken by the server; wait a little, or cancel the call",
            TrySendError::Closed(()) => "the call is over; send it again",
        })?;
        // Before it goes: what is answered stands below it, however quick the answer is.
        let _ = stream.live.message(true, text.to_owned(), bytes.len(), self.office.now_ns());
        room.send(bytes);
        Ok(())
    }

    fn describe(&self, ask: SendAsk) {
        let office = Arc::clone(&self.office);
        let Request::Grpc(draft) = &ask.draft.request else { return };
        let key = SchemaKey::of(draft);
        let info = OperationInfo { what: "Ask what methods take".to_owned(), source: key.url.clone() };
        *office.asked.lock() = None;
        office.update(|board| {
            (board.refusal, board.mistake, board.asking) = (None, None, None);
            while board.schemas.len() >= MAX_SCHEMAS {
                board.schemas.pop_first();
            }
            board.schemas.insert(key.clone(), SchemaBoard::Asking);
        });
        let asking = Arc::clone(&office);
        let started = office.config.operations.start::<(), _, _>(info, |teller| describe(asking, ask, teller));
        if let Err(failure) = started {
            office.update(|board| drop(board.schemas.insert(key, SchemaBoard::Failed(failure.to_string()))));
        }
    }

    async fn change_saved(&self, change: impl FnOnce(&std::path::Path) -> Result<(), String> + Send + 'static) {
        let Some(folder) = self.office.config.requests.clone() else {
            return self.office.refuse("this session has no folder for requests: start with --profile, and they are kept beside it");
        };
        let changed = tokio::task::spawn_blocking(move || change(&folder)).await.unwrap_or_else(|_| Err("the program itself failed".to_owned()));
        match changed {
            Ok(()) => self.office.update(|board| board.refusal = None),
            Err(reason) => self.office.refuse(reason),
        }
        self.reload().await;
    }

    async fn reload(&self) {
        let Some(folder) = self.office.config.requests.clone() else { return };
        if let Ok(saved) = tokio::task::spawn_blocking(move || SavedBoard::read(&folder)).await
            && *self.office.board.lock().saved != saved
        {
            self.office.update(|board| board.saved = Arc::new(saved));
        }
    }

    fn show_clusters(&self) {
        let names = self.office.config.clusters.names();
        if self.office.board.lock().clusters != names {
            self.office.update(|board| board.clusters = names);
        }
    }
}
