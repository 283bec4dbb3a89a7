//! A preview that is saved as a plan: records that were edited by hand are read again, so that none of their secrets comes into its file. One is saved at a
//! time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{OriginalRecord, RawHash, Redactor, SeenRecord, Skipped};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::ledger::{HashKey, LetterKey};
use crate::send::edit::{Change, Changes, Secrets};
use crate::send::replay::desk::worker::Worker;
use crate::send::replay::plan_file::{self, plans_folder};
use crate::send::replay::prepare::{Reading, seen};
use crate::send::replay::source::Source;
use crate::send::replay::{Planned, Preview};

/// Records that are read at a time.
const PAGE: usize = 200;

/// What is saved, and what its records are read again by.
struct Saving {
    preview: Arc<Preview>,
    source: Source,
    redactor: Arc<Redactor>,
    hash_key: HashKey,
    folder: PathBuf,
}

/// A record that was edited by hand.
struct Edited {
    letter: LetterKey,
    changes: Vec<Change>,
    /// Of what was previewed; `None` = it is one of a file that does not go.
    planned_hash: Option<RawHash>,
}

impl Worker {
    /// Writes the preview into a file of its own, beside whatever else goes on; it is on the board once it is there, or why it is not.
    pub(super) async fn write_plan(&mut self, replay_id: String) -> Result<(), String> {
        if self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return Err("a plan is being saved; save this one once that is done".to_owned());
        }
        let preview = self.shared.board.lock().preview.clone().filter(|preview| preview.replay_id == replay_id);
        let Some(preview) = preview else { return Err("the preview is gone; make it again".to_owned()) };
        let ledger = self.ledger().await.map_err(|error| error.to_string())?;
        let saving = Saving {
            source: self.source_of(&preview)?,
            preview,
            redactor: Arc::clone(&self.config.redactor),
            hash_key: ledger.hash_key().clone(),
            folder: plans_folder(ledger.path()),
        };
        let (shared, pace) = (Arc::clone(&self.shared), saving.preview.options().pace);
        self.saving = Some(tokio::spawn(async move {
            let saved = saving.run().await;
            shared.update(|board| {
                // Another may stand there by now, or the same at another pace.
                let is_there = board.preview.as_ref().is_some_and(|preview| preview.replay_id == replay_id && preview.options().pace == pace);
                match saved {
                    Ok(path) if is_there => board.plan_file = Some((replay_id, path)),
                    Ok(_) => {}
                    Err(reason) if is_there => board.refusal = Some(format!("the plan is not saved: {reason}")),
                    Err(reason) => board.refusal = Some(format!("the plan of {replay_id}, a preview before, is not saved: {reason}")),
                }
            });
        }));
        Ok(())
    }
}

/// Waits until a plan is saved that still is; one that takes longer is given up, and nobody finds a part of it.
pub(super) async fn end(saving: JoinHandle<()>, within: Duration) {
    let abort = saving.abort_handle();
    if tokio::time::timeout(within, saving).await.is_err() {
        abort.abort();
        tracing::error!("A plan took longer than {within:?} to be saved, and is not.");
    }
}

impl Saving {
    async fn run(self) -> Result<PathBuf, String> {
        let changes = self.changes().await?;
        let Self { preview, hash_key, folder, .. } = self;
        let writing = tokio::task::spawn_blocking(move || plan_file::write(&folder, &preview, &changes, hash_key.id()));
        writing.await.map_err(|error| error.to_string())?
    }

    /// The changes of the preview, without what is a secret in the records that they are made to; an error says of which that cannot be told.
    async fn changes(&self) -> Result<Changes, String> {
        let (mut saved, by_hand) = self.by_hand();
        let mut reading = Reading::new(by_hand, PAGE);
        while !reading.is_done() {
            let page = reading.next(&self.source).await;
            let (redactor, hash_key) = (Arc::clone(&self.redactor), self.hash_key.clone());
            let around = move || page.into_iter().map(|(edited, read)| edited.around(read, &hash_key, &redactor)).collect::<Result<Vec<_>, _>>();
            saved.to_one.extend(spawn_blocking(around).await.map_err(|error| error.to_string())??);
        }
        Ok(saved)
    }

    /// The changes that are written as they are, and the records that were edited by hand.
    fn by_hand(&self) -> (Changes, Vec<(Edited, SeenRecord)>) {
        let changes = &self.preview.options().changes;
        let planned: BTreeMap<&LetterKey, &Planned> = self.preview.planned.iter().map(|planned| (&planned.asked.letter, planned)).collect();
        let is_in_file = |letter: &LetterKey| self.preview.file.as_ref().is_some_and(|file| file.line(&letter.at).is_some());
        let (mut saved, mut by_hand) = (Changes { to_all: changes.to_all.clone(), to_one: BTreeMap::new() }, Vec::new());
        for (letter, of_one) in &changes.to_one {
            let planned = planned.get(letter);
            if planned.is_none() && !is_in_file(letter) {
                // Nothing of it is written.
                continue;
            }
            if !of_one.iter().any(Change::is_by_hand) {
                saved.to_one.insert(letter.clone(), of_one.clone());
                continue;
            }
            let seen = planned.map_or_else(|| SeenRecord { at: letter.at.clone(), raw_hash: RawHash::UNKNOWN }, |planned| seen(&planned.asked));
            let edited = Edited { letter: letter.clone(), changes: of_one.clone(), planned_hash: planned.map(|planned| planned.source_hash) };
            by_hand.push((edited, seen));
        }
        (saved, by_hand)
    }
}

impl Edited {
    /// Its changes without what is a secret of it. Goes through all of its bytes.
    fn around(self, read: Result<OriginalRecord, Skipped>, hash_key: &HashKey, redactor: &Redactor) -> Result<(LetterKey, Vec<Change>), String> {
        let Self { letter, changes, planned_hash } = self;
        let untold = |why: String| format!("{letter} is edited, and which of that are secrets of it cannot be told: {why}");
        let record = read.map_err(|skipped| untold(skipped.to_string()))?;
        if planned_hash.is_some_and(|planned| planned != hash_key.hash_parts(&record.parts())) {
            return Err(untold("another record lies there now. Make the preview again".to_owned()));
        }
        let secrets = Secrets::of(&record, redactor).map_err(untold)?;
        let around = changes.iter().map(|change| secrets.around(change)).collect::<Result<_, _>>();
        let around = around.map_err(|why| format!("{letter} is edited: {why}"))?;
        Ok((letter, around))
    }
}
