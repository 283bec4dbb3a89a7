//! The settings of a source as they are typed: texts in, settings or a reason out. Pure.

use switchboard_model::SourceKind;

use switchboard_desk::profile::Profile;
use switchboard_desk::sources::{Family, FormField, SourceProfile};

/// A form.
#[derive(Clone, Debug)]
pub(crate) struct SourceForm {
    /// What it is about, as it was before anything was typed.
    before: SourceProfile,
    /// Whether there is no such source yet.
    pub is_new: bool,
    /// Its name; what every profile has has its own.
    pub name: String,
    /// The other settings.
    pub fields: Vec<FormField>,
}

impl SourceForm {
    /// An empty form.
    pub(crate) fn new(kind: SourceKind) -> Self {
        let before = SourceProfile::blank(kind);
        Self { is_new: true, name: String::new(), fields: before.form(), before }
    }

    /// The form of a source.
    pub(crate) fn of(source: &SourceProfile) -> Self {
        Self { before: source.clone(), is_new: false, name: source.name().to_owned(), fields: source.form() }
    }

    /// Makes it the empty form of another family; the name that was typed stays.
    pub(crate) fn turn_to(&mut self, kind: SourceKind) {
        *self = Self { name: std::mem::take(&mut self.name), ..Self::new(kind) };
    }

    /// Its family.
    pub(crate) fn family(&self) -> Family {
        self.before.family()
    }

    /// The name that the source has now; `None` = it is new.
    pub(crate) fn name_before(&self) -> Option<&str> {
        (!self.is_new).then(|| self.before.name())
    }

    /// The name that it would have.
    pub(crate) fn name_after(&self) -> &str {
        self.family().only.unwrap_or(self.name.trim())
    }

    /// The settings, as part of this profile; or the first thing that is wrong, with what to do.
    pub(crate) fn read(&self, profile: &Profile) -> Result<SourceProfile, String> {
        let source = self.source()?;
        profile.with_source(self.name_before(), source.clone()).map_err(|error| error.to_string())?;
        Ok(source)
    }

    /// The settings by themselves.
    pub(crate) fn source(&self) -> Result<SourceProfile, String> {
        self.before.typed(&self.name, &self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_desk::sources::{FromProfile, SecretFrom, Typed};

    #[test]
    fn every_source_of_the_sample_comes_back_as_it_was() {
        let profile = Profile::parse(include_str!("../../../../../assets/profiles/sample.toml"), "sample").expect("valid");
        for source in profile.active_sources() {
            let read = SourceForm::of(source).read(&profile).expect("valid");
            match (&read, source) {
                // The whole server is asked for where no name is typed.
                (SourceProfile::Grpc(read), SourceProfile::Grpc(source)) => assert_eq!((&read.name, &read.url), (&source.name, &source.url)),
                _ => assert_eq!(&read, source),
            }
        }
    }

    #[test]
    fn mistakes_are_told_with_what_to_do() {
        let profile = Profile::default();
        let form = |kind: SourceKind, change: &dyn Fn(&mut SourceForm)| {
            let mut form = SourceForm { name: "x".to_owned(), ..SourceForm::new(kind) };
            change(&mut form);
            form.read(&profile).expect_err("wrong")
        };
        let typing = |kind: SourceKind, label: &str, typed: Typed| {
            form(kind, &|form| form.fields.iter_mut().find(|field| field.label == label).expect("such a field").typed = typed.clone())
        };
        let line = |text: &str| Typed::Line(text.to_owned());
        let lines = |text: &str| Typed::Lines(text.to_owned());
        let no_variable = Typed::Secret { from: SecretFrom::Env, text: "hunter2!".to_owned() };
        for (told, told_by) in [
            ("called", form(SourceKind::Kafka, &|form| form.name.clear())),
            ("choose another", form(SourceKind::Http, &|form| form.name = "OTLP".to_owned())),
            ("host:port", typing(SourceKind::Kafka, "brokers", line("localhost"))),
            ("from 0.1 to 3600", typing(SourceKind::Http, "seconds between two looks", line("soon"))),
            ("http://host:port", typing(SourceKind::Grpc, "address", line("h:1"))),
            ("65535", typing(SourceKind::Otlp, "port for gRPC", line("99999"))),
            ("a port each", typing(SourceKind::Otlp, "port for HTTP", line("4317"))),
            ("environment variable", typing(SourceKind::Kafka, "password", no_variable)),
            ("is a secret", typing(SourceKind::Kafka, "settings", lines("sasl.password = x"))),
            ("has no =", typing(SourceKind::Kafka, "settings", lines("sasl"))),
        ] {
            assert!(told_by.contains(told), "{told_by}");
        }
    }

    #[test]
    fn what_has_no_field_stays_as_it_was() {
        let text = "name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\nwrite = true\ntrusted_hosts = [\"b.example\"]\n\
                    token = { env = \"TOKEN\" }\nkey_password = { env = \"KEY\" }\ntail = [{ channel = \"c\", from = \"beginning\" }]\n";
        let profile = Profile::parse(text, "x").expect("valid");
        let before = profile.source("k").expect("a cluster");
        let mut form = SourceForm::of(before);
        form.fields.iter_mut().find(|field| field.label == "tail").expect("such a field").typed = Typed::Line("c, d".to_owned());
        let (SourceProfile::Kafka(before), Ok(SourceProfile::Kafka(mut after))) = (before, form.read(&profile)) else { panic!("a cluster") };
        let from: Vec<_> = after.tail.iter().map(|tail| (tail.channel.as_str(), &tail.from)).collect();
        assert_eq!(from, [("c", &FromProfile::Beginning), ("d", &FromProfile::End)]);
        after.tail.clone_from(&before.tail);
        assert_eq!(&after, before);
    }
}
