//! One request's way: host check, body, decompression, decoding, queue; and its answer.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, Version, header};
use http_body::Body;
use http_body_util::BodyExt;
use switchboard_model::{Batch, BatchHeader, ItemKind, Offer, Redactor, Sink, now_ns};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::answer::{self, AnswerBody, Partial, Protocol};
use crate::body::{Gathered, unframed};
use crate::budget::{Budget, Reservation};
use crate::config::{Bound, Limits};
use crate::decode::{self, Context, Encoding, Rejection, Signal, Tally, Undecodable};
use crate::decompress::{Compression, contained, decompress};
use crate::failure::{Addresses, Failure};
use crate::forward::{Forwarder, Passed};
use crate::host_check::{self, HostCheck};
use crate::refusals::Refusals;

/// Bodies up to this size are decoded where they were read; longer ones on a thread that may block.
const MAX_INLINE_BYTES: usize = 1 << 20;
/// The same for compressed bodies.
const MAX_INLINE_COMPRESSED_BYTES: usize = 16 << 10;
/// Reserved before the first byte of a body is read.
const FIRST_BYTES: usize = 64 << 10;
/// Time between two offers of a batch to a full queue.
const OFFER_AGAIN: Duration = Duration::from_millis(3);
/// How much of a refused body is read and thrown away, so that its sender hears the answer, and for how long.
const DRAIN: (usize, Duration) = (256 << 20, Duration::from_secs(5));

/// What all requests share.
pub(crate) struct Service {
    pub(crate) host_check: HostCheck,
    pub(crate) limits: Limits,
    pub(crate) budget: Arc<Budget>,
    pub(crate) sink: Sink,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) environment: String,
    pub(crate) refusals: Refusals,
    pub(crate) forwarder: Option<Forwarder>,
    /// The addresses that are listened on now.
    pub(crate) bound: watch::Receiver<Option<Bound>>,
    /// Threads that decode long bodies at a time.
    pub(crate) workers: Semaphore,
}

/// What the head of a request says about its body.
#[derive(Clone, Copy)]
struct Announced {
    signal: Signal,
    protocol: Protocol,
    compression: Compression,
}

/// A body as it came, and the bytes reserved for it.
struct Received {
    announced: Announced,
    body: Bytes,
    reservation: Reservation,
}

impl Service {
    /// Answers a request that came from `peer` in on `local`.
    pub(crate) async fn answer<B>(self: &Arc<Self>, peer: SocketAddr, local: IpAddr, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::error::Error,
    {
        let (head, body) = request.into_parts();
        let mut body = std::pin::pin!(body);
        let protocol = protocol_of(&head);
        let (mut outcome, origin) = match self.host_check.check(&head, local) {
            Err(failure) => (Err(failure), None),
            Ok(Some(origin)) if head.method == Method::OPTIONS => {
                let mut response = answer::preflight(head.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS));
                answer::allow_origin(&mut response, &origin);
                return response;
            }
            Ok(origin) => {
                let outcome = match announced(&head) {
                    Ok(announced) => self.take(announced, &head.headers, body.as_mut()).await.map(|partial| (announced.signal, partial)),
                    Err(failure) => Err(failure),
                };
                (outcome, origin)
            }
        };
        if let Err(Failure::Path(_, addresses)) = &mut outcome {
            *addresses = self.addresses(&head);
        }
        let mut response = match outcome {
            Ok((signal, partial)) => {
                if let Some((rule, what, num)) = partial.as_ref().and_then(|partial| partial.lost.as_ref()) {
                    self.refusals.parts(peer.ip().to_string(), rule, what, *num);
                }
                answer::success(protocol, signal, partial.as_ref())
            }
            Err(failure) => {
                self.refusals.request(peer.ip().to_string(), host_check::refused(&head), &failure);
                if !matches!(failure, Failure::SlowBody | Failure::BodyCut(_)) {
                    drain(body.as_mut()).await;
                }
                answer::failure(protocol, &failure)
            }
        };
        if let Some(origin) = origin {
            answer::allow_origin(&mut response, &origin);
        }
        response
    }

    /// Where this request might have gone.
    fn addresses(&self, head: &Parts) -> Addresses {
        let bound = self.bound.borrow().clone().unwrap_or_default();
        let address = |of: &[SocketAddr]| {
            of.first().map(|address| if address.ip().is_loopback() { format!("localhost:{}", address.port()) } else { address.to_string() })
        };
        let is_grpc = content_type(&head.headers).starts_with(answer::GRPC);
        Addresses { http: address(&bound.http), grpc: address(&bound.grpc), is_grpc }
    }

    async fn take<B>(self: &Arc<Self>, announced: Announced, headers: &HeaderMap, body: std::pin::Pin<&mut B>) -> Result<Option<Partial>, Failure>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::error::Error,
    {
        let mut num_read = 0;
        let received = self.receive(announced, headers, body, &mut num_read).await;
        let taken = match received {
            Ok(received) => {
                let passed = self.forwarder.is_some().then(|| Passed {
                    signal: announced.signal,
                    protocol: announced.protocol,
                    compression: received.announced.compression,
                    headers: headers.clone(),
                    body: received.body.clone(),
                });
                let taken = self.store(received).await;
                if let (Ok(_), Some(forwarder), Some(passed)) = (&taken, &self.forwarder, passed) {
                    forwarder.pass(passed);
                }
                taken
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &taken
            && !matches!(failure, Failure::QueueFull | Failure::AllRejected { .. } | Failure::Stopping)
        {
            // Nobody knows how many items it held.
            self.sink.undecodable(num_read as u64);
        }
        taken
    }

    /// Reads the body, as much of it as there is room for.
    async fn receive<B>(&self, announced: Announced, headers: &HeaderMap, mut body: std::pin::Pin<&mut B>, num_read: &mut usize) -> Result<Received, Failure>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::error::Error,
    {
        let is_grpc = announced.protocol == Protocol::Grpc;
        let too_large = || Failure::TooLarge { limit_bytes: self.limits.request_bytes };
        let max_bytes = self.limits.request_bytes + if is_grpc { 5 } else { 0 };
        let declared: Option<u64> = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if declared.is_some_and(|declared| declared > max_bytes as u64) {
            return Err(too_large());
        }
        let declared = declared.map(|declared| declared as usize);
        let first_bytes = declared.map_or(FIRST_BYTES, |declared| FIRST_BYTES.min(declared));
        let mut reservation = self.budget.reserve(first_bytes).ok_or(Failure::NoRoom)?;
        let began = Instant::now();
        let mut whole = Gathered::new(declared, max_bytes, is_grpc);
        loop {
            let paid_for = Duration::from_secs_f64(*num_read as f64 / 1024.0);
            let deadline = began + (self.limits.body_grace + paid_for).min(self.limits.body);
            let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
                Err(_) => return Err(Failure::SlowBody),
                Ok(None) => break,
                Ok(Some(Err(error))) => return Err(Failure::BodyCut(error.to_string())),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            *num_read += data.len();
            if *num_read > max_bytes {
                return Err(too_large());
            }
            if !reservation.grow_to(whole.num_bytes_with(&data)) {
                return Err(Failure::NoRoom);
            }
            whole.push(data)?;
            if whole.frame_length().is_some_and(|length| length > self.limits.request_bytes) {
                return Err(too_large());
            }
        }
        let body = whole.into_bytes();
        if !is_grpc {
            return Ok(Received { announced, body, reservation });
        }
        let (body, is_compressed) = unframed(&body)?;
        let compression = match (is_compressed, announced.compression) {
            (false, _) => Compression::Identity,
            (true, Compression::Identity) => return Err(Failure::FrameEncoding),
            (true, compression) => compression,
        };
        Ok(Received { announced: Announced { compression, ..announced }, body, reservation })
    }

    /// Decodes the body and queues what is in it.
    async fn store(self: &Arc<Self>, received: Received) -> Result<Option<Partial>, Failure> {
        let signal = received.announced.signal;
        let deadline = std::time::Instant::now() + self.limits.queue_wait;
        let is_short = match received.announced.compression {
            Compression::Identity => received.body.len() <= MAX_INLINE_BYTES,
            _ => received.body.len() <= MAX_INLINE_COMPRESSED_BYTES,
        };
        let delivered = if is_short {
            self.store_short(received, deadline).await
        } else {
            // The semaphore is never closed.
            let _permit = self.workers.acquire().await;
            let service = Arc::clone(self);
            match tokio::task::spawn_blocking(move || service.store_long(received, deadline)).await {
                Ok(delivered) => delivered,
                Err(_) => Err(Failure::Stopping),
            }
        };
        self.account(signal, delivered?)
    }

    async fn store_short(&self, received: Received, deadline: std::time::Instant) -> Result<Delivered, Failure> {
        let Received { announced, body, mut reservation } = received;
        let mut batches = Vec::new();
        let tally = contained(|| {
            self.decode(announced, body, &mut reservation, &mut |batch| {
                batches.push(batch);
                ControlFlow::Continue(())
            })
        })?;
        reservation.set(batches.iter().map(Batch::size_bytes).sum());
        let mut delivered = Delivered { tally, num_taken: 0, ended: None };
        for mut batch in batches {
            let num_items = batch.num_items();
            loop {
                match self.sink.offer(batch) {
                    Offer::Taken => break,
                    Offer::Closed(_) => return Ok(Delivered { ended: Some(Failure::Stopping), ..delivered }),
                    Offer::Full(_) if std::time::Instant::now() >= deadline => return Ok(Delivered { ended: Some(Failure::QueueFull), ..delivered }),
                    Offer::Full(same) => batch = same,
                }
                tokio::time::sleep(OFFER_AGAIN).await;
            }
            delivered.num_taken += num_items;
        }
        Ok(delivered)
    }

    /// The same on a thread that may block: batches are offered while the rest is still being decoded.
    fn store_long(&self, received: Received, deadline: std::time::Instant) -> Result<Delivered, Failure> {
        let Received { announced, body, mut reservation } = received;
        let (mut num_taken, mut ended) = (0, None);
        let tally = contained(|| {
            self.decode(announced, body, &mut reservation, &mut |batch| {
                let num_items = batch.num_items();
                let left = deadline.saturating_duration_since(std::time::Instant::now());
                match self.sink.offer_within(batch, left) {
                    Offer::Taken => {
                        num_taken += num_items;
                        return ControlFlow::Continue(());
                    }
                    Offer::Full(_) => ended = Some(Failure::QueueFull),
                    Offer::Closed(_) => ended = Some(Failure::Stopping),
                }
                ControlFlow::Break(())
            })
        })?;
        Ok(Delivered { tally, num_taken, ended })
    }

    fn decode(&self, announced: Announced, body: Bytes, reservation: &mut Reservation, emit: &mut decode::Emit<'_>) -> Result<Tally, Failure> {
        let context = Context {
            header: BatchHeader { source: self.sink.source(), received_ns: now_ns(), ..BatchHeader::default() },
            redactor: &self.redactor,
            environment: &self.environment,
        };
        let encoding = match announced.protocol {
            Protocol::Grpc => Encoding::Protobuf,
            Protocol::Http(encoding) => encoding,
        };
        let num_received = reservation.num_bytes();
        let decompressed;
        let request = if announced.compression == Compression::Identity && encoding == Encoding::Json && body.is_unique() {
            // So that it can be mended where it lies.
            Cow::Owned(Vec::from(body))
        } else {
            decompressed = body;
            decompress(announced.compression, &decompressed, &self.limits, |num_bytes| reservation.grow_to(num_received + num_bytes))?
        };
        let mut room = |num_bytes| reservation.grow_to(reservation.num_bytes() + num_bytes);
        decode::decode(announced.signal, encoding, request, context, &mut room, emit).map_err(|why| match why {
            Undecodable::NoRoom => Failure::NoRoom,
            why => Failure::Undecodable(why),
        })
    }

    /// Counts what was not taken, and says so in the answer.
    fn account(&self, signal: Signal, delivered: Delivered) -> Result<Option<Partial>, Failure> {
        let Delivered { tally, num_taken, ended } = delivered;
        if signal == Signal::Metrics {
            self.sink.fold(ItemKind::MetricPoint, tally.num_items);
            return Ok(None);
        }
        let kind = if signal == Signal::Traces { ItemKind::Span } else { ItemKind::Log };
        match ended {
            Some(Failure::Stopping) => return Err(Failure::Stopping),
            Some(failure) => {
                self.sink.refuse(kind, tally.num_items - num_taken);
                return Err(failure);
            }
            None => {}
        }
        let num_rejected = tally.num_rejected();
        if num_rejected > 0 {
            self.sink.refuse(kind, num_rejected);
        }
        if num_rejected > 0 && num_rejected == tally.num_items {
            let is_other_signal = tally.of(Rejection::OtherSignal) == num_rejected;
            return Err(Failure::AllRejected { signal, num_items: num_rejected, reasons: tally.reasons(), rule: tally.rule(), is_other_signal });
        }
        let items = if signal == Signal::Traces { "spans" } else { "log records" };
        let mut told = Vec::new();
        if num_rejected > 0 {
            told.push(format!("{num_rejected} of {} {items} were not stored: {}", tally.num_items, tally.reasons()));
        } else if tally.has_base64_ids {
            told.push("stored, though the ids are base64: OTLP/JSON wants them hexadecimal".to_owned());
        }
        let lost = tally.lost.first.as_ref().map(|(part, _)| (part.name(), tally.lost.summary(), tally.lost.num_all()));
        if let Some((_, what, _)) = &lost {
            told.push(format!("stored without what could not be read: {what}"));
        }
        Ok((!told.is_empty()).then(|| Partial { num_rejected, message: told.join("; "), lost }))
    }
}

/// What became of a decoded request's batches.
struct Delivered {
    tally: Tally,
    num_taken: u64,
    /// Why not all of them were taken, if so.
    ended: Option<Failure>,
}

/// The encoding that an answer has: the request's, as far as it names one.
fn protocol_of(head: &Parts) -> Protocol {
    match content_type(&head.headers).as_str() {
        answer::PROTOBUF => Protocol::Http(Encoding::Protobuf),
        found if found.starts_with(answer::GRPC) && head.version == Version::HTTP_2 => Protocol::Grpc,
        _ => Protocol::Http(Encoding::Json),
    }
}

/// The content type without its parameters; several at once are none.
fn content_type(headers: &HeaderMap) -> String {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            text.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
        }
        _ => String::new(),
    }
}

/// Looks at path, method, content type and encoding.
fn announced(head: &Parts) -> Result<Announced, Failure> {
    let path = head.uri.path();
    let content_type = content_type(&head.headers);
    let is_grpc = content_type.starts_with(answer::GRPC);
    let signal = match path {
        "/v1/traces" | "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Signal::Traces,
        "/v1/logs" | "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Signal::Logs,
        "/v1/metrics" | "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Signal::Metrics,
        _ => return Err(Failure::Path(path.chars().take(100).collect(), Addresses::default())),
    };
    if head.method != Method::POST {
        return Err(Failure::Method(head.method.to_string()));
    }
    let is_http_path = path.starts_with("/v1/");
    let protocol = match content_type.as_str() {
        answer::PROTOBUF if is_http_path => Protocol::Http(Encoding::Protobuf),
        answer::JSON if is_http_path => Protocol::Http(Encoding::Json),
        "application/grpc" | "application/grpc+proto" if head.version != Version::HTTP_2 => return Err(Failure::GrpcNeedsHttp2),
        "application/grpc" | "application/grpc+proto" if !is_http_path => Protocol::Grpc,
        _ if is_grpc && is_http_path => return Err(Failure::Path(path.to_owned(), Addresses::default())),
        _ => return Err(Failure::ContentType(content_type.chars().take(100).collect())),
    };
    let name = if protocol == Protocol::Grpc { "grpc-encoding" } else { "content-encoding" };
    let encodings: Vec<&[u8]> = head.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
    let encoding = String::from_utf8_lossy(&encodings.join(&b","[..])).into_owned();
    let compression = Compression::of(&encoding).ok_or_else(|| Failure::ContentEncoding(encoding.chars().take(100).collect()))?;
    Ok(Announced { signal, protocol, compression })
}

/// Reads the rest of a refused body and throws it away: a sender that is cut off in the middle never hears why.
async fn drain<B>(mut body: std::pin::Pin<&mut B>)
where
    B: Body<Data = Bytes>,
{
    let (max_bytes, max_time) = DRAIN;
    let mut num_bytes = 0;
    let drained = async {
        while let Some(Ok(frame)) = body.frame().await {
            num_bytes += frame.data_ref().map_or(0, Bytes::len);
            if num_bytes > max_bytes {
                return;
            }
        }
    };
    // Whoever sends for longer than that is cut off.
    tokio::time::timeout(max_time, drained).await.unwrap_or_default();
}
