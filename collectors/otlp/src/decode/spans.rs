//! Spans into [`SpanBatch`]es.

use switchboard_model::{Attrs, Batch, EventRow, LinkRow, MAX_RUN_ROWS, SpanBatch, SpanId, SpanKind, SpanRow, SpanStatus, Str, TraceId};

use super::builder::{Builder, Mark, Rows};
use super::columns::{Shared, nanoseconds};
use super::tally::{Part, Rejection};
use super::wire::{Malformed, Reader};

/// Fills batches with spans and gives each away when it is full.
pub(crate) type SpanBuilder<'c> = Builder<'c, SpanRows>;

/// The spans of the present batch, with their links and events.
pub(crate) struct SpanRows {
    spans: Vec<SpanRow>,
    links: Vec<LinkRow>,
    events: Vec<EventRow>,
    /// The weight that the tracestate seen last stands for.
    weight: (Str, f32),
}

impl Default for SpanRows {
    fn default() -> Self {
        Self { spans: Vec::new(), links: Vec::new(), events: Vec::new(), weight: (Str::EMPTY, 1.0) }
    }
}

/// What of a span is not a row of its own yet.
#[derive(Default)]
pub(crate) struct SpanFields<'b> {
    pub(crate) trace_id: &'b [u8],
    pub(crate) span_id: &'b [u8],
    pub(crate) parent_span_id: &'b [u8],
    pub(crate) name: &'b [u8],
    pub(crate) trace_state: &'b [u8],
    pub(crate) status_message: &'b [u8],
    pub(crate) kind: u64,
    pub(crate) status: u64,
    pub(crate) flags: u32,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
}

impl Rows for SpanRows {
    fn reserve(&mut self, num_items: usize) {
        self.spans.reserve(num_items);
    }

    #[inline]
    fn mark(&self, attrs: usize) -> Mark {
        Mark { attrs, links: self.links.len(), events: self.events.len() }
    }

    fn back_to(&mut self, mark: Mark) {
        self.links.truncate(mark.links);
        self.events.truncate(mark.events);
    }

    #[inline]
    fn num_bytes(&self) -> usize {
        self.spans.len() * size_of::<SpanRow>() + self.links.len() * size_of::<LinkRow>() + self.events.len() * size_of::<EventRow>()
    }

    fn take(&mut self, Shared { header, text, resources, attrs }: Shared) -> Option<Batch> {
        let Self { mut spans, mut links, mut events, .. } = std::mem::take(self);
        spans.shrink_to_fit();
        links.shrink_to_fit();
        events.shrink_to_fit();
        (!spans.is_empty()).then_some(Batch::Spans(SpanBatch { header, text, resources, spans, attrs, links, events }))
    }

    fn read_protobuf(builder: &mut SpanBuilder<'_>, mark: Mark, span: &[u8]) -> Result<(), Rejection> {
        builder.protobuf_fields(mark, span).unwrap_or_else(|why| Err(builder.note_malformed(&why)))
    }
}

impl SpanBuilder<'_> {
    /// Adds an event whose attributes stand since `start`.
    pub(crate) fn event(&mut self, time_ns: i64, name: &[u8], start: usize) {
        let name = self.columns.text(name);
        let attrs = self.attrs_since(start);
        self.rows.events.push(EventRow { time_ns, name, attrs });
    }

    /// Adds a link whose attributes stand since `start`. A link that names no span leads nowhere and is left out.
    pub(crate) fn link(&mut self, trace_id: &[u8], span_id: &[u8], start: usize) {
        let attrs = self.attrs_since(start);
        if let (Some(trace_id), Some(span_id)) = (TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id)) {
            self.rows.links.push(LinkRow { trace_id, span_id, attrs });
        } else {
            self.columns.attrs.truncate(start);
            self.columns.lose(Part::Link, "", &"it names no span");
        }
    }

    /// Adds the span, whose attributes, events and links stand since `mark`, or says why not.
    pub(crate) fn end_span(&mut self, mark: Mark, attrs: Attrs, fields: &SpanFields<'_>) -> Result<(), Rejection> {
        let trace_id = TraceId::from_bytes(fields.trace_id).ok_or(Rejection::TraceId)?;
        let span_id = SpanId::from_bytes(fields.span_id).ok_or(Rejection::SpanId)?;
        let parent_span_id = match fields.parent_span_id.len() {
            0 => SpanId::NONE,
            8 => SpanId::from_bytes(fields.parent_span_id).unwrap_or(SpanId::NONE),
            _ => return Err(Rejection::ParentId),
        };
        let trace_state = if fields.trace_state.is_empty() { Str::EMPTY } else { self.columns.shared_text(fields.trace_state) };
        if !trace_state.is_empty() && trace_state != self.rows.weight.0 {
            self.rows.weight = (trace_state, sample_weight(self.columns.text.get(trace_state)));
        }
        let row = SpanRow {
            trace_id,
            span_id,
            parent_span_id,
            start_ns: fields.start_ns,
            end_ns: fields.end_ns,
            name: self.columns.text(fields.name),
            kind: match fields.kind {
                1 => SpanKind::Internal,
                2 => SpanKind::Server,
                3 => SpanKind::Client,
                4 => SpanKind::Producer,
                5 => SpanKind::Consumer,
                _ => SpanKind::Unspecified,
            },
            status: match fields.status {
                1 => SpanStatus::Ok,
                2 => SpanStatus::Error,
                _ => SpanStatus::Unset,
            },
            status_message: self.columns.text(fields.status_message),
            trace_state,
            flags: fields.flags,
            scope: self.scope(),
            resource: self.resource(),
            attrs,
            links: Attrs { start: mark.links as u32, end: self.rows.links.len() as u32 },
            events: Attrs { start: mark.events as u32, end: self.rows.events.len() as u32 },
            sample_weight: if trace_state.is_empty() { 1.0 } else { self.rows.weight.1 },
            truncated: self.columns.truncated,
        };
        self.rows.spans.push(row);
        Ok(())
    }

    fn protobuf_fields(&mut self, mark: Mark, span: &[u8]) -> Result<Result<(), Rejection>, Malformed> {
        let mut fields = SpanFields::default();
        let mut truncated = false;
        let mut num_attrs = 0;
        let (mut has_rows, mut is_log) = (false, false);
        let mut reader = Reader::new(span);
        while let Some(tag) = reader.tag()? {
            match tag {
                0x0a => fields.trace_id = reader.bytes()?,
                0x12 => fields.span_id = reader.bytes()?,
                0x1a => fields.trace_state = reader.bytes()?,
                0x22 => fields.parent_span_id = reader.bytes()?,
                0x2a => fields.name = reader.bytes()?,
                0x30 => fields.kind = reader.varint()?,
                0x39 => fields.start_ns = nanoseconds(reader.fixed64()?, &mut truncated),
                0x41 => fields.end_ns = nanoseconds(reader.fixed64()?, &mut truncated),
                0x4a => {
                    self.columns.protobuf_attr(num_attrs, reader.bytes()?);
                    num_attrs += 1;
                }
                0x5a | 0x6a => {
                    has_rows = true;
                    reader.bytes()?;
                }
                0x7a => {
                    let mut status = Reader::new(reader.bytes()?);
                    while let Some(tag) = status.tag()? {
                        match tag {
                            0x12 => fields.status_message = status.bytes()?,
                            0x18 => fields.status = status.varint()?,
                            _ => status.skip(tag)?,
                        }
                    }
                }
                0x85 => fields.flags = reader.fixed32()?,
                _ => {
                    // A log record's time stands where a span's trace id is.
                    is_log |= tag == 0x09;
                    reader.skip(tag)?;
                }
            }
        }
        let attrs = self.attrs_since(mark.attrs);
        if has_rows {
            self.protobuf_rows(span, &mut truncated)?;
        }
        self.columns.truncated |= truncated;
        if is_log && fields.trace_id.is_empty() {
            return Ok(Err(Rejection::OtherSignal));
        }
        Ok(self.end_span(mark, attrs, &fields))
    }

    /// Events and links, after the span's own attributes, so that each owner's attributes lie together.
    fn protobuf_rows(&mut self, span: &[u8], truncated: &mut bool) -> Result<(), Malformed> {
        let (mut num_events, mut num_links) = (0, 0);
        let mut reader = Reader::new(span);
        while let Some(tag) = reader.tag()? {
            let num = match tag {
                0x5a => &mut num_events,
                0x6a => &mut num_links,
                _ => {
                    reader.skip(tag)?;
                    continue;
                }
            };
            let row = reader.bytes()?;
            *num += 1;
            if *num > MAX_RUN_ROWS {
                *truncated = true;
                continue;
            }
            let start = self.num_attrs();
            let (read, part) = if tag == 0x5a { (self.protobuf_event(row, truncated), Part::Event) } else { (self.protobuf_link(row), Part::Link) };
            if let Err(why) = read {
                self.columns.attrs.truncate(start);
                self.columns.lose(part, "", &why);
            }
        }
        Ok(())
    }

    fn protobuf_event(&mut self, event: &[u8], truncated: &mut bool) -> Result<(), Malformed> {
        let start = self.num_attrs();
        let (mut time_ns, mut name, mut num_attrs): (i64, &[u8], usize) = (0, &[], 0);
        let mut reader = Reader::new(event);
        while let Some(tag) = reader.tag()? {
            match tag {
                0x09 => time_ns = nanoseconds(reader.fixed64()?, truncated),
                0x12 => name = reader.bytes()?,
                0x1a => {
                    self.columns.protobuf_attr(num_attrs, reader.bytes()?);
                    num_attrs += 1;
                }
                _ => reader.skip(tag)?,
            }
        }
        self.event(time_ns, name, start);
        Ok(())
    }

    fn protobuf_link(&mut self, link: &[u8]) -> Result<(), Malformed> {
        let start = self.num_attrs();
        let (mut trace_id, mut span_id, mut num_attrs): (&[u8], &[u8], usize) = (&[], &[], 0);
        let mut reader = Reader::new(link);
        while let Some(tag) = reader.tag()? {
            match tag {
                0x0a => trace_id = reader.bytes()?,
                0x12 => span_id = reader.bytes()?,
                0x22 => {
                    self.columns.protobuf_attr(num_attrs, reader.bytes()?);
                    num_attrs += 1;
                }
                _ => reader.skip(tag)?,
            }
        }
        self.link(trace_id, span_id, start);
        Ok(())
    }
}

/// How many spans one stands for: `ot=th:` in its tracestate holds the rejection threshold, 56 bits as hex digits with
/// trailing zeros left out (OpenTelemetry specification, "Trace state: probability sampling").
fn sample_weight(trace_state: &str) -> f32 {
    let member = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot="));
    let digits = member.and_then(|member| member.split(';').find_map(|part| part.strip_prefix("th:")));
    let is_hex = |digits: &&str| (1..=14).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let Some(digits) = digits.filter(is_hex) else { return 1.0 };
    let Ok(threshold) = u64::from_str_radix(&format!("{digits:0<14}"), 16) else { return 1.0 };
    let all = 1_u64 << 56;
    (all as f64 / (all - threshold) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::sample_weight;

    #[test]
    #[expect(clippy::float_cmp, reason = "these weights are exact")]
    fn weights_of_tracestates() {
        for (trace_state, weight) in [
            ("", 1.0),
            ("vendor=th:8", 1.0),
            ("ot=th:0", 1.0),
            ("ot=th:8", 2.0),
            ("congo=t61rcWkgMzE, ot=rv:abcdef;th:c", 4.0),
            ("ot=th:fffffffffffff0", 72_057_594_037_927_936.0 / 16.0),
            ("ot=th:ffffffffffffffff", 1.0),
            ("ot=th:zz", 1.0),
            ("ot=th:", 1.0),
            ("ot=th:+8", 1.0),
        ] {
            assert_eq!(sample_weight(trace_state), weight, "{trace_state}");
        }
    }
}
