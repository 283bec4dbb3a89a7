//! One request sent without a window, for scripts: what was answered, or why it was not sent, goes to standard output as JSON, and how it ended is the exit
//! code.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use switchboard_desk::ledger::{Settled, SettledAs};
use switchboard_desk::profile::Profile;
use switchboard_desk::send::draft::{Draft, Request};
use switchboard_desk::send::{Answer, Ended, Question, RepeatFigures, Reply, SendAsk, SendBoard, SendCommand, Sent, Status};
use switchboard_desk::session::Session;
use switchboard_desk::sources::SourceProfile;
use switchboard_model::SourcePhase;
use tokio::runtime::Handle;

use crate::cli::SendArgs;
use crate::folders;
use crate::headless::Ending;
use crate::interruptions::Interruptions;
use crate::written;

/// Memory for what is observed meanwhile: little.
const MEMORY_BYTES: usize = 64 << 20;
/// How long a cluster may take to tell what it is.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);
/// Folders of requests within folders.
const FOLDERS_MAX: usize = 8;
/// How long what is cancelled may take to come to its end.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Sends a request and tells what was answered.
pub async fn run(args: SendArgs, interruptions: &mut Interruptions) -> anyhow::Result<Ending> {
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let draft = Draft::parse(&text).with_context(|| format!("{} is no request", args.file.display()))?;
    let profile = profile(&args)?;
    // The cluster that a record goes to is connected to, and nothing else.
    let cluster = if let Request::Record(record) = &draft.request { Some(record.cluster.clone()) } else { None };
    let reads = move |source: &SourceProfile| cluster.as_ref().is_some_and(|name| source.kind().has_channels() && (name.is_empty() || source.name() == name));
    let session = Session::start_reading(&profile, &reads, folders::data().as_deref(), MEMORY_BYTES, &Handle::current(), Box::new(|| {}))?;
    let sent = tokio::select! {
        sent = send(&session, &args, draft) => sent,
        () = interruptions.next() => given_up(&session).await,
    };
    // What is still on its way is written down.
    session.stop().await;
    match sent {
        Ok(sent) => {
            written::json("answer", &told(&sent));
            Ok(ending(&sent))
        }
        Err(error) => {
            written::json("answer", &json!({ "outcome": "not sent", "reason": format!("{error:#}") }));
            Err(error)
        }
    }
}

/// The profile, as it says what may be sent to; files that the request names lie beside it.
fn profile(args: &SendArgs) -> anyhow::Result<Profile> {
    let mut profile = match &args.profile {
        Some(path) => Profile::read(path)?,
        None => Profile::default(),
    };
    profile.listen_nowhere();
    profile.requests = Some(folder_of(&args.file));
    Ok(profile)
}

/// The folder of requests that a file is of: the nearest one above it that has environments, or the one in which it lies.
fn folder_of(file: &Path) -> PathBuf {
    let above = || file.ancestors().skip(1).take(FOLDERS_MAX);
    let has_environments = |folder: &&Path| folder.join("environments.toml").is_file();
    above().find(has_environments).or_else(|| file.parent()).filter(|folder| !folder.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}

async fn send(session: &Session, args: &SendArgs, draft: Draft) -> anyhow::Result<Arc<Sent>> {
    if matches!(draft.request, Request::Record(_)) {
        cluster_is_known(session).await;
    }
    let ask = SendAsk {
        draft: Arc::new(draft),
        environment: args.environment.clone(),
        given: args.variables.iter().cloned().collect(),
        by_hand: false,
        is_probe: false,
    };
    session.send(SendCommand::Send(ask));
    loop {
        let board = session.send_board();
        if let Some(sent) = board.sent.first().filter(|sent| !sent.is_going()) {
            return Ok(Arc::clone(sent));
        }
        if board.sent.is_empty() {
            answer(session, args, &board)?;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Cancels what is on its way; what became of it by then. An error where nothing was sent.
async fn given_up(session: &Session) -> anyhow::Result<Arc<Sent>> {
    let deadline = Instant::now() + GIVEN_UP_WITHIN;
    let mut cancelled = None;
    loop {
        let board = session.send_board();
        let Some(sent) = board.sent.first() else {
            // What is about to be sent is not sent any more, or shows by then.
            session.operations().end_all().await;
            if session.send_board().sent.is_empty() {
                anyhow::bail!("told to end before anything was sent");
            }
            continue;
        };
        if !sent.is_going() || Instant::now() >= deadline {
            return Ok(Arc::clone(sent));
        }
        if cancelled.replace(sent.sent_id) != Some(sent.sent_id) {
            session.send(SendCommand::Cancel(sent.sent_id));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Answers what is asked, by what was given on the command line; an error where that does not do.
fn answer(session: &Session, args: &SendArgs, board: &SendBoard) -> anyhow::Result<()> {
    if let Some(mistake) = &board.mistake {
        anyhow::bail!("{mistake}");
    }
    if let Some(reason) = &board.refusal {
        anyhow::bail!("{reason}");
    }
    let Some(asking) = &board.asking else { return Ok(()) };
    let confirms = |name: &str| args.confirm.as_deref() == Some(name);
    let host = asking.target.split_once("://").map_or(asking.target.as_str(), |(_, host)| host);
    match &asking.question {
        Question::Allow { type_name, .. } => {
            let name = type_name.as_deref().unwrap_or(host);
            anyhow::ensure!(
                confirms(name),
                "nothing allows sending to {}. Set write = true in its table of the profile, or give --confirm {name:?}",
                asking.target
            );
        }
        Question::Confirm { what, is_here } => {
            anyhow::ensure!(*is_here || confirms(host), "{what}. Give --confirm {host:?}");
        }
    }
    session.send(SendCommand::Confirm { typed_name: args.confirm.clone() });
    Ok(())
}

async fn cluster_is_known(session: &Session) {
    let deadline = Instant::now() + KNOWN_WITHIN;
    let is_over = |session: &Session| {
        let snapshot = session.snapshot();
        let clusters = || snapshot.sources.iter().filter(|source| source.kind.has_channels());
        clusters().any(|source| source.cluster_id.is_some()) || clusters().any(|source| source.phase == SourcePhase::Failed)
    };
    while !is_over(session) && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
    }
}

/// How it ended, for scripts.
fn ending(sent: &Sent) -> Ending {
    let has_failed = sent.answer.cut.is_some()
        || sent.answer.status.as_ref().is_some_and(Status::is_failure)
        || matches!(sent.reply, Some(Reply::Missing(_)))
        || sent.figures.as_ref().is_some_and(|figures| figures.num_failed > 0);
    match sent.settled.as_ref().map(Settled::counts_as) {
        Some(SettledAs::Done) if has_failed => Ending::Failed,
        Some(SettledAs::Done) => Ending::Done,
        // What is not known yet is known no more once the program ends.
        Some(SettledAs::Possibly) | None => Ending::Possibly,
        _ if was_any_sent(sent) => Ending::Failed,
        _ => Ending::NotSent,
    }
}

/// Whether any of several was sent, where not all were.
fn was_any_sent(sent: &Sent) -> bool {
    let was_sent = |figures: &RepeatFigures| figures.by_end.iter().any(|(ended, _)| *ended != Ended::NotSent);
    sent.answer.num_persisted > 0 || sent.figures.as_deref().is_some_and(was_sent)
}

/// The beginning of a body as text, by the encoding that it names; U+FFFD stands where it is none.
fn body(answer: &Answer) -> String {
    let text = answer.text().map(|(text, _)| text);
    text.unwrap_or_else(|| String::from_utf8_lossy(&answer.body)).into_owned()
}

/// What was answered, as JSON.
fn told(sent: &Sent) -> Value {
    let answer = &sent.answer;
    let pairs = |pairs: &[(String, String)]| Value::from(pairs.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>());
    let status = match &answer.status {
        Some(Status::Http { status, version }) => json!({ "status": status, "version": version }),
        Some(Status::Grpc { code, message }) => json!({ "code": code, "message": message }),
        Some(Status::Persisted { at }) => json!({ "num_persisted": answer.num_persisted, "last_at": at.as_ref().map(ToString::to_string) }),
        None => Value::Null,
    };
    let took: serde_json::Map<String, Value> = answer.took.iter().map(|(phase, took)| (phase.word().to_owned(), json!(took.as_secs_f64() * 1e3))).collect();
    let messages: Vec<Value> =
        answer.messages.iter().map(|message| json!({ "ours": message.is_ours, "at_ns": message.at_ns, "message": message.text })).collect();
    json!({
        "call": sent.call,
        "target": sent.target,
        "outcome": sent.outcome_word(),
        "reason": sent.settled.as_ref().map(Settled::reason).filter(|reason| !reason.is_empty()),
        "answer": status,
        "took_ms": sent.took_ns(sent.at_ns) as f64 / 1e6,
        "phases_ms": took,
        "trace_id": sent.trace_id.map(|trace_id| trace_id.to_string()),
        "correlation_id": sent.correlation_id,
        "headers": pairs(&answer.headers),
        "trailers": pairs(&answer.trailers),
        "body": if answer.body_bytes == 0 { Value::Null } else { body(answer).into() },
        "body_bytes": answer.body_bytes,
        "cut": answer.cut,
        "messages": messages,
        "messages_left_out": answer.messages_left_out,
        "details": pairs(&answer.details),
        "reply": sent.reply.as_ref().map(told_reply),
        "figures": sent.figures.as_ref().map(|figures| told_figures(figures)),
    })
}

/// Figures of many, as JSON; durations in ms.
fn told_figures(figures: &RepeatFigures) -> Value {
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    json!({
        "num": figures.num,
        "num_failed": figures.num_failed,
        "rate_per_s": figures.rate_per_s,
        "p50_ms": figures.percentiles.map(|[p50, ..]| ms(p50)),
        "p95_ms": figures.percentiles.map(|[_, p95, ..]| ms(p95)),
        "p99_ms": figures.percentiles.map(|[_, _, p99, _]| ms(p99)),
        "longest_ms": figures.percentiles.map(|[.., longest]| ms(longest)),
    })
}

/// The reply to a record, as JSON.
fn told_reply(reply: &Reply) -> Value {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    match reply {
        Reply::Awaited => Value::Null,
        Reply::Missing(why) => json!({ "missing": why }),
        Reply::Came { record, took_ns } => json!({
            "channel": record.at.channel,
            "place": record.at.place.to_string(),
            "took_ms": *took_ns as f64 / 1e6,
            "key": record.key.as_ref().map(text),
            "value": record.value.as_ref().map(text),
            "headers": record.headers.iter().map(|(name, value)| json!([name, value.as_ref().map(text)])).collect::<Vec<_>>(),
        }),
    }
}
