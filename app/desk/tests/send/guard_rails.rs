//! Every way to send, wherever there is no leave: not a byte goes, and each attempt is one line of the ledger.

use switchboard_desk::ledger::SettledAs;
use switchboard_desk::send::Question;
use switchboard_desk::send::draft::{Draft, GrpcDraft, Request};

use crate::requests::Server;
use crate::sending::{Sending, Told, http, record};

/// Why there is no leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rail {
    /// The profile says nothing of it, and it is elsewhere.
    ReadOnly,
    /// The profile forbids this connection.
    Never,
    /// The profile forbids all.
    NeverAll,
    /// Its name has to be typed.
    Production,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
enum Way {
    Http,
    Grpc,
    Record,
}

impl Way {
    fn draft(self, url: &str) -> Draft {
        match self {
            Self::Http => http(|http| (http.method, http.url) = ("POST".to_owned(), format!("{url}/pay"))),
            Self::Grpc => {
                let grpc = GrpcDraft { url: url.to_owned(), method: "shop.v1.Orders/PlaceOrder".to_owned(), ..GrpcDraft::default() };
                Draft { name: String::new(), request: Request::Grpc(grpc) }
            }
            Self::Record => record(|record| "orders".clone_into(&mut record.topic)),
        }
    }

    fn profile(self, rail: Rail, address: &str) -> String {
        let write = if rail == Rail::Never { "\"never\"" } else { "false" };
        let first = match rail {
            Rail::NeverAll => "write = \"never\"\n",
            Rail::Production => "environment = \"production\"\n",
            Rail::ReadOnly | Rail::Never => "",
        };
        let source = match self {
            // Nobody reads it, for nobody is to connect there.
            Self::Http | Self::Grpc if rail == Rail::ReadOnly => String::new(),
            // Nothing is polled within the time of the test, so that whatever comes was sent.
            Self::Http => format!("[[http]]\nname = \"shop\"\nurl = \"http://{address}\"\nwrite = {write}\npoll_s = 3600.0\n"),
            Self::Grpc => format!("[[grpc]]\nname = \"shop\"\nurl = \"http://{address}\"\nwrite = {write}\n"),
            Self::Record => format!("[[kafka]]\nname = \"shop\"\nbrokers = \"{address}\"\nwrite = {write}\n"),
        };
        // What sources connect to is not what is looked at: the servers that are sent to are read by none, but for what the profile says.
        format!("{first}[otlp]\ngrpc_port = 0\nhttp_port = 0\n{source}")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_not_a_byte_goes_and_each_attempt_is_a_line() {
    // A network of documentation (RFC 5737), to which nobody is to connect.
    const ELSEWHERE: &str = "192.0.2.1:9";
    for way in [Way::Http, Way::Grpc, Way::Record] {
        for rail in [Rail::ReadOnly, Rail::Never, Rail::NeverAll, Rail::Production] {
            let server = Server::start(None).await;
            let here = server.address.to_string();
            let target = if rail == Rail::ReadOnly && !matches!(way, Way::Record) { ELSEWHERE } else { &here };
            let sending = Sending::start(&way.profile(rail, target));
            // What the source itself asks has come, or has not: it is none of this.
            let num_sent = || server.requests().iter().filter(|text| ["/pay", "PlaceOrder", "x-correlation-id"].iter().any(|word| text.contains(word))).count();
            let told = sending.send(way.draft(&format!("http://{target}"))).await;
            match (rail, &told) {
                (Rail::ReadOnly, Told::Asks(Question::Allow { type_name: None, .. })) => {}
                (Rail::Production, Told::Asks(Question::Allow { type_name: Some(name), .. })) => {
                    assert_eq!(name, "shop", "{way:?}");
                    let told = sending.confirm(Some("sohp")).await;
                    assert!(matches!(&told, Told::Asks(Question::Allow { .. })), "{way:?}: {told:?}");
                }
                (Rail::Never | Rail::NeverAll, Told::Refused(reason)) => assert!(reason.contains("the profile forbids"), "{way:?}: {reason}"),
                told => panic!("{way:?} {rail:?}: {told:?}"),
            }
            assert_eq!(num_sent(), 0, "{way:?} {rail:?}: {:?}", server.requests());
            let lines = sending.lines().await;
            assert_eq!(lines.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), [SettledAs::Refused], "{way:?} {rail:?}: {lines:?}");
            assert!(sending.session.send_board().sent.is_empty());
            sending.session.stop().await;
        }
    }
}
