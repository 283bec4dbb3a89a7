//! What to connect to: a TOML file, whose keys stand in `file`. A profile holds no secret itself, so that it may be mailed.

mod file;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use switchboard_model::{Leave, Origin};

use crate::links::Links;
pub use crate::profile_error::ProfileError;
pub use crate::secret::NamedSecret;
use crate::sources::{Family, SourceProfile};

/// A longer file is no profile.
const PROFILE_BYTES_MAX: u64 = 1 << 20;
/// The folder of requests beside a profile that names none.
const REQUESTS: &str = "requests";
/// Each source has connections and threads of its own.
const SOURCES_MAX: usize = 200;

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name, shown in the window's title.
    pub name: String,
    /// The environment of all its sources, where a sender does not say.
    pub environment: Option<String>,
    /// Further names of headers and attributes whose values are secret.
    pub secret_names: Vec<String>,
    /// Where the ledger of what was sent lies, instead of the one of all profiles in the platform's folder for data.
    pub ledger: Option<PathBuf>,
    /// `Never` = nothing is ever sent, whatever is said of its sources, and nobody can allow it.
    pub write: Leave,
    /// The folder of requests that are kept; `None` = nowhere.
    pub requests: Option<PathBuf>,
    /// Secrets that requests can name.
    pub secrets: Vec<NamedSecret>,
    /// Its sources, family by family. What every profile has is always among them, turned off perhaps.
    pub sources: Vec<SourceProfile>,
    /// Addresses of the same objects in other programs.
    pub links: Links,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: "local".to_owned(),
            environment: None,
            secret_names: Vec::new(),
            ledger: None,
            write: Leave::Unsaid,
            requests: None,
            secrets: Vec::new(),
            sources: Family::ALL.into_iter().filter(|family| family.only.is_some()).map(|family| SourceProfile::blank(family.kind)).collect(),
            links: Links::default(),
        }
    }
}

impl Profile {
    /// Listens on no port: what is done once, for a script, is beside whatever has the ports.
    pub fn listen_nowhere(&mut self) {
        self.sources.iter_mut().for_each(SourceProfile::listen_nowhere);
    }

    /// Reads a profile from a file.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let failed = |reason: String| ProfileError::Read { path: path.to_owned(), reason };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
        file.take(PROFILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        if bytes.len() as u64 > PROFILE_BYTES_MAX {
            return Err(failed(format!("it is longer than {} KiB, so it is no profile", PROFILE_BYTES_MAX >> 10)));
        }
        let text = String::from_utf8(bytes).map_err(|_| failed("it is not text".to_owned()))?;
        let mut profile = Self::parse(&text, &path.display().to_string())?;
        // Beside the profile, wherever the program was started.
        let beside = path.parent().unwrap_or(Path::new(""));
        profile.requests = Some(beside.join(profile.requests.as_deref().unwrap_or(Path::new(REQUESTS))));
        Ok(profile)
    }

    /// Reads a profile from its text; `origin` is named in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| ProfileError::Parse { path: origin.to_owned(), reason: file::mistake(text, &error) })?;
        profile.check()?;
        Ok(profile)
    }

    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), ProfileError> {
        let wrong = |field: &str, value: &str, reason: &str| Err(ProfileError::value(field, value, reason));
        let named: Vec<&SourceProfile> = self.sources.iter().filter(|source| source.family().only.is_none()).collect();
        if named.len() > SOURCES_MAX {
            return wrong("sources", &named.len().to_string(), &format!("a profile has {SOURCES_MAX} at most; split it"));
        }
        let mut names: Vec<&str> = named.iter().map(|source| source.name()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong("name", pair[0], "two sources have this name; give each its own");
        }
        self.sources.iter().try_for_each(SourceProfile::check)?;
        if self.write == Leave::Given {
            return wrong("write", "true", "say it of each source: write = true in its table. Here only \"never\" has a meaning");
        }
        let mut secrets: Vec<&str> = self.secrets.iter().map(|secret| secret.name.as_str()).collect();
        secrets.sort_unstable();
        if let Some(pair) = secrets.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong("secrets.name", pair[0], "two secrets have this name; give each its own");
        }
        self.secrets.iter().try_for_each(|secret| {
            let refused = |error| ProfileError::value("secrets.server", &secret.name, &format!("{error}"));
            Origin::parse(&secret.server).map(drop).map_err(refused)
        })?;
        if let Err((kind, reason)) = self.links.check() {
            return wrong(&format!("links.{}", kind.field()), self.links.template(kind).unwrap_or_default(), &reason);
        }
        Ok(())
    }

    /// What it says of sending to a source.
    pub(crate) fn leave(&self, source: &SourceProfile) -> Leave {
        if self.write == Leave::Never { Leave::Never } else { source.leave() }
    }

    /// Those of its sources that there is anything to start of.
    pub fn active_sources(&self) -> impl Iterator<Item = &SourceProfile> {
        self.sources.iter().filter(|source| source.is_on())
    }

    /// The source of a name, turned off perhaps.
    pub fn source(&self, name: &str) -> Option<&SourceProfile> {
        self.sources.iter().find(|source| source.name() == name)
    }

    /// The same with a source in place of the one of a name, or beside the others; an error if that makes no sense.
    pub fn with_source(&self, before: Option<&str>, source: SourceProfile) -> Result<Self, ProfileError> {
        let mut profile = self.clone();
        let family = source.family();
        let is_before = |other: &SourceProfile| other.family() == family && (family.only.is_some() || before == Some(other.name()));
        match profile.sources.iter().position(is_before) {
            Some(place) => profile.sources[place] = source,
            None => profile.sources.push(source),
        }
        profile.sources.sort_by_key(SourceProfile::kind);
        profile.check()?;
        Ok(profile)
    }

    /// The same without a source.
    #[must_use]
    pub fn without_source(&self, name: &str) -> Self {
        let mut profile = self.clone();
        profile.sources.retain_mut(|source| source.name() != name || source.turn_off());
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn a_secret_written_into_a_profile_is_refused_and_not_repeated() {
        for (text, step) in [
            ("[otlp]\nforward = \"http://joe:hunter2Zq7@collector:4318\"", "otlp.forward"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\npassword = \"hunter2Zq7\"", "line 5"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\npassword = { literal = \"hunter2Zq7\" }", "line 5"),
            ("[[http]]\nname = \"a\"\nurl = \"http://joe:hunter2Zq7@a/\"", "http.url"),
            ("[[http]]\nname = \"a\"\nurl = \"http://a/\"\nbearer = \"hunter two\"", "line 5"),
            ("[[grpc]]\nname = \"a\"\nurl = \"http://joe:hunter2Zq7@a/\"", "grpc.url"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.key.password\" = \"hunter2Zq7\" }", "key_password"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.keystore.password\" = \"hunter2Zq7\" }", "key_password"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.key.pem\" = \"hunter2Zq7\" }", "ssl.key.location"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \" ssl.key.pem \" = \"hunter2Zq7\" }", "ssl.key.location"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"sasl.password\" = \"hunter2Zq7\" }", "password = { env"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"sasl.jaas.config\" = \"x required password=hunter2Zq7\" }", "password = { env"),
            (
                "[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.certificate.pem\" = \"-----BEGIN PRIVATE KEY-----hunter2Zq7\" }",
                "ssl.key.location",
            ),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"sasl.oauthbearer.client.secret\" = \"hunter2Zq7\" }", "token = { command"),
        ] {
            let error = Profile::parse(&format!("name = \"p\"\n{text}"), "p.toml").expect_err(text);
            let said = format!("{error} {error:?}");
            assert!(said.contains(step) && !said.contains("hunter"), "{said}");
        }
        let told = Profile::parse("nmae = \"local\"", "p.toml").expect_err("unknown").to_string();
        assert!(told.contains("nmae"), "{told}");
        // What it sends to is there, explains (see below), and is where the first page sends to as well.
        assert!(
            told.contains("assets/profiles/sample.toml explains") && include_str!("../../../README.md").contains("(assets/profiles/sample.toml)"),
            "{told}"
        );
    }

    #[test]
    fn twice_the_profile_takes_twice_the_time() {
        let repeated = |begin: &'static str, part: &'static str| move |len: usize| begin.to_owned() + &part.repeat(len / part.len());
        for (begin, part) in [
            ("name = \"p\"\nsecret_names = [", "\"a\", "),
            ("name = \"p\"\n", "[[http]]\nname = \"a\"\nurl = \"http://a/\"\n"),
            ("name = \"p\"\n", "[[kafka]]\nname = \"a\"\nbrokers = \"b:1,b:1,b:1\"\n"),
            ("name = \"p\"\n[[kafka]]\nname = \"a\"\nbrokers = \"b:1", ",b:1"),
            ("name = \"", "\\n"),
            ("name = \"\"\"", "\"\\\n"),
            ("name = '''", "''\n"),
            ("name = \"p\"\n", "# \n"),
            ("name = \"p\"\n", "\r\n"),
            ("name = ", "["),
            ("name = ", "{a="),
            ("name = ", "1_1"),
            ("name = 1.", "0"),
            ("name", ".a"),
            ("", "[a.b]\n"),
            ("", "name = 1\n"),
            ("", "= \n"),
            ("", "é"),
        ] {
            assert_linear(&format!("{part:?} after {begin:?}"), 1 << 17, repeated(begin, part), |text| Profile::parse(text, "p.toml").is_ok());
        }
        let tables = |num: usize| [".b", ""].map(|part| (0..num).map(|number| format!("[a{number}{part}]")).collect::<Vec<_>>().join("\n")).join("\n");
        assert_linear("tables after their parts", 1 << 12, tables, |text| Profile::parse(text, "p.toml").is_ok());
        let keys = |num: usize| (0..num).map(|number| format!("otlp.a{number}.b = 1")).collect::<Vec<_>>().join("\n");
        assert_linear("dotted keys", 1 << 12, keys, |text| Profile::parse(text, "p.toml").is_ok());
    }

    #[test]
    fn the_sample_profile_is_valid_and_shows_every_field() {
        let text = include_str!("../../../assets/profiles/sample.toml");
        let profile = Profile::parse(text, "sample.toml").expect("valid");
        assert!(profile.sources.iter().map(SourceProfile::family).eq(Family::ALL), "one of each family");
        let shown = toml::to_string(&profile).expect("serialises");
        for line in shown.lines().filter(|line| line.contains(" = ")) {
            let field = line.split(" = ").next().expect("a field");
            assert!(text.contains(field), "{field} is not in the sample");
        }
    }

    #[test]
    fn mistakes_are_told_with_the_next_step() {
        for (text, told) in [
            ("name = \"x\"\nbroker = 1", "unknown field"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"localhost\"", "write host:port"),
            ("name = \"x\"\n[[http]]\nname = \"a\"\nurl = \"localhost:80\"", "write http://host:port"),
            ("name = \"x\"\n[[http]]\nname = \"a\"\nurl = \"http://joe:pw@localhost:80\"", "holds no secret"),
            ("name = \"x\"\n[[grpc]]\nname = \"a\"\nurl = \"http://h:1\"\n[[http]]\nname = \"a\"\nurl = \"http://h:2\"", "two sources"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\ntrusted_hosts = [\"a.example\", \"10.0.0.*\"]", "*.domain"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\ntrusted_hosts = [\"*\"]", "*.domain"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\nreplay = { first = 0 }", "kafka.replay.first = \"0\": write a number from 1 to 100"),
            (
                "name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\nreplay = { per_second = 10001 }",
                "kafka.replay.per_second = \"10001\": write a number from 1 to 10000",
            ),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\nreplay = { at_most = 0 }", "kafka.replay.at_most = \"0\": write 1 or more"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\nreplay = { rate = 3 }", "unknown field `rate`, expected one of `first`"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\nreplay = { first = -1 }", "line 5, replay: invalid value"),
            ("name = \"x\"\n[links]\ntrace = \"file:///{trace_id}\"", "http://"),
            ("name = \"x\"\n[otlp]\ngrpc_port = 5\nhttp_port = 5", "a port each"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\ntail = [{ channel = \"c\", from = { time = \"noon\" } }]", "RFC 3339"),
        ] {
            let error = Profile::parse(text, "test").expect_err(text).to_string();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("joe"), "{error}");
        }
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        let kafka = "name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\n";
        for (text, told) in [
            (format!("{kafka}password = \"hunter2\""), "line 5, password: a profile holds no secret"),
            (format!("{kafka}password = 'hunter2'"), "holds no secret"),
            (format!("{kafka}password = \"\"\"\nhunter2\"\"\""), "holds no secret"),
            (format!("{kafka}password = {{ literal = \"hunter2\" }}"), "holds no secret"),
            (format!("{kafka}password = {{ env = \"A\", value = \"hunter2\" }}"), "holds no secret"),
            (format!("{kafka}password = [\"hunter2\"]"), "holds no secret"),
            (format!("{kafka}password = hunter2"), "line 5, password"),
            (format!("{kafka}password = \"hunter2"), "line 5, password"),
            (format!("{kafka}passwrod = \"hunter2\""), "unknown field `passwrod`"),
            (format!("{kafka}write = \"hunter2\""), "line 5, write: write true, false or \"never\""),
            (format!("{kafka}poll_s = \"a\\\"hunter2\""), "line 5, poll_s: invalid type: string, expected"),
            (format!("{kafka}tail = [{{ channel = \"c\", from = \"hunter2\" }}]"), "unknown variant, expected"),
            ("name = \"x\"\n[otlp]\nforward = \"http://user:hunter2@collector:4318\"".to_owned(), "otlp.forward"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"user:hunter2@h\"".to_owned(), "kafka.brokers"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"user:hunter2@h:9092\"".to_owned(), "kafka.brokers"),
            ("name = \"x\"\n[[http]]\nname = \"a\"\nurl = \"ftp://user:hunter2@h\"".to_owned(), "http.url"),
            ("name = \"x\"\n[links]\ntrace = \"http://user:hunter2@h/{trace_id}\"".to_owned(), "links"),
        ] {
            let error = anyhow::Error::from(Profile::parse(&text, "test").expect_err(&text));
            let error = format!("{error:#}");
            assert!(error.contains(told), "{text}\n{error}");
            assert!(!error.contains("hunter2"), "{text}\n{error}");
        }
    }

    #[test]
    fn a_mistake_is_told_once() {
        for text in ["name = \"x\"\nbroker = 1", "nam = \"x\""] {
            let error = format!("{:#}", anyhow::Error::from(Profile::parse(text, "test").expect_err(text)));
            assert_eq!(error.matches("unknown field").count(), 1, "{error}");
        }
        let error = format!("{:#}", anyhow::Error::from(Profile::read(Path::new("no-such-profile.toml")).expect_err("not there")));
        assert_eq!(error.matches("os error 2").count(), 1, "{error}");
    }

    #[test]
    fn hostile_profiles_are_refused_in_bounded_time_and_memory() {
        let deep = format!("name = \"x\"\nsecret_names = {}{}", "[".repeat(200_000), "]".repeat(200_000));
        let deep_tables = format!("name = \"x\"\nlinks = {}{}", "{ a = ".repeat(100_000), " }".repeat(100_000));
        let dotted = format!("name = \"x\"\n{}b = 1", "a.".repeat(200_000));
        let many = "[[http]]\nname = \"a\"\nurl = \"http://h:1\"\n".repeat(1_000);
        for (what, text) in [("deep", deep), ("deep tables", deep_tables), ("dotted", dotted), ("many", format!("name = \"x\"\n{many}"))] {
            let begun = std::time::Instant::now();
            let error = Profile::parse(&text, "test").expect_err(what).to_string();
            assert!(error.len() < 1_000, "{what}: {error}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", begun.elapsed());
        }
        for endless in ["/dev/zero", "/dev/urandom"].map(Path::new).into_iter().filter(|path| path.exists()) {
            let error = Profile::read(endless).expect_err("endless").to_string();
            assert!(error.contains("longer than 1024 KiB"), "{error}");
        }
    }
}
