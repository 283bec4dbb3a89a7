//! Resources: what an item comes from, and which of its attributes tell that.

use switchboard_model::{AttrRow, Attrs, InstanceSource, MAX_RUN_ROWS, ResourceRow, Str, Value, WellKnown};

use super::Columns;
use crate::decode::wire::{Malformed, Reader};

/// Bytes of all values of a resource that are kept. It stands in every batch of its request again.
const MAX_RESOURCE_BYTES: usize = 128 << 10;

impl Columns<'_> {
    /// Begins another resource.
    pub(crate) fn begin_resource(&mut self) {
        self.begin_item();
        self.num_item_bytes_left = MAX_RESOURCE_BYTES;
    }

    /// Reads a protobuf `Resource` into the batch; what cannot be read is told of `is_first` alone, for it stands in every batch.
    pub(crate) fn protobuf_resource(&mut self, resource: &[u8], is_first: bool) -> Result<u32, Malformed> {
        let lost = self.lost.clone();
        let read = self.read_protobuf_resource(resource);
        if !is_first {
            self.lost = lost;
        }
        read
    }

    fn read_protobuf_resource(&mut self, resource: &[u8]) -> Result<u32, Malformed> {
        let start = self.attrs.len() as u32;
        self.begin_resource();
        let mut reader = Reader::new(resource);
        let mut place = 0;
        while let Some(tag) = reader.tag()? {
            if tag == 0x0a {
                if place == MAX_RUN_ROWS {
                    // A resource is read again for each batch of its items: what is not kept is not read.
                    self.truncated = true;
                    break;
                }
                self.protobuf_attr(place, reader.bytes()?);
                place += 1;
            } else {
                reader.skip(tag)?;
            }
        }
        Ok(self.push_resource(start))
    }

    /// Makes a resource of the attributes from `start` on, and reads its identity out of them.
    pub(crate) fn push_resource(&mut self, start: u32) -> u32 {
        let attrs = Attrs { start, end: self.attrs.len() as u32 };
        let row = ResourceRow {
            service_name: self.identity(attrs, WellKnown::ServiceName),
            namespace: self.identity(attrs, WellKnown::ServiceNamespace),
            environment: self.identity(attrs, WellKnown::Environment),
            version: self.identity(attrs, WellKnown::ServiceVersion),
            attrs,
            ..ResourceRow::default()
        };
        let environment = if row.environment.is_empty() { self.plain_text(self.context.environment.as_bytes()) } else { row.environment };
        let (instance, instance_source) = self.instance(attrs);
        self.resources.push(ResourceRow { environment, instance, instance_source, ..row });
        self.resources.len() as u32 - 1
    }

    /// The most trusted attribute of that meaning that is not empty, as text.
    fn identity(&mut self, attrs: Attrs, known: WellKnown) -> Str {
        let mut best: Option<(u8, Str)> = None;
        for at in attrs.range() {
            let AttrRow { known: found, trust, value, .. } = self.attrs[at];
            if found != known || best.is_some_and(|(known, _)| known <= trust) {
                continue;
            }
            let text = match value {
                Value::Str(text) => text,
                other => {
                    let text = other.to_text(&self.text).into_owned();
                    self.plain_text(text.as_bytes())
                }
            };
            if !text.is_empty() {
                best = Some((trust, text));
            }
        }
        best.map_or(Str::EMPTY, |(_, text)| text)
    }

    fn instance(&mut self, attrs: Attrs) -> (Str, InstanceSource) {
        let id = self.identity(attrs, WellKnown::ServiceInstanceId);
        if !id.is_empty() {
            return (id, InstanceSource::InstanceId);
        }
        let pod = self.identity(attrs, WellKnown::PodUid);
        if !pod.is_empty() {
            return (pod, InstanceSource::PodUid);
        }
        let host = self.identity(attrs, WellKnown::HostName);
        let pid = self.identity(attrs, WellKnown::ProcessPid);
        if host.is_empty() || pid.is_empty() {
            return (Str::EMPTY, InstanceSource::Unknown);
        }
        let both = format!("{}:{}", self.text.get(host), self.text.get(pid));
        (self.plain_text(both.as_bytes()), InstanceSource::HostAndPid)
    }
}
