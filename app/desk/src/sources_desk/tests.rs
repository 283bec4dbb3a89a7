//! Changing a profile's sources: in the file, in a running session, and as an attempt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_model::{FailureKind, Leave, OperationEnd, SourcePhase};

use super::{
    SourceProfile, SourcesCommand, SourcesDesk,
    saved::{save, with_sources},
};
use crate::profile::Profile;
use crate::secret::Secret;
use crate::session::Session;
use crate::sources::{GrpcProfile, HttpProfile, OtlpProfile};

fn http(name: &str, url: &str) -> HttpProfile {
    HttpProfile {
        name: name.to_owned(),
        url: url.to_owned(),
        service: None,
        instance: None,
        write: Leave::Unsaid,
        poll_s: 2.0,
        username: None,
        password: None,
        bearer: None,
    }
}

#[test]
fn a_changed_source_leaves_the_rest_of_the_file_as_it_was() {
    let text = include_str!("../../../../assets/profiles/sample.toml");
    let profile = Profile::parse(text, "sample").expect("valid");
    assert_eq!(with_sources(text, &profile).expect("unchanged"), text, "nothing is changed where nothing changed");
    let Some(SourceProfile::Http(mut changed)) = profile.source("orders-1 actuator").cloned() else { panic!("an actuator") };
    changed.url = "http://localhost:9999/actuator".to_owned();
    changed.bearer = Some(Secret::Env("TOKEN".to_owned()));
    (changed.username, changed.password) = (None, None);
    let changed = profile.with_source(Some("orders-1 actuator"), SourceProfile::Http(changed)).expect("valid");
    let written = with_sources(text, &changed).expect("writes");
    assert_eq!(Profile::parse(&written, "written").expect("valid"), changed);
    let lost: Vec<&str> = text.lines().filter(|line| !written.contains(line)).collect();
    assert!(lost.iter().all(|line| line.starts_with("url = ") || line.starts_with("username = ") || line.starts_with("password = ")), "{lost:?}");
    assert!(written.contains("# The base of the actuator, on the management port if there is one.\nurl = \"http://localhost:9999/actuator\""), "{written}");
}

#[test]
fn sources_are_added_renamed_and_removed_in_the_file() {
    let text = "# mine\nname = \"x\"\n\n# the first\n[[http]]\nname = \"a\"\nurl = \"http://h:1\" # here\n";
    let profile = Profile::parse(text, "x").expect("valid");
    let added = profile.with_source(
        None,
        SourceProfile::Grpc(GrpcProfile {
            name: "g".to_owned(),
            url: "http://h:2".to_owned(),
            service: None,
            write: Leave::Unsaid,
            health: vec![String::new()],
        }),
    );
    let added = added.expect("valid");
    let written = with_sources(text, &added).expect("writes");
    assert_eq!(Profile::parse(&written, "x").expect("valid"), added);
    assert!(written.starts_with(text), "{written}");
    let renamed = profile.with_source(Some("a"), SourceProfile::Http(http("b", "http://h:1"))).expect("valid");
    let written = with_sources(text, &renamed).expect("writes");
    assert!(written.contains("# the first\n[[http]]\nname = \"b\"\nurl = \"http://h:1\" # here"), "{written}");
    let written = with_sources(text, &profile.without_source("a")).expect("writes");
    assert!(Profile::parse(&written, "x").expect("valid").source("a").is_none());
    assert!(profile.with_source(None, SourceProfile::Http(http("a", "http://h:3"))).is_err(), "two of one name");
    let off = profile.without_source("OTLP");
    assert_eq!(Profile::parse(&with_sources(text, &off).expect("writes"), "x").expect("valid").source("OTLP"), Some(&SourceProfile::Otlp(OtlpProfile::off())));
}

#[test]
fn a_profile_that_cannot_be_written_stays_as_it_was_and_a_link_stays_a_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("real.toml");
    let text = "name = \"x\"\n\n[[http]]\nname = \"a\"\nurl = \"http://h:1\"\n";
    std::fs::write(&path, text).expect("written");
    let changed = Profile::parse(text, "x").expect("valid").without_source("a");
    // What is written first goes beside it, where something else lies.
    let part = folder.path().join(".real.toml.part");
    std::fs::create_dir(&part).expect("made");
    let told = save(&path, &changed).expect_err("not written");
    assert!(told.contains("cannot write") && told.contains("real.toml"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
    std::fs::remove_dir(&part).expect("taken away");
    #[cfg(unix)]
    let path = {
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        link
    };
    save(&path, &changed).expect("written");
    assert!(cfg!(not(unix)) || path.is_symlink());
    let real = std::fs::read_to_string(folder.path().join("real.toml")).expect("read");
    assert!(Profile::parse(&real, "x").expect("valid").source("a").is_none(), "{real}");
}

/// Waits for a state of the board.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn sources_come_and_go_while_the_session_runs_and_the_file_follows() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("profile.toml");
    std::fs::write(&path, "name = \"test\"\n[otlp]\ngrpc_port = 0\nhttp_port = 0\n").expect("written");
    let profile = Profile::read(&path).expect("valid");
    let session = Session::start(&profile, None, 64 << 20, runtime.handle(), Box::new(|| {})).expect("starts");
    let current = Arc::new(parking_lot::Mutex::new(Some(session)));
    let desk = SourcesDesk::new(Profile::read(&path).expect("valid"), Some(path.clone()), 64 << 20, runtime.handle(), Box::new(|| {}));
    let phase = |name: &str| -> Option<SourcePhase> {
        let current = current.lock();
        let snapshot = current.as_ref().expect("a session").snapshot();
        snapshot.sources.iter().rev().find(|source| source.name == name).map(|source| source.phase)
    };

    // Nobody listens there: the source fails, and is a source none the less.
    let source = SourceProfile::Http(http("actuator", "http://127.0.0.1:9/actuator"));
    desk.command(&current, SourcesCommand::Put { before: None, source: source.clone() });
    wait_for("the new source", || phase("actuator").is_some_and(|phase| phase != SourcePhase::Connecting));
    wait_for("the file", || desk.board().said.as_ref().is_some_and(|(said, bad)| said.contains("saved") && !bad));
    assert!(Profile::read(&path).expect("valid").source("actuator").is_some());

    desk.command(&current, SourcesCommand::Put { before: None, source });
    wait_for("a refusal", || desk.board().said.as_ref().is_some_and(|(said, bad)| said.contains("two sources") && *bad));

    desk.command(&current, SourcesCommand::Remove("actuator".to_owned()));
    wait_for("its end", || phase("actuator") == Some(SourcePhase::Stopped) && desk.board().profile.source("actuator").is_none());
    assert!(Profile::read(&path).expect("valid").source("actuator").is_none());
    let session = current.lock().take().expect("a session");
    runtime.block_on(session.stop());
}

#[test]
fn an_attempt_says_how_it_went_changes_nothing_and_can_be_cancelled() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let profile = Profile { sources: vec![SourceProfile::Otlp(OtlpProfile::off())], ..Profile::default() };
    let session = Session::start(&profile, None, 64 << 20, runtime.handle(), Box::new(|| {})).expect("starts");
    let current = Arc::new(parking_lot::Mutex::new(Some(session)));
    let desk = SourcesDesk::new(profile, None, 64 << 20, runtime.handle(), Box::new(|| {}));
    let trial = || desk.board().trial.clone();

    desk.command(&current, SourcesCommand::Test(SourceProfile::Http(http("nobody", "http://127.0.0.1:9/actuator"))));
    wait_for("a failure", || trial().is_some_and(|trial| trial.ended_ns.is_some()));
    let failed = trial().expect("a trial");
    assert!(matches!(failed.phase, SourcePhase::Failed | SourcePhase::Degraded) && !failed.detail.is_empty(), "{failed:?}");

    let missing = HttpProfile { bearer: Some(Secret::Env("SWITCHBOARD_NO_SUCH_VARIABLE".to_owned())), ..http("secret", "http://127.0.0.1:9") };
    desk.command(&current, SourcesCommand::Test(SourceProfile::Http(missing)));
    wait_for("the missing secret", || trial().is_some_and(|trial| trial.detail.contains("SWITCHBOARD_NO_SUCH_VARIABLE")));

    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("bound").port();
    let otlp = OtlpProfile { grpc_port: port, http_port: 0, ..OtlpProfile::default() };
    desk.command(&current, SourcesCommand::Test(SourceProfile::Otlp(otlp)));
    wait_for("a receiver", || trial().is_some_and(|trial| trial.phase == SourcePhase::Live && trial.ended_ns.is_some()));

    // A server that takes the connection and never answers.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}/actuator", silent.local_addr().expect("bound"));
    desk.command(&current, SourcesCommand::Test(SourceProfile::Http(http("silent", &url))));
    wait_for("its beginning", || trial().is_some_and(|trial| trial.name == "silent"));
    desk.command(&current, SourcesCommand::CancelTest);
    wait_for("its end", || trial().is_some_and(|trial| trial.ended_ns.is_some()));
    assert_eq!(trial().expect("a trial").detail, "Cancelled");
    // Each was an operation; the last one is listed first.
    let operations = current.lock().as_ref().expect("a session").operations().clone();
    wait_for("all of them", || operations.board().ended.len() == 4 && operations.board().running.is_empty());
    let board = operations.board();
    let ended: Vec<(&str, &OperationEnd)> = board.ended.iter().map(|view| (view.info.source.as_str(), &view.end.as_ref().expect("ended").how)).collect();
    let [silent, receiver, secret, nobody] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!([silent, receiver], [&("silent", &OperationEnd::Cancelled), &("OTLP", &OperationEnd::Done)]);
    assert!(matches!(secret, ("secret", OperationEnd::Failed(failure)) if failure.kind == FailureKind::Authenticate), "{secret:?}");
    assert!(matches!(nobody, ("nobody", OperationEnd::Failed(failure)) if !failure.next_step.is_empty()), "{nobody:?}");

    // Stopped where operations are listed, it is shown as cancelled where it was begun.
    desk.command(&current, SourcesCommand::Test(SourceProfile::Http(http("silent again", &url))));
    wait_for("its beginning", || operations.board().running.iter().any(|view| view.info.source == "silent again"));
    operations.cancel(operations.board().running[0].id);
    wait_for("its end", || trial().is_some_and(|trial| trial.ended_ns.is_some()));
    let stopped = trial().expect("a trial");
    assert_eq!((stopped.name.as_str(), stopped.phase, stopped.detail.as_str()), ("silent again", SourcePhase::Stopped, "Cancelled"));
    assert!(desk.board().profile.active_sources().next().is_none() && current.lock().as_ref().expect("a session").snapshot().sources.is_empty());
    let session = current.lock().take().expect("a session");
    runtime.block_on(session.stop());
}

#[test]
fn what_an_attempt_says_holds_no_secret_whoever_said_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let profile = Profile { sources: vec![SourceProfile::Otlp(OtlpProfile::off())], ..Profile::default() };
    let session = Session::start(&profile, None, 64 << 20, runtime.handle(), Box::new(|| {})).expect("starts");
    let operations = session.operations().clone();
    let current = Arc::new(parking_lot::Mutex::new(Some(session)));
    let desk = SourcesDesk::new(profile, None, 64 << 20, runtime.handle(), Box::new(|| {}));
    let named_in_its_address = http("address", "http://127.0.0.1:9/password=hunter2Zq7/actuator");
    let command = Secret::Command("exit 3 # password=hunter2Zq7".to_owned());
    let named_in_its_command = HttpProfile { bearer: Some(command), ..http("command", "http://127.0.0.1:9/actuator") };
    for (num_ended, source) in (1..).zip([named_in_its_address, named_in_its_command]) {
        let name = source.name.clone();
        desk.command(&current, SourcesCommand::Test(SourceProfile::Http(source)));
        wait_for(&name, || desk.board().trial.as_ref().is_some_and(|trial| trial.name == name && trial.ended_ns.is_some()));
        wait_for("the operation's end", || operations.board().ended.len() == num_ended);
        for said in [format!("{:?}", desk.board().trial), format!("{:?}", operations.board())] {
            assert!(said.contains("redacted") && !said.contains("hunter2"), "{name}: {said}");
        }
    }
    let session = current.lock().take().expect("a session");
    runtime.block_on(session.stop());
}
