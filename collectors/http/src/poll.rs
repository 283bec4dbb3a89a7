//! One poll: asks for events, states and who answers, and makes facts of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_model::{BreakerEventFact, BreakerFact, Condition, Fact, FailureKind, InstanceFact, ItemKind, Redactor, Sink, SourcePhase, now_ns};

use crate::Config;
use crate::actuator::{
    BreakersAnswer, EventReading, GUARDS, Guard, MOST_BREAKERS, lists_endpoint, read_breakers, read_events, read_guard_events, read_instance, read_process_id,
};
use crate::client::Actuator;
use crate::event_memory::EventMemory;
use crate::failure::Failure;
use crate::instance_watch::{InstanceWatch, Verdict};
use crate::outbox::Outbox;

/// Where the facts were read, as they say.
const ORIGIN: &str = "actuator";

/// How long `info` is not asked again where it told no instance, and an instance is not told again where it is the same.
const SELDOM: Duration = Duration::from_secs(30);

/// One miss is a miss; from so many in a row on it is told.
const MISSES_TOLD_FROM: u32 = 3;

const STATES: &str = "circuitbreakers";
const EVENTS: &str = "circuitbreakerevents";

/// How a poll ended.
pub(crate) enum PollEnd {
    /// States were read, and what that says of the source.
    Read(Condition),
    /// They were not.
    Failed(SourcePhase, Failure),
    /// The session closed the source.
    Closed,
}

/// All that lasts from poll to poll.
pub(crate) struct Poll {
    config: Config,
    actuator: Actuator,
    redactor: Arc<Redactor>,
    sink: Sink,
    events: EventMemory,
    watch: InstanceWatch,
    outbox: Outbox,
    info: Info,
    instance_told: Option<(InstanceFact, Instant)>,
    /// How many polls in a row found no events where they were, and what was in the way last.
    missed_events: (u32, Option<Failure>),
    guards: [GuardReader; 2],
}

/// Reads what happened to a kind of guard, where that is told.
struct GuardReader {
    guard: Guard,
    events: EventMemory,
    is_there: bool,
    asked_at: Option<Instant>,
}

/// What `info` told of who answers.
#[derive(Default)]
struct Info {
    asked_at: Option<Instant>,
    /// Whether it tells anything to know the instance by.
    tells: bool,
    instance: Option<String>,
    process_id: Option<u64>,
}

/// Whose states an answer tells.
struct Attribution {
    instance: Option<String>,
    /// Whether it is known at all who answered.
    is_known: bool,
}

impl Poll {
    /// A poll that has not asked yet.
    pub fn new(config: Config, actuator: Actuator, sink: Sink, redactor: Arc<Redactor>) -> Self {
        Self {
            config,
            actuator,
            redactor,
            sink,
            events: EventMemory::default(),
            watch: InstanceWatch::default(),
            outbox: Outbox::default(),
            info: Info::default(),
            instance_told: None,
            missed_events: (0, None),
            guards: GUARDS.map(|guard| GuardReader { guard, events: EventMemory::default(), is_there: false, asked_at: None }),
        }
    }

    /// Asks once for everything and sends what is new.
    pub async fn once(&mut self) -> PollEnd {
        match self.read().await {
            Ok(Some(condition)) => PollEnd::Read(condition),
            Ok(None) => PollEnd::Closed,
            Err((phase, failure)) => {
                if let Some(num_bytes) = failure.undecodable_bytes {
                    self.sink.undecodable(num_bytes);
                }
                PollEnd::Failed(phase, failure)
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Condition>, (SourcePhase, Failure)> {
        let failed = |failure| (SourcePhase::Failed, failure);
        // Events first: the state that is read after them is then the newer truth of the two.
        let events = match self.actuator.get(EVENTS, &self.redactor).await {
            Ok(events) => {
                self.missed_events = (0, None);
                events
            }
            Err(failure) if failure.is_passing => {
                self.missed_events = (self.missed_events.0.saturating_add(1), Some(failure));
                None
            }
            Err(failure) => return Err(failed(self.corrected(failure).await)),
        };
        let states = match self.actuator.get(STATES, &self.redactor).await {
            Ok(Some(states)) => states,
            Ok(None) => {
                let links = self.actuator.get("", &self.redactor).await.ok().flatten();
                let is_actuator = links.is_some_and(|links| lists_endpoint(&links.json, STATES) == Some(false));
                let failure = Failure::missing(&self.actuator.at(STATES), is_actuator);
                let failure = if is_actuator { failure } else { self.corrected(failure).await };
                return Err((SourcePhase::Degraded, failure));
            }
            Err(failure) => return Err(failed(self.corrected(failure).await)),
        };
        let received_ns = now_ns();
        let Some(breakers) = read_breakers(&states.json) else {
            let failure = Failure::shape(&self.actuator.at(STATES), states.num_bytes);
            return Err(failed(self.corrected(failure).await));
        };
        let events = match events {
            None => None,
            Some(answer) => {
                let read = read_events(&answer.json).ok_or_else(|| failed(Failure::shape(&self.actuator.at(EVENTS), answer.num_bytes)))?;
                Some((read, answer.instance))
            }
        };

        let event_instance = events.as_ref().and_then(|(_, instance)| instance.clone());
        let now = Instant::now();
        for instance in [&event_instance, &states.instance].into_iter().flatten() {
            self.watch.named(instance, now);
        }
        if states.instance.is_none() && event_instance.is_none() {
            self.ask_info(now).await;
        }
        let fresh = self.look_at_signs(&breakers, events.as_ref().map(|(read, _)| read.events.as_slice()), now);

        let verdict = self.watch.verdict(now);
        let mut facts = Vec::new();
        facts.extend(self.instance_fact(&verdict, states.instance.as_deref(), now));
        let mut num_unreadable = breakers.num_unreadable;
        // A poll that missed them says nothing of whether they are there.
        let has_events = events.is_some() || self.missed_events.0 > 0;
        if let Some((read, _)) = &events {
            let attribution = self.attribute(&verdict, event_instance);
            num_unreadable += read.num_unreadable + read.events.iter().filter(|event| event.at_ns.is_none()).count() as u64;
            self.event_facts(&mut facts, &read.events, &fresh, &attribution);
        }
        self.breaker_facts(&mut facts, &breakers, &self.attribute(&verdict, states.instance));
        num_unreadable += self.read_guards(&mut facts, &verdict, now).await;
        let is_open = self.outbox.send(&self.sink, facts, received_ns);
        Ok(is_open.then(|| self.condition(&breakers, has_events, num_unreadable, &verdict)))
    }

    /// Looks whether the actuator is elsewhere on the same server, where it answered, but not as one.
    async fn corrected(&mut self, failure: Failure) -> Failure {
        if failure.is_passing || failure.kind == FailureKind::Connect {
            return failure;
        }
        for base in self.actuator.other_bases() {
            let address = base.as_str().trim_end_matches('/');
            let states = self.actuator.get_elsewhere(&base, STATES, &self.redactor).await;
            if states.is_some_and(|states| read_breakers(&states).is_some()) {
                return failure.other_base(address, true);
            }
            let links = self.actuator.get_elsewhere(&base, "", &self.redactor).await;
            if links.is_some_and(|links| lists_endpoint(&links, STATES) == Some(false)) {
                return failure.other_base(address, false);
            }
        }
        failure
    }

    /// Asks `info` who answers: each time where it tells, else seldom. States are good without it, so nothing fails with it.
    async fn ask_info(&mut self, now: Instant) {
        if !self.info.tells && self.info.asked_at.is_some_and(|at| now.duration_since(at) < SELDOM) {
            return;
        }
        self.info = Info { asked_at: Some(now), ..Info::default() };
        let Ok(Some(info)) = self.actuator.get("info", &self.redactor).await else { return };
        self.info.instance = read_instance(&info.json);
        self.info.process_id = read_process_id(&info.json);
        let process = || self.info.process_id.map(|process_id| format!("process {process_id}"));
        if let Some(named) = self.info.instance.clone().or_else(process) {
            self.info.tells = true;
            self.watch.named(&named, now);
        }
    }

    /// Asks for retries and time-outs: each time where they are told, else seldom. States are good without them, so nothing fails
    /// with them. How many entries could not be read.
    async fn read_guards(&mut self, facts: &mut Vec<Fact>, verdict: &Verdict, now: Instant) -> u64 {
        let mut num_unreadable = 0;
        for at in 0..self.guards.len() {
            let reader = &mut self.guards[at];
            if !reader.is_there && reader.asked_at.is_some_and(|asked_at| now.duration_since(asked_at) < SELDOM) {
                continue;
            }
            reader.asked_at = Some(now);
            let answer = match self.actuator.get(reader.guard.endpoint, &self.redactor).await {
                Ok(Some(answer)) => answer,
                Ok(None) => {
                    reader.is_there = false;
                    continue;
                }
                // One miss is a miss.
                Err(_) => continue,
            };
            let read = read_guard_events(&answer.json, &reader.guard);
            reader.is_there = read.is_some();
            let Some(read) = read else { continue };
            let fresh = reader.events.see(&read.events, &self.redactor).fresh;
            num_unreadable += read.num_unreadable;
            let attribution = self.attribute(verdict, answer.instance);
            self.event_facts(facts, &read.events, &fresh, &attribution);
        }
        num_unreadable
    }

    /// Looks for signs of another instance; gives the indexes of the events that were not told yet.
    fn look_at_signs(&mut self, breakers: &BreakersAnswer, events: Option<&[EventReading]>, now: Instant) -> Vec<usize> {
        let Some(events) = events else {
            let counts = breakers.breakers.iter().filter_map(|breaker| Some((breaker.name.as_str(), breaker.not_permitted_calls?)));
            if self.missed_events.0 == 0 {
                self.watch.counted(counts, now);
            }
            return Vec::new();
        };
        let sighting = self.events.see(events, &self.redactor);
        if let Some(sign) = sighting.other_ring {
            self.watch.proved(sign, now);
        }
        sighting.fresh
    }

    /// Whose answer it is: while instances take turns only an answer that names its instance can be told of one.
    fn attribute(&self, verdict: &Verdict, named: Option<String>) -> Attribution {
        if verdict.alternating {
            return Attribution { is_known: named.is_some(), instance: named.or_else(|| self.config.instance.clone()) };
        }
        Attribution { is_known: true, instance: self.config.instance.clone().or(named).or_else(|| self.info.instance.clone()) }
    }

    fn instance_fact(&mut self, verdict: &Verdict, named: Option<&str>, now: Instant) -> Option<Fact> {
        let named = named.map(str::to_owned).or_else(|| self.watch.current().map(str::to_owned));
        let fact = InstanceFact {
            address: self.actuator.address().to_owned(),
            service: self.config.service.clone(),
            instance: if verdict.changing { named } else { self.config.instance.clone().or(named) },
            changing: verdict.changing,
            process_id: self.info.process_id.filter(|_| !verdict.changing),
        };
        if self.instance_told.as_ref().is_some_and(|(told, at)| *told == fact && now.duration_since(*at) < SELDOM) {
            return None;
        }
        self.instance_told = Some((fact.clone(), now));
        Some(Fact::Instance(fact))
    }

    fn event_facts(&self, facts: &mut Vec<Fact>, events: &[EventReading], fresh: &[usize], attribution: &Attribution) {
        for event in fresh.iter().map(|at| &events[*at]) {
            let Some(at_ns) = event.at_ns else {
                self.sink.refuse(ItemKind::Fact, 1);
                continue;
            };
            if !attribution.is_known {
                // Two breakers' histories in one would be neither's.
                self.sink.fold(ItemKind::Fact, 1);
                continue;
            }
            facts.push(Fact::BreakerEvent(BreakerEventFact {
                caller: self.config.service.clone(),
                instance: attribution.instance.clone(),
                name: self.redacted(&event.name),
                kind: event.kind,
                at_ns,
            }));
        }
    }

    fn breaker_facts(&self, facts: &mut Vec<Fact>, answer: &BreakersAnswer, attribution: &Attribution) {
        facts.extend(answer.breakers.iter().map(|breaker| {
            let known = attribution.is_known.then_some(breaker);
            Fact::Breaker(BreakerFact {
                caller: self.config.service.clone(),
                instance: attribution.instance.clone(),
                name: self.redacted(&breaker.name),
                state: known.and_then(|breaker| breaker.state),
                failure_rate_percent: known.and_then(|breaker| breaker.failure_rate_percent),
                not_permitted_calls: known.and_then(|breaker| breaker.not_permitted_calls),
                buffered_calls: known.and_then(|breaker| breaker.buffered_calls),
                failed_calls: known.and_then(|breaker| breaker.failed_calls),
                origin: ORIGIN.to_owned(),
            })
        }));
    }

    fn redacted(&self, name: &str) -> String {
        self.redactor.redact_text(name).unwrap_or_else(|| name.to_owned())
    }

    fn condition(&self, breakers: &BreakersAnswer, has_events: bool, num_unreadable: u64, verdict: &Verdict) -> Condition {
        let address = self.actuator.address();
        if verdict.changing {
            let who = match (&verdict.instances[..], verdict.sign) {
                ([], sign) | ([_], sign @ Some(_)) => sign.unwrap_or("answers differ").to_owned(),
                (instances, _) => instances.join(", "),
            };
            let detail = if verdict.alternating {
                format!("several instances answer in turn behind {address} ({who}): states of those that do not name themselves are not told")
            } else {
                format!("another instance answers behind {address} than before ({who})")
            };
            return Condition::degraded(FailureKind::Peer, detail, "Write one source per instance into the profile, each with the instance's own address");
        }
        if !has_events {
            return Failure::missing_events(&self.actuator.at(EVENTS)).told_as(SourcePhase::Degraded);
        }
        if let (MISSES_TOLD_FROM.., Some(failure)) = &self.missed_events {
            return failure.clone().without_events().told_as(SourcePhase::Degraded);
        }
        if breakers.names_only {
            let detail = format!("{address} names its breakers but not their states, as Resilience4j 1.x does: states come from events alone");
            return Condition::degraded(FailureKind::Peer, detail, "Update the application to Resilience4j 2");
        }
        if breakers.num_beyond_limit > 0 {
            let num_all = MOST_BREAKERS as u64 + breakers.num_beyond_limit;
            let detail = format!("{address} tells {num_all} breakers, of which {MOST_BREAKERS} are read");
            return Condition::degraded(FailureKind::Limit, detail, "Look whether breakers are made per request or per user, which no breaker is meant for");
        }
        if num_unreadable > 0 {
            let detail = format!("{address}: {num_unreadable} entries cannot be read, all others are");
            return Condition::degraded(FailureKind::Protocol, detail, "Look at the answers of circuitbreakers and circuitbreakerevents");
        }
        let detail = match breakers.breakers.len() {
            0 => "no call has gone through a breaker yet".to_owned(),
            1 => "1 circuit breaker is read".to_owned(),
            number => format!("{number} circuit breakers are read"),
        };
        let told: Vec<&str> = self.guards.iter().zip(["retries", "time-outs"]).filter(|(reader, _)| reader.is_there).map(|(_, word)| word).collect();
        Condition::live(if told.is_empty() { detail } else { format!("{detail}, and {}", told.join(" and ")) })
    }
}
