//! Servers, as sending reaches them: looked up by name, and called only with a permit, at the addresses that the name led to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use switchboard_grpc::{FieldOutline, Schema, StatusDetail, StatusDetailContent};
use switchboard_model::{AnswerNews, CallNews, Leave, Origin, Outcome, OutgoingCall, OutgoingRequest, PermitRefused, Receipt, SendPermit, SendRules, Target};
use tokio::sync::mpsc;

use crate::profile::Profile;
use crate::send::access::{AsRead, Field, Method, MethodSchema, SchemaFiles, Server, ServerAccess, Tell, TlsFiles, Untold, Waiting};
use crate::session::allowed::{Allowed, is_production};
use crate::session::kept_callers::KeptCallers;
use crate::sources::SourceProfile;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The most of an answer that is read, bytes, decompressed.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Servers of a session. Those of the profile are as it says; all others are read-only until somebody allows them.
pub(super) struct Servers {
    allowed: Allowed,
    is_forbidden: bool,
    is_production: bool,
    /// Servers that sources read, by the sources' names.
    known: Mutex<BTreeMap<String, (Origin, Leave)>>,
    kept: Arc<KeptCallers>,
}

impl Servers {
    pub(super) fn new(profile: &Profile, allowed: Allowed) -> Self {
        let is_production = is_production(profile.environment.as_deref());
        let servers = Self { allowed, is_forbidden: profile.write == Leave::Never, is_production, known: Mutex::default(), kept: Arc::default() };
        profile.active_sources().for_each(|source| servers.add(source, profile));
        servers
    }

    /// A source reads a server from now on, where it is one.
    pub(super) fn add(&self, source: &SourceProfile, profile: &Profile) {
        if let Ok((origin, _)) = Origin::parse(&source.address()) {
            self.known.lock().insert(source.name().to_owned(), (origin, profile.leave(source)));
        }
    }

    /// A source is gone.
    pub(super) fn remove(&self, name: &str) {
        self.known.lock().remove(name);
    }

    /// What a server is called, and what the profile says of it. Where several sources read it, what forbids counts first.
    fn known(&self, target: &Target) -> (String, Leave) {
        let unsaid = if self.is_forbidden { Leave::Never } else { Leave::Unsaid };
        let (Target::Origin(origin) | Target::Authority(origin)) = target else { return (String::new(), unsaid) };
        let known = self.known.lock();
        let mut found: Vec<(&String, Leave)> = known.iter().filter(|(_, (known, _))| known == origin).map(|(name, (_, leave))| (name, *leave)).collect();
        found.sort_by_key(|(_, leave)| match leave {
            Leave::Never => 0,
            Leave::Given => 1,
            Leave::Unsaid => 2,
        });
        let leave = if self.is_forbidden { Leave::Never } else { found.first().map_or(Leave::Unsaid, |(_, leave)| *leave) };
        (found.first().map_or_else(|| origin.authority(), |(name, _)| (*name).clone()), leave)
    }

    fn permit(&self, server: &Server, typed_name: Option<&str>, is_unlocked: bool) -> Result<SendPermit, PermitRefused> {
        let (name, leave) = self.known(&server.target);
        SendPermit::from_rules(&SendRules {
            name: &name,
            target: Some(server.target.clone()),
            addresses: &server.addresses,
            leave,
            is_unlocked: is_unlocked || self.allowed.has(Some(&server.target)),
            is_production: self.is_production,
            typed_name,
        })
    }
}

impl Servers {
    /// Sends with a permit, where there is leave; without, nothing goes.
    fn permitted<F>(&self, server: &Server, typed_name: Option<&str>, send: impl FnOnce(SendPermit) -> F) -> Waiting<Outcome>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        match self.permit(server, typed_name, false) {
            Ok(permit) => Box::pin(send(permit)),
            Err(refused) => Box::pin(std::future::ready(Outcome::NotDone(refused.to_string()))),
        }
    }
}

impl ServerAccess for Servers {
    fn resolve(&self, origin: &Origin) -> Waiting<Result<Vec<SocketAddr>, String>> {
        Box::pin(resolve(origin.clone()))
    }

    fn may_send(&self, server: &Server, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        self.permit(server, typed_name, false).map(drop)
    }

    fn allow(&self, server: &Server, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        let (name, _) = self.known(&server.target);
        if self.is_production && typed_name != Some(name.as_str()) {
            return Err(PermitRefused::NotConfirmed { name });
        }
        let permit = self.permit(server, typed_name, true)?;
        self.allowed.allow(permit.target().clone());
        Ok(())
    }

    fn type_name(&self, target: &Target) -> Option<String> {
        self.is_production.then(|| self.known(target).0)
    }

    fn request(
        &self,
        server: Server,
        request: OutgoingRequest,
        tls: TlsFiles,
        timeout: Duration,
        typed_name: Option<String>,
        mut tell: Tell<AnswerNews>,
    ) -> Waiting<Outcome> {
        use switchboard_http::{CallConfig, Caller, Tls, TlsCheck};
        self.permitted(&server, typed_name.as_deref(), |permit| async move {
            let check = if tls.unchecked { TlsCheck::Off } else { TlsCheck::Full };
            let tls = Tls { root_certificates_pem: tls.root_certificates, check, identity_pem: tls.identity };
            let config = CallConfig { connect_timeout: CONNECT_WITHIN, timeout: Some(timeout), tls, body_bytes_max: ANSWER_BYTES_MAX as u64 };
            match Caller::new(permit, config) {
                Ok(caller) => caller.call(request, &mut *tell).await,
                Err(refused) => Outcome::NotDone(refused.to_string()),
            }
        })
    }

    fn call(
        &self,
        server: Server,
        call: OutgoingCall,
        tls: TlsFiles,
        messages: mpsc::Receiver<Bytes>,
        typed_name: Option<String>,
        mut tell: Tell<CallNews>,
    ) -> Waiting<Outcome> {
        let kept = Arc::clone(&self.kept);
        self.permitted(&server, typed_name.as_deref(), |permit| async move {
            let messages = futures::stream::unfold(messages, |mut messages| async move { messages.recv().await.map(|message| (message, messages)) });
            match kept.caller(permit, tls) {
                Ok(caller) => caller.call(call, messages, &mut *tell).await,
                Err(refused) => Outcome::NotDone(refused.to_string()),
            }
        })
    }

    fn reflect(
        &self,
        server: Server,
        metadata: HeaderMap,
        types: Vec<String>,
        tls: TlsFiles,
        mut tell: Tell<CallNews>,
    ) -> Waiting<Result<Arc<dyn MethodSchema>, Untold>> {
        let permit = match self.permit(&server, None, false) {
            Ok(permit) => permit,
            Err(refused) => return Box::pin(std::future::ready(Err(not_asked(refused.to_string())))),
        };
        Box::pin(async move {
            let mut has_left = false;
            let mut told = |news| {
                has_left |= matches!(news, CallNews::Leaves);
                tell(news);
            };
            let schema = switchboard_grpc::reflect(&permit, &metadata, &types, &call_config(tls), &mut told).await;
            let schema = schema.map_err(|failure| {
                let reason = failure.to_string();
                match failure.status {
                    Some(status) => Untold { outcome: Outcome::Done(Receipt::Called(status)), reason },
                    None if has_left => Untold { outcome: Outcome::Possibly(reason.clone()), reason },
                    None => not_asked(reason),
                }
            })?;
            Ok(Arc::new(Known::new(schema)) as Arc<dyn MethodSchema>)
        })
    }

    fn schema_of(&self, files: SchemaFiles) -> Result<Arc<dyn MethodSchema>, String> {
        let schema = match files {
            SchemaFiles::Protos(files, roots) => Schema::from_protos(&files, &roots),
            SchemaFiles::DescriptorSet(bytes) => Schema::from_descriptor_set(&bytes),
        };
        Ok(Arc::new(Known::new(schema.map_err(|error| error.to_string())?)))
    }
}

/// The server was not asked at all.
fn not_asked(reason: String) -> Untold {
    Untold { outcome: Outcome::NotDone(reason.clone()), reason }
}

pub(super) fn call_config(tls: TlsFiles) -> switchboard_grpc::CallConfig {
    use switchboard_grpc::{CallConfig, Tls, TlsCheck};
    let check = if tls.unchecked { TlsCheck::Off } else { TlsCheck::Full };
    let spoken = Tls { root_certificates_pem: tls.root_certificates, check, identity_pem: tls.identity };
    CallConfig { connect_timeout: CONNECT_WITHIN, tls: spoken, message_bytes_max: ANSWER_BYTES_MAX, authority: tls.authority }
}

/// Looks a name up, on a thread that may be left behind where nobody answers.
async fn resolve(origin: Origin) -> Result<Vec<SocketAddr>, String> {
    if let Some(address) = origin.address() {
        return Ok(vec![SocketAddr::new(address, origin.port())]);
    }
    let unknown = |reason: String| format!("the name {} leads nowhere: {reason}. Check how it is written", origin.host());
    let found = tokio::net::lookup_host((origin.host().to_owned(), origin.port())).await.map_err(|error| unknown(error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.dedup();
    if addresses.is_empty() { Err(unknown("it has no address".to_owned())) } else { Ok(addresses) }
}

/// What is known of methods, listed once.
#[derive(Debug)]
struct Known {
    schema: Schema,
    methods: Vec<Method>,
    /// Listed when they are first asked for.
    types: OnceLock<Vec<String>>,
}

impl Known {
    fn new(schema: Schema) -> Self {
        let told = |method: switchboard_grpc::Method| Method {
            service: method.service,
            name: method.name,
            client_streaming: method.client_streaming,
            server_streaming: method.server_streaming,
            input: method.input,
            output: method.output,
        };
        Self { methods: schema.methods().into_iter().map(told).collect(), types: OnceLock::new(), schema }
    }
}

/// As the wire calls a method.
fn path(method: &str) -> String {
    format!("/{}", method.trim_start_matches('/'))
}

impl MethodSchema for Known {
    fn methods(&self) -> &[Method] {
        &self.methods
    }

    fn notes(&self) -> &[String] {
        self.schema.notes()
    }

    fn knows(&self, message: &str) -> bool {
        self.schema.outline(message).is_some()
    }

    fn template(&self, method: &str) -> Result<String, String> {
        self.schema.template(&path(method)).map_err(|error| error.to_string())
    }

    fn fields(&self, message: &str) -> Vec<Field> {
        self.schema.outline(message).unwrap_or_default().into_iter().map(field).collect()
    }

    fn types(&self) -> &[String] {
        self.types.get_or_init(|| self.schema.types())
    }

    fn any_example(&self, message: &str) -> Option<String> {
        self.schema.any_example(message)
    }

    fn encode(&self, method: &str, json: &str) -> Result<Bytes, String> {
        self.schema.encode(&path(method), json).map_err(|error| error.to_string())
    }

    fn decode(&self, method: &str, is_input: bool, bytes: &[u8]) -> Result<AsRead<String>, String> {
        let decoded = self.schema.decode(&path(method), is_input, bytes).map_err(|error| error.to_string())?;
        let says = match decoded.num_unknown_fields {
            0 => decoded.json,
            num => format!("{}\n// and {num} fields ({} bytes) that the schema does not know", decoded.json, decoded.num_unknown_bytes),
        };
        Ok(AsRead { says, unknown_types: decoded.unknown_types })
    }

    fn details(&self, bytes: &[u8]) -> AsRead<Vec<(String, String)>> {
        let says = self.schema.status_details(bytes).into_iter().map(detail).collect();
        AsRead { says, unknown_types: self.schema.unknown_details(bytes) }
    }
}

fn field(outline: FieldOutline) -> Field {
    let FieldOutline { name, json_name, type_words, message, mut choices, oneof, is_repeated, map_key, example } = outline;
    // The time of sending: a variable, of which the schema knows nothing.
    let now = (message.as_deref() == Some("google.protobuf.Timestamp")).then(|| "\"{{now}}\"".to_owned());
    choices.splice(0..0, now.clone());
    let example = now.unwrap_or(example);
    Field { name, json_name, type_words, message, choices, oneof, is_list: is_repeated, map_key: map_key.map(str::to_owned), example }
}

fn detail(detail: StatusDetail) -> (String, String) {
    let says = match detail.content {
        StatusDetailContent::Standard(pairs) => pairs.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n"),
        StatusDetailContent::Json(json) => json,
        StatusDetailContent::Hex { digits, num_bytes } => format!("{num_bytes} bytes: {digits}"),
    };
    let name = detail.type_url.rsplit('/').next().unwrap_or_default().to_owned();
    (name, says)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(address: &str, at: &str) -> Server {
        let (origin, _) = Origin::parse(address).expect("an address");
        Server { target: Target::Origin(origin), addresses: vec![at.parse().expect("an address")] }
    }

    fn servers(profile: &str) -> Servers {
        let profile = Profile::parse(profile, "p.toml").expect("valid");
        Servers::new(&profile, Allowed::default())
    }

    const HERE: &str = "127.0.0.1:80";
    const THERE: &str = "10.0.0.1:80";

    #[test]
    fn a_server_is_as_its_source_says_and_any_other_is_read_only() {
        let servers = servers(
            "name = \"p\"\n[[http]]\nname = \"a\"\nurl = \"http://a/actuator\"\nwrite = true\n[[http]]\nname = \"b\"\nurl = \"http://b/\"\nwrite = \"never\"\n[[grpc]]\nname = \"c\"\nurl = \"http://b\"\nwrite = true",
        );
        assert!(servers.may_send(&server("http://a/pay", THERE), None).is_ok());
        for is_tried_again in [false, true] {
            let refused = servers.may_send(&server("http://b/pay", HERE), None);
            assert_eq!(refused, Err(PermitRefused::Never { name: "b".to_owned() }), "what forbids counts first");
            assert_eq!(servers.allow(&server("http://b/pay", HERE), Some("b")).is_err(), is_tried_again || refused.is_err());
        }
        let other = server("http://d:8080/pay", THERE);
        assert_eq!(servers.may_send(&other, None), Err(PermitRefused::ReadOnly { name: "d:8080".to_owned() }));
        servers.allow(&other, None).expect("nothing forbids it");
        assert!(servers.may_send(&other, None).is_ok() && servers.may_send(&server("http://d/", THERE), None).is_err());
        assert!(servers.may_send(&server("http://d/", HERE), None).is_ok(), "what is on this machine needs no allowing");
    }

    #[tokio::test]
    async fn what_methods_take_is_asked_at_the_addresses_given_and_no_name_is_looked_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address").to_string();
        // A name that leads nowhere (RFC 6761), at a port where nobody listens.
        let (authority, _) = Origin::parse("http://orders.invalid:1").expect("an address");
        let asked = Server { target: Target::Authority(authority), ..server("http://orders.invalid:1", &at) };
        let reflecting = servers("name = \"p\"").reflect(asked, HeaderMap::new(), Vec::new(), TlsFiles::default(), Box::new(|_| ()));
        let mut num_connected = 0;
        let connected = async {
            while listener.accept().await.is_ok() {
                // Whoever asks is hung up on.
                num_connected += 1;
            }
        };
        let told = tokio::select! {
            told = reflecting => told,
            () = connected => panic!("nobody can connect any longer"),
        };
        assert!(num_connected > 0 && told.is_err(), "{told:?}");
    }

    #[tokio::test]
    async fn without_leave_nobody_is_asked_what_methods_take() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address").to_string();
        let (authority, _) = Origin::parse("http://orders.invalid:1").expect("an address");
        let mut asked = Server { target: Target::Authority(authority), ..server("http://orders.invalid:1", &at) };
        let table = |first: &str, write: &str| format!("name = \"p\"\n{first}\n[[grpc]]\nname = \"orders\"\nurl = \"http://orders.invalid:1\"\n{write}");
        let production = table("environment = \"production\"", "write = true");
        let mut profiles = vec![production, table("write = \"never\"", ""), table("", "write = \"never\"")];
        // The rest holds back what is elsewhere: the first of its addresses is tried first, and is here.
        for is_elsewhere in [false, true] {
            if is_elsewhere {
                asked.addresses.push(THERE.parse().expect("an address"));
                profiles.extend([table("", "write = false"), "name = \"p\"".to_owned()]);
            }
            for profile in &profiles {
                let told = servers(profile).reflect(asked.clone(), HeaderMap::new(), Vec::new(), TlsFiles::default(), Box::new(|_| panic!("it left"))).await;
                let Err(Untold { outcome: Outcome::NotDone(why), reason }) = told else { panic!("{profile}: {told:?}") };
                assert_eq!(why, reason);
            }
        }
        // Whoever connected would be there by now.
        let own = tokio::net::TcpStream::connect(&at).await.expect("somebody listens");
        let (_, first) = listener.accept().await.expect("a connection");
        assert_eq!(Ok(first), own.local_addr().map_err(drop), "nobody else connected");
    }

    #[test]
    fn in_production_the_name_is_typed_once_also_on_this_machine() {
        let servers = servers("name = \"p\"\nenvironment = \"production\"\n[[http]]\nname = \"a\"\nurl = \"http://a/\"\nwrite = true");
        for (target, name) in [(server("http://a/", HERE), "a"), (server("http://localhost:81/", HERE), "localhost:81")] {
            assert!(servers.may_send(&target, None).is_err());
            assert_eq!(servers.type_name(&target.target).as_deref(), Some(name));
            for wrong in [None, Some(""), Some("A")] {
                assert_eq!(servers.allow(&target, wrong), Err(PermitRefused::NotConfirmed { name: name.to_owned() }));
            }
            servers.allow(&target, Some(name)).expect("typed");
            assert!(servers.may_send(&target, None).is_ok());
        }
    }

    #[test]
    fn a_profile_that_never_sends_forbids_all() {
        let servers = servers("name = \"p\"\nwrite = \"never\"\n[[http]]\nname = \"a\"\nurl = \"http://a/\"\nwrite = true");
        for target in [server("http://a/", HERE), server("http://localhost:81/", HERE)] {
            assert!(matches!(servers.may_send(&target, None), Err(PermitRefused::Never { .. })));
            assert!(servers.allow(&target, Some("a")).is_err());
        }
    }
}
