//! gRPC calls.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::SettledAs;
use switchboard_desk::send::draft::{Auth, Draft, GrpcDraft, RepeatDraft, Request, SchemaFrom};
use switchboard_desk::send::{Question, SchemaBoard, SchemaKey, SendCommand, Sent, Status};
use switchboard_model::Phase;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::counting::{Counting, health, named};
use crate::sending::{Sending, Told, grpc};

const NO_SOURCES: &str = "[otlp]\ngrpc_port = 0\nhttp_port = 0\n";
/// As what a server that is asked for its methods stands in the ledger.
pub const REFLECTION: &str = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// Settings without a setting, with which a server of HTTP/2 begins (RFC 9113, 6.5).
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A server that takes connections, says this and then nothing.
async fn silent(says: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever has gone again is not told.
            let _ = stream.write_all(says).await;
            held.push(stream);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_a_call_bounds_what_comes_before_it_too() {
    for says in [&b""[..], SETTINGS] {
        let address = silent(says).await;
        let sending = Sending::start(NO_SOURCES);
        let call = grpc(|grpc| {
            (grpc.url, grpc.method) = (format!("http://{address}"), "shop.v1.Orders/PlaceOrder".to_owned());
            grpc.deadline_s = 0.4;
        });
        let Told::Asks(Question::Confirm { .. }) = sending.send(call).await else { panic!("nothing was asked") };
        let begun = Instant::now();
        let told = sending.confirm(None).await;
        let took = begun.elapsed();
        let Told::Refused(reason) = told else { panic!("{told:?}") };
        assert!(reason.contains("the deadline (400ms) was over before the server had told what its methods take"), "{reason}");
        // Without a deadline of its own a connection has 10 s, and a reflection 30.
        assert!(took < Duration::from_secs(5), "{took:?}");
        // The call did not leave. Whether the question did that comes before it is known by how far the server let it come.
        let lines = sending.lines().await;
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(line.call, REFLECTION);
        assert_eq!(line.settled.counts_as(), if says.is_empty() { SettledAs::NotDone } else { SettledAs::Possibly }, "{line:?}");
    }
}

const STOCK: &str = r#"syntax = "proto3";
package shop.v1;
message Item { string sku = 1; int32 num = 2; }
message Done { int32 num = 1; }
service Stock {
  rpc Import (stream Item) returns (Done);
  rpc Put (Item) returns (Done);
  rpc List (Item) returns (stream Done);
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_to_its_address_whatever_it_asks_for_and_so_do_leave_and_secrets() {
    let (address, named) = named().await;
    let secret = |name: &str, server: &str| format!("[[secrets]]\nname = \"{name}\"\nserver = \"{server}\"\nfrom = {{ command = \"echo hunter2canary\" }}\n");
    let (here, elsewhere) = (format!("http://{address}"), "http://orders.shop.test:81");
    let sending = Sending::start(&format!("{NO_SOURCES}{}{}", secret("here", &here), secret("elsewhere", elsewhere)));
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("stock.proto"), STOCK).expect("written");
    let call = |authority: &str, secret: &str| {
        grpc(|grpc| {
            (grpc.url, grpc.method) = (here.clone(), "shop.v1.Stock/Put".to_owned());
            grpc.schema = SchemaFrom::Protos { files: vec!["stock.proto".to_owned()], roots: Vec::new() };
            (grpc.authority, grpc.auth) = (authority.to_owned(), Auth::Bearer { secret: secret.to_owned() });
        })
    };
    let Told::Asks(Question::Confirm { what, .. }) = sending.send(call("orders.shop.test:81", "here")).await else { panic!("nothing was asked") };
    assert!(what.contains(&here), "{what}");
    let told = sending.confirm(None).await;
    assert!(matches!(told, Told::Sent(_)), "{told:?}");
    assert_eq!(sending.settled().await.outcome_word(), Some("called"));
    assert_eq!(*named.lock(), ["orders.shop.test:81"]);
    let lines = sending.lines().await;
    assert_eq!(lines.iter().map(|line| line.target.as_str()).collect::<Vec<_>>(), [here.as_str()]);
    for (authority, secret, field) in [("orders.shop.test:81", "elsewhere", "auth"), ("joe@shop", "here", "authority"), ("a b", "here", "authority")] {
        let told = sending.send(call(authority, secret)).await;
        assert!(matches!(&told, Told::Mistake(told, _) if *told == field), "{authority}: {told:?}");
    }
    assert_eq!(named.lock().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_that_a_call_was_answered_with_are_written_into_a_file_one_a_line() {
    let (address, asked) = health().await;
    let sending = Sending::start(NO_SOURCES);
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("stock.proto"), STOCK).expect("written");
    let call = grpc(|grpc| {
        (grpc.url, grpc.method) = (format!("http://{address}"), "shop.v1.Stock/List".to_owned());
        grpc.schema = SchemaFrom::Protos { files: vec!["stock.proto".to_owned()], roots: Vec::new() };
        grpc.messages = vec![r#"{"sku":"lamp"}"#.to_owned()];
    });
    let Told::Asks(Question::Confirm { .. }) = sending.send(call).await else { panic!("nothing was asked") };
    let told = sending.confirm(None).await;
    assert!(matches!(told, Told::Sent(_)), "{told:?}");
    let sent = sending.settled().await;
    let path = sending.folder.path().join("requests/answers.jsonl");
    // A name alone lies in the folder of requests.
    for name in ["answers.jsonl", &path.display().to_string()] {
        sending.session.send(SendCommand::SaveBody(sent.sent_id, name.to_owned()));
        if name == "answers.jsonl" {
            sending.until("file", |board| board.written.clone()).await;
        }
    }
    let refused = sending.until("refusal", |board| board.refusal.clone()).await;
    assert!(refused.contains("there is one already"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "{\"num\":1}\n".repeat(3), "the server's alone, and not what was asked");
    assert_eq!(*asked.lock(), ["/shop.v1.Stock/List"], "nothing is asked again for that");
    assert_eq!(sending.lines().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_file_are_messages_of_one_call_and_of_one_that_takes_a_single_message_that_is_a_mistake() {
    // Nobody listens there any more, so what would be sent is written down, and nothing is.
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let sending = Sending::start(NO_SOURCES);
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(folder.join("protos/shop")).expect("a folder");
    std::fs::write(folder.join("protos/shop/stock.proto"), STOCK).expect("written");
    std::fs::write(folder.join("stock.csv"), "sku,num\nlamp,3\nchair,4\ntable,5\n").expect("written");
    let call = |method: &str, times: u32| {
        grpc(|grpc| {
            (grpc.url, grpc.method) = (format!("http://{nobody}"), format!("shop.v1.Stock/{method}"));
            // As another file imports it, with an empty line behind.
            grpc.schema = SchemaFrom::Protos { files: vec!["shop/stock.proto".to_owned(), String::new()], roots: vec!["protos".to_owned()] };
            grpc.messages = vec![r#"{"sku":"{{row.sku}}","num":{{row.num}}}"#.to_owned()];
            grpc.row_messages = true;
            grpc.repeat = RepeatDraft { rows: "stock.csv".to_owned(), times, ..RepeatDraft::default() };
        })
    };
    let Told::Asks(Question::Confirm { .. }) = sending.send(call("Put", 0)).await else { panic!("nothing was asked") };
    let told = sending.confirm(None).await;
    assert!(matches!(&told, Told::Mistake("messages", reason) if reason.contains("takes one message; there are 3")), "{told:?}");
    assert!(sending.lines().await.is_empty());
    let mut num_lines = 0;
    for times in [0, 2] {
        let told = match sending.send(call("Import", times)).await {
            Told::Asks(_) => sending.confirm(None).await,
            told => told,
        };
        let Told::Sent(sent) = told else { panic!("{told:?}") };
        num_lines += u64::from(times.max(1));
        assert_eq!(sent.num, u64::from(times.max(1)), "the rows are messages, not calls");
        sending.settled().await;
        let lines = sending.lines().await;
        assert_eq!(lines.len() as u64, num_lines);
        assert!(lines.iter().all(|line| line.call == "shop.v1.Stock/Import"), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_one_after_another_go_over_one_connection_which_is_told_with_the_first() {
    let (server, asked) = health().await;
    let proxy = Counting::before(server, "127.0.0.1".parse().expect("an address")).await;
    let sending = Sending::start(NO_SOURCES);
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("stock.proto"), STOCK).expect("written");
    let call = |url: String| {
        grpc(|grpc| {
            (grpc.url, grpc.method) = (url, "shop.v1.Stock/Put".to_owned());
            grpc.schema = SchemaFrom::Protos { files: vec!["stock.proto".to_owned()], roots: Vec::new() };
            grpc.messages = vec!["{}".to_owned()];
        })
    };
    let here = format!("http://{}", proxy.address);
    let Told::Asks(Question::Confirm { .. }) = sending.send(call(here.clone())).await else { panic!("nothing was asked") };
    let has_connected = |sent: &Sent| sent.answer.took.iter().any(|(phase, _)| *phase == Phase::Connect);
    for number in 0..3 {
        let told = if number == 0 { sending.confirm(None).await } else { sending.send(call(here.clone())).await };
        let Told::Sent(_) = told else { panic!("{told:?}") };
        let sent = sending.settled().await;
        assert_eq!(sent.answer.status, Some(Status::Grpc { code: 0, message: String::new() }), "{sent:#?}");
        assert_eq!(has_connected(&sent), number == 0);
    }
    assert_eq!((proxy.num_connections(), asked.lock().len()), (1, 3));
    // To another address there is another.
    let told = sending.send(call(format!("http://{server}"))).await;
    let Told::Asks(_) = told else { panic!("{told:?}") };
    sending.confirm(None).await;
    let sent = sending.settled().await;
    assert!(has_connected(&sent), "{sent:#?}");
    assert_eq!((proxy.num_connections(), asked.lock().len()), (1, 4));
    sending.session.stop().await;
}

/// A field of protobuf with bytes in it (protobuf's encoding: the number of the field, a length, the bytes).
fn part(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    // A longer one has its length in two bytes.
    let (length, more) = (u8::try_from(bytes.len() % 128).expect("small"), u8::try_from(bytes.len() / 128).expect("short"));
    let length = if more == 0 { vec![length] } else { vec![length | 0x80, more] };
    [&[number << 3 | 2][..], &length, bytes].concat()
}

/// The same with a number in it that is below 128.
fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// What `protoc --descriptor_set_out` makes of [`STOCK`] without `Import`: a `FileDescriptorSet` (google/protobuf/descriptor.proto).
fn descriptor_set() -> Vec<u8> {
    // Optional; of strings the type is 9, of int32 5.
    let field = |name: &str, place: u8, kind: u8| part(2, [part(1, name), number(3, place), number(4, 1), number(5, kind)].concat());
    let item = part(4, [part(1, "Item"), field("sku", 1, 9), field("num", 2, 5)].concat());
    let done = part(4, [part(1, "Done"), field("num", 1, 5)].concat());
    let method = |name: &str, streams: &[u8]| part(2, [&part(1, name)[..], &part(2, ".shop.v1.Item"), &part(3, ".shop.v1.Done"), streams].concat());
    let service = part(6, [part(1, "Stock"), method("Put", &[]), method("List", &number(6, 1))].concat());
    part(1, [part(1, "stock.proto"), part(2, "shop.v1"), item, done, service, part(12, "proto3")].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_descriptors_tells_what_methods_take_and_one_that_is_broken_is_named() {
    let (address, asked) = health().await;
    let sending = Sending::start(NO_SOURCES);
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(folder.join("sets")).expect("a folder");
    let whole = descriptor_set();
    std::fs::write(folder.join("sets/stock.binpb"), &whole).expect("written");
    std::fs::write(folder.join("sets/cut.binpb"), &whole[..whole.len() - 1]).expect("written");
    std::fs::write(folder.join("sets/empty.binpb"), "").expect("written");
    std::fs::write(folder.join("sets/text.binpb"), STOCK).expect("written");
    let call = |set: &str, method: &str, message: &str| GrpcDraft {
        url: format!("http://{address}"),
        method: format!("shop.v1.Stock/{method}"),
        schema: SchemaFrom::DescriptorSet(format!("sets/{set}.binpb")),
        messages: vec![message.to_owned()],
        ..GrpcDraft::default()
    };
    let of = |call: GrpcDraft| Draft { name: String::new(), request: Request::Grpc(call) };
    let described = call("stock", "Put", "{}");
    let told = sending.say(SendCommand::Describe(Box::new(described.clone()), None)).await;
    assert!(matches!(told, Told::Known), "{told:?}");
    let board = sending.session.send_board();
    let Some(SchemaBoard::Known(schema)) = board.schemas.get(&SchemaKey::of(&described)) else { panic!("{:?}", board.schemas) };
    assert_eq!(
        schema.methods().iter().map(|method| (method.path(), method.kind())).collect::<Vec<_>>(),
        [("shop.v1.Stock/List".to_owned(), "server streaming"), ("shop.v1.Stock/Put".to_owned(), "unary")]
    );
    assert_eq!(schema.fields("shop.v1.Item").iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["sku", "num"]);
    assert!(asked.lock().is_empty() && sending.lines().await.is_empty(), "files tell it without a word to the server");

    let Told::Asks(Question::Confirm { .. }) = sending.send(of(call("stock", "List", r#"{"sku":"lamp","num":2}"#))).await else { panic!("nothing was asked") };
    let told = sending.confirm(None).await;
    assert!(matches!(told, Told::Sent(_)), "{told:?}");
    let sent = sending.settled().await;
    assert_eq!((sent.outcome_word(), sent.answer.received().as_deref()), (Some("called"), Some("{\"num\":1}\n{\"num\":1}\n{\"num\":1}\n")));
    let told = sending.send(of(call("stock", "List", r#"{"price":2}"#))).await;
    assert!(matches!(&told, Told::Mistake("messages", reason) if reason.contains("price")), "{told:?}");

    for (set, why) in [("cut", "no set of descriptors"), ("empty", "it holds no file"), ("text", "no set of descriptors"), ("absent", "")] {
        let (name, broken) = (format!("sets/{set}.binpb"), call(set, "Put", "{}"));
        let told = sending.say(SendCommand::Describe(Box::new(broken.clone()), None)).await;
        assert!(matches!(&told, Told::Refused(reason) if reason.contains(&name) && reason.contains(why)), "{told:?}");
        let told = sending.send(of(broken)).await;
        assert!(matches!(&told, Told::Mistake("schema" | "file", reason) if reason.contains(&name) && reason.contains(why)), "{told:?}");
    }
    assert_eq!(*asked.lock(), ["/shop.v1.Stock/List"]);
    assert_eq!(sending.lines().await.len(), 1);
    sending.session.stop().await;
}
