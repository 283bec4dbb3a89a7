//! Servers whose reflection is broken, endless, circular or something else.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::FileDescriptorProto;
use switchboard_grpc::{ReflectFailure, Schema};
use switchboard_model::FailureKind;
use tonic::{Response, Status};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};

use crate::reflection::{asked, file};
use crate::server::{Server, grpc};

/// Asks a server that answers each question by a rule; `None` ends the call.
async fn told(answer: impl Fn(MessageRequest) -> Option<MessageResponse> + Clone + Send + Sync + 'static) -> Result<Schema, ReflectFailure> {
    let server = Server::start(grpc(move |_, request| {
        let answer = answer.clone();
        async move {
            let answers = request.into_inner().map(move |request| {
                let request = ServerReflectionRequest::decode(request?).expect("a request");
                let answer = answer(request.message_request.clone().expect("a question"));
                let response = ServerReflectionResponse { message_response: Some(answer.ok_or_else(|| Status::aborted("enough"))?), ..Default::default() };
                Ok(Bytes::from(response.encode_to_vec()))
            });
            Ok(Response::new(answers.boxed()))
        }
    }))
    .await;
    asked(server.address).await
}

fn services(names: &[&str]) -> MessageResponse {
    let service = names.iter().map(|name| ServiceResponse { name: (*name).to_owned() }).collect();
    MessageResponse::ListServicesResponse(ListServiceResponse { service })
}

fn files(files: &[FileDescriptorProto]) -> MessageResponse {
    MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
        file_descriptor_proto: files.iter().map(prost_reflect::prost::Message::encode_to_vec).collect(),
    })
}

fn error(code: i32) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse { error_code: code, error_message: "no\nsuch thing".to_owned() })
}

fn noted(schema: &Schema, part: &str) {
    assert!(schema.notes().iter().any(|note| note.contains(part)), "{part}: {:?}", schema.notes());
}

#[tokio::test]
async fn what_is_missing_or_broken_costs_itself() {
    let schema = told(|question| {
        Some(match question {
            MessageRequest::ListServices(_) => services(&["good.S", "missing.S", "broken.S", "odd.S", "needs.S", "lost.S"]),
            MessageRequest::FileContainingSymbol(name) => match name.as_str() {
                "good.S" => files(&[file("good", &["base"], Some("S"))]),
                "broken.S" => MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto: vec![vec![0xff]] }),
                "odd.S" => MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse::default()),
                "needs.S" => files(&[file("needs", &["nowhere"], Some("S"))]),
                "lost.S" => files(&[file("lost", &[], Some("Other"))]),
                _ => error(5),
            },
            MessageRequest::FileByFilename(name) if name == "base.proto" => files(&[file("base", &[], None)]),
            _ => error(5),
        })
    })
    .await
    .expect("a schema");
    for part in [
        "the service missing.S is listed or needed, and the server does not tell it: NotFound (no such thing)",
        "the service broken.S is no descriptor",
        "the service odd.S was answered with something else",
        "the file nowhere.proto is listed or needed",
        "needs.proto imports nowhere.proto, which is not there",
        "the service lost.S is listed, and is in no file that could be used",
    ] {
        noted(&schema, part);
    }
}

#[tokio::test]
async fn a_file_under_another_name_is_found() {
    let schema = told(|question| {
        Some(match question {
            MessageRequest::ListServices(_) => services(&["a.S"]),
            MessageRequest::FileContainingSymbol(_) => files(&[file("a", &["folder/b"], Some("S"))]),
            _ => files(&[file("b", &[], None)]),
        })
    })
    .await
    .expect("a schema");
    noted(&schema, "folder/b.proto came under the name b.proto");
    assert_eq!(schema.notes().len(), 1, "{:?}", schema.notes());
}

#[tokio::test]
async fn imports_in_a_circle_end() {
    let schema = told(|question| {
        Some(match question {
            MessageRequest::ListServices(_) => services(&["a.S", "good.S"]),
            MessageRequest::FileContainingSymbol(name) if name == "good.S" => files(&[file("good", &[], Some("S"))]),
            MessageRequest::FileByFilename(name) if name == "b.proto" => files(&[file("b", &["a"], None)]),
            _ => files(&[file("a", &["b"], Some("S"))]),
        })
    })
    .await
    .expect("a schema");
    noted(&schema, "its imports lead back to themselves");
    noted(&schema, "the service a.S is listed, and is in no file that could be used");
}

#[tokio::test]
async fn imports_that_never_end_are_given_up() {
    let began = Instant::now();
    let failure = told(|question| {
        Some(match question {
            MessageRequest::ListServices(_) => services(&["a.S"]),
            MessageRequest::FileByFilename(name) => {
                let number: u64 = name.trim_start_matches('f').trim_end_matches(".proto").parse().expect("a number");
                files(&[file(&format!("f{number}"), &[&format!("f{}", number + 1)], None)])
            }
            _ => files(&[file("a", &["f0"], Some("S"))]),
        })
    })
    .await
    .expect_err("too many");
    println!("given up after {:?}: {failure}", began.elapsed());
    assert!(failure.kind == FailureKind::Limit && failure.detail.contains("20000 files"), "{failure}");
}

#[tokio::test]
async fn answers_that_are_too_large_are_given_up() {
    let failure = told(|question| {
        Some(match question {
            MessageRequest::ListServices(_) => services(&["a.S"]),
            MessageRequest::FileByFilename(name) => {
                let number: u64 = name.trim_start_matches('f').trim_end_matches(".proto").parse().expect("a number");
                let large = FileDescriptorProto { package: Some("x".repeat(1 << 20)), ..file(&format!("f{number}"), &[&format!("f{}", number + 1)], None) };
                files(&[large])
            }
            _ => files(&[file("a", &["f0"], Some("S"))]),
        })
    })
    .await
    .expect_err("too large");
    assert!(failure.kind == FailureKind::Limit && failure.detail.contains("33554432 bytes"), "{failure}");
    let names: Vec<String> = (0..30_000).map(|number| format!("s{number}")).collect();
    let failure = told(move |_| Some(services(&names.iter().map(String::as_str).collect::<Vec<_>>()))).await.expect_err("too many");
    assert!(failure.kind == FailureKind::Limit && failure.detail.contains("20000 services"), "{failure}");
}

#[tokio::test]
async fn answers_that_are_none_are_told() {
    let failure = told(|_| Some(files(&[]))).await.expect_err("no list");
    assert!(failure.kind == FailureKind::Protocol && failure.detail.contains("something else than a list of services"), "{failure}");
    let failure = told(|_| Some(error(13))).await.expect_err("an error");
    assert!(failure.kind == FailureKind::Peer && failure.detail.contains("Internal (no such thing)"), "{failure}");
    let failure = told(|question| matches!(question, MessageRequest::ListServices(_)).then(|| services(&["a.S"]))).await.expect_err("an end");
    assert!(failure.kind == FailureKind::Peer && failure.detail.contains("Aborted (enough)"), "{failure}");
    let server = Server::start(grpc(|_, _| async { Ok(crate::server::messages(vec![Ok(Bytes::from_static(b"\xff\xff"))])) })).await;
    let failure = asked(server.address).await.expect_err("no answer");
    assert!(failure.detail.contains("what is no answer of reflection"), "{failure}");
    let server = Server::start(grpc(|_, _| async { Ok(crate::server::messages(vec![])) })).await;
    let failure = asked(server.address).await.expect_err("no answer");
    assert!(failure.detail.contains("an end before the list of services was answered"), "{failure}");
}

#[tokio::test]
async fn a_server_of_nothing_is_a_schema_of_nothing() {
    let schema = told(|_| Some(services(&[]))).await.expect("a schema");
    assert_eq!((schema.methods(), schema.notes()), (Vec::new(), &[][..]));
}

#[tokio::test]
async fn what_was_asked_is_ended_when_nobody_waits_any_longer() {
    let (asked_for, mut is_asked_for) = tokio::sync::mpsc::channel(1);
    let server = Server::start(grpc(move |_, request| {
        let asked_for = asked_for.clone();
        async move {
            asked_for.send(request.into_inner()).await.expect("a test");
            Ok(Response::new(futures::stream::pending().boxed()))
        }
    }))
    .await;
    let mut incoming = {
        let mut asking = std::pin::pin!(asked(server.address));
        tokio::select! {
            schema = &mut asking => panic!("{schema:?}"),
            incoming = is_asked_for.recv() => incoming.expect("a call"),
        }
    };
    let began = Instant::now();
    let ended = async { while let Ok(Some(_)) = incoming.message().await {} };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("in time");
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
}
