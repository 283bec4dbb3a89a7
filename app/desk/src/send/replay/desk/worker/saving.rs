//! A preview that is saved as a plan: records that were edited by hand are read again, so that none of their secrets comes into its file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use switchboard_model::{RawHash, Redactor, SeenRecord};

use crate::ledger::{HashKey, LetterKey};
use crate::send::edit::{Change, Changes};
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

impl Worker {
    /// Writes the preview into a file of its own, beside whatever else goes on; it is on the board once it is there.
    pub(super) async fn write_plan(&mut self, replay_id: String) -> Result<(), String> {
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
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let saved = saving.run().await;
            shared.update(|board| {
                // Another may stand there by now.
                if board.preview.as_ref().is_none_or(|preview| preview.replay_id != replay_id) {
                    return;
                }
                match saved {
                    Ok(path) => board.plan_file = Some((replay_id, path)),
                    Err(reason) => board.refusal = Some(format!("the plan is not saved: {reason}")),
                }
            });
        });
        Ok(())
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
        let changes = &self.preview.options().changes;
        let planned: BTreeMap<&LetterKey, &Planned> = self.preview.planned.iter().map(|planned| (&planned.asked.letter, planned)).collect();
        let is_in_file = |letter: &LetterKey| self.preview.file.as_ref().is_some_and(|file| file.line(&letter.at).is_some());
        let mut saved = Changes { to_all: changes.to_all.clone(), to_one: BTreeMap::new() };
        let mut by_hand = Vec::new();
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
            by_hand.push(((letter, of_one, planned.map(|planned| planned.source_hash)), seen));
        }
        let mut reading = Reading::new(by_hand, PAGE);
        while !reading.is_done() {
            for ((letter, of_one, planned_hash), read) in reading.next(&self.source).await {
                let untold = |why: String| format!("{letter} is edited, and which of that are secrets of it cannot be told: {why}");
                let record = read.map_err(|skipped| untold(skipped.to_string()))?;
                if planned_hash.is_some_and(|planned| planned != self.hash_key.hash_parts(&record.parts())) {
                    return Err(untold("another record lies there now. Make the preview again".to_owned()));
                }
                let around = of_one.iter().map(|change| change.around_secrets(&record, &self.redactor)).collect::<Result<_, _>>();
                saved.to_one.insert(letter.clone(), around.map_err(untold)?);
            }
        }
        Ok(saved)
    }
}
