//! Whole bodies of answers: kept as long as there is room, and written into files on request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::Office;
use crate::send::board::SentId;
use crate::send::draft::Request;
use crate::send::saved;

/// All bodies that are kept whole, bytes; the oldest go first.
const KEPT_BYTES_MAX: usize = 64 << 20;

impl Office {
    /// Keeps the whole body of an answer of which only the beginning is shown.
    pub(super) fn keep_body(&self, sent_id: SentId, body: Bytes) {
        let mut bodies = self.bodies.lock();
        bodies.insert(sent_id, body);
        while bodies.values().map(Bytes::len).sum::<usize>() > KEPT_BYTES_MAX && bodies.len() > 1 {
            bodies.pop_first();
        }
    }

    /// Lets bodies go of which the answer is no longer shown.
    pub(super) fn forget_bodies(&self) {
        let board = Arc::clone(&self.board.lock());
        self.bodies.lock().retain(|sent_id, _| board.sent.iter().any(|sent| sent.sent_id == *sent_id));
    }

    /// Writes all of a body into a file that is not there yet, for its owner alone; where it lies now.
    pub(super) async fn save_body(self: Arc<Self>, sent_id: SentId, path: String) -> Result<String, String> {
        let body = self.whole_body(sent_id)?;
        let folder = self.config.requests.clone();
        let write = move || {
            let path = place(folder.as_deref(), path.trim())?;
            write(&path, &body)?;
            Ok(path.display().to_string())
        };
        tokio::task::spawn_blocking(write).await.unwrap_or_else(|_| Err("the program itself failed".to_owned()))
    }

    fn whole_body(&self, sent_id: SentId) -> Result<Bytes, String> {
        let board = Arc::clone(&self.board.lock());
        let sent = board.sent.iter().find(|sent| sent.sent_id == sent_id).ok_or("this answer was forgotten; send it again")?;
        if sent.settled.is_none() {
            return Err("not all of it has come yet; wait for its end".to_owned());
        }
        if let Some(cut) = &sent.answer.cut {
            return Err(format!("not all of it came, so it is not written: {cut}"));
        }
        if matches!(sent.ask.draft.request, Request::Grpc(_)) {
            let num_left_out = sent.answer.messages_left_out;
            if num_left_out > 0 {
                return Err(format!("{num_left_out} of its messages were not kept, so it is not written: it would be taken for all of them"));
            }
            return sent.answer.received().map(Bytes::from).ok_or_else(|| "no message was received".to_owned());
        }
        if sent.answer.body.len() as u64 == sent.answer.body_bytes {
            return Ok(sent.answer.body.clone());
        }
        let whole = self.bodies.lock().get(&sent_id).cloned();
        whole.ok_or_else(|| "only its beginning is still kept; send it again, then write it".to_owned())
    }
}

/// Where it is to lie: where an absolute path says, or below the folder of requests.
fn place(folder: Option<&Path>, path: &str) -> Result<PathBuf, String> {
    if path.is_empty() {
        return Err("write the path of the file".to_owned());
    }
    match folder {
        _ if Path::new(path).is_absolute() => Ok(PathBuf::from(path)),
        Some(folder) => saved::inside(folder, path),
        None => Err("write a path from the root on: this session has no folder for requests".to_owned()),
    }
}

/// Writes a file beside, and then in its place: it is there as a whole or not at all. What is there already stays.
fn write(path: &Path, body: &[u8]) -> Result<(), String> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let name = path.file_name().ok_or_else(|| format!("{}: that is no file", path.display()))?;
    if path.symlink_metadata().is_ok() {
        return Err(format!("{}: there is one already; write another name", path.display()));
    }
    let mut beside_name = name.to_owned();
    beside_name.push(".new");
    let beside = path.with_file_name(beside_name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&beside).map_err(|error| format!("{}: {error}", beside.display()))?;
    let written = file.write_all(body).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_written_whole_for_its_owner_and_over_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = place(Some(folder.path()), "answer.bin").expect("a place");
        write(&path, b"\0body").expect("written");
        assert_eq!(std::fs::read(&path).expect("there"), b"\0body");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        assert!(write(&path, b"another").expect_err("taken").contains("there is one already"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside");
        assert!(write(&folder.path().join("none/answer"), b"x").is_err());
    }

    #[test]
    fn a_place_is_absolute_or_below_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(place(Some(folder.path()), "../answer").expect_err("outside").contains("leads out"));
        assert!(place(None, "answer").is_err() && place(None, "").is_err());
        let absolute = folder.path().join("answer");
        assert_eq!(place(None, &absolute.display().to_string()), Ok(absolute));
    }
}
