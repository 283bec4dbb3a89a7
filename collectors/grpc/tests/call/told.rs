//! Calls as tests make them, and what was told of each.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use futures::Stream;
use switchboard_grpc::{CallConfig, Caller};
use switchboard_model::{CallEnd, CallNews, Compression, Origin, Outcome, OutgoingCall, Phase};
use tokio::time::timeout;

use crate::server::{DEADLINE, Server, permit};

/// All that was told of a call.
#[derive(Debug, Default)]
pub struct Told {
    pub phases: Vec<Phase>,
    pub has_left: bool,
    pub headers: Option<HeaderMap>,
    pub messages: Vec<Bytes>,
    pub end: Option<CallEnd>,
}

impl Told {
    pub fn take(&mut self, news: CallNews) {
        assert!(self.end.is_none(), "nothing comes after the end, but {news:?}");
        assert!(self.has_left || matches!(news, CallNews::Leaves | CallNews::Took(Phase::Connect | Phase::Tls, _)), "before it left: {news:?}");
        match news {
            CallNews::Took(phase, _) => self.phases.push(phase),
            CallNews::Leaves => self.has_left = true,
            CallNews::Headers(headers) => self.headers = Some(headers),
            CallNews::Message(message) => self.messages.push(message),
            CallNews::Ended(end) => self.end = Some(end),
        }
    }

    #[track_caller]
    pub fn end(&self) -> &CallEnd {
        self.end.as_ref().expect("an end")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.as_ref().and_then(|headers| headers.get(name)).map_or("", |value| value.to_str().expect("text"))
    }
}

/// One call to be made.
pub fn to(origin: &Origin, method: &'static str) -> OutgoingCall {
    OutgoingCall {
        authority: origin.clone(),
        method: axum::http::uri::PathAndQuery::from_static(method),
        metadata: HeaderMap::new(),
        deadline: None,
        spent: Duration::ZERO,
        compression: None,
    }
}

/// The same with something of it set.
pub trait With: Sized {
    fn metadata(self, name: &'static str, value: &str) -> Self;
    fn deadline(self, deadline: Duration) -> Self;
    fn compression(self, compression: Compression) -> Self;
}

impl With for OutgoingCall {
    fn metadata(mut self, name: &'static str, value: &str) -> Self {
        self.metadata.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
        self
    }

    fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    fn compression(self, compression: Compression) -> Self {
        Self { compression: Some(compression), ..self }
    }
}

pub fn caller(server: &Server) -> Caller {
    caller_of(&server.origin(), server, CallConfig::default())
}

pub fn caller_of(origin: &Origin, server: &Server, config: CallConfig) -> Caller {
    Caller::new(permit(origin, &[server.address]), config).expect("a caller")
}

/// Messages that are all there.
pub fn sent(messages: &[&'static [u8]]) -> impl Stream<Item = Bytes> + Send + 'static {
    futures::stream::iter(messages.iter().map(|message| Bytes::from_static(message)).collect::<Vec<_>>())
}

/// Makes a call and waits for its end.
pub async fn call(caller: &Caller, call: OutgoingCall, messages: impl Stream<Item = Bytes> + Send + 'static) -> (Outcome, Told) {
    let mut told = Told::default();
    let outcome = timeout(DEADLINE, caller.call(call, messages, &mut |news| told.take(news))).await.expect("in time");
    assert_eq!(told.has_left, told.end.is_some(), "what left has an end, and nothing else");
    (outcome, told)
}

#[track_caller]
pub fn not_done(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::NotDone(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub fn possibly(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Possibly(reason) => reason,
        other => panic!("{other:?}"),
    }
}
