//! Whether a line of a stack trace is a frame, and whose: the service's own, or a library's. Told by what each language's runtime prints; whose
//! it is by the names of well-known libraries and the folders in which package managers put what is not one's own. Pure.

/// Packages and namespaces that are nobody's own service: the JVM's and .NET's languages with what most services stand on.
const LIBRARIES: &[&str] = &[
    "java",
    "javax",
    "jakarta",
    "jdk",
    "sun",
    "com.sun",
    "kotlin",
    "kotlinx",
    "scala",
    "groovy",
    "clojure",
    "org.springframework",
    "org.apache",
    "org.hibernate",
    "org.jboss",
    "org.eclipse",
    "org.slf4j",
    "org.postgresql",
    "org.junit",
    "org.aspectj",
    "org.codehaus",
    "org.glassfish",
    "org.mongodb",
    "org.redisson",
    "org.reactivestreams",
    "com.fasterxml",
    "com.google",
    "com.zaxxer",
    "com.mysql",
    "com.mongodb",
    "com.netflix",
    "com.amazonaws",
    "com.rabbitmq",
    "com.datastax",
    "com.github.benmanes",
    "com.sun",
    "ch.qos",
    "feign",
    "okhttp3",
    "okio",
    "retrofit2",
    "io.netty",
    "io.grpc",
    "io.micrometer",
    "io.opentelemetry",
    "io.github.resilience4j",
    "io.lettuce",
    "io.micronaut",
    "io.quarkus",
    "io.reactivex",
    "io.smallrye",
    "io.undertow",
    "io.vertx",
    "io.confluent",
    "io.projectreactor",
    "reactor",
    "rx",
    "akka",
    "play",
    "net.bytebuddy",
    "oracle",
    "redis.clients",
    "software.amazon",
    "System",
    "Microsoft",
    "Newtonsoft",
    "Npgsql",
    "Confluent",
    "MassTransit",
    "Grpc",
    "Polly",
    "Serilog",
    "Castle",
    "Dapper",
    "MediatR",
    "AutoMapper",
    "FluentValidation",
    "StackExchange",
    "RabbitMQ",
    "NHibernate",
    "Quartz",
];
/// Marks of classes that a framework made at run time.
const GENERATED: &[&str] = &["$$EnhancerBy", "$$SpringCGLIB", "$$FastClass", "$Proxy", "_$$_", "<generated>", "lambda_method"];
/// Rust crates that are nobody's own service.
const CRATES: &[&str] = &[
    "std",
    "core",
    "alloc",
    "tokio",
    "tokio_util",
    "hyper",
    "hyper_util",
    "tower",
    "tower_http",
    "axum",
    "actix_web",
    "actix_rt",
    "tonic",
    "futures",
    "futures_util",
    "futures_core",
    "rayon",
    "rayon_core",
    "backtrace",
    "tracing",
    "rdkafka",
    "reqwest",
    "sqlx_core",
    "serde",
    "serde_json",
    "anyhow",
    "rust_begin_unwind",
    "__rust_begin_short_backtrace",
    "__rust_try",
    "__libc_start_main",
    "_start",
    "main",
    "start_thread",
    "clone",
    "clone3",
    "__libc_start_call_main",
];

/// Whose a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The service's.
    Own,
    /// This library's.
    Library(String),
}

/// What the line is as a frame; `None` = it is none. `next` is the line below it: Go tells there where the function stands.
pub(super) fn frame(line: &str, next: Option<&str>) -> Option<Whose> {
    let text = line.trim_start();
    if let Some(rest) = text.strip_prefix("at ") {
        return at(rest.trim());
    }
    if let Some(rest) = text.strip_prefix("File \"") {
        return python(rest);
    }
    let indented = text.len() < line.len();
    numbered(text).or_else(|| ruby(text)).or_else(|| if indented { None } else { go(text, next?) })
}

/// `at com.shop.Label.of(Label.java:17)`, `at Shop.Label.Of(String c) in /src/Label.cs:line 17`, `at of (/app/label.js:17:5)`.
fn at(rest: &str) -> Option<Whose> {
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    if let Some(of) = in_node(rest) {
        return Some(of);
    }
    let (name, _) = rest.split_once('(')?;
    // `app//com.shop…` and `java.base/java.util…`: the loader and the module, with its version.
    let (module, name) = name.rsplit_once('/').map_or((None, name), |(module, name)| (module.rsplit('/').find(|part| !part.is_empty()), name));
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$' | '<' | '>' | '`' | '+' | '[' | ']' | ',' | '|' | '-'));
    if !is_name {
        return None;
    }
    if let Some(module) = module.filter(|module| module.starts_with("java.") || module.starts_with("jdk.")) {
        return Some(Whose::Library(module.split('@').next().unwrap_or(module).to_owned()));
    }
    let library = LIBRARIES.iter().find(|library| name.strip_prefix(**library).is_some_and(|rest| rest.starts_with('.')));
    Some(match library {
        Some(library) => Whose::Library((*library).to_owned()),
        None if GENERATED.iter().any(|mark| rest.contains(mark)) => Whose::Library("generated code".to_owned()),
        None => Whose::Own,
    })
}

/// A frame of JavaScript, with its file, line and column.
fn in_node(rest: &str) -> Option<Whose> {
    let place = rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).map_or(rest, |(_, place)| place);
    let is_native = matches!(place, "native" | "<anonymous>" | "index 0");
    let mut parts = place.rsplit(':');
    let is_number = |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_placed = is_number(parts.next()) && is_number(parts.next()) && parts.next().is_some_and(|file| !file.is_empty());
    if !is_native && !is_placed {
        return None;
    }
    if is_native || place.starts_with("node:") || place.starts_with("internal/") || place.starts_with("(internal") {
        return Some(Whose::Library("node".to_owned()));
    }
    Some(package_behind(place, "node_modules").map_or(Whose::Own, Whose::Library))
}

/// The name of the package in the last folder of that name: `@scope/name` where it has a scope.
fn package_behind(path: &str, folder: &str) -> Option<String> {
    let (before, rest) = path.rsplit_once(folder)?;
    let rest = rest.strip_prefix(['/', '\\'])?;
    if !before.is_empty() && !before.ends_with(['/', '\\']) {
        return None;
    }
    let mut parts = rest.split(['/', '\\']);
    let name = parts.next().filter(|name| !name.is_empty())?;
    match (name.starts_with('@'), parts.next()) {
        (true, Some(second)) => Some(format!("{name}/{second}")),
        _ => Some(name.trim_end_matches(".py").to_owned()),
    }
}

/// `File "/app/pay.py", line 3, in check`.
fn python(rest: &str) -> Option<Whose> {
    let (path, _) = rest.split_once("\", line ")?;
    let installed = package_behind(path, "site-packages").or_else(|| package_behind(path, "dist-packages"));
    let is_pythons = || path.starts_with('<') || path.contains("/lib/python") || path.contains("/Lib/");
    Some(match installed {
        Some(package) => Whose::Library(package),
        None if is_pythons() => Whose::Library("python".to_owned()),
        None => Whose::Own,
    })
}

/// `#0 /app/src/Pay.php(12): Shop\Pay->check()` of PHP, `4: shop::pay::check` of Rust.
fn numbered(text: &str) -> Option<Whose> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    if let Some(rest) = text.strip_prefix('#') {
        let rest = rest[digits(rest)..].strip_prefix(' ').filter(|_| digits(rest) > 0)?;
        if rest.starts_with("[internal function]") {
            return Some(Whose::Library("php".to_owned()));
        }
        let (path, _) = rest.split_once("): ")?;
        return Some(match path.split_once("/vendor/") {
            Some((_, package)) => Whose::Library(package.split('/').take(2).collect::<Vec<_>>().join("/")),
            None => Whose::Own,
        });
    }
    let num = digits(text);
    let name = text[num..].strip_prefix(": ").filter(|_| num > 0 && num < 6)?;
    // An address stands before the name where there are symbols only.
    let name = name.trim_start().split_once(" - ").map_or(name.trim(), |(_, name)| name.trim());
    let first = name.trim_start_matches(['<', '&', '(']).trim_start_matches("dyn ").split([':', ' ', '<', '>', '(']).next().unwrap_or_default();
    let is_name = !first.is_empty() && first.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.contains("  ");
    let is_whole = CRATES.contains(&first)
        && (name.contains("::") || first.starts_with('_') || matches!(first, "main" | "start_thread" | "clone" | "clone3" | "rust_begin_unwind"));
    match (is_name && (name.contains("::") || is_whole), is_whole) {
        (false, _) => None,
        (true, true) => Some(Whose::Library(first.to_owned())),
        (true, false) => Some(Whose::Own),
    }
}

/// `/app/lib/pay.rb:12:in 'check'`, also behind `from `.
fn ruby(text: &str) -> Option<Whose> {
    let text = text.strip_prefix("from ").unwrap_or(text);
    let (place, _) = text.split_once(":in ")?;
    let (path, line) = place.rsplit_once(':')?;
    if line.is_empty() || !line.bytes().all(|byte| byte.is_ascii_digit()) || path.contains(' ') {
        return None;
    }
    let gem = path.rsplit_once("/gems/").and_then(|(_, gem)| gem.split('/').next());
    Some(match gem {
        // `rack-3.1.8` is rack.
        Some(gem) => Whose::Library(gem.rsplit_once('-').map_or(gem, |(name, _)| name).to_owned()),
        None if path.contains("/ruby/") || path.starts_with('<') => Whose::Library("ruby".to_owned()),
        None => Whose::Own,
    })
}

/// `main.check(0xc000…)`, with its file and line below, a tab before them.
fn go(text: &str, next: &str) -> Option<Whose> {
    let path = next.strip_prefix('\t')?;
    let (file, line) = path.split(' ').next()?.rsplit_once(':')?;
    if line.is_empty() || !line.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let function = text.strip_prefix("created by ").unwrap_or(text);
    let folder = function.rfind('/').map_or(0, |at| at + 1);
    let package = &function[..folder + function[folder..].find(['.', '(']).unwrap_or(function.len() - folder)];
    let is_library = ["/go/src/", "/pkg/mod/", "/vendor/", "/libexec/src/"].iter().any(|mark| file.contains(mark)) || package == "panic";
    Some(if is_library { Whose::Library(package.to_owned()) } else { Whose::Own })
}
