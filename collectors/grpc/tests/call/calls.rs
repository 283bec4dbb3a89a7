//! Calls of all four kinds, as servers answer them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use switchboard_grpc::{CallConfig, Caller};
use switchboard_model::{CallNews, Compression, Outcome, Phase, Receipt};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tonic::{Response, Status};

use crate::server::{DEADLINE, Server, framed, grpc, messages, permit, shop};
use crate::told::{Told, With as _, call, caller, caller_of, possibly, sent, to};

const OK: Outcome = Outcome::Done(Receipt::Called(0));

#[tokio::test]
async fn one_message_is_answered_with_one() {
    let server = Server::start(shop()).await;
    let (outcome, told) = call(&caller(&server), to(&server.origin(), "/shop.Shop/Get"), sent(&[b"an order"])).await;
    assert_eq!((outcome, told.messages.as_slice()), (OK, &[Bytes::from_static(b"an order")][..]));
    assert_eq!(told.phases, [Phase::Connect, Phase::FirstByte, Phase::Rest]);
    assert!(told.header("user-agent").starts_with("switchboard-send/"), "{:?}", told.headers);
    assert_eq!((told.end().code, told.end().message.as_str()), (0, ""));
}

#[tokio::test]
async fn one_message_is_answered_with_many_and_many_with_one() {
    let server = Server::start(shop()).await;
    let caller = caller(&server);
    let (outcome, told) = call(&caller, to(&server.origin(), "/shop.Shop/List"), sent(&[b"a"])).await;
    assert_eq!((outcome, told.messages.len()), (OK, 3));
    // The count is answered at the end of what is sent: the half-close.
    let (outcome, told) = call(&caller, to(&server.origin(), "/shop.Shop/Put"), sent(&[b"a", b"", b"c", b"d"])).await;
    assert_eq!((outcome, told.messages.as_slice()), (OK, &[Bytes::from_static(&[4])][..]));
    assert_eq!(told.phases, [Phase::FirstByte, Phase::Rest], "the connection is kept");
    assert_eq!(server.num_connections(), 1);
}

#[tokio::test]
async fn each_message_of_a_conversation_is_answered_before_the_next_is_sent() {
    let server = Server::start(shop()).await;
    let caller = caller(&server);
    let (speak, spoken) = mpsc::channel::<Bytes>(1);
    let (hear, mut heard) = mpsc::channel(16);
    let speaking = async {
        for number in 0..20_u8 {
            speak.send(Bytes::from(vec![number])).await.expect("a call");
            let answer: Bytes = timeout(DEADLINE, heard.recv()).await.expect("in time").expect("an answer");
            assert_eq!(&answer[..], [number]);
        }
        drop(speak);
    };
    let mut told = |news| {
        if let CallNews::Message(message) = news {
            hear.try_send(message).expect("room");
        }
    };
    let (outcome, ()) = tokio::join!(caller.call(to(&server.origin(), "/shop.Shop/Chat"), queue(spoken), &mut told), speaking);
    assert_eq!(outcome, OK);
}

#[tokio::test]
async fn what_is_sent_may_go_on_after_the_server_ended_the_call() {
    let server = Server::start(grpc(|_, _| async { Err(Status::resource_exhausted("enough")) })).await;
    let caller = caller(&server);
    let (endless, spoken) = mpsc::channel::<Bytes>(1);
    let (outcome, told) = call(&caller, to(&server.origin(), "/shop.Shop/Put"), queue(spoken)).await;
    assert_eq!((outcome, told.end().message.as_str()), (Outcome::Done(Receipt::Called(8)), "enough"));
    // Nobody waits for more.
    timeout(DEADLINE, endless.closed()).await.expect("let go");
}

#[tokio::test]
async fn metadata_goes_both_ways_as_it_is() {
    let server = Server::start(shop()).await;
    let asked = to(&server.origin(), "/shop.Shop/Get").metadata("x-one", "a b").metadata("x-two-bin", "AAH/").metadata("user-agent", "mine");
    let (_, told) = call(&caller(&server), asked, sent(&[b"a"])).await;
    assert_eq!((told.header("x-one"), told.header("x-two-bin").trim_end_matches('='), told.header("user-agent")), ("a b", "AAH/", "mine"));
}

#[tokio::test]
async fn messages_are_compressed_as_asked_for() {
    let server = Server::start(shop()).await;
    let caller = caller(&server);
    let large: &'static [u8] = vec![b'a'; 100_000].leak();
    for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
        let (outcome, told) = call(&caller, to(&server.origin(), "/shop.Shop/Get").compression(compression), sent(&[large])).await;
        assert_eq!((outcome, told.messages[0].len()), (OK, large.len()), "{name}");
        assert_eq!(told.header("x-encoding"), name);
        assert!(["gzip", "zstd"].contains(&told.header("grpc-encoding")), "{:?}", told.headers);
    }
}

#[tokio::test]
async fn a_message_beyond_the_bound_is_not_taken() {
    let server = Server::start(grpc(|path, _| async move {
        let message = match path.as_str() {
            "/shop.Shop/Small" => Bytes::from(vec![7; 1_000]),
            _ => Bytes::from(vec![7; 1_001]),
        };
        Ok(messages(vec![Ok(message)]))
    }))
    .await;
    let caller = caller_of(&server.origin(), &server, CallConfig { message_bytes_max: 1_000, ..CallConfig::default() });
    let (outcome, _) = call(&caller, to(&server.origin(), "/shop.Shop/Small"), sent(&[])).await;
    assert_eq!(outcome, OK);
    // It is compressed to a few bytes, and counts as what it becomes.
    let (outcome, told) = call(&caller, to(&server.origin(), "/shop.Shop/Large"), sent(&[])).await;
    assert!(possibly(&outcome).contains("1000 bytes when it is decompressed"), "{outcome:?}");
    assert_eq!((told.end().code, told.messages.len()), (8, 0));
}

#[tokio::test]
async fn a_message_that_says_it_is_large_is_not_waited_for() {
    let server = Server::start(crate::server::always(|| {
        let length = Bytes::from_static(&[0, 0x7f, 0xff, 0xff, 0xff]);
        crate::server::answer(&[("content-type", b"application/grpc")], vec![framed(b"a"), hyper::body::Frame::data(length)])
    }))
    .await;
    let (outcome, told) = call(&caller(&server), to(&server.origin(), "/shop.Shop/Get"), sent(&[])).await;
    assert!(possibly(&outcome).contains("2147483647 bytes"), "{outcome:?}");
    assert_eq!((told.end().code, told.messages.len()), (8, 1));
}

#[tokio::test]
async fn a_large_message_goes_both_ways() {
    let server = Server::start(shop()).await;
    let large: &'static [u8] = vec![b'a'; 20 << 20].leak();
    let (outcome, told) = call(&caller(&server), to(&server.origin(), "/shop.Shop/Get"), sent(&[large])).await;
    assert_eq!((outcome, told.messages[0].len()), (OK, large.len()));
}

#[tokio::test]
async fn a_deadline_is_told_to_the_server_and_kept_here() {
    let server = Server::start(shop()).await;
    let caller = caller(&server);
    let (_, told) = call(&caller, to(&server.origin(), "/shop.Shop/Get").deadline(Duration::from_mins(1)), sent(&[b"a"])).await;
    assert!(told.header("x-timeout").ends_with(['u', 'm', 'n']), "{:?}", told.headers);
    for method in ["/shop.Shop/Silent", "/shop.Shop/Never"] {
        let began = Instant::now();
        let (outcome, told) = call(&caller, to(&server.origin(), method).deadline(Duration::from_millis(300)), sent(&[b"a"])).await;
        assert!(possibly(&outcome).contains("300ms"), "{outcome:?}");
        assert_eq!((told.end().code, told.headers.is_some()), (4, method.ends_with("Never")));
        assert!((300..5_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    }
    let endless = caller_of(&server.origin(), &server, CallConfig { connect_timeout: Duration::MAX, ..CallConfig::default() });
    let (outcome, _) = call(&endless, to(&server.origin(), "/shop.Shop/Get").deadline(Duration::MAX), sent(&[b"a"])).await;
    assert_eq!(outcome, OK);
    let (outcome, told) = call(&caller, to(&server.origin(), "/shop.Shop/Get").deadline(Duration::ZERO), sent(&[b"a"])).await;
    assert!(matches!(outcome, Outcome::NotDone(_)) && !told.has_left, "{outcome:?}");
}

#[tokio::test]
async fn a_call_that_is_dropped_is_over_for_the_server_as_well() {
    let (gone, mut is_gone) = mpsc::channel(4);
    let gone = Arc::new(gone);
    let server = Server::start(grpc(move |path, request| {
        let gone = Arc::clone(&gone);
        async move {
            let mut incoming = request.into_inner();
            let (answer, answers) = mpsc::channel(4);
            tokio::spawn(async move {
                let mut last = Ok(Some(Bytes::new()));
                while let Ok(Some(_)) = last {
                    let _ = answer.send(Ok(Bytes::from_static(b"heard"))).await;
                    last = incoming.message().await;
                }
                // The end of what is sent alone would leave the answers as they are.
                answer.closed().await;
                gone.send(path).await.expect("a test");
            });
            Ok(Response::new(queue(answers).boxed()))
        }
    }))
    .await;
    let caller = caller(&server);
    for round in 0..3 {
        let (speak, spoken) = mpsc::channel::<Bytes>(1);
        speak.send(Bytes::from_static(b"a")).await.expect("room");
        let told = Arc::new(Mutex::new(Told::default()));
        let (heard, mut is_heard) = mpsc::channel(8);
        let mut tell = {
            let told = Arc::clone(&told);
            move |news| {
                if matches!(news, CallNews::Message(_)) {
                    heard.try_send(()).expect("room");
                }
                told.try_lock().expect("one at a time").take(news);
            }
        };
        {
            let mut underway = std::pin::pin!(caller.call(to(&server.origin(), "/shop.Shop/Chat"), queue(spoken), &mut tell));
            tokio::select! {
                outcome = &mut underway => panic!("{outcome:?}"),
                heard = is_heard.recv() => heard.expect("a message"),
            }
        }
        let began = Instant::now();
        timeout(DEADLINE, is_gone.recv()).await.expect("in time").expect("an end");
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
        timeout(DEADLINE, speak.closed()).await.expect("what would be sent is let go");
        assert_eq!(server.num_connections(), round + 1, "a connection with a cancelled call is not used again");
    }
}

#[tokio::test]
async fn a_server_that_never_reads_holds_no_call() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (closed, mut is_closed) = mpsc::channel(1);
    let (go_on, mut goes_on) = mpsc::channel::<()>(1);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        // SETTINGS and WINDOW_UPDATE that let the caller write without end. Nothing is ever read: that the connection is closed is seen by writing (PING).
        stream.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]).await.expect("written");
        stream.write_all(&[0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0, 0]).await.expect("written");
        let _ = goes_on.recv().await;
        while stream.write_all(&[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = closed.send(Instant::now()).await;
    });
    let origin = crate::server::origin(&format!("http://{address}"));
    let caller = Caller::new(permit(&origin, &[address]), CallConfig::default()).expect("a caller");
    let (leaves, mut has_left) = mpsc::channel(1);
    let mut told = move |news| {
        if matches!(news, CallNews::Leaves) {
            leaves.try_send(()).expect("room");
        }
    };
    let endless = futures::stream::repeat(Bytes::from(vec![0; 1 << 16]));
    {
        let mut underway = std::pin::pin!(caller.call(to(&origin, "/shop.Shop/Put"), endless, &mut told));
        tokio::select! {
            outcome = &mut underway => panic!("{outcome:?}"),
            left = has_left.recv() => left.expect("it leaves"),
        }
        // It is written for a while, as far as buffers go.
        let _ = timeout(Duration::from_millis(200), &mut underway).await;
    }
    let began = Instant::now();
    go_on.send(()).await.expect("a server");
    let closed_at = timeout(DEADLINE, is_closed.recv()).await.expect("in time").expect("an end");
    println!("closed after {:?}", closed_at - began);
    assert!(closed_at - began < Duration::from_secs(1), "{:?}", closed_at - began);
}

/// Messages as they come through a channel.
pub fn queue<T: Send + 'static>(queue: mpsc::Receiver<T>) -> impl futures::Stream<Item = T> + Send + 'static {
    futures::stream::unfold(queue, |mut queue| async move { queue.recv().await.map(|message| (message, queue)) })
}
