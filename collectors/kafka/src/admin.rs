//! What rdkafka binds but does not wrap: the admin calls that list and describe groups and read offsets, records in batches
//! with their headers as raw bytes, a client's log and error events, producing with reports by number, and the mock cluster's
//! request log.
//!
//! This is the one file with unsafe code. Its rules: every native object lies in an [`Owned`] guard, every call has a
//! time-out, results are copied out (records are lent out only while their guard lives), error codes are read as plain
//! integers (a broker may send one that the binding's enum does not have), and text is never trusted to be UTF-8.
#![expect(unsafe_code, reason = "rdkafka binds these calls of librdkafka and does not wrap them")]

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as ffi;
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::Consumer as _;
use rdkafka::producer::Producer as _;
use switchboard_model::{GroupMember, OutgoingRecord};

use crate::client::{Consumer, Producer};
use crate::failure::{CallError, Code};

// The same functions as in the binding, with the code as an integer instead of an enum that must not hold unknown values.
unsafe extern "C" {
    fn rd_kafka_error_code(error: *const ffi::rd_kafka_error_t) -> c_int;
    fn rd_kafka_event_error(event: *mut ffi::rd_kafka_event_t) -> c_int;
    fn rd_kafka_err2str(code: c_int) -> *const c_char;
    fn rd_kafka_consumer_group_state_name(state: c_int) -> *const c_char;
    fn rd_kafka_ConsumerGroupDescription_state(group: *const ffi::rd_kafka_ConsumerGroupDescription_t) -> c_int;
}

/// A native object that is freed when its guard goes.
struct Owned<T> {
    raw: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    fn new(raw: *mut T, free: unsafe extern "C" fn(*mut T)) -> Result<Self, CallError> {
        NonNull::new(raw).map(|raw| Self { raw, free }).ok_or_else(|| CallError::local("the client library is out of memory"))
    }

    fn as_ptr(&self) -> *mut T {
        self.raw.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the constructor that belongs to `free`, and is freed only here.
        unsafe { (self.free)(self.raw.as_ptr()) }
    }
}

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl<T> Send for Owned<T> {}

/// Text of the library as it lies there; bytes that are not UTF-8 become replacement characters.
fn text<'a>(raw: *const c_char) -> Cow<'a, str> {
    if raw.is_null() {
        return Cow::Borrowed("");
    }
    // SAFETY: the library's strings end in NUL and live as long as the object they are read from.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy()
}

/// The library's words for an error code.
pub(crate) fn code_text(code: Code) -> String {
    // SAFETY: takes any integer and answers with a static or thread-local string.
    text(unsafe { rd_kafka_err2str(code.0) }).into_owned()
}

fn c_string(text: &str) -> Result<CString, CallError> {
    CString::new(text).map_err(|_| CallError::local("a name holds a NUL byte"))
}

/// A slice of the library's array of pointers; empty where there is none.
unsafe fn pointers<'a, T>(first: *mut *const T, len: usize) -> &'a [*const T] {
    if first.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: the caller passes an array and its length as the library gave them.
    unsafe { std::slice::from_raw_parts(first, len) }
}

/// The error in a result, if there is one.
unsafe fn failure_of(error: *const ffi::rd_kafka_error_t) -> Option<CallError> {
    if error.is_null() {
        return None;
    }
    // SAFETY: the caller passes an error that lives as long as its result.
    let (code, words) = unsafe { (Code(rd_kafka_error_code(error)), text(ffi::rd_kafka_error_string(error)).into_owned()) };
    (code != Code::NONE).then_some(CallError { code, text: words })
}

/// Copies the elements of a partition list out: topic, partition, offset and error code.
unsafe fn each_partition(list: *const ffi::rd_kafka_topic_partition_list_t, mut each: impl FnMut(&str, i32, i64, Code)) {
    if list.is_null() {
        return;
    }
    // SAFETY: the caller passes a list that lives as long as its result; `cnt` and `elems` describe its array.
    let (first, len) = unsafe { ((*list).elems, usize::try_from((*list).cnt).unwrap_or(0)) };
    for at in 0..len {
        // SAFETY: `at` is below the length; the code is read as an integer.
        let (name, partition, offset, code) = unsafe {
            let element = first.add(at);
            ((*element).topic, (*element).partition, (*element).offset, ptr::addr_of!((*element).err).cast::<c_int>().read())
        };
        each(&text(name), partition, offset, Code(code));
    }
}

/// How long a call may take and what ends it before.
pub(crate) struct Patience<'a> {
    /// Bound of the whole call.
    pub timeout: Duration,
    /// Whether the collector was stopped: the call is given up within 50 ms.
    pub stopped: &'a dyn Fn() -> bool,
}

/// Partitions of one request. The library looks answers up one by one in the list of what was asked, so the work grows with the
/// square of it; many small requests at once cost less than a large one.
const PARTITIONS_PER_REQUEST: usize = 512;
/// Requests under way at the same time.
const MOST_UNDER_WAY: usize = 64;

/// Sends admin requests, numbered from 0, and hands their result events out as they come. A failed one ends nothing; the first
/// failure is the answer.
fn call<C: ClientContext>(
    client: &Client<C>,
    operation: ffi::rd_kafka_admin_op_t,
    num_requests: usize,
    patience: &Patience<'_>,
    mut send: impl FnMut(usize, *mut ffi::rd_kafka_t, *const ffi::rd_kafka_AdminOptions_t, *mut ffi::rd_kafka_queue_t) -> Result<(), CallError>,
    mut take: impl FnMut(*mut ffi::rd_kafka_event_t) -> Result<(), CallError>,
) -> Result<(), CallError> {
    let handle = client.native_ptr();
    // SAFETY: the handle lives as long as the client that is borrowed here.
    let (options, queue) = unsafe {
        (
            Owned::new(ffi::rd_kafka_AdminOptions_new(handle, operation), ffi::rd_kafka_AdminOptions_destroy)?,
            Owned::new(ffi::rd_kafka_queue_new(handle), ffi::rd_kafka_queue_destroy)?,
        )
    };
    let mut words: [c_char; 256] = [0; 256];
    // SAFETY: options and buffer live through the call.
    unsafe {
        let timeout_ms = c_int::try_from(patience.timeout.as_millis()).unwrap_or(c_int::MAX).max(1);
        ffi::rd_kafka_AdminOptions_set_request_timeout(options.as_ptr(), timeout_ms, words.as_mut_ptr(), words.len());
    }
    // The library answers by itself after the time-out; the grace is for its own bookkeeping.
    let deadline = Instant::now() + patience.timeout + Duration::from_secs(1);
    let (mut num_sent, mut num_answered, mut first_failure) = (0, 0, None);
    while num_answered < num_requests {
        while num_sent < num_requests && num_sent - num_answered < MOST_UNDER_WAY {
            send(num_sent, handle, options.as_ptr(), queue.as_ptr())?;
            num_sent += 1;
        }
        // SAFETY: the queue lives; an event is taken into its guard at once.
        let event = unsafe { ffi::rd_kafka_queue_poll(queue.as_ptr(), 50) };
        if event.is_null() {
            if (patience.stopped)() {
                return Err(CallError::stopped());
            }
            if Instant::now() >= deadline {
                return Err(CallError { code: Code::TIMED_OUT, text: "no answer within the time-out".to_owned() });
            }
            continue;
        }
        num_answered += 1;
        let event = Owned::new(event, ffi::rd_kafka_event_destroy)?;
        // SAFETY: the event lives in its guard.
        let (code, words) = unsafe { (Code(rd_kafka_event_error(event.as_ptr())), ffi::rd_kafka_event_error_string(event.as_ptr())) };
        let taken = if code == Code::NONE { take(event.as_ptr()) } else { Err(CallError { code, text: text(words).into_owned() }) };
        first_failure = first_failure.or(taken.err());
    }
    first_failure.map_or(Ok(()), Err)
}

/// A result that is not of the kind that was asked for.
fn expect_result<T>(result: *const T) -> Result<*const T, CallError> {
    if result.is_null() { Err(CallError::local("the library answered another request")) } else { Ok(result) }
}

/// What the brokers say about which groups there are.
#[derive(Debug, Default)]
pub(crate) struct GroupListing {
    /// Names of groups.
    pub groups: Vec<String>,
    /// Brokers that did not answer: the list may lack their groups.
    pub errors: Vec<CallError>,
}

/// Lists the consumer groups of all brokers (`ListConsumerGroups`).
pub(crate) fn list_groups<C: ClientContext>(client: &Client<C>, patience: &Patience<'_>) -> Result<GroupListing, CallError> {
    let operation = ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
    let mut listing = GroupListing::default();
    call(
        client,
        operation,
        1,
        patience,
        |_, handle, options, queue| {
            // SAFETY: all three live through the call, which copies what it keeps.
            unsafe { ffi::rd_kafka_ListConsumerGroups(handle, options, queue) };
            Ok(())
        },
        |event| {
            // SAFETY: the result and all it holds live as long as the event; everything is copied before it goes.
            unsafe {
                let result = expect_result(ffi::rd_kafka_event_ListConsumerGroups_result(event))?;
                let mut len = 0;
                let first = ffi::rd_kafka_ListConsumerGroups_result_valid(result, &raw mut len);
                for group in pointers(first, len) {
                    listing.groups.push(text(ffi::rd_kafka_ConsumerGroupListing_group_id(*group)).into_owned());
                }
                let first = ffi::rd_kafka_ListConsumerGroups_result_errors(result, &raw mut len);
                for error in pointers(first, len) {
                    listing.errors.extend(failure_of(*error));
                }
            }
            Ok(())
        },
    )?;
    Ok(listing)
}

/// A group as its coordinator describes it.
#[derive(Debug)]
pub(crate) struct GroupDescription {
    /// Its name.
    pub group: String,
    /// State in the coordinator's words; `None` = not told.
    pub state: Option<String>,
    /// Its members with what is assigned to them.
    pub members: Vec<GroupMember>,
    /// Why it could not be described.
    pub error: Option<CallError>,
}

/// Describes groups (`DescribeConsumerGroups`), all in one call.
pub(crate) fn describe_groups<C: ClientContext>(client: &Client<C>, groups: &[&str], patience: &Patience<'_>) -> Result<Vec<GroupDescription>, CallError> {
    let names: Vec<CString> = groups.iter().map(|group| c_string(group)).collect::<Result<_, _>>()?;
    let mut raw_names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let operation = ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let mut described = Vec::with_capacity(groups.len());
    call(
        client,
        operation,
        1,
        patience,
        |_, handle, options, queue| {
            // SAFETY: names and their array live through the call, which copies them.
            unsafe { ffi::rd_kafka_DescribeConsumerGroups(handle, raw_names.as_mut_ptr(), raw_names.len(), options, queue) };
            Ok(())
        },
        |event| {
            // SAFETY: the result and all it holds live as long as the event; everything is copied before it goes.
            unsafe {
                let result = expect_result(ffi::rd_kafka_event_DescribeConsumerGroups_result(event))?;
                let mut len = 0;
                let first = ffi::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut len);
                described.extend(pointers(first, len).iter().map(|group| description_of(*group)));
            }
            Ok(())
        },
    )?;
    Ok(described)
}

unsafe fn description_of(group: *const ffi::rd_kafka_ConsumerGroupDescription_t) -> GroupDescription {
    // SAFETY: the caller passes a description that lives as long as its result.
    unsafe {
        let state = text(rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group)));
        let num_members = ffi::rd_kafka_ConsumerGroupDescription_member_count(group);
        GroupDescription {
            group: text(ffi::rd_kafka_ConsumerGroupDescription_group_id(group)).into_owned(),
            state: (!state.is_empty() && state != "Unknown").then(|| state.into_owned()),
            members: (0..num_members).map(|at| member_of(ffi::rd_kafka_ConsumerGroupDescription_member(group, at))).collect(),
            error: failure_of(ffi::rd_kafka_ConsumerGroupDescription_error(group)),
        }
    }
}

unsafe fn member_of(member: *const ffi::rd_kafka_MemberDescription_t) -> GroupMember {
    let mut assignment = Vec::new();
    // SAFETY: the caller passes a member that lives as long as its result.
    unsafe {
        let assigned = ffi::rd_kafka_MemberDescription_assignment(member);
        if !assigned.is_null() {
            each_partition(ffi::rd_kafka_MemberAssignment_partitions(assigned), |topic, partition, _, _| assignment.push((topic.to_owned(), partition)));
        }
        GroupMember {
            member_id: text(ffi::rd_kafka_MemberDescription_consumer_id(member)).into_owned(),
            client_id: text(ffi::rd_kafka_MemberDescription_client_id(member)).into_owned(),
            host: text(ffi::rd_kafka_MemberDescription_host(member)).into_owned(),
            assignment,
        }
    }
}

/// A partition of a request, with an offset, an offset specification (−1 latest, −2 earliest) or a time in ms.
pub(crate) type PartitionAt<'a> = (&'a str, i32, i64);

/// Latest offset, as a specification of `ListOffsets`.
pub(crate) const LATEST: i64 = -1;
/// Earliest offset, as a specification of `ListOffsets`.
pub(crate) const EARLIEST: i64 = -2;

fn partition_list(partitions: &[PartitionAt<'_>]) -> Result<Owned<ffi::rd_kafka_topic_partition_list_t>, CallError> {
    let room = c_int::try_from(partitions.len()).unwrap_or(0);
    // SAFETY: makes an empty list that grows by itself.
    let list = Owned::new(unsafe { ffi::rd_kafka_topic_partition_list_new(room) }, ffi::rd_kafka_topic_partition_list_destroy)?;
    let mut name: Option<(&str, CString)> = None;
    for &(topic, partition, offset) in partitions {
        let name = match &name {
            Some((known, name)) if *known == topic => name.as_ptr(),
            _ => name.insert((topic, c_string(topic)?)).1.as_ptr(),
        };
        // SAFETY: list and name live; the new element belongs to the list.
        unsafe { (*ffi::rd_kafka_topic_partition_list_add(list.as_ptr(), name, partition)).offset = offset };
    }
    Ok(list)
}

/// Reads offsets of many partitions (`ListOffsets`, read uncommitted): topic, partition, and the offset or why there is none.
/// −1 for a time means that no record is as late as that. What an error leaves out was not handed out.
pub(crate) fn list_offsets<C: ClientContext>(
    client: &Client<C>,
    partitions: &[PartitionAt<'_>],
    patience: &Patience<'_>,
    mut each: impl FnMut(&str, i32, Result<i64, Code>),
) -> Result<(), CallError> {
    let requests: Vec<&[PartitionAt<'_>]> = partitions.chunks(PARTITIONS_PER_REQUEST).collect();
    let operation = ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
    call(
        client,
        operation,
        requests.len(),
        patience,
        |number, handle, options, queue| {
            let list = partition_list(requests[number])?;
            // SAFETY: the list lives through the call, which copies it.
            unsafe { ffi::rd_kafka_ListOffsets(handle, list.as_ptr(), options, queue) };
            Ok(())
        },
        |event| {
            // SAFETY: the result and all it holds live as long as the event; everything is copied before it goes.
            unsafe {
                let result = expect_result(ffi::rd_kafka_event_ListOffsets_result(event))?;
                let mut len = 0;
                let first = ffi::rd_kafka_ListOffsets_result_infos(result, &raw mut len);
                for info in pointers(first, len) {
                    let element = ffi::rd_kafka_ListOffsetsResultInfo_topic_partition(*info);
                    let code = Code(ptr::addr_of!((*element).err).cast::<c_int>().read());
                    each(&text((*element).topic), (*element).partition, if code == Code::NONE { Ok((*element).offset) } else { Err(code) });
                }
            }
            Ok(())
        },
    )
}

/// Reads a group's committed offsets (`ListConsumerGroupOffsets`): topic, partition, and the offset, none, or why it is unknown.
/// Without a list of partitions the coordinator answers with all that have a commit.
pub(crate) fn group_offsets<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    partitions: Option<&[PartitionAt<'_>]>,
    patience: &Patience<'_>,
    mut each: impl FnMut(&str, i32, Result<Option<i64>, Code>),
) -> Result<(), CallError> {
    let name = c_string(group)?;
    let requests: Vec<Option<&[PartitionAt<'_>]>> = match partitions {
        Some(partitions) => partitions.chunks(PARTITIONS_PER_REQUEST).map(Some).collect(),
        None => vec![None],
    };
    let operation = ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    call(
        client,
        operation,
        requests.len(),
        patience,
        |number, handle, options, queue| {
            let list = requests[number].map(partition_list).transpose()?;
            let raw_list = list.as_ref().map_or(ptr::null(), |list| list.as_ptr().cast_const());
            // SAFETY: name, list and request live through the calls, which copy them.
            unsafe {
                let new = ffi::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), raw_list);
                let request = Owned::new(new, ffi::rd_kafka_ListConsumerGroupOffsets_destroy)?;
                let mut one = [request.as_ptr()];
                ffi::rd_kafka_ListConsumerGroupOffsets(handle, one.as_mut_ptr(), one.len(), options, queue);
            }
            Ok(())
        },
        |event| {
            // SAFETY: the result and all it holds live as long as the event; everything is copied before it goes.
            unsafe {
                let result = expect_result(ffi::rd_kafka_event_ListConsumerGroupOffsets_result(event))?;
                let mut len = 0;
                let first = ffi::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut len);
                for &answer in pointers(first, len) {
                    if let Some(error) = failure_of(ffi::rd_kafka_group_result_error(answer)) {
                        return Err(error);
                    }
                    each_partition(ffi::rd_kafka_group_result_partitions(answer), |topic, partition, offset, code| {
                        each(topic, partition, if code == Code::NONE { Ok((offset >= 0).then_some(offset)) } else { Err(code) });
                    });
                }
            }
            Ok(())
        },
    )
}

/// Something a client says by itself.
pub(crate) enum ClientEvent<'a> {
    /// A log line: level as in syslog, facility and text.
    Log(c_int, Cow<'a, str>, Cow<'a, str>),
    /// An error that belongs to no call: code and text.
    Error(Code, Cow<'a, str>),
}

/// The events of a client that waits for no records.
pub(crate) struct EventQueue {
    events: Owned<ffi::rd_kafka_queue_t>,
    consumer: Consumer,
}

impl EventQueue {
    /// Takes over the reading of a client's events.
    pub fn new(consumer: Consumer) -> Result<Self, CallError> {
        // SAFETY: the handle lives as long as the consumer, which is kept beside the queue and dropped after it.
        let events = Owned::new(unsafe { ffi::rd_kafka_queue_get_main(consumer.client().native_ptr()) }, ffi::rd_kafka_queue_destroy)?;
        Ok(Self { events, consumer })
    }

    /// The client.
    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Hands out the events that wait.
    pub fn events(&self, each: impl FnMut(ClientEvent<'_>)) {
        drain(&self.events, each);
    }
}

fn drain(queue: &Owned<ffi::rd_kafka_queue_t>, mut each: impl FnMut(ClientEvent<'_>)) {
    loop {
        // SAFETY: the queue lives; an event is taken into its guard at once and read while the guard lives.
        unsafe {
            let Ok(event) = Owned::new(ffi::rd_kafka_queue_poll(queue.as_ptr(), 0), ffi::rd_kafka_event_destroy) else { return };
            hear_event(event.as_ptr(), &mut each);
        }
    }
}

/// Hands out a log line or an error; other events tell nothing.
unsafe fn hear_event(event: *mut ffi::rd_kafka_event_t, each: &mut impl FnMut(ClientEvent<'_>)) {
    // SAFETY: the caller passes an event that lives through the call.
    unsafe {
        match ffi::rd_kafka_event_type(event) {
            ffi::RD_KAFKA_EVENT_LOG => {
                let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
                if ffi::rd_kafka_event_log(event, &raw mut facility, &raw mut line, &raw mut level) == 0 {
                    each(ClientEvent::Log(level, text(facility), text(line)));
                }
            }
            ffi::RD_KAFKA_EVENT_ERROR => {
                let code = Code(rd_kafka_event_error(event));
                each(ClientEvent::Error(code, text(ffi::rd_kafka_event_error_string(event))));
            }
            _ => {}
        }
    }
}

/// A consumer's records, in batches. Holds the consumer, which is never subscribed and never commits.
pub(crate) struct RecordQueue {
    records: Owned<ffi::rd_kafka_queue_t>,
    events: Owned<ffi::rd_kafka_queue_t>,
    consumer: Arc<Consumer>,
}

impl RecordQueue {
    /// Takes over the reading of a consumer: its records and its events come from here, not from `poll`.
    pub fn new(consumer: Arc<Consumer>) -> Result<Self, CallError> {
        let handle = consumer.client().native_ptr();
        // SAFETY: the handle lives as long as the consumer, which is kept beside the queues and dropped after them.
        unsafe {
            let records = Owned::new(ffi::rd_kafka_queue_get_consumer(handle), ffi::rd_kafka_queue_destroy)?;
            let events = Owned::new(ffi::rd_kafka_queue_get_main(handle), ffi::rd_kafka_queue_destroy)?;
            // rdkafka forwards events into the records' queue, where a read in batches would drop them.
            ffi::rd_kafka_queue_forward(events.as_ptr(), ptr::null_mut());
            Ok(Self { records, events, consumer })
        }
    }

    /// The consumer.
    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Hands out the events that wait.
    pub fn events(&self, each: impl FnMut(ClientEvent<'_>)) {
        drain(&self.events, each);
    }

    /// Hands out at most `most` records that are there, waiting for the first one at most so long. Returns how many.
    pub fn take(&self, most: usize, timeout: Duration, mut each: impl FnMut(&RecordView<'_>)) -> usize {
        let mut taken = Taken { raw: Vec::with_capacity(most), next: 0 };
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the array has room for `most` pointers, and its length is set to what was written.
        unsafe {
            let len = ffi::rd_kafka_consume_batch_queue(self.records.as_ptr(), timeout_ms, taken.raw.as_mut_ptr(), most);
            taken.raw.set_len(usize::try_from(len).unwrap_or(0).min(most));
        }
        let len = taken.raw.len();
        while let Some(&raw) = taken.raw.get(taken.next) {
            // SAFETY: the record is not null and lives until `pass` frees it.
            each(&RecordView { record: unsafe { &*raw } });
            taken.pass();
        }
        len
    }
}

impl Drop for RecordQueue {
    fn drop(&mut self) {
        // rdkafka's own closing may leave operations of partitions in the queue, which keep a broker's thread, and so the
        // destruction of the client, waiting for ever. The library's closing takes all of them out. It may block: see the reaper.
        // SAFETY: the handle lives as long as the consumer.
        unsafe { ffi::rd_kafka_consumer_close(self.consumer.client().native_ptr()) };
    }
}

/// Records taken from the queue; those not yet handed out are freed even if a callee panics.
struct Taken {
    raw: Vec<*mut ffi::rd_kafka_message_t>,
    next: usize,
}

impl Taken {
    fn pass(&mut self) {
        let raw = self.raw[self.next];
        self.next += 1;
        // SAFETY: each pointer is freed once: `next` has moved past it.
        unsafe { ffi::rd_kafka_message_destroy(raw) }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        while self.next < self.raw.len() {
            self.pass();
        }
    }
}

/// One record, or an error of a partition, as it lies in the client's memory.
pub(crate) struct RecordView<'a> {
    record: &'a ffi::rd_kafka_message_t,
}

impl<'a> RecordView<'a> {
    /// What is wrong with the partition; `None` = this is a record.
    pub fn error(&self) -> Option<Code> {
        // SAFETY: the field lies in the record that is borrowed; it is read as an integer.
        let code = Code(unsafe { ptr::addr_of!(self.record.err).cast::<c_int>().read() });
        (code != Code::NONE).then_some(code)
    }

    /// Tells topics apart within one batch of records, cheaper than the name.
    pub fn topic_handle(&self) -> usize {
        self.record.rkt as usize
    }

    /// Its topic.
    pub fn topic(&self) -> Cow<'a, str> {
        if self.record.rkt.is_null() {
            return Cow::Borrowed("");
        }
        // SAFETY: the topic's handle lives as long as the record.
        text(unsafe { ffi::rd_kafka_topic_name(self.record.rkt) })
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.record.partition
    }

    /// Its offset.
    pub fn offset(&self) -> i64 {
        self.record.offset
    }

    /// Its key; `None` = null.
    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length are the record's own.
        unsafe { bytes(self.record.key, self.record.key_len) }
    }

    /// Its value; `None` = null. Of an error, the words for it.
    pub fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length are the record's own.
        unsafe { bytes(self.record.payload, self.record.len) }
    }

    /// Its timestamp in ms (−1 = none) and what that means: 0 nothing, 1 creation, 2 append.
    pub fn timestamp(&self) -> (i64, u32) {
        let mut kind: c_int = 0;
        // SAFETY: the kind is written as a C enum, which is an `int`.
        let millis = unsafe { ffi::rd_kafka_message_timestamp(self.record, (&raw mut kind).cast()) };
        (millis, kind as u32)
    }

    /// Its headers in their order: name and value as raw bytes; a value of `None` is null.
    pub fn headers(&self) -> Headers<'a> {
        let mut headers = ptr::null_mut();
        // SAFETY: the headers belong to the record and live as long; where there are none the pointer stays null.
        let _ = unsafe { rd_kafka_message_headers(self.record, &raw mut headers) };
        Headers { headers, next: 0, record: std::marker::PhantomData }
    }
}

unsafe extern "C" {
    fn rd_kafka_message_headers(record: *const ffi::rd_kafka_message_t, headers: *mut *mut ffi::rd_kafka_headers_t) -> c_int;
    fn rd_kafka_header_get_all(
        headers: *const ffi::rd_kafka_headers_t,
        at: usize,
        name: *mut *const c_char,
        value: *mut *const c_void,
        len: *mut usize,
    ) -> c_int;
}

unsafe fn bytes<'a>(first: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller passes a pointer and a length that belong together.
    (!first.is_null()).then(|| unsafe { std::slice::from_raw_parts(first.cast::<u8>(), len) })
}

/// Goes through a record's headers.
pub(crate) struct Headers<'a> {
    headers: *const ffi::rd_kafka_headers_t,
    next: usize,
    record: std::marker::PhantomData<&'a ()>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.headers.is_null() {
            return None;
        }
        let (mut name, mut value, mut len) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the headers live as long as the record; past the last one the call answers with an error.
        unsafe {
            if rd_kafka_header_get_all(self.headers, self.next, &raw mut name, &raw mut value, &raw mut len) != 0 || name.is_null() {
                return None;
            }
            self.next += 1;
            Some((CStr::from_ptr(name).to_bytes(), bytes(value, len)))
        }
    }
}

/// What became of a record that was queued, in the library's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryReport {
    /// The number the record was queued under.
    pub ticket: usize,
    /// The delivery's error; [`Code::NONE`] = acknowledged.
    pub code: Code,
    /// Whether the library believes that the record never left this process.
    pub never_sent: bool,
    /// The partition it was for; −1 = none was chosen yet.
    pub partition: i32,
    /// Its offset; negative = not told.
    pub offset: i64,
}

/// Stands for a partition that the library chooses by the key (`RD_KAFKA_PARTITION_UA`).
const BY_KEY: i32 = -1;

/// A producer's way in and out: records go in by number, reports come out. Holds the producer, whose own polling is not used.
pub(crate) struct DeliveryQueue {
    events: Owned<ffi::rd_kafka_queue_t>,
    producer: Arc<Producer>,
}

// SAFETY: librdkafka's handles may be used from any number of threads at the same time.
unsafe impl Sync for DeliveryQueue {}

impl DeliveryQueue {
    /// Takes over a producer's reports and events.
    pub fn new(producer: Arc<Producer>) -> Result<Self, CallError> {
        // SAFETY: the handle lives as long as the producer, which is kept beside the queue and dropped after it.
        let events = Owned::new(unsafe { ffi::rd_kafka_queue_get_main(producer.client().native_ptr()) }, ffi::rd_kafka_queue_destroy)?;
        Ok(Self { events, producer })
    }

    /// The producer.
    pub fn producer(&self) -> &Arc<Producer> {
        &self.producer
    }

    /// Queues a copy of a record. Never blocks; an error means that nothing was queued.
    pub fn enqueue(&self, ticket: usize, record: &OutgoingRecord) -> Result<(), CallError> {
        use ffi::rd_kafka_vtype_t as Part;
        use ffi::rd_kafka_vu_s__bindgen_ty_1 as Any;
        let topic = c_string(&record.topic)?;
        let part = |vtype, u| ffi::rd_kafka_vu_s { vtype, u };
        let memory = |bytes: Option<&[u8]>| {
            let (first, size) = bytes.map_or((ptr::null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast(), bytes.len()));
            Any { mem: ffi::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr: first, size } }
        };
        // SAFETY: makes an empty list; the guard frees it unless the library took it over.
        let headers = Owned::new(unsafe { ffi::rd_kafka_headers_new(record.headers.len()) }, ffi::rd_kafka_headers_destroy)?;
        for header in &record.headers {
            let (value, len) = header.value.as_ref().map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
            let name = &header.name;
            // SAFETY: the library copies name and value; lengths are given, so neither needs to end in NUL.
            unsafe { ffi::rd_kafka_header_add(headers.as_ptr(), name.as_ptr().cast(), name.len().cast_signed(), value.cast(), len.cast_signed()) };
        }
        let parts = [
            part(Part::RD_KAFKA_VTYPE_TOPIC, Any { cstr: topic.as_ptr() }),
            part(Part::RD_KAFKA_VTYPE_PARTITION, Any { i32_: record.partition.unwrap_or(BY_KEY) }),
            part(Part::RD_KAFKA_VTYPE_MSGFLAGS, Any { i: ffi::RD_KAFKA_MSG_F_COPY }),
            part(Part::RD_KAFKA_VTYPE_KEY, memory(record.key.as_deref())),
            part(Part::RD_KAFKA_VTYPE_VALUE, memory(record.value.as_deref())),
            // 0 = the time of sending.
            part(Part::RD_KAFKA_VTYPE_TIMESTAMP, Any { i64_: record.timestamp_ms.unwrap_or(0) }),
            // A number in a pointer's place, which nobody follows.
            part(Part::RD_KAFKA_VTYPE_OPAQUE, Any { ptr: ptr::without_provenance_mut(ticket) }),
            part(Part::RD_KAFKA_VTYPE_HEADERS, Any { headers: headers.as_ptr() }),
        ];
        // SAFETY: all parts live through the call, which copies topic, key and value, and takes the headers over unless it answers
        // with an error.
        unsafe {
            let error = ffi::rd_kafka_produceva(self.producer.client().native_ptr(), parts.as_ptr(), parts.len());
            let Some(failure) = failure_of(error) else {
                std::mem::forget(headers);
                return Ok(());
            };
            ffi::rd_kafka_error_destroy(error);
            Err(failure)
        }
    }

    /// Hands out the next reports, or the next event, waiting for them at most so long. False if there were none.
    pub fn poll(&self, timeout: Duration, mut report: impl FnMut(DeliveryReport), mut hear: impl FnMut(ClientEvent<'_>)) -> bool {
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue lives; an event is taken into its guard at once. Records belong to the event and are read while it lives;
        // codes are read as integers.
        unsafe {
            let Ok(event) = Owned::new(ffi::rd_kafka_queue_poll(self.events.as_ptr(), timeout_ms), ffi::rd_kafka_event_destroy) else { return false };
            if ffi::rd_kafka_event_type(event.as_ptr()) != ffi::RD_KAFKA_EVENT_DR {
                hear_event(event.as_ptr(), &mut hear);
            }
            while let Some(record) = ffi::rd_kafka_event_message_next(event.as_ptr()).as_ref() {
                report(DeliveryReport {
                    ticket: record._private.addr(),
                    code: Code(ptr::addr_of!(record.err).cast::<c_int>().read()),
                    never_sent: rd_kafka_message_status(record) == 0,
                    partition: record.partition,
                    offset: record.offset,
                });
            }
        }
        true
    }
}

unsafe extern "C" {
    /// 0 = never sent, 1 = perhaps, 2 = acknowledged.
    fn rd_kafka_message_status(record: *const ffi::rd_kafka_message_t) -> c_int;
}

/// Starts the request log of the mock cluster that a client holds (`test.mock.num.brokers`), or empties it.
#[cfg(feature = "testing")]
pub(crate) fn track_mock_requests<C: ClientContext>(client: &Client<C>) {
    // SAFETY: the cluster, if there is one, lives as long as the client.
    unsafe {
        let cluster = ffi::rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            ffi::rd_kafka_mock_start_request_tracking(cluster);
        }
    }
}

/// The API keys of all requests since [`track_mock_requests`].
#[cfg(feature = "testing")]
pub(crate) fn mock_requests<C: ClientContext>(client: &Client<C>) -> Vec<i16> {
    // SAFETY: the cluster lives as long as the client; keys are copied before the array is freed.
    unsafe {
        let cluster = ffi::rd_kafka_handle_mock_cluster(client.native_ptr());
        if cluster.is_null() {
            return Vec::new();
        }
        let mut len = 0;
        let first = ffi::rd_kafka_mock_get_requests(cluster, &raw mut len);
        if first.is_null() {
            return Vec::new();
        }
        let keys = (0..len).map(|at| ffi::rd_kafka_mock_request_api_key(*first.add(at))).collect();
        ffi::rd_kafka_mock_request_destroy_array(first, len);
        keys
    }
}

/// Produces a record with one header whose name is raw bytes, which rdkafka's own producer cannot.
#[cfg(feature = "testing")]
pub(crate) fn produce_with_raw_header<C: ClientContext>(client: &Client<C>, topic: &str, partition: i32, name: &[u8], value: &[u8]) -> Result<(), CallError> {
    use ffi::rd_kafka_vtype_t as Part;
    let topic = c_string(topic)?;
    let part = |vtype, u| ffi::rd_kafka_vu_s { vtype, u };
    let memory = ffi::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr: value.as_ptr().cast_mut().cast(), size: value.len() };
    // SAFETY: all parts live through the call; the copy flag makes the library copy the value, and it takes the headers over
    // unless it answers with an error.
    unsafe {
        let headers = ffi::rd_kafka_headers_new(1);
        ffi::rd_kafka_header_add(headers, name.as_ptr().cast(), name.len().cast_signed(), value.as_ptr().cast(), value.len().cast_signed());
        let parts = [
            part(Part::RD_KAFKA_VTYPE_TOPIC, ffi::rd_kafka_vu_s__bindgen_ty_1 { cstr: topic.as_ptr() }),
            part(Part::RD_KAFKA_VTYPE_PARTITION, ffi::rd_kafka_vu_s__bindgen_ty_1 { i32_: partition }),
            part(Part::RD_KAFKA_VTYPE_MSGFLAGS, ffi::rd_kafka_vu_s__bindgen_ty_1 { i: ffi::RD_KAFKA_MSG_F_COPY }),
            part(Part::RD_KAFKA_VTYPE_VALUE, ffi::rd_kafka_vu_s__bindgen_ty_1 { mem: memory }),
            part(Part::RD_KAFKA_VTYPE_HEADERS, ffi::rd_kafka_vu_s__bindgen_ty_1 { headers }),
        ];
        let error = ffi::rd_kafka_produceva(client.native_ptr(), parts.as_ptr(), parts.len());
        let Some(failure) = failure_of(error) else { return Ok(()) };
        ffi::rd_kafka_error_destroy(error);
        ffi::rd_kafka_headers_destroy(headers);
        Err(failure)
    }
}
