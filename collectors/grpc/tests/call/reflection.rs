//! Schemas as servers tell them by reflection.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue};
use prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};
use switchboard_grpc::{CallConfig, ReflectFailure, Schema, reflect};
use switchboard_model::{CallNews, FailureKind, Origin, is_own_trace, parse_traceparent};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::server::TcpIncoming;

use crate::server::{Server, origin, permit, shop};

/// Compiles files whose text is given; the first is what a server would register.
pub fn compiled(files: &[(&str, String)]) -> FileDescriptorSet {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    protox::compile([folder.path().join(files[0].0)], [folder.path()]).expect("compiles")
}

/// Asks a server on loopback.
pub async fn asked(address: std::net::SocketAddr) -> Result<Schema, ReflectFailure> {
    asked_with(&origin(&format!("http://{address}")), &[address], &HeaderMap::new(), &[]).await
}

/// Asks a server at these addresses.
async fn asked_with(origin: &Origin, addresses: &[std::net::SocketAddr], metadata: &HeaderMap, types: &[String]) -> Result<Schema, ReflectFailure> {
    let mut has_left = false;
    let asked = reflect(&permit(origin, addresses), metadata, types, &CallConfig::default(), &mut |news| has_left |= matches!(news, CallNews::Leaves)).await;
    // What a server says was asked for before.
    assert!(has_left || asked.as_ref().is_err_and(|failure| failure.status.is_none()), "{asked:?}");
    asked
}

fn files() -> FileDescriptorSet {
    let order = "syntax = \"proto3\"; package shop; import \"item.proto\"; import \"google/protobuf/timestamp.proto\";
        message Order { int64 id = 1; repeated Item items = 2; google.protobuf.Timestamp at = 3; }
        service Shop { rpc Get(Order) returns (Item); rpc Chat(stream Item) returns (stream Order); }";
    let item = "syntax = \"proto3\"; package shop; message Item { string sku = 1; }";
    compiled(&[("order.proto", order.to_owned()), ("item.proto", item.to_owned())])
}

/// A server by tonic, with reflection of some versions.
async fn tonic_server(files: FileDescriptorSet, v1: bool, v1alpha: bool) -> (std::net::SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let builder = || tonic_reflection::server::Builder::configure().register_file_descriptor_set(files.clone());
    let (_, health) = tonic_health::server::health_reporter();
    let routes = tonic::transport::Server::builder()
        .add_service(health)
        .add_optional_service(v1.then(|| builder().build_v1().expect("a service")))
        .add_optional_service(v1alpha.then(|| builder().build_v1alpha().expect("a service")));
    let task = tokio::spawn(async move { routes.serve_with_incoming(TcpIncoming::from(listener)).await.expect("served") });
    (address, task)
}

#[tokio::test]
async fn a_schema_is_told_by_either_version() {
    for (v1, v1alpha) in [(true, false), (false, true), (true, true)] {
        let (address, server) = tonic_server(files(), v1, v1alpha).await;
        let schema = asked(address).await.unwrap_or_else(|failure| panic!("v1 {v1}, v1alpha {v1alpha}: {failure}"));
        let paths: Vec<_> = schema.methods().into_iter().map(|method| method.path).filter(|path| path.starts_with("/shop")).collect();
        assert_eq!(paths, ["/shop.Shop/Chat", "/shop.Shop/Get"]);
        assert_eq!(schema.notes(), [""; 0]);
        let template = schema.template("/shop.Shop/Get").expect("a template");
        schema.encode("/shop.Shop/Get", &template).expect("a message");
        server.abort();
    }
}

#[tokio::test]
async fn types_that_no_service_needs_are_told_when_they_are_asked_for() {
    let mut files = files();
    let hidden = "syntax = \"proto3\"; package shop; import \"item.proto\"; message Hidden { Item item = 1; }";
    let item = "syntax = \"proto3\"; package shop; message Item { string sku = 1; }";
    files.file.extend(
        compiled(&[("hidden.proto", hidden.to_owned()), ("item.proto", item.to_owned())]).file.into_iter().filter(|file| file.name() == "hidden.proto"),
    );
    for (v1, v1alpha) in [(true, false), (false, true)] {
        let (address, _server) = tonic_server(files.clone(), v1, v1alpha).await;
        assert!(asked(address).await.expect("a schema").outline("shop.Hidden").is_none());
        let types = ["shop.Item", "shop.Hidden", "shop.Unknown"].map(str::to_owned);
        let schema = asked_with(&origin(&format!("http://{address}")), &[address], &HeaderMap::new(), &types).await.expect("a schema");
        assert!(schema.outline("shop.Hidden").is_some() && schema.method("/shop.Shop/Get").is_some());
        let notes = schema.notes();
        assert!(notes.len() == 1 && notes[0].starts_with("the type shop.Unknown is needed, and the server does not tell it: NotFound"), "{notes:?}");
    }
}

#[tokio::test]
async fn a_server_without_reflection_is_told_with_what_helps() {
    let (address, _server) = tonic_server(files(), false, false).await;
    let failure = asked(address).await.expect_err("no reflection");
    assert_eq!((failure.kind, failure.status), (FailureKind::Peer, Some(12)));
    assert!(failure.to_string().contains("does not offer reflection") && failure.next_step.contains(".proto files or a set of descriptors"), "{failure}");
    // One that answers each method by UNIMPLEMENTED itself, and a web server.
    let server = Server::start(shop()).await;
    assert!(asked(server.address).await.expect_err("none").detail.contains("does not offer reflection"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let web = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
    let failure = asked(web).await.expect_err("none");
    assert!(failure.detail.contains("does not offer reflection"), "{failure}");
}

#[tokio::test]
async fn connections_that_do_not_come_about_are_told_as_of_calls() {
    let mut server = Server::start(shop()).await;
    let address = server.address;
    let failure = asked_with(&origin(&format!("https://{address}")), &[address], &HeaderMap::new(), &[]).await.expect_err("plain text");
    assert_eq!((failure.kind, failure.next_step.as_str()), (FailureKind::Protocol, "Write http://, or correct the port"));
    server.kill().await;
    let failure = asked(address).await.expect_err("gone");
    assert_eq!((failure.kind, failure.next_step.as_str()), (FailureKind::Connect, "Start the server, or correct the port"));
    let failure = asked_with(&origin("http://shop.invalid"), &[], &HeaderMap::new(), &[]).await.expect_err("no address");
    assert!(failure.detail.contains("not looked up"), "{failure}");
}

#[tokio::test]
async fn a_server_that_asks_for_credentials_gets_the_metadata() {
    let server = Server::start(crate::server::grpc(|_, request| async move {
        match request.metadata().get("authorization") {
            Some(_) => Err(tonic::Status::permission_denied("not you")),
            None => Err(tonic::Status::unauthenticated("who")),
        }
    }))
    .await;
    let failure = asked(server.address).await.expect_err("refused");
    assert_eq!((failure.kind, failure.status), (FailureKind::Authenticate, Some(16)));
    let metadata = HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, HeaderValue::from_static("Bearer hunter2Zq7"))]);
    let failure = asked_with(&server.origin(), &[server.address], &metadata, &[]).await.expect_err("refused");
    assert!(failure.kind == FailureKind::Authorise && !format!("{failure:?}").contains("hunter2"), "{failure}");
}

#[tokio::test]
async fn being_asked_is_known_as_something_that_nobody_called() {
    let (told, mut seen) = tokio::sync::mpsc::channel(4);
    let server = Server::start(crate::server::grpc(move |_, request| {
        let (told, metadata) = (told.clone(), request.metadata().clone().into_headers());
        async move {
            told.send(metadata).await.expect("a test");
            Err(tonic::Status::permission_denied("not you"))
        }
    }))
    .await;
    let text = |metadata: &HeaderMap, name: &str| metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    asked(server.address).await.expect_err("refused");
    let metadata = seen.recv().await.expect("it was asked");
    assert!(parse_traceparent(&text(&metadata, "traceparent")).is_some_and(|context| is_own_trace(context.trace_id)), "{metadata:?}");
    assert!(text(&metadata, "user-agent").starts_with("switchboard/"), "{metadata:?}");
    // What is written by hand stays.
    let own = HeaderMap::from_iter([(axum::http::header::USER_AGENT, HeaderValue::from_static("mine"))]);
    asked_with(&server.origin(), &[server.address], &own, &[]).await.expect_err("refused");
    assert_eq!(text(&seen.recv().await.expect("it was asked"), "user-agent"), "mine");
}

#[tokio::test]
async fn ten_thousand_types_are_told_within_the_bound() {
    let set = ten_thousand();
    let (address, _server) = tonic_server(set, true, false).await;
    let began = Instant::now();
    let schema = asked(address).await.expect("a schema");
    println!("reflection of 10,000 types in 101 files: {:?}", began.elapsed());
    assert!(schema.outline("p99.M99").is_some() && schema.methods().iter().any(|method| method.path == "/root.Root/Get"), "{:?}", schema.notes());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// A hundred files of a hundred types, and one that needs them all.
pub fn ten_thousand() -> FileDescriptorSet {
    let name = |number: usize| format!("p{number}.proto");
    let mut root = "syntax = \"proto3\"; package root;\n".to_owned();
    let mut fields = String::new();
    let mut files = Vec::new();
    for number in 0..100 {
        let mut text = format!("syntax = \"proto3\"; package p{number};\n");
        for at in 0..100 {
            text += &format!("message M{at} {{ int64 id = 1; string name = 2; bool paid = 3; repeated M{} others = 4; }}\n", (at + 1) % 100);
        }
        files.push((name(number), text));
        root += &format!("import \"{}\";\n", name(number));
        fields += &format!("p{number}.M{number} f{number} = {};\n", number + 1);
    }
    root += &format!("message All {{ {fields} }}\nservice Root {{ rpc Get(All) returns (All); }}\n");
    let mut all = vec![("root.proto", root)];
    all.extend(files.iter().map(|(name, text)| (name.as_str(), text.clone())));
    compiled(&all)
}

/// A file of one service without methods, which imports others.
pub fn file(name: &str, imports: &[&str], service: Option<&str>) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(format!("{name}.proto")),
        package: Some(name.to_owned()),
        dependency: imports.iter().map(|import| format!("{import}.proto")).collect(),
        service: service
            .map(|name| prost_reflect::prost_types::ServiceDescriptorProto { name: Some(name.to_owned()), ..Default::default() })
            .into_iter()
            .collect(),
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}
