//! Records of a preview that are read again to be looked at: the last, and whichever is chosen.

use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{OriginalRecord, Redactor, Skipped};

use crate::ledger::HashKey;
use crate::send::replay::plan::{Way, shown};
use crate::send::replay::prepare::seen;
use crate::send::replay::source::Source;
use crate::send::replay::{Planned, ReplayOptions, ShownRecord};

/// How records of a preview are looked at.
pub(super) struct Look<'a> {
    /// To read from.
    pub source: &'a Source,
    pub options: &'a ReplayOptions,
    pub redactor: &'a Redactor,
    pub hash_key: &'a HashKey,
    /// How long it may take to tell the difference of each that is changed.
    pub compared_within: Duration,
}

impl Look<'_> {
    /// Reads records again and makes of them what would be sent; an error says why one is not as it was previewed.
    pub(super) async fn at(&self, planned: &[&Planned]) -> Vec<Result<Arc<ShownRecord>, String>> {
        let mut read = self.source.read(planned.iter().map(|planned| seen(&planned.asked)).collect()).await.into_iter();
        let ended = || Err(Skipped::Refused("the reading ended early".to_owned()));
        planned.iter().map(|planned| self.shown(planned, read.next().unwrap_or_else(ended))).collect()
    }

    fn shown(&self, planned: &Planned, read: Result<OriginalRecord, Skipped>) -> Result<Arc<ShownRecord>, String> {
        let original = read.map_err(|skipped| skipped.to_string())?;
        // Into which partition it goes is not looked at.
        let way = Way { target: &planned.target, num_partitions: None, options: self.options, redactor: self.redactor, hash_key: self.hash_key };
        let built = way.build(&planned.asked, original, &planned.replay_id)?;
        if built.hash != planned.hash {
            return Err("changed: its bytes are not those of the preview. Make the preview again".to_owned());
        }
        Ok(Arc::new(shown(&built, self.redactor, self.compared_within)))
    }
}

/// Places of the records that are told as the last ones: of all, and of those that are changed.
pub(super) fn last_of(planned: &[Planned]) -> Vec<usize> {
    let last = planned.len().checked_sub(1);
    let changed = planned.iter().rposition(|planned| planned.edited);
    let mut places: Vec<usize> = last.into_iter().chain(changed).filter(|place| planned[*place].shown.is_none()).collect();
    places.dedup();
    places
}
