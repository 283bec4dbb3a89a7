//! Asks a server for its schema (grpc.reflection.v1, and v1alpha where it knows no other), with a permit as any call: metadata and credentials go along.
//! What is answered is not believed to be short, or to end.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::FileDescriptorProto;
use switchboard_model::{CallEnd, CallNews, FailureKind, OWN_USER_AGENT, SendPermit, Target, now_ns, own_traceparent};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::Code;
use tonic::codegen::tokio_stream::Stream;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::answers::{Answers, Beginning, End};
use super::caller::{CallRefused, reserved};
use super::connection::Connection;
use super::dial::Place;
use super::{CallConfig, ReflectFailure};
use crate::schema::{Notes, SCHEMA_BYTES_MAX, SCHEMA_FILES_MAX, Schema, assemble, one_line};

/// How long all of it may take, once connected.
const WITHIN: Duration = Duration::from_secs(30);
/// The most questions: one a service and a file, and each may be answered with nothing.
const QUESTIONS_MAX: usize = 2 * SCHEMA_FILES_MAX;
/// How long the server has to end the call once it was asked everything.
const FAREWELL: Duration = Duration::from_millis(100);
/// How many questions are asked before the first of them is answered.
const AHEAD: usize = 16;
/// The methods, in the order in which they are tried. Their messages are the same on the wire.
const METHODS: [&str; 2] = ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"];
/// What helps where a server tells nothing of itself.
const NAME_FILES: &str = "Name .proto files or a set of descriptors instead";

/// Asks a server for its schema by reflection. Connected to are the addresses of the permit and no others. Told are the connection's phases, and `Leaves`
/// before the first question goes.
///
/// `types` are full names of messages to ask for besides what the services need: values of `google.protobuf.Any` may be of any. A file that is broken or
/// missing costs itself and what needs it, and is told in [`Schema::notes`].
pub async fn reflect(
    permit: &SendPermit,
    metadata: &HeaderMap,
    types: &[String],
    config: &CallConfig,
    told: &mut (dyn FnMut(CallNews) + Send),
) -> Result<Schema, ReflectFailure> {
    let refused = |refused: CallRefused| {
        let kind = if matches!(refused, CallRefused::Tls(_)) { FailureKind::Authenticate } else { FailureKind::Connect };
        ReflectFailure::new(kind, refused.to_string(), "Correct it in the profile")
    };
    let Target::Authority(authority) = permit.target() else { return Err(refused(CallRefused::NotAuthority { name: permit.name().to_owned() })) };
    let place = Place::new(authority, permit.addresses(), config).map_err(refused)?;
    if let Some(name) = reserved(metadata) {
        let detail = format!("`{name}` is written by HTTP or gRPC itself");
        return Err(ReflectFailure::new(FailureKind::Protocol, detail, "Take it out of the metadata"));
    }
    let connection = Connection::open(&place, told).await?;
    told(CallNews::Leaves);

    let metadata = &marked(metadata);
    let asking = async {
        for method in METHODS {
            let mut asked = Asked::begin(&place, &connection, method, metadata).await;
            match asked.schema(types).await {
                Err(Unanswered::Unimplemented) => {}
                Err(Unanswered::Failed(failure)) => return Err(failure),
                Ok(schema) => return Ok(schema),
            }
        }
        let detail = format!("{} does not offer reflection (grpc.reflection.v1, v1alpha)", place.address);
        let failure = ReflectFailure::new(FailureKind::Peer, detail, &format!("{NAME_FILES}, or register the reflection service in the server"));
        Err(failure.of_status(Code::Unimplemented as i32))
    };
    let late = || ReflectFailure::new(FailureKind::Limit, format!("{} did not tell its schema within {WITHIN:?}", place.address), NAME_FILES);
    timeout(WITHIN, asking).await.unwrap_or_else(|_| Err(late()))
}

/// The metadata, with the marks of what Switchboard does by itself: nobody called this service, so what a server traces of it is folded.
fn marked(metadata: &HeaderMap) -> HeaderMap {
    let mut metadata = metadata.clone();
    let agent = format!("{OWN_USER_AGENT}/{}", env!("CARGO_PKG_VERSION"));
    for (name, value) in [(HeaderName::from_static("traceparent"), own_traceparent(now_ns().unsigned_abs())), (USER_AGENT, agent)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            metadata.entry(name).or_insert(value);
        }
    }
    metadata
}

/// Why there is no schema.
enum Unanswered {
    /// The server has no such method.
    Unimplemented,
    Failed(ReflectFailure),
}

/// Questions, one after the other, and their answers, in the same order.
struct Asked<'a> {
    address: &'a str,
    questions: Option<mpsc::Sender<Bytes>>,
    answers: Answers,
    /// Asked, and not answered yet.
    under_way: VecDeque<Question>,
    /// Not asked yet.
    waiting: VecDeque<Question>,
    /// Asked last, one at a time.
    types: VecDeque<Question>,
    num_asked: usize,
    num_bytes: usize,
    /// Names of files that came.
    came: HashSet<String>,
    /// Names of files that were asked for, or are about to be.
    wanted: HashSet<String>,
    files: Vec<FileDescriptorProto>,
    /// Files that nobody has to be asked for.
    well_known: DescriptorPool,
    notes: Notes,
}

/// What is asked after the list of services.
enum Question {
    Services,
    Service(String),
    Type(String),
    File(String),
}

impl Question {
    fn request(&self) -> ServerReflectionRequest {
        let request = match self {
            Self::Services => MessageRequest::ListServices(String::new()),
            Self::Service(name) | Self::Type(name) => MessageRequest::FileContainingSymbol(name.clone()),
            Self::File(name) => MessageRequest::FileByFilename(name.clone()),
        };
        ServerReflectionRequest { host: String::new(), message_request: Some(request) }
    }

    fn words(&self) -> String {
        match self {
            Self::Services => "the list of services".to_owned(),
            Self::Service(name) => format!("the service {}", one_line(name)),
            Self::Type(name) => format!("the type {}", one_line(name)),
            Self::File(name) => format!("the file {}", one_line(name)),
        }
    }
}

impl<'a> Asked<'a> {
    async fn begin(place: &'a Place, connection: &Connection, method: &'static str, metadata: &HeaderMap) -> Self {
        let (questions, asked) = mpsc::channel(AHEAD);
        let beginning = Beginning {
            path: PathAndQuery::from_static(method),
            metadata: metadata.clone(),
            timeout: Some(WITHIN),
            compression: None,
            message_bytes_max: SCHEMA_BYTES_MAX,
        };
        // Some servers answer with headers only once they are asked something.
        let first = Question::Services;
        // The queue is empty yet.
        let _ = questions.try_send(first.request().encode_to_vec().into());
        let answers = Answers::of(connection, &place.uri, beginning, Queue(asked)).await;
        Self {
            address: &place.address,
            questions: Some(questions),
            answers,
            under_way: VecDeque::from([first]),
            waiting: VecDeque::new(),
            types: VecDeque::new(),
            num_asked: 1,
            num_bytes: 0,
            came: HashSet::new(),
            wanted: HashSet::new(),
            files: Vec::new(),
            well_known: DescriptorPool::global(),
            notes: Notes::default(),
        }
    }

    async fn schema(&mut self, types: &[String]) -> Result<Schema, Unanswered> {
        let mut services = Vec::new();
        while let Some(question) = self.under_way.pop_front() {
            let Some(answer) = self.answers.next().await else {
                let Question::Type(_) = &question else { return Err(self.ended(&question)) };
                // Some servers end the call at a name that they do not know. All that services need came before.
                let reason = match self.answers.end() {
                    End::Told(code, end) => format!("{:?} ({})", Code::from_i32(code), one_line(&end.message)),
                    End::Broken(broken) => broken.reason,
                };
                self.notes.add(format!("{} is needed, and the server does not tell it: {reason}", question.words()));
                break;
            };
            self.num_bytes += answer.len();
            if self.num_bytes > SCHEMA_BYTES_MAX {
                return Err(self.beyond(&format!("{SCHEMA_BYTES_MAX} bytes")));
            }
            let answer = ServerReflectionResponse::decode(answer)
                .map_err(|error| self.unexpected(&format!("what is no answer of reflection ({})", one_line(&error.to_string()))))?;
            match (&question, answer.message_response) {
                (Question::Services, Some(MessageResponse::ListServicesResponse(list))) => {
                    services = list.service.into_iter().map(|service| service.name).collect::<Vec<_>>();
                    services.sort();
                    services.dedup();
                    if services.len() > SCHEMA_FILES_MAX {
                        return Err(self.beyond(&format!("{SCHEMA_FILES_MAX} services")));
                    }
                    self.waiting.extend(services.iter().cloned().map(Question::Service));
                    self.types.extend(types.iter().cloned().map(Question::Type));
                }
                (Question::Services, Some(MessageResponse::ErrorResponse(error))) => {
                    if error.error_code == Code::Unimplemented as i32 {
                        return Err(Unanswered::Unimplemented);
                    }
                    return Err(self.refused(error.error_code, &error.error_message));
                }
                (Question::Services, _) => return Err(self.unexpected("something else than a list of services")),
                (_, Some(MessageResponse::FileDescriptorResponse(files))) => self.take(&question, files.file_descriptor_proto)?,
                (question, Some(MessageResponse::ErrorResponse(error))) => {
                    let code = Code::from_i32(error.error_code);
                    self.notes.add(format!(
                        "{} is listed or needed, and the server does not tell it: {code:?} ({})",
                        question.words(),
                        one_line(&error.error_message)
                    ));
                }
                (question, _) => self.notes.add(format!("{} was answered with something else, and is left out", question.words())),
            }
            self.ask_more()?;
        }
        self.questions = None;
        // The server may say how it went; a server that does not is not waited for.
        let _ = timeout(FAREWELL, self.answers.next()).await;
        let pool = assemble(std::mem::take(&mut self.files), &mut self.notes);
        for service in services.iter().filter(|service| pool.get_service_by_name(service).is_none()) {
            self.notes.add(format!("the service {} is listed, and is in no file that could be used", one_line(service)));
        }
        Ok(Schema::new(pool, std::mem::take(&mut self.notes)))
    }

    /// Files that came, and what they need. The same file may come with each that needs it.
    fn take(&mut self, question: &Question, files: Vec<Vec<u8>>) -> Result<(), Unanswered> {
        let is_alone = files.len() == 1;
        let num_before = self.files.len();
        for bytes in files {
            let mut file = match FileDescriptorProto::decode(&*bytes) {
                Ok(file) => file,
                Err(error) => {
                    self.notes.add(format!("{} is no descriptor, and was left out ({})", question.words(), one_line(&error.to_string())));
                    continue;
                }
            };
            // Some servers know a file by another name than those that import it.
            if let Question::File(asked) = question
                && is_alone
                && file.name() != asked
                && !self.came.contains(file.name())
            {
                self.notes.add(format!("{} came under the name {}", question.words(), one_line(file.name())));
                file.name = Some(asked.clone());
            }
            if !self.came.insert(file.name().to_owned()) {
                continue;
            }
            if self.files.len() == SCHEMA_FILES_MAX {
                return Err(self.beyond(&format!("{SCHEMA_FILES_MAX} files")));
            }
            self.files.push(file);
        }
        for file in &self.files[num_before..] {
            for needed in &file.dependency {
                let is_there = self.came.contains(needed) || self.well_known.get_file_by_name(needed).is_some();
                if !is_there && self.wanted.insert(needed.clone()) {
                    self.waiting.push_back(Question::File(needed.clone()));
                }
            }
        }
        Ok(())
    }

    /// Asks what is to be asked, as far ahead as is let.
    fn ask_more(&mut self) -> Result<(), Unanswered> {
        while self.under_way.len() < AHEAD {
            let last = if self.under_way.is_empty() { &mut self.types } else { &mut VecDeque::new() };
            let Some(question) = self.waiting.pop_front().or_else(|| last.pop_front()) else { break };
            if matches!(&question, Question::File(name) if self.came.contains(name)) {
                continue;
            }
            if self.num_asked == QUESTIONS_MAX {
                return Err(self.beyond(&format!("{QUESTIONS_MAX} services and files")));
            }
            self.num_asked += 1;
            if let Some(questions) = &self.questions {
                // There is room for all that are under way; where the call has ended, its end is what comes next.
                let _ = questions.try_send(question.request().encode_to_vec().into());
            }
            self.under_way.push_back(question);
        }
        Ok(())
    }

    fn beyond(&self, what: &str) -> Unanswered {
        Unanswered::Failed(ReflectFailure::new(FailureKind::Limit, format!("{} answers with more than {what}", self.address), NAME_FILES))
    }

    fn unexpected(&self, what: &str) -> Unanswered {
        let detail = format!("{} answered reflection with {what}", self.address);
        Unanswered::Failed(ReflectFailure::new(FailureKind::Protocol, detail, NAME_FILES))
    }

    fn refused(&self, code: i32, message: &str) -> Unanswered {
        let (name, message) = (Code::from_i32(code), one_line(message));
        let address = self.address;
        let failure = match name {
            Code::Unauthenticated => {
                let detail = format!("{address} asks for credentials before it tells its schema (UNAUTHENTICATED)");
                ReflectFailure::new(FailureKind::Authenticate, detail, &format!("Add them to the metadata. {NAME_FILES}"))
            }
            Code::PermissionDenied => {
                let detail = format!("{address} does not allow its schema to be read (PERMISSION_DENIED)");
                ReflectFailure::new(FailureKind::Authorise, detail, NAME_FILES)
            }
            name => ReflectFailure::new(FailureKind::Peer, format!("{address} answered reflection with {name:?} ({message})"), NAME_FILES),
        };
        Unanswered::Failed(failure.of_status(code))
    }

    /// The call ended while something was still to be answered.
    fn ended(&self, question: &Question) -> Unanswered {
        match self.answers.end() {
            End::Told(code, _) if code == Code::Unimplemented as i32 && self.num_asked == 1 => Unanswered::Unimplemented,
            End::Told(0, CallEnd { code: 0, .. }) => self.unexpected(&format!("an end before {} was answered", question.words())),
            End::Told(code, end) => self.refused(code.max(end.code), &end.message),
            End::Broken(broken) if broken.code == Code::Unimplemented => Unanswered::Unimplemented,
            End::Broken(broken) => {
                let detail = format!("{} did not tell its schema: {}", self.address, broken.reason);
                Unanswered::Failed(ReflectFailure::new(FailureKind::Protocol, detail, NAME_FILES))
            }
        }
    }
}

/// Questions as they are asked.
struct Queue(mpsc::Receiver<Bytes>);

impl Stream for Queue {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.poll_recv(cx)
    }
}
