//! The panel of an instance of a service.

use switchboard_engine::view::{BreakerView, Health, TraceFilter, silent_for_ns};

use super::{
    About,
    rows::{capped, section},
};
use crate::{
    figures,
    ink::{
        Tone,
        signs::{breaker_tone, group_tone, verdict_glyph},
    },
    sanitise::visible,
    view::Target,
    views::map::scene::{SceneNode, find},
    widgets::{
        breaker_strip::{axis_of, strip},
        detail::{Detail, Row, Section, goto},
    },
    words::{breakers::since_age, groups::partition_words},
};

impl About<'_> {
    /// An instance: how lately it was heard, how its part of traces went, its breakers, what it reads, its logs.
    pub(super) fn instance(&self, node: &SceneNode, instance: &str) -> Detail {
        let service = find(&self.snapshot.topology, node.node_id);
        let known = service.and_then(|service| service.instances.iter().find(|known| known.instance == instance));
        let mut kind = format!("instance of {}", node.full_name);
        if let Some(version) = known.and_then(|known| known.version.as_deref()) {
            kind = format!("{kind} · {}", visible(version));
        }
        let verdict = match known {
            None => ("It is not among the instances that are kept: the one that was not seen for longest makes room".to_owned(), Tone::Unknown),
            Some(known) => {
                let age = figures::age(self.now_ns.saturating_sub(known.last_seen_ns));
                match silent_for_ns(known.last_seen_ns, self.now_ns).map(Health::Silent) {
                    Some(silent) => (format!("Nothing heard for {age}, though it sent spans before"), silent.severity().into()),
                    None => (format!("Heard {age} ago"), Tone::Quiet),
                }
            }
        };
        let mut sections = vec![section("", "", vec![Row::link(&format!("← {}", node.full_name), "", goto(Target::Node(node.node_id)))])];
        sections.extend(self.trace_sections());
        sections.extend(service.map(|service| Self::traces_of(&service.name, instance)));
        sections.push(self.breakers_in(node, instance));
        sections.extend(service.map(|service| self.read_by(&service.name, instance)));
        sections.push(self.log_section());
        sections.extend(service.map(|service| self.instances_of(node, service, Some(instance))));
        sections.retain(|section| !section.rows.is_empty());
        Detail { title: visible(instance).into_owned(), kind, verdict: vec![verdict], sections }
    }

    /// What is known of its calls: figures are kept of the service, traces of each instance.
    fn traces_of(service: &str, instance: &str) -> Section {
        let of = |failed_only: bool| {
            let filter = TraceFilter { service: Some(service.to_owned()), instance: Some(instance.to_owned()), failed_only, ..TraceFilter::default() };
            goto(Target::Traces(filter))
        };
        let note = Row::text("Rate, errors and latency are kept of the service; how this instance does its traces tell");
        section("Its traces", "", vec![Row::link("all its traces", "", of(false)), Row::link("its failed traces", "", of(true)), note])
    }

    /// The circuit breakers that it holds.
    fn breakers_in(&self, node: &SceneNode, instance: &str) -> Section {
        let is_held = |breaker: &&BreakerView| breaker.caller_node == Some(node.node_id) && breaker.instance.as_deref() == Some(instance);
        let mut breakers: Vec<&BreakerView> = self.snapshot.breakers.iter().filter(is_held).collect();
        breakers.sort_by_key(|breaker| std::cmp::Reverse(breaker_tone(breaker)));
        let axis = axis_of(breakers.iter().copied(), self.known.now_ns);
        let rows = breakers.into_iter().map(|breaker| Row::Strip {
            label: visible(&breaker.name).into_owned(),
            value: format!("{}{}", breaker.word(), since_age(breaker, self.now_ns).map(|age| format!(" {age}")).unwrap_or_default()),
            detail: breaker.callee.as_deref().map(|callee| format!("→ {}", visible(callee))).unwrap_or_default(),
            tone: breaker_tone(breaker),
            pieces: strip(breaker, axis),
            action: goto(Target::Breaker { caller: breaker.caller.clone(), instance: breaker.instance.clone(), name: breaker.name.clone() }),
        });
        section("Circuit breakers", &axis.words(), capped(rows.collect()))
    }

    /// The groups in which it reads, as its spans tell.
    fn read_by(&self, service: &str, instance: &str) -> Section {
        let rows = self.snapshot.groups.iter().filter_map(|group| {
            let reader = group.readers.iter().find(|reader| reader.service == service && reader.instance.as_deref() == Some(instance))?;
            Some(Row::Link {
                glyph: verdict_glyph(group.verdict),
                label: format!("{} on {}", visible(&group.group), visible(&group.topic)),
                value: partition_words(&reader.partitions),
                detail: visible(&group.sentence()).into_owned(),
                tone: group_tone(group),
                action: goto(Target::Group { cluster: group.cluster.clone(), group: group.group.clone(), topic: group.topic.clone() }),
            })
        });
        section("Reads", "as its spans tell", capped(rows.collect()))
    }
}
