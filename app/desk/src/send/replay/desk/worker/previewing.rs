//! What is asked before anything is sent: previews, leave to send what they show, records to be edited.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use switchboard_engine::view::{Answer, LetterOrder};
use switchboard_model::{OperationEnd, OperationInfo, OriginalRecord, Redactor, Skipped};

use crate::ledger::{HashKey, Ledger, LetterKey};
use crate::operations::OperationHandle;
use crate::send::edit::{Changes, MaskedRecord};
use crate::send::record_file::RecordFile;
use crate::send::replay::board::{LookBoard, Preparing};
use crate::send::replay::clusters::{Reach, writing};
use crate::send::replay::desk::worker::Worker;
use crate::send::replay::look::Look;
use crate::send::replay::pace::Pace;
use crate::send::replay::plan::choose;
use crate::send::replay::prepare::seen;
use crate::send::replay::preview_task::{Chosen, PreviewTask};
use crate::send::replay::source::Source;
use crate::send::replay::target::Goal;
use crate::send::replay::{
    AskedFile, AskedLetter, AskedLetters, AskedRange, ChosenPace, EditBoard, LetterCause, PaceBounds, Preview, ReplayAsk, ReplayOptions, target_words,
};

/// Letters of a cause asked for at a time, where all are meant.
const LISTED_AT_ONCE: usize = 5_000;
/// A file that takes longer to be read is given up.
const FILE_WITHIN: Duration = Duration::from_secs(10);
const OTHER_LEDGER: &str = "the plan was written beside another ledger, so nobody can tell whether its records are still the same. Make it anew here";

/// A file that was read.
struct OfFile {
    file: Arc<RecordFile>,
    /// Its records.
    letters: Vec<AskedLetter>,
    /// All that is changed of them.
    changes: Changes,
    /// As it was asked for, with what is known of it now.
    asked: AskedFile,
}

impl OfFile {
    /// What is asked for of a file that was read; the reason where it is another than the one that was planned. It goes through all of its bytes.
    fn of(file: RecordFile, asked: AskedFile, mut changes: Changes, redactor: &Redactor, is_for_the_dead: &dyn Fn(&str, &str) -> bool) -> Result<Self, String> {
        if asked.planned_hash.is_some_and(|planned| planned != file.hash()) {
            return Err(format!("{} is not what it was when it was planned: it changed. Make the plan anew", file.path().display()));
        }
        for (line, of_line) in &asked.line_changes {
            let letter = file.letter_in(*line).ok_or_else(|| format!("line {line} of {} is no record, and the plan changes it", file.path().display()))?;
            changes.to_one.insert(letter, of_line.clone());
        }
        let letters = file.letters(redactor, is_for_the_dead);
        let channels = letters.iter().map(|asked| asked.own_channel().to_owned()).collect();
        Ok(Self { file: Arc::new(file), letters, changes, asked: AskedFile { channels, ..asked } })
    }
}

impl Worker {
    /// The preview is made, or whoever looks at the operations stopped it, or it failed.
    pub(super) fn show_preparing_ended(&mut self, end: OperationEnd) {
        self.preparing = None;
        match end {
            OperationEnd::Done => {}
            OperationEnd::Cancelled => self.shared.give_up_preview("the preview was stopped; ask for it again"),
            OperationEnd::Failed(failure) => self.shared.give_up_preview(&failure.to_string()),
        }
    }

    pub(super) async fn preview(&mut self, ask: ReplayAsk) -> Result<(), String> {
        if self.is_running() {
            return Err("a run is going on; stop it first".to_owned());
        }
        let to = self.clusters.reach(ask.to())?;
        let to_name = to.name().to_owned();
        let bounds = PaceBounds::of(&self.config.pace, to.access.caps());
        let (num_canary, rate_per_s) = bounds.choose(ask.options.pace)?;
        let (ask, of_file, source) = if let Some(OfFile { file, letters, changes, asked }) = self.file(&ask, &to).await? {
            let options = ReplayOptions { changes: Arc::new(changes), ..ask.options.clone() };
            (ReplayAsk { letters: AskedLetters::File(asked), options, ..ask }, letters, Source::File(file))
        } else {
            let reach = self.clusters.reach(&ask.cluster)?;
            (ask, Vec::new(), Source::Cluster(reach))
        };
        if let Some(mistake) = ask.options.changes.mistake() {
            return Err(mistake);
        }
        let ask = Arc::new(ask);
        let (letters, num_stored) = match &ask.letters {
            AskedLetters::File(_) => {
                let num = of_file.len() as u64;
                (of_file, num)
            }
            AskedLetters::Ranges(ranges) => {
                if let Some(mistake) = ranges.iter().find_map(AskedRange::mistake) {
                    return Err(mistake);
                }
                (Vec::new(), 0)
            }
            AskedLetters::These(letters) => (letters.clone(), ask.num_stored),
            AskedLetters::AllOpen { cause, until_ns, except } => {
                let ledger = self.ledger().await.map_err(|error| error.to_string())?;
                self.all_open(&ledger, cause, *until_ns, except).await?
            }
        };
        let is_for_the_dead = |channel: &str| to.access.is_dead_letter_channel(channel);
        let goal = Goal { ask: &ask, is_for_the_dead: &is_for_the_dead };
        if let Some(reason) = goal.wrong(&letters) {
            return Err(reason);
        }
        // Without a ledger nobody knows what was sent before.
        let ledger = self.ledger().await.map_err(|error| error.to_string())?;
        if ask.plan_key.as_ref().is_some_and(|plan_key| plan_key != ledger.hash_key().id()) {
            return Err(OTHER_LEDGER.to_owned());
        }
        let known = ledger.letters();
        let chosen = if let AskedLetters::Ranges(ranges) = &ask.letters {
            Chosen::Ranges(ranges.clone())
        } else {
            let (letters, skipped) = choose(letters, ask.options.again, |letter| known.get(letter).map(|record| record.state.clone()).unwrap_or_default());
            let (letters, skipped) = goal.direct(letters, skipped);
            Chosen::Letters(letters, skipped)
        };
        let targets = chosen.targets(&ask);
        let ids = self.cluster_ids();
        let replay_id = new_replay_id()?;
        let task = PreviewTask {
            cluster_id: ids.get(&to_name).cloned(),
            cluster: to_name,
            from_id: ids.get(&ask.cluster).cloned(),
            from: if matches!(source, Source::File(_)) { ask.to().to_owned() } else { ask.cluster.clone() },
            targets,
            ask,
            num_stored,
            chosen,
            replay_id,
            source: source.clone(),
            to: Arc::clone(&to.access),
            letters: known,
            observed: Arc::clone(&self.config.observed),
            redactor: Arc::clone(&self.config.redactor),
            hash_key: ledger.hash_key().clone(),
            pace: Pace { num_canary, rate_per_s, ..self.config.pace },
            bounds,
        };
        let preparing = Preparing { num_read: 0, num_asked: task.chosen.num() };
        let to_where = target_words(task.targets.iter().map(String::as_str));
        let info = OperationInfo { what: format!("Preview of a replay to {to_where}"), source: task.cluster.clone() };
        let shared = Arc::clone(&self.shared);
        self.end_look();
        let mut done = Ok(());
        // At once: what is shown stays where another cannot begin, and one that begins shows nothing before that is gone.
        shared.update(|board| match self.config.operations.start(info, |teller| task.run(Arc::clone(&shared), teller)) {
            Ok(operation) => {
                self.end_preparing();
                self.end_run();
                let reach = if let Source::Cluster(reach) = source { reach } else { to };
                self.preparing = Some((reach, operation));
                (board.preparing, board.preview, board.run, board.plan_file) = (Some(preparing), None, None, None);
            }
            Err(failure) => done = Err(failure.to_string()),
        });
        done
    }

    /// The file whose records are asked for, read now; `None` = none is. The reason where it is none of records, or another than the one that was planned.
    async fn file(&mut self, ask: &ReplayAsk, to: &Reach) -> Result<Option<OfFile>, String> {
        let AskedLetters::File(asked) = &ask.letters else { return Ok(None) };
        let hash_key = self.ledger().await.map_err(|error| error.to_string())?.hash_key().clone();
        if ask.plan_key.as_ref().is_some_and(|plan_key| plan_key != hash_key.id()) {
            return Err(OTHER_LEDGER.to_owned());
        }
        let mut known = self.cluster_ids();
        // Where several sources read a cluster, by the one that is sent to.
        if let Some(id) = known.get(to.name()).cloned() {
            known.retain(|name, told| *told != id || name == to.name());
        }
        let (to, clusters, redactor) = (to.clone(), self.clusters.clone(), Arc::clone(&self.config.redactor));
        let (asked, changes) = (asked.clone(), Changes::clone(&ask.options.changes));
        let path = asked.path.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let is_for_the_dead = |cluster: &str, channel: &str| {
                // Of a cluster that is not in reach its channels' names tell, and what is said of the one that is sent to.
                let lies = clusters.reach(cluster);
                lies.as_ref().unwrap_or(&to).access().is_dead_letter_channel(channel)
            };
            // What stands in a line may be a secret.
            let file = RecordFile::read(&asked.path, &known, &hash_key).map_err(|reason| redactor.redact_text(&reason).unwrap_or(reason))?;
            OfFile::of(file, asked, changes, &redactor, &is_for_the_dead)
        });
        let read = tokio::time::timeout(FILE_WITHIN, reading).await;
        let read = read.map_err(|_| format!("{} was not read within {} s. Copy it to a disk of this machine", path.display(), FILE_WITHIN.as_secs()))?;
        let of_file = read.map_err(|error| error.to_string())??;
        self.know_file(&of_file.file);
        Ok(Some(of_file))
    }

    /// All letters of a cause that are open and had come by then, oldest first, and how many of it are stored.
    pub(super) async fn all_open(
        &self,
        ledger: &Ledger,
        cause: &LetterCause,
        until_ns: i64,
        except: &BTreeSet<LetterKey>,
    ) -> Result<(Vec<AskedLetter>, u64), String> {
        let (kind, known) = (cause.kind(), ledger.letters());
        let is_open = |letter: &LetterKey| known.get(letter).is_none_or(|record| record.state.is_open()) && !except.contains(letter);
        let (mut letters, mut num_read) = (Vec::new(), 0);
        loop {
            let Some(Answer::DeadLetters(page)) = self.config.observed.query(cause.query(LetterOrder::OldestFirst, num_read, LISTED_AT_ONCE)).await else {
                return Err("the engine did not answer in time; try again".to_owned());
            };
            num_read += page.letters.len();
            let had_come = page.letters.iter().filter(|view| view.received_ns <= until_ns);
            letters.extend(had_come.map(|view| AskedLetter::of(view, kind)).filter(|asked| is_open(&asked.letter)));
            if page.letters.is_empty() || page.num_left() == 0 {
                return Ok((letters, page.total));
            }
        }
    }

    pub(super) fn end_preparing(&mut self) {
        if let Some((_, operation)) = self.preparing.take() {
            operation.cancel();
        }
    }

    pub(super) fn allow(&mut self, replay_id: &str, typed_name: Option<&str>) -> Result<(), String> {
        let preview = self.shared.board.lock().preview.clone().filter(|preview| preview.replay_id == replay_id);
        let Some(preview) = preview else { return Err("the preview is gone; make it again".to_owned()) };
        let reach = self.clusters.reach(&preview.cluster)?;
        reach.access.allow(preview.cluster_id.as_deref(), typed_name).map_err(|refused| refused.to_string())?;
        let allowed = Preview { writing: writing(reach.access.as_ref(), preview.cluster_id.as_ref()), ..Preview::clone(&preview) };
        self.shared.update(|board| board.preview = Some(Arc::new(allowed)));
        self.show_clusters();
        Ok(())
    }

    /// Takes over how many of the preview go first, and how fast the rest goes. What was read stays; a plan that was saved of it is another one now.
    pub(super) fn choose_pace(&self, replay_id: &str, pace: ChosenPace) -> Result<(), String> {
        if self.run.is_some() {
            return Err("this preview was sent already; make another".to_owned());
        }
        let preview = self.shared.board.lock().preview.clone().filter(|preview| preview.replay_id == replay_id);
        let Some(preview) = preview else { return Err("the preview is gone; make it again".to_owned()) };
        if preview.options().pace != pace {
            let paced = Arc::new(Preview::clone(&preview).at_pace(pace)?);
            self.shared.update(|board| (board.preview, board.plan_file) = (Some(paced), None));
        }
        Ok(())
    }

    /// Reads a record of the preview again, to be looked at; what was asked for before is not read any more.
    pub(super) async fn look(&mut self, replay_id: String, letter: LetterKey) {
        if let Some(before) = self.looking.take() {
            before.abort();
        }
        let shared = Arc::clone(&self.shared);
        shared.update(|board| {
            board.looked_at = Some(Arc::new(LookBoard { replay_id: replay_id.clone(), letter: letter.clone(), read: None }));
        });
        let found = self.planned(&replay_id, &letter).await;
        let (redactor, compared_within) = (Arc::clone(&self.config.redactor), self.config.pace.compared_within);
        self.looking = Some(tokio::spawn(async move {
            let read = match found {
                Ok((source, preview, place, hash_key)) => {
                    let look = Look { source: &source, options: preview.options(), redactor: &redactor, hash_key: &hash_key, compared_within };
                    look.at(&[&preview.planned[place]]).await.pop().unwrap_or_else(|| Err("the reading ended early".to_owned()))
                }
                Err(reason) => Err(reason),
            };
            shared.update(|board| {
                // Another may be asked for by now.
                if board.looked_at.as_ref().is_some_and(|look| look.replay_id == replay_id && look.letter == letter) {
                    board.looked_at = Some(Arc::new(LookBoard { replay_id, letter, read: Some(read) }));
                }
            });
        }));
    }

    /// A record of the preview, by its place in it, and what it needs to be read again.
    async fn planned(&mut self, replay_id: &str, letter: &LetterKey) -> Result<(Source, Arc<Preview>, usize, HashKey), String> {
        let preview = self.shared.board.lock().preview.clone().filter(|preview| preview.replay_id == replay_id);
        let Some(preview) = preview else { return Err("the preview is gone; make it again".to_owned()) };
        let place = preview.planned.iter().position(|planned| planned.asked.letter == *letter).ok_or("it is none of those that would be sent")?;
        let ledger = self.ledger().await.map_err(|error| error.to_string())?;
        Ok((self.source_of(&preview)?, preview, place, ledger.hash_key().clone()))
    }

    /// What the records of a preview are read from.
    pub(super) fn source_of(&self, preview: &Preview) -> Result<Source, String> {
        match &preview.file {
            Some(file) => Ok(Source::File(Arc::clone(file))),
            None => Ok(Source::Cluster(self.clusters.reach(&preview.from)?)),
        }
    }

    pub(super) fn end_look(&mut self) {
        if let Some(looking) = self.looking.take() {
            looking.abort();
        }
        self.shared.update(|board| board.looked_at = None);
    }

    /// Reads a record again, to be edited.
    pub(super) fn edit(&mut self, asked: AskedLetter) -> Result<(), String> {
        let of_file = self.shared.board.lock().preview.as_ref().and_then(|preview| preview.file.clone());
        let source = match of_file.filter(|file| file.line(&asked.letter.at).is_some()) {
            Some(file) => Source::File(file),
            None => Source::Cluster(self.clusters.reach(&asked.letter.at.cluster)?),
        };
        let (shared, redactor, letter) = (Arc::clone(&self.shared), Arc::clone(&self.config.redactor), asked.letter.clone());
        shared.update(|board| board.editing = Some(Arc::new(EditBoard { letter: letter.clone(), read: None, has_secrets: false, masked: None })));
        let reading = async move {
            let read = source.read(vec![seen(&asked)]).await.pop();
            let read = read.unwrap_or_else(|| Err(Skipped::Refused("the reading ended early".to_owned()))).map_err(|skipped| skipped.to_string());
            // It may be long.
            let looked_through = tokio::task::spawn_blocking(move || {
                let has_secrets = read.as_ref().is_ok_and(|record| has_secrets(record, &redactor));
                let masked = read.as_ref().ok().filter(|_| has_secrets).and_then(|record| MaskedRecord::of(record, &redactor)).map(Arc::new);
                (read, has_secrets, masked)
            });
            let (read, has_secrets, masked) = looked_through.await.unwrap_or_else(|error| (Err(error.to_string()), false, None));
            shared.update(|board| {
                if board.editing.as_ref().is_some_and(|editing| editing.letter == letter) {
                    board.editing = Some(Arc::new(EditBoard { letter: letter.clone(), read: Some(read.clone()), has_secrets, masked: masked.clone() }));
                }
            });
        };
        if let Some(before) = self.editing.replace(tokio::spawn(reading)) {
            before.abort();
        }
        Ok(())
    }

    pub(super) fn end_edit(&mut self) {
        if let Some(reading) = self.editing.take() {
            reading.abort();
        }
        self.shared.update(|board| board.editing = None);
    }
}

/// Whether anything in a record is a secret, by its name or its shape.
fn has_secrets(record: &OriginalRecord, redactor: &Redactor) -> bool {
    let is_secret = |bytes: Option<&[u8]>| bytes.is_some_and(|bytes| redactor.redact_bytes(bytes) != bytes);
    let in_headers = || record.headers.iter().any(|header| redactor.is_secret_name(&header.name) || is_secret(header.value.as_deref()));
    is_secret(record.key.as_deref()) || is_secret(record.value.as_deref()) || in_headers()
}

/// Waits for the end of a preview that is being made; without one for ever.
pub(super) async fn end_of(preparing: Option<&mut (Reach, OperationHandle<()>)>) -> OperationEnd {
    match preparing {
        Some((_, operation)) => operation.end().await,
        None => std::future::pending().await,
    }
}

/// Tells runs apart over all sessions.
fn new_replay_id() -> Result<String, String> {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(format!("r-{}", random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect::<String>()))
}
