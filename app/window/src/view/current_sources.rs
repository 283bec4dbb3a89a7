//! The sources there are. What was removed is in no list any more; what it delivered stays counted, in totals and in the report. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use switchboard_desk::sources::SourceProfile;
use switchboard_desk::sources_desk::SourcesBoard;
use switchboard_engine::view::SourceView;
use switchboard_model::SourcePhase;

/// The sources there are, made anew only where sources or profile changed.
#[derive(Default)]
pub(crate) struct CurrentSources {
    of: Option<(Arc<Vec<SourceView>>, Arc<SourcesBoard>)>,
    current: Arc<Vec<SourceView>>,
}

impl CurrentSources {
    /// Those of the session without the removed ones.
    pub(crate) fn of(&mut self, told: &Arc<Vec<SourceView>>, board: &Arc<SourcesBoard>) -> Arc<Vec<SourceView>> {
        let is_same = self.of.as_ref().is_some_and(|(known, profile)| Arc::ptr_eq(known, told) && Arc::ptr_eq(profile, board));
        if !is_same {
            let current = current(told, board);
            self.current = if current.len() == told.len() { Arc::clone(told) } else { Arc::new(current.into_iter().cloned().collect()) };
            self.of = Some((Arc::clone(told), Arc::clone(board)));
        }
        Arc::clone(&self.current)
    }
}

/// A source was removed where it has stopped and the profile does not have it; of several of one name the last is the one that runs.
fn current<'a>(told: &'a [SourceView], board: &SourcesBoard) -> Vec<&'a SourceView> {
    let of_profile: BTreeSet<&str> = board.profile.active_sources().map(SourceProfile::name).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let is_there = |source: &&SourceView| source.phase != SourcePhase::Stopped || of_profile.contains(source.name.as_str());
    let mut current: Vec<&SourceView> = told.iter().rev().filter(|source| seen.insert(&source.name)).filter(is_there).collect();
    current.reverse();
    current
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use switchboard_desk::profile::Profile;

    #[test]
    fn what_was_removed_is_gone_and_what_the_profile_has_stays() {
        let told = testing::order_business().sources;
        let named = |name: &str, phase: SourcePhase| SourceView { name: name.to_owned(), phase, ..told[0].clone() };
        let told = Arc::new(vec![
            named("otlp", SourcePhase::Live),
            named("second", SourcePhase::Stopped),
            named("lab", SourcePhase::Stopped),
            named("third", SourcePhase::Stopped),
            named("third", SourcePhase::Failed),
        ]);
        let profile = "name = \"x\"\n[[kafka]]\nname = \"lab\"\nbrokers = \"h:1\"";
        let board = Arc::new(SourcesBoard { profile: Profile::parse(profile, "x").expect("valid"), ..SourcesBoard::default() });
        let mut sources = CurrentSources::default();
        let found = sources.of(&told, &board);
        let names: Vec<(&str, SourcePhase)> = found.iter().map(|source| (source.name.as_str(), source.phase)).collect();
        assert_eq!(names, [("otlp", SourcePhase::Live), ("lab", SourcePhase::Stopped), ("third", SourcePhase::Failed)]);
        assert!(Arc::ptr_eq(&found, &sources.of(&told, &board)), "nothing changed");
        let all = Arc::new(vec![named("otlp", SourcePhase::Live)]);
        assert!(Arc::ptr_eq(&all, &sources.of(&all, &board)), "nothing was removed");
    }
}
