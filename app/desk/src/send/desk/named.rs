//! What a request names outside of itself: files and rows, how TLS is spoken, the credential, and what its method takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use switchboard_model::Origin;

use super::Office;
use super::boxed::boxed_types;
use super::reflection::{SchemaWanted, reflected};
use super::sending::Stop;
use crate::profile::NamedSecret;
use crate::send::access::{MethodSchema, SchemaFiles, TlsFiles};
use crate::send::board::SchemaBoard;
use crate::send::command::SendAsk;
use crate::send::draft::{Auth, Body, GrpcDraft, HttpDraft, Payload, Request, SchemaFrom, TlsDraft};
use crate::send::plan::{Files, Mistake, Plan, Planned, PlannedCall};
use crate::send::rows::Rows;
use crate::send::saved;

/// Reads all files that a draft names.
pub(super) async fn read_files(office: &Office, ask: &SendAsk) -> Result<Files, Stop> {
    if named_files(&ask.draft.request).is_empty() {
        return Ok(Files::default());
    }
    let (ask, folder) = (ask.clone(), office.config.requests.clone());
    let read = tokio::task::spawn_blocking(move || saved::files(folder.as_deref(), &named_files(&ask.draft.request)));
    let read = read.await.unwrap_or_else(|_| Err("the program itself failed".to_owned()));
    read.map_err(|reason| Stop::Mistake(Mistake::new("file", reason)))
}

/// The rows that a draft names, out of their file.
pub(super) async fn read_rows(ask: &SendAsk, files: &Files) -> Result<Rows, Stop> {
    let Some((name, bytes)) = rows_file(&ask.draft.request).and_then(|name| Some((name.to_owned(), files.get(name)?.clone()))) else {
        return Ok(Rows::default());
    };
    let told = name.clone();
    let read = tokio::task::spawn_blocking(move || Rows::parse(&name, &bytes)).await.unwrap_or_else(|_| Err("the program itself failed".to_owned()));
    read.map_err(|reason| Stop::Mistake(Mistake::new("rows", format!("{told}: {reason}"))))
}

/// Name of the file with the rows of a draft; `None` = it has none.
fn rows_file(request: &Request) -> Option<&str> {
    let name = match request {
        Request::Record(record) => &record.rows,
        Request::Http(HttpDraft { repeat, .. }) | Request::Grpc(GrpcDraft { repeat, .. }) => &repeat.rows,
    };
    Some(name.as_str()).filter(|name| !name.is_empty())
}

/// The names of the files that a request is made of.
fn named_files(request: &Request) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    match request {
        Request::Http(http) => {
            match &http.body {
                Body::File(name) => names.push(name),
                Body::Multipart(parts) => names.extend(parts.iter().map(|part| part.file.as_str())),
                _ => {}
            }
            names.extend([http.tls.root_certificates.as_str(), http.tls.identity.as_str()]);
        }
        Request::Grpc(grpc) => {
            names.extend([grpc.tls.root_certificates.as_str(), grpc.tls.identity.as_str()]);
            if let SchemaFrom::DescriptorSet(name) = &grpc.schema {
                names.push(name);
            }
        }
        Request::Record(record) => {
            let payloads = [&record.key, &record.value].into_iter().chain(record.headers.iter().filter(|header| !header.off).map(|header| &header.value));
            names.extend(payloads.filter_map(|payload| if let Payload::File(name) = payload { Some(name.as_str()) } else { None }));
        }
    }
    names.extend(rows_file(request));
    names.retain(|name| !name.is_empty());
    names
}

pub(super) fn tls_files(tls: &TlsDraft, files: &Files) -> Result<TlsFiles, Stop> {
    let file = |name: &str| -> Result<Option<Vec<u8>>, Stop> {
        if name.is_empty() {
            return Ok(None);
        }
        let read = files.get(name).ok_or_else(|| Stop::Mistake(Mistake::new("tls", format!("the file {name} was not read"))))?;
        Ok(Some(read.to_vec()))
    };
    Ok(TlsFiles { root_certificates: file(&tls.root_certificates)?, unchecked: tls.unchecked, identity: file(&tls.identity)?, authority: None })
}

/// How TLS is spoken with the server of a call, and what it is asked for as, also without.
pub(super) fn call_tls(planned: &PlannedCall, files: &Files) -> Result<TlsFiles, Stop> {
    Ok(TlsFiles { authority: planned.authority.clone(), ..tls_files(&planned.tls, files)? })
}

/// The secret that a draft names, if the profile has it and lets it go to this server; `None` = it names none. It is not fetched.
pub(super) fn secret<'a>(office: &'a Office, auth: &Auth, origin: &Origin) -> Result<Option<&'a NamedSecret>, Stop> {
    let Some(name) = auth.secret() else { return Ok(None) };
    let mistake = |reason: String| Stop::Mistake(Mistake::new("auth", reason));
    let known = office.config.secrets.iter().find(|secret| secret.name == name);
    let known = known.ok_or_else(|| mistake(format!("the profile has no secret called `{name}`: add a [[secrets]] table with name, server and from")))?;
    let bound = Origin::parse(&known.server).map_err(|error| mistake(error.to_string()))?.0;
    if bound != *origin {
        return Err(mistake(format!("the secret `{name}` goes to {bound} alone, as the profile says; this request goes to {origin}")));
    }
    Ok(Some(known))
}

/// Puts the credential that a draft names among headers. It goes to the server that the profile binds it to, and to no other.
pub(super) async fn authorise(office: &Office, auth: &Auth, origin: &Origin, headers: &mut HeaderMap) -> Result<(), Stop> {
    let Some(known) = secret(office, auth, origin)? else { return Ok(()) };
    let mistake = |reason: String| Stop::Mistake(Mistake::new("auth", reason));
    let name = &known.name;
    let secret = known.from.fetch(&format!("the secret {name}")).await.map_err(|error| mistake(error.to_string()))?;
    let (header, value) = match auth {
        Auth::None => return Ok(()),
        Auth::Bearer { .. } => (AUTHORIZATION, format!("Bearer {secret}")),
        Auth::Basic { user, .. } => (AUTHORIZATION, format!("Basic {}", base64(format!("{user}:{secret}").as_bytes()))),
        Auth::ApiKey { header, .. } => {
            let header =
                HeaderName::from_bytes(header.as_bytes()).map_err(|_| mistake("the API key's header has no name that a header can have".to_owned()))?;
            (header, secret)
        }
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| mistake(format!("the secret `{name}` holds a character that no header can hold")))?;
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What a call's method takes and gives: as it is known already, from files, or as the server tells.
pub(super) async fn schema(office: &Office, plan: &Plan, files: &Files, wanted: &SchemaWanted<'_>) -> Result<Arc<dyn MethodSchema>, Stop> {
    let Planned::Grpc(planned) = &plan.what else { return Err(Stop::refused("this is no call")) };
    let types = boxed_types(&planned.messages);
    if let Some(SchemaBoard::Known(schema)) = wanted.known.and_then(|key| office.board.lock().schemas.get(key).cloned())
        && (planned.schema != SchemaFrom::Reflection || types.iter().all(|name| schema.knows(name)))
    {
        return Ok(schema);
    }
    let wrong = |reason: String| Stop::Mistake(Mistake::new("schema", reason));
    let named = match &planned.schema {
        SchemaFrom::Reflection => return reflected(office, plan, files, types, wanted).await,
        SchemaFrom::Protos { files, roots } => {
            let folder = office.config.requests.clone().ok_or_else(|| wrong("these requests lie in no folder. Save the request first".to_owned()))?;
            let (files, roots) = proto_files(&folder, files, roots).map_err(wrong)?;
            SchemaFiles::Protos(files, roots)
        }
        SchemaFrom::DescriptorSet(name) => SchemaFiles::DescriptorSet(files.get(name).cloned().ok_or_else(|| wrong("name the file".to_owned()))?),
    };
    let read = async {
        read_schema(office, named).await.map_err(|reason| match &planned.schema {
            // What reads it has its bytes alone.
            SchemaFrom::DescriptorSet(name) => wrong(format!("{}: {reason}", saved::shown(name))),
            _ => wrong(reason),
        })
    };
    wanted.wait(plan, "the files were read that tell what its method takes", read).await
}

/// Files in protobuf's language and the folders in which imports are looked for, below the folder of requests. A file is named from that folder on, or
/// from a folder for imports on, as others import it and as `protoc` has it.
fn proto_files(folder: &Path, files: &[String], roots: &[String]) -> Result<(Vec<PathBuf>, Vec<PathBuf>), String> {
    let named = |names: &[String]| names.iter().filter(|name| !name.trim().is_empty()).cloned().collect::<Vec<_>>();
    let (files, roots) = (named(files), named(roots));
    if files.is_empty() {
        return Err("name the file".to_owned());
    }
    let file = |name: &String| {
        let path = saved::inside(folder, name)?;
        let below_roots = roots.iter().filter_map(|root| saved::inside(folder, &format!("{}/{name}", root.trim_end_matches('/'))).ok());
        let is_there = |path: &PathBuf| path.is_file();
        Ok::<_, String>(if is_there(&path) { path } else { below_roots.into_iter().find(is_there).unwrap_or(path) })
    };
    let files = files.iter().map(file).collect::<Result<Vec<_>, String>>()?;
    let mut roots = roots.iter().map(|root| saved::inside(folder, root)).collect::<Result<Vec<_>, String>>()?;
    if roots.is_empty() {
        roots.push(folder.to_owned());
    }
    Ok((files, roots))
}

async fn read_schema(office: &Office, files: SchemaFiles) -> Result<Arc<dyn MethodSchema>, String> {
    let servers = Arc::clone(&office.config.servers);
    tokio::task::spawn_blocking(move || servers.schema_of(files)).await.unwrap_or_else(|_| Err("the program itself failed".to_owned()))
}
