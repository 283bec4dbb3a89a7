//! Where there is no leave, nothing is sent without a window either: the exit code, the JSON and the last word say so, nobody hears a byte, and each attempt
//! is one line of the ledger. In production it goes once the name was given.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use switchboard_desk::ledger::{Ledger, SettledAs};
use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::sending::{block_on, outgoing, read_all, send_as_it_is};

use crate::{json, switchboard, text};

const WITHIN: Duration = Duration::from_secs(30);
/// Of brokers, by the protocol's number (Produce).
const PRODUCE: i16 = 0;

/// A server that answers each request, one connection after another, and tells what was said on each.
fn server() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let (heard, told) = sync_channel(16);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut said, mut part) = (String::new(), [0; 4096]);
            while let Ok(num @ 1..) = stream.read(&mut part) {
                said.push_str(&String::from_utf8_lossy(&part[..num]));
                if said.contains("\r\n\r\n") {
                    let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                    break;
                }
            }
            if heard.send(said).is_err() {
                return;
            }
        }
    });
    (address, told)
}

/// As what the lines of the ledger count, in their order.
fn lines(folder: &Path) -> Vec<SettledAs> {
    let ledger = Ledger::open(&folder.join("ledger.sqlite")).expect("a ledger");
    block_on(ledger.lines(1_000)).expect("lines").iter().map(|line| line.settled.counts_as()).collect()
}

/// Writes a profile with a ledger of its own; its path.
fn profile(folder: &Path, text: &str) -> String {
    let path = folder.join("shop.toml");
    let ledger = folder.join("ledger.sqlite").display().to_string();
    std::fs::write(&path, format!("name = \"shop\"\nledger = {ledger:?}\n{text}")).expect("written");
    path.display().to_string()
}

/// Runs it, which is refused for this reason.
#[track_caller]
fn is_refused(args: &[&str], told_as: (&str, &str), why: &str) {
    let output = switchboard(args);
    let told = json(&output);
    assert_eq!((output.status.code(), &told[told_as.0]), (Some(1), &told_as.1.into()), "{args:?}: {told}");
    let reason = told["reason"].as_str().unwrap_or_default();
    assert!(reason.contains(why) && text(&output.stderr).contains(why), "{args:?}: {reason:?} {:?}", text(&output.stderr));
}

#[test]
fn a_request_goes_to_production_once_its_name_was_given() {
    let (address, heard) = server();
    let folder = tempfile::tempdir().expect("a folder");
    let named = format!("environment = \"production\"\n[[http]]\nname = \"payments\"\nurl = \"http://{address}/actuator\"\nwrite = true\n");
    let profile = profile(folder.path(), &named);
    let file = folder.path().join("pay.toml");
    std::fs::write(&file, format!("[http]\nmethod = \"POST\"\nurl = \"http://{address}/pay\"\nbody = {{ json = \"{{}}\" }}\n")).expect("written");
    let file = file.display().to_string();
    let args = ["send", &file, "--profile", &profile];
    for (number, wrong) in [&[][..], &["--confirm", "payment"], &["--confirm", "Payments"], &["--confirm", ""]].into_iter().enumerate() {
        is_refused(&[&args[..], wrong].concat(), ("outcome", "not sent"), "give --confirm \"payments\"");
        assert_eq!(lines(folder.path()), vec![SettledAs::Refused; number + 1], "{wrong:?}");
    }
    // Whoever connected before is heard before.
    TcpStream::connect(address).and_then(|mut own| own.write_all(b"mine\r\n\r\n")).expect("it listens");
    assert_eq!(heard.recv_timeout(WITHIN).expect("it was heard"), "mine\r\n\r\n");

    let sent = switchboard(&[&args[..], &["--confirm", "payments"]].concat());
    let told = json(&sent);
    assert_eq!((sent.status.code(), &told["outcome"], &told["answer"]["status"]), (Some(0), &"answered".into(), &200.into()), "{told}");
    let said = heard.recv_timeout(WITHIN).expect("it was heard");
    assert!(said.starts_with("POST /pay HTTP/1.1\r\n"), "{said}");
    assert!(heard.try_recv().is_err(), "it was sent once");
    // It was refused before it was allowed by its name.
    assert_eq!(lines(folder.path())[4..], [SettledAs::Refused, SettledAs::Done]);
}

#[test]
fn a_plan_is_sent_to_a_cluster_of_production_once_its_name_was_given_and_to_no_other_without_leave() {
    let cluster = MockKafka::new(1).expect("a cluster");
    let brokers = cluster.brokers();
    for topic in ["orders", "orders.again"] {
        cluster.cluster().create_topic(topic, 1, 1).expect("a topic");
    }
    send_as_it_is(&brokers, &[outgoing("orders", Some(0), "a"), outgoing("orders", Some(0), "b")]);
    cluster.track_requests();
    let plan =
        r#"{ "switchboard_plan": 1, "from": "shop", "target": "orders.again", "ranges": [{ "channel": "orders", "partition": 0, "from": 0, "to": 1 }] }"#;
    let table = |write: &str| format!("[[kafka]]\nname = \"shop\"\nbrokers = \"{brokers}\"\nwrite = {write}\npoll_s = 0.2\n");
    let by_name = ["--confirm", "shop"];
    let in_production = format!("environment = \"production\"\n{}", table("true"));
    let folders = [in_production, table("false"), table("\"never\"")].map(|text| {
        let folder = tempfile::tempdir().expect("a folder");
        let (profile, file) = (profile(folder.path(), &text), folder.path().join("plan.json"));
        std::fs::write(&file, plan).expect("written");
        (profile, file.display().to_string(), folder)
    });
    let refusals: [(&[&[&str]], &str); 3] = [
        (&[&[], &["--confirm", "sohp"], &["--confirm", "SHOP"]], "shop is production. Give --confirm \"shop\""),
        (&[&[], &["--confirm", "sohp"]], "nothing allows sending to shop. Set write = true in its table of the profile, or give --confirm \"shop\""),
        (&[&[], &by_name], "the profile forbids"),
    ];
    for ((profile, file, folder), (wrongs, why)) in folders.iter().zip(refusals) {
        for (number, wrong) in wrongs.iter().enumerate() {
            let args = ["replay", "--plan", file, "--profile", profile, "--unseen"];
            is_refused(&[&args[..], wrong].concat(), ("ended", "refused"), why);
            assert_eq!(lines(folder.path()), vec![SettledAs::Refused; number + 1], "{why}: {wrong:?}");
        }
    }
    assert!(!cluster.requests().contains(&PRODUCE), "{:?}", cluster.requests());
    assert!(read_all(&brokers, "orders.again", 0).is_empty());

    for (number, (profile, file, folder)) in folders[..2].iter().enumerate() {
        let before = lines(folder.path()).len();
        let output = switchboard(&[&["replay", "--plan", file, "--profile", profile, "--unseen"][..], &by_name].concat());
        let told = json(&output);
        assert_eq!((output.status.code(), &told["outcomes"]["persisted"]), (Some(0), &2.into()), "{told} {}", text(&output.stderr));
        assert_eq!(lines(folder.path())[before..], [SettledAs::Done; 2]);
        let values: Vec<_> = read_all(&brokers, "orders.again", 2 * (number + 1)).into_iter().filter_map(|record| record.value).collect();
        assert_eq!(values.concat(), b"ab".repeat(number + 1));
    }
}
