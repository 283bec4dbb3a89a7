//! A call as a line for grpcurl.

use switchboard_model::{Redactor, Scheme};

use super::curl::{path, seconds};
use super::shell::{ARGUMENT_BYTES_MAX, Line, Unspeakable, is_plain, told};
use crate::send::draft::{Auth, SchemaFrom};
use crate::send::plan::{Plan, Planned, PlannedCall};

/// What is sent, as a line for grpcurl and a POSIX shell; what a method takes is read from where the draft says. A plan of another kind, or one that no
/// such line can hold, is a comment that says so.
pub fn to_grpcurl(plan: &Plan) -> String {
    let mut line = Line::new("grpcurl");
    let Planned::Grpc(planned) = &plan.what else { return line.unspeakable("grpcurl makes gRPC calls; this is none") };
    match write(&mut line, planned) {
        Ok(input) => line.finish(input.as_deref().map(str::as_bytes), None),
        Err(Unspeakable(field)) => line.unspeakable(&format!("the {field} of this call holds what no argument of a program can hold")),
    }
}

/// Gives back what is read from the standard input.
fn write(line: &mut Line, planned: &PlannedCall) -> Result<Option<String>, Unspeakable> {
    let call = &planned.call;
    if call.authority.scheme() == Scheme::Http {
        line.word("-plaintext");
    } else if planned.tls.unchecked {
        line.word("-insecure");
    }
    schema(line, &planned.schema)?;
    metadata(line, planned)?;
    auth(line, &planned.auth)?;
    if call.compression.is_some() {
        line.comment("grpcurl compresses no messages: these are sent as they are");
    }
    if let Some(deadline) = call.deadline {
        line.option("-max-time", "deadline", &seconds(deadline.as_secs_f64()))?;
    }
    if let Some(authority) = &planned.authority {
        line.option("-authority", "authority", authority)?;
    }
    if !planned.tls.root_certificates.is_empty() {
        line.option("-cacert", "file of certificates", &path(&planned.tls.root_certificates))?;
    }
    if !planned.tls.identity.is_empty() {
        line.option("-cert", "file of the identity", &path(&planned.tls.identity))?;
        line.option("-key", "file of the identity", &path(&planned.tls.identity))?;
    }
    let messages = planned.messages.join("\n");
    // A text of one `@` would be read from elsewhere.
    let reads = messages == "@" || !is_plain(&messages) || messages.len() > ARGUMENT_BYTES_MAX;
    line.option("-d", "messages", if reads { "@" } else { &messages })?;
    let authority = format!("{}:{}", host_of(planned), call.authority.port());
    if authority.starts_with('-') {
        line.word("--");
    }
    line.argument("address", &authority)?;
    line.argument("method", call.method.path().trim_start_matches('/'))?;
    Ok(reads.then_some(messages))
}

fn host_of(planned: &PlannedCall) -> String {
    let host = planned.call.authority.host();
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn schema(line: &mut Line, schema: &SchemaFrom) -> Result<(), Unspeakable> {
    match schema {
        SchemaFrom::Reflection => return Ok(()),
        SchemaFrom::Protos { files, roots } => {
            for root in roots {
                line.option("-import-path", "folders of imports", &path(root))?;
            }
            if roots.is_empty() {
                line.option("-import-path", "folders of imports", ".")?;
            }
            for file in files {
                line.option("-proto", "schema", file)?;
            }
        }
        SchemaFrom::DescriptorSet(file) => line.option("-protoset", "schema", &path(file))?,
    }
    line.comment("files are named from the folder of requests");
    Ok(())
}

fn metadata(line: &mut Line, planned: &PlannedCall) -> Result<(), Unspeakable> {
    let redactor = Redactor::new([0; 16], &[]);
    let of_auth = match &planned.auth {
        Auth::None => "",
        Auth::Bearer { .. } | Auth::Basic { .. } => "authorization",
        Auth::ApiKey { header, .. } => header,
    };
    for (name, value) in &planned.call.metadata {
        let name = name.as_str();
        if name.eq_ignore_ascii_case(of_auth) {
            continue;
        }
        if value.is_sensitive() || redactor.is_secret_name(name) {
            line.secret("-H", "metadata", &format!("{name}: "), name)?;
            continue;
        }
        // Metadata is ASCII (gRPC over HTTP/2, Custom-Metadata).
        match value.to_str().ok().filter(|text| is_plain(text) && name.len() + text.len() + 2 <= ARGUMENT_BYTES_MAX) {
            Some(text) => line.option("-H", "metadata", &format!("{name}: {text}"))?,
            None => line.comment(&format!("grpcurl can send neither other bytes than those of ASCII nor a long text: {} is left out", told(name))),
        }
    }
    Ok(())
}

fn auth(line: &mut Line, auth: &Auth) -> Result<(), Unspeakable> {
    match auth {
        Auth::None => Ok(()),
        Auth::Bearer { secret } => line.secret("-H", "credential", "Authorization: Bearer ", secret),
        Auth::Basic { secret, .. } => {
            line.comment("what Basic sends is user, colon and password as base64: set the variable to that");
            line.secret("-H", "credential", "Authorization: Basic ", &format!("{secret} basic"))
        }
        Auth::ApiKey { header, secret } => match http::HeaderName::from_bytes(header.as_bytes()) {
            Ok(name) => line.secret("-H", "credential", &format!("{name}: "), secret),
            Err(_) => Err(Unspeakable("header of the API key")),
        },
    }
}
