//! A plan, or the records of a file, sent without a window, for scripts: what became of its records goes to standard output as JSON, and how it ended is the exit code. Asked for
//! again, it sends what the ledger does not know to have been sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_desk::profile::Profile;
use switchboard_desk::send::replay::{
    AskedFile, AskedLetters, Preview, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions, ReplayTarget, RunBoard, RunPhase, TargetPlan, Writing, read_plan,
};
use switchboard_desk::session::Session;
use switchboard_desk::sources::SourceProfile;
use switchboard_engine::view::Snapshot;
use switchboard_model::SourcePhase;
use tokio::runtime::Handle;

use crate::cli::ReplayArgs;
use crate::folders;
use crate::headless::Ending;
use crate::interruptions::Interruptions;
use crate::written;

/// Memory for what is observed meanwhile.
const MEMORY_BYTES: usize = 128 << 20;
/// How long clusters may take to tell what they are.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);
/// How long the groups on the channel may take to be told.
const READERS_WITHIN: Duration = Duration::from_secs(10);
/// How long the desk may take to say that it begins to read.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);
/// How long a run that is stopped may take to come to its end.
const STOPPED_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// As what a replay has ended for which there was no leave.
const REFUSED: &str = "refused";

/// Sends a plan, or looks at it again, and tells what became of it.
pub async fn run(args: ReplayArgs, interruptions: &mut Interruptions) -> anyhow::Result<Ending> {
    let ask = asked(&args)?;
    let mut profile = Profile::read(&args.profile)?;
    profile.listen_nowhere();
    let (from, to) = (ask.cluster.clone(), ask.to().to_owned());
    if let Some(unknown) = [&from, &to].into_iter().find(|name| profile.source(name).is_none()) {
        anyhow::bail!("no source of the profile is called {unknown}. Name one of its [[kafka]] tables");
    }
    // The clusters that it is about are connected to, and nothing else.
    let reads = move |source: &SourceProfile| source.kind().has_channels() && (source.name() == from || source.name() == to);
    let session = Session::start_reading(&profile, &reads, folders::data().as_deref(), MEMORY_BYTES, &Handle::current(), Box::new(|| {}))?;
    let told = tokio::select! {
        told = replay(&session, &args, ask) => told,
        () = interruptions.next() => stopped(&session).await,
    };
    // What is still on its way is written down.
    session.stop().await;
    let (told, ending) = told?;
    written::json("replay", &told);
    match ending {
        // It is the last word on standard error besides.
        Ending::NotSent if told["ended"] == REFUSED => anyhow::bail!("{}", told["reason"].as_str().unwrap_or_default()),
        ending => Ok(ending),
    }
}

/// Stops the run that goes on; what became of it by then, and the same command sends the rest. An error where none was begun.
async fn stopped(session: &Session) -> anyhow::Result<(Value, Ending)> {
    session.replay(ReplayCommand::Stop);
    let deadline = Instant::now() + STOPPED_WITHIN;
    loop {
        let board = session.replay_board();
        let (Some(preview), Some(run)) = (&board.preview, &board.run) else { anyhow::bail!("told to end before anything was sent") };
        if run.phase.is_ended() || Instant::now() >= deadline {
            return Ok((told_of_run(preview, run), ending(run)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the command line asks for: a plan, or the records of a file.
fn asked(args: &ReplayArgs) -> anyhow::Result<ReplayAsk> {
    match (&args.plan, &args.file, &args.to) {
        (Some(plan), ..) => read_plan(plan).map_err(|reason| anyhow::anyhow!(reason)),
        (None, Some(file), Some(to)) => Ok(ReplayAsk {
            cluster: to.clone(),
            target: args.target.clone().map_or_else(|| ReplayTarget::Own(BTreeMap::new()), ReplayTarget::One),
            letters: AskedLetters::File(AskedFile::at(file)),
            num_stored: 0,
            plan_key: None,
            options: ReplayOptions { keeps_time: args.keep_time, by_key: args.by_key, again: args.again, ..ReplayOptions::default() },
        }),
        _ => anyhow::bail!("nothing is asked for. Give --plan FILE, or --file FILE with --to NAME"),
    }
}

async fn replay(session: &Session, args: &ReplayArgs, ask: ReplayAsk) -> anyhow::Result<(Value, Ending)> {
    clusters_are_known(session, &[&ask.cluster, ask.to()]).await;
    let targets: Vec<String> = ask.targets().into_iter().map(str::to_owned).collect();
    readers_are_known(session, ask.to(), &targets).await;
    let preview = preview(session, ask).await?;
    if args.dry_run {
        return Ok((told_of_preview(&preview), Ending::Done));
    }
    if preview.planned.is_empty() {
        return Ok((told_of_preview(&preview), Ending::NotSent));
    }
    if let Some(reason) = held_back(args, &preview) {
        write_refusal(session, &preview).await?;
        let mut told = told_of_preview(&preview);
        (told["ended"], told["reason"]) = (REFUSED.into(), reason.into());
        return Ok((told, Ending::NotSent));
    }
    let preview = leave(session, args, preview).await?;
    session.replay(ReplayCommand::Start { replay_id: preview.replay_id.clone(), typed_name: args.confirm.clone() });
    let run = go_through(session, args).await?;
    Ok((told_of_run(&preview, &run), ending(&run)))
}

async fn clusters_are_known(session: &Session, names: &[&str]) {
    let deadline = Instant::now() + KNOWN_WITHIN;
    let is_known = |name: &&str| {
        let snapshot = session.snapshot();
        snapshot.sources.iter().any(|source| source.name == **name && (source.cluster_id.is_some() || source.phase == SourcePhase::Failed))
    };
    while !names.iter().all(is_known) && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until it is told who reads the channels, not for long.
async fn readers_are_known(session: &Session, cluster: &str, channels: &[String]) {
    let deadline = Instant::now() + READERS_WITHIN;
    while !are_readers_known(&session.snapshot(), cluster, channels) && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether it is told who reads the channels: a group of each, or all that the cluster knows. A source is live once it has asked for all groups, and told
/// them before.
fn are_readers_known(snapshot: &Snapshot, cluster: &str, channels: &[String]) -> bool {
    let is_told = |channel: &String| {
        let mut groups = snapshot.groups.iter().filter(|group| group.topic == *channel && group.lag.is_some());
        groups.any(|group| group.cluster.as_deref().is_none_or(|name| name == cluster))
    };
    let is_live = || snapshot.sources.iter().any(|source| source.kind.has_channels() && source.name == cluster && source.phase == SourcePhase::Live);
    channels.iter().all(is_told) || is_live()
}

/// Waits until the board says something; an error where it says no.
async fn until<T>(session: &Session, within: Option<Duration>, look: impl Fn(&ReplayBoard) -> Option<T>) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        let board = session.replay_board();
        if let Some(reason) = &board.refusal {
            anyhow::bail!("{reason}");
        }
        if let Some(found) = look(&board) {
            return Ok(found);
        }
        anyhow::ensure!(within.is_none_or(|within| began.elapsed() < within), "nothing happened for {} s", began.elapsed().as_secs());
        tokio::time::sleep(LOOK).await;
    }
}

async fn preview(session: &Session, ask: ReplayAsk) -> anyhow::Result<Arc<Preview>> {
    session.replay(ReplayCommand::Preview(ask));
    until(session, Some(BEGINS_WITHIN), |board| (board.preparing.is_some() || board.preview.is_some()).then_some(())).await?;
    until(session, None, |board| board.preview.clone()).await
}

/// Why there is no leave, with what was given on the command line; `None` = there is, or will be once it is asked for.
fn held_back(args: &ReplayArgs, preview: &Preview) -> Option<String> {
    let cluster = &preview.cluster;
    let confirms = args.confirm.as_ref() == Some(cluster);
    match &preview.writing {
        Writing::ReadOnly(reason) => Some(reason.clone()),
        Writing::AsksForName if !confirms => Some(format!("{cluster} is production. Give --confirm {cluster:?}")),
        Writing::Locked { .. } if !confirms => {
            Some(format!("nothing allows sending to {cluster}. Set write = true in its table of the profile, or give --confirm {cluster:?}"))
        }
        Writing::Allowed | Writing::AsksForName | Writing::Locked { .. } => None,
    }
}

/// Lets the desk refuse it, which writes that down: it is begun without the name that would allow it.
async fn write_refusal(session: &Session, preview: &Preview) -> anyhow::Result<()> {
    session.replay(ReplayCommand::Start { replay_id: preview.replay_id.clone(), typed_name: None });
    let deadline = Instant::now() + BEGINS_WITHIN;
    while session.replay_board().refusal.is_none() {
        anyhow::ensure!(Instant::now() < deadline, "nothing happened for {} s", BEGINS_WITHIN.as_secs());
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Asks for what the profile does not allow by itself, as it was confirmed on the command line.
async fn leave(session: &Session, args: &ReplayArgs, preview: Arc<Preview>) -> anyhow::Result<Arc<Preview>> {
    let Writing::Locked { .. } = preview.writing else { return Ok(preview) };
    session.replay(ReplayCommand::Allow { replay_id: preview.replay_id.clone(), typed_name: args.confirm.clone() });
    let allowed = |board: &ReplayBoard| board.preview.clone().filter(|preview| !matches!(preview.writing, Writing::Locked { .. }));
    until(session, Some(BEGINS_WITHIN), allowed).await
}

/// The first few, then, once they were read, the rest.
async fn go_through(session: &Session, args: &ReplayArgs) -> anyhow::Result<Arc<RunBoard>> {
    let patience = Duration::from_secs(args.wait);
    let mut waits_since: Option<Instant> = None;
    loop {
        let run = until(session, None, |board| board.run.clone()).await?;
        let is_untold = run.counts.in_flight == 0 && (run.readers.groups.is_empty() || run.is_untellable);
        match &run.phase {
            RunPhase::Ended(..) => return Ok(run),
            RunPhase::Passed => session.replay(ReplayCommand::Continue),
            RunPhase::Watching if is_untold && args.unseen => session.replay(ReplayCommand::Continue),
            RunPhase::Watching => {
                let since = *waits_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= patience {
                    session.replay(ReplayCommand::Stop);
                    let ended = until(session, None, |board| board.run.clone().filter(|run| run.phase.is_ended())).await?;
                    return Ok(ended);
                }
            }
            // What got worse is for somebody to look at; the same command goes on after that.
            RunPhase::Paused(_) => {
                let paused = Arc::clone(&run);
                session.replay(ReplayCommand::Stop);
                let ended = until(session, None, |board| board.run.clone().filter(|run| run.phase.is_ended())).await?;
                return Ok(Arc::new(RunBoard { phase: paused.phase.clone(), ..RunBoard::clone(&ended) }));
            }
            RunPhase::Connecting | RunPhase::Canary | RunPhase::Rest | RunPhase::Stopping => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How it ended, for scripts.
fn ending(run: &RunBoard) -> Ending {
    let counts = run.counts;
    if counts.possibly_persisted > 0 || counts.in_flight > 0 {
        return Ending::Possibly;
    }
    if counts.persisted == 0 {
        return Ending::NotSent;
    }
    let is_whole = counts.persisted == counts.sum() && run.num_dead_again == 0;
    if is_whole { Ending::Done } else { Ending::Failed }
}

fn told_of_preview(preview: &Preview) -> Value {
    let skipped: Vec<Value> = preview.skipped.iter().map(|skipped| json!({ "at": skipped.letter.to_string(), "reason": skipped.reason })).collect();
    let readers = preview.readers.groups.iter().map(
        |reader| json!({ "group": reader.group, "channel": reader.topic, "has_failed": reader.has_failed, "lag": reader.lag, "members": reader.num_members, "state": reader.sentence, "services": reader.services }),
    );
    let breakers = preview
        .readers
        .breakers
        .iter()
        .map(|breaker| json!({ "caller": breaker.caller, "guards": breaker.guards, "is_open": breaker.is_open(), "groups": breaker.groups }));
    let calls = preview.readers.calls.iter().map(
        |calls| json!({ "from": calls.from, "to": calls.to, "recent": calls.num_recent, "recent_errors": calls.num_recent_errors, "groups": calls.groups }),
    );
    // Each has its own limit; of one it stands beside the sums.
    let limit = |target: &TargetPlan| target.size_limit.clone();
    let targets: Vec<Value> = preview
        .targets
        .iter()
        .map(|target| {
            json!({
                "channel": target.channel,
                "num_records": target.num,
                "num_bytes": target.size_bytes,
                "size_limit_bytes": limit(target).ok(),
                "size_limit_unknown": limit(target).err(),
            })
        })
        .collect();
    let limit_of_one = if let [only] = &preview.targets[..] { Some(limit(only)) } else { None };
    json!({
        "replay_id": preview.replay_id,
        "from": preview.from,
        "file": preview.file.as_ref().map(|file| file.path().display().to_string()),
        "to": preview.cluster,
        "target": preview.target_words(),
        "targets": targets,
        "num_records": preview.planned.len(),
        "num_bytes": preview.size_bytes(),
        "first": preview.num_first,
        "per_second": preview.rate_per_s,
        "ranges": preview.ranges.as_ref().map(|found| json!({
            "places": found.num_places,
            "without_record": found.num_empty,
            "of_another_time": found.num_outside,
            "partitions_left_out": found.num_partitions_left_out,
            "notes": found.notes,
        })),
        "size_limit_bytes": limit_of_one.clone().and_then(Result::ok),
        "size_limit_unknown": limit_of_one.and_then(Result::err),
        "num_edited": preview.planned.iter().filter(|planned| planned.edited).count(),
        "order_per_key": {
            "keys": preview.key_order.num_keys,
            "kept": preview.key_order.num_kept,
            "into_several_partitions": preview.key_order.num_apart,
            "from_several_partitions": preview.key_order.num_from_several,
            "turned": preview.key_order.num_turned,
            "with_gaps": preview.key_order.num_with_gaps,
            "left_out_unread": preview.key_order.num_unread,
            "without_key": preview.key_order.num_keyless,
            "divided_otherwise": preview.key_order.divided_otherwise,
        },
        "skipped": skipped,
        "readers": readers.collect::<Vec<_>>(),
        "calls": calls.collect::<Vec<_>>(),
        "breakers": breakers.collect::<Vec<_>>(),
    })
}

fn told_of_run(preview: &Preview, run: &RunBoard) -> Value {
    let counts = run.counts;
    let (word, reason) = match &run.phase {
        RunPhase::Ended(ending, reason) => (ending.word(), reason.as_str()),
        RunPhase::Paused(reason) => ("paused", reason.as_str()),
        _ => ("stopped", ""),
    };
    let mut told = told_of_preview(preview);
    told["ended"] = word.into();
    told["reason"] = if reason.is_empty() { run.waits_for.clone() } else { reason.to_owned() }.into();
    told["outcomes"] = json!({
        "persisted": counts.persisted,
        "not_persisted": counts.not_persisted,
        "possibly_persisted": counts.possibly_persisted,
        "skipped": counts.skipped,
        "not_tried": counts.waiting,
    });
    told["consumed"] = run.num_consumed.into();
    told["read_by_every_group"] = run.num_read.into();
    told["dead_again"] = run.num_dead_again.into();
    told
}

#[cfg(test)]
mod tests {
    use switchboard_engine::view::{CountsReport, GroupView, SourceView};
    use switchboard_model::{
        SourceKind,
        SourcePhase::{Connecting, Degraded, Failed, Live},
    };

    use super::*;

    #[test]
    fn nobody_is_waited_for_once_the_cluster_has_told_all_of_its_groups() {
        let source = |name: &str, phase: SourcePhase| SourceView {
            name: name.to_owned(),
            kind: SourceKind::Kafka,
            cluster_id: Some("c".to_owned()),
            phase,
            detail: String::new(),
            next_step: String::new(),
            at_ns: 0,
            counts: CountsReport::default(),
            by_kind: Vec::new(),
            left_out: Vec::new(),
        };
        let reader = |topic: &str, cluster: &str, lag: Option<u64>| GroupView {
            group: "billing".to_owned(),
            topic: topic.to_owned(),
            cluster: Some(cluster.to_owned()),
            lag,
            ..GroupView::default()
        };
        for (name, phase, groups, is_known) in [
            ("nothing is told yet", Connecting, vec![], false),
            ("one of two", Connecting, vec![reader("orders", "shop", Some(0))], false),
            ("one each", Connecting, vec![reader("orders", "shop", Some(0)), reader("payments", "shop", Some(4))], true),
            ("how far it is comes later", Connecting, vec![reader("orders", "shop", Some(0)), reader("payments", "shop", None)], false),
            ("another cluster's", Connecting, vec![reader("orders", "shop", Some(0)), reader("payments", "other", Some(4))], false),
            ("nobody reads them", Live, vec![], true),
            ("some could not be asked", Degraded, vec![], false),
            ("it is gone", Failed, vec![], false),
        ] {
            let sources = Arc::new(vec![source("other", Live), source("shop", phase)]);
            let snapshot = Snapshot { groups: Arc::new(groups), sources, ..Snapshot::default() };
            assert_eq!(are_readers_known(&snapshot, "shop", &["orders".to_owned(), "payments".to_owned()]), is_known, "{name}");
        }
    }
}
