//! What reading and sending need of librdkafka beyond rdkafka: clients that ask for leave before each connection, records in batches
//! with their headers as raw bytes, a client's log and error events, producing with reports by number, and the mock cluster's
//! request log. Nothing here asks the brokers about groups: the library's admin calls can abort the process when a coordinator goes
//! away (see `asking`). Which functions of the library this file may name stands in a test (tests/tests/invariants).
//!
//! This is the one file with unsafe code. Its rules: every native object lies in an [`Owned`] guard, results are copied out
//! (records are lent out only while their guard lives), error codes are read as plain integers (a broker may send one that the
//! binding's enum does not have), and text is never trusted to be UTF-8.
#![expect(unsafe_code, reason = "rdkafka binds these calls of librdkafka and does not wrap them")]

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use rdkafka::bindings as ffi;
use rdkafka::client::Client;
use rdkafka::error::KafkaResult;
use rdkafka::types::RDKafkaType;
use rdkafka::{ClientConfig, TopicPartitionList};
use switchboard_model::{OutgoingRecord, Route};

use crate::client::ObserverContext;
use crate::failure::{CallError, Code};

// The same functions as in the binding, with the code as an integer instead of an enum that must not hold unknown values.
unsafe extern "C" {
    fn rd_kafka_error_code(error: *const ffi::rd_kafka_error_t) -> c_int;
    fn rd_kafka_event_error(event: *mut ffi::rd_kafka_event_t) -> c_int;
    fn rd_kafka_err2str(code: c_int) -> *const c_char;
    fn rd_kafka_last_error() -> c_int;
    fn rd_kafka_offsets_for_times(client: *mut ffi::rd_kafka_t, offsets: *mut ffi::rd_kafka_topic_partition_list_t, timeout_ms: c_int) -> c_int;
    fn rd_kafka_oauthbearer_set_token(
        client: *mut ffi::rd_kafka_t,
        token: *const c_char,
        good_until_ms: i64,
        principal: *const c_char,
        extensions: *mut *const c_char,
        num_extensions: usize,
        words: *mut c_char,
        words_len: usize,
    ) -> c_int;
    fn rd_kafka_oauthbearer_set_token_failure(client: *mut ffi::rd_kafka_t, why: *const c_char) -> c_int;
    fn rd_kafka_purge(client: *mut ffi::rd_kafka_t, flags: c_int) -> c_int;
}

/// What a resolver is called with: node, service, hints, result, opaque.
type Resolve = unsafe extern "C" fn(*const c_char, *const c_char, *const c_void, *mut *mut c_void, *mut c_void) -> c_int;

// Left out of the binding, which does not know the system's `addrinfo`. Here it is handed on without a look.
unsafe extern "C" {
    fn rd_kafka_conf_set_resolve_cb(settings: *mut ffi::rd_kafka_conf_t, resolve: Option<Resolve>);
    fn getaddrinfo(node: *const c_char, service: *const c_char, hints: *const c_void, result: *mut *mut c_void) -> c_int;
    fn freeaddrinfo(addresses: *mut c_void);
}

/// `EAI_FAIL`: the name does not resolve, and trying again does not help.
const DOES_NOT_RESOLVE: c_int = if cfg!(target_os = "linux") { -4 } else { 4 };

/// Resolves a broker's name, unless credentials must not go there.
unsafe extern "C" fn resolve(node: *const c_char, service: *const c_char, hints: *const c_void, result: *mut *mut c_void, opaque: *mut c_void) -> c_int {
    // SAFETY: without node and service the library gives back what it got from here. Otherwise the arguments are those of
    // `getaddrinfo`, and the opaque pointer is the context, which rdkafka sets and keeps as long as the client.
    unsafe {
        if node.is_null() && service.is_null() {
            freeaddrinfo(*result);
            return 0;
        }
        if let Some(context) = opaque.cast::<ObserverContext>().as_ref()
            && !context.may_connect(&text(node))
        {
            return DOES_NOT_RESOLVE;
        }
        getaddrinfo(node, service, hints, result)
    }
}

/// A client of the library.
pub(crate) type NativeClient = Client<ObserverContext>;

/// Makes a client. Its events are taken from its queue, and it asks its context before it connects anywhere.
pub(crate) fn make(settings: &ClientConfig, kind: RDKafkaType, context: ObserverContext) -> KafkaResult<NativeClient> {
    let native = settings.create_native_config()?;
    let reports = if kind == RDKafkaType::RD_KAFKA_PRODUCER { ffi::RD_KAFKA_EVENT_DR } else { 0 };
    // SAFETY: the settings live; both calls only write into them.
    unsafe {
        ffi::rd_kafka_conf_set_events(native.ptr(), ffi::RD_KAFKA_EVENT_ERROR | ffi::RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH | reports);
        rd_kafka_conf_set_resolve_cb(native.ptr(), Some(resolve));
    }
    Client::new(settings, native, kind, context)
}

/// The first offset at or after a time (ms) in each of these partitions; −1 where no record is as late as that.
pub(crate) fn offsets_for_time(
    client: &NativeClient,
    topic: &str,
    partitions: &[i32],
    time_ms: i64,
    timeout: Duration,
) -> Result<HashMap<i32, i64>, CallError> {
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        asked.add_partition_offset(topic, *partition, rdkafka::Offset::Offset(time_ms))?;
    }
    let list = asked.ptr();
    let mut found = HashMap::with_capacity(partitions.len());
    // SAFETY: client and list live through the call, which writes offsets and codes into the list; `cnt` and `elems` describe its array.
    unsafe {
        let code = Code(rd_kafka_offsets_for_times(client.native_ptr(), list, millis(timeout)));
        if code != Code::NONE {
            return Err(CallError { code, text: code_text(code) });
        }
        for at in 0..usize::try_from((*list).cnt).unwrap_or(0) {
            let element = (*list).elems.add(at);
            if ptr::addr_of!((*element).err).cast::<c_int>().read() == 0 {
                found.insert((*element).partition, (*element).offset.max(-1));
            }
        }
    }
    Ok(found)
}

fn millis(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX)
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

/// The error of the call this thread made last.
fn last_error() -> CallError {
    // SAFETY: reads a thread-local number.
    let code = Code(unsafe { rd_kafka_last_error() });
    CallError { code, text: code_text(code) }
}

fn c_string(text: &str) -> Result<CString, CallError> {
    CString::new(text).map_err(|_| CallError::local("a name holds a NUL byte"))
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
    client: NativeClient,
}

impl EventQueue {
    /// Takes over the reading of a client's events.
    pub fn new(client: NativeClient) -> Result<Self, CallError> {
        Ok(Self { events: events_of(&client)?, client })
    }

    /// The client.
    pub fn client(&self) -> &NativeClient {
        &self.client
    }

    /// Hands out the events that wait.
    pub fn events(&self, each: impl FnMut(ClientEvent<'_>)) {
        drain(&self.events, &self.client, each);
    }
}

fn events_of(client: &NativeClient) -> Result<Owned<ffi::rd_kafka_queue_t>, CallError> {
    // SAFETY: the handle lives as long as the client, which is kept beside the queue and dropped after it.
    Owned::new(unsafe { ffi::rd_kafka_queue_get_main(client.native_ptr()) }, ffi::rd_kafka_queue_destroy)
}

fn drain(queue: &Owned<ffi::rd_kafka_queue_t>, client: &NativeClient, mut each: impl FnMut(ClientEvent<'_>)) {
    loop {
        // SAFETY: the queue lives; an event is taken into its guard at once and read while the guard lives.
        unsafe {
            let Ok(event) = Owned::new(ffi::rd_kafka_queue_poll(queue.as_ptr(), 0), ffi::rd_kafka_event_destroy) else { return };
            hear_event(event.as_ptr(), client, &mut each);
        }
    }
}

/// Hands out a log line or an error; other events tell nothing.
unsafe fn hear_event(event: *mut ffi::rd_kafka_event_t, client: &NativeClient, each: &mut impl FnMut(ClientEvent<'_>)) {
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
            ffi::RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH => give_token(client),
            _ => {}
        }
    }
}

/// Gives the client a new token, or says why there is none.
fn give_token(client: &NativeClient) {
    let mut words: [c_char; 512] = [0; 512];
    let failure = match client.context().token() {
        Ok(token) => match CString::new(token.value) {
            // SAFETY: client, token and buffer live through the call, which copies the token.
            Ok(value) => unsafe {
                let code = Code(rd_kafka_oauthbearer_set_token(
                    client.native_ptr(),
                    value.as_ptr(),
                    token.good_until_ms,
                    c"switchboard".as_ptr(),
                    ptr::null_mut(),
                    0,
                    words.as_mut_ptr(),
                    words.len(),
                ));
                (code != Code::NONE).then(|| text(words.as_ptr()).into_owned())
            },
            Err(_) => Some("the token holds a NUL byte".to_owned()),
        },
        Err(why) => Some(why),
    };
    if let Some(failure) = failure {
        let why = CString::new(failure).unwrap_or_default();
        // SAFETY: client and text live through the call, which copies the text and answers with a code that says nothing more.
        let _ = unsafe { rd_kafka_oauthbearer_set_token_failure(client.native_ptr(), why.as_ptr()) };
    }
}

/// Records of partitions that are read from an offset on, in batches. No group stands behind it, so that no coordinator is ever
/// asked, nothing can be committed, and nobody can be a member.
pub(crate) struct RecordQueue {
    records: Owned<ffi::rd_kafka_queue_t>,
    events: Owned<ffi::rd_kafka_queue_t>,
    reading: RefCell<Reading>,
    client: NativeClient,
}

/// What is being read.
#[derive(Default)]
struct Reading {
    topics: HashMap<String, Topic>,
}

struct Topic {
    handle: Owned<ffi::rd_kafka_topic_t>,
    partitions: HashSet<i32>,
}

impl RecordQueue {
    /// Takes over the reading of a client's events; no record is read yet.
    pub fn new(client: NativeClient) -> Result<Self, CallError> {
        // SAFETY: the handle lives as long as the client, which is kept beside the queue and dropped after it.
        let records = Owned::new(unsafe { ffi::rd_kafka_queue_new(client.native_ptr()) }, ffi::rd_kafka_queue_destroy)?;
        Ok(Self { records, events: events_of(&client)?, reading: RefCell::default(), client })
    }

    /// The client.
    pub fn client(&self) -> &NativeClient {
        &self.client
    }

    /// Reads a partition from an offset on.
    pub fn start(&self, topic: &str, partition: i32, offset: i64) -> Result<(), CallError> {
        let mut reading = self.reading.borrow_mut();
        let known = match reading.topics.entry_ref(topic) {
            hashbrown::hash_map::EntryRef::Occupied(entry) => entry.into_mut(),
            hashbrown::hash_map::EntryRef::Vacant(entry) => {
                let name = c_string(topic)?;
                // SAFETY: the client lives; the call copies the name.
                let handle = unsafe { ffi::rd_kafka_topic_new(self.client.native_ptr(), name.as_ptr(), ptr::null_mut()) };
                if handle.is_null() {
                    return Err(last_error());
                }
                let handle = Owned::new(handle, ffi::rd_kafka_topic_destroy)?;
                entry.insert(Topic { handle, partitions: HashSet::new() })
            }
        };
        // SAFETY: topic and queue live in their guards, until the partition is stopped.
        let done = unsafe { ffi::rd_kafka_consume_start_queue(known.handle.as_ptr(), partition, offset, self.records.as_ptr()) };
        if done != 0 {
            return Err(last_error());
        }
        known.partitions.insert(partition);
        Ok(())
    }

    /// Reads a partition no more. What waits of it in the queue is not handed out. A topic of which nothing is read is forgotten, so
    /// that one of its name that is made later is looked at afresh.
    pub fn stop(&self, topic: &str, partition: i32) {
        let mut reading = self.reading.borrow_mut();
        let Some(known) = reading.topics.get_mut(topic) else { return };
        if known.partitions.remove(&partition) {
            // SAFETY: the topic lives in its guard.
            if unsafe { ffi::rd_kafka_consume_stop(known.handle.as_ptr(), partition) } != 0 {
                tracing::debug!(topic, partition, "a partition was not being read: {}", last_error());
            }
        }
        if known.partitions.is_empty() {
            reading.topics.remove(topic);
        }
    }

    /// Hands out the events that wait.
    pub fn events(&self, each: impl FnMut(ClientEvent<'_>)) {
        drain(&self.events, &self.client, each);
    }

    /// Hands out at most `most` records that are there, waiting for the first one at most so long. Returns how many.
    pub fn take(&self, most: usize, timeout: Duration, mut each: impl FnMut(&RecordView<'_>)) -> usize {
        let mut taken = Taken { raw: Vec::with_capacity(most), next: 0 };
        let timeout_ms = millis(timeout);
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
        for known in self.reading.get_mut().topics.values() {
            for partition in &known.partitions {
                // SAFETY: the topic lives in its guard. It may wait for the client's own thread: see the reaper.
                unsafe { ffi::rd_kafka_consume_stop(known.handle.as_ptr(), *partition) };
            }
        }
        self.reading.get_mut().topics.clear();
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

/// Events whose reports were read that are kept at most.
const SPENT_MAX: usize = 16;

/// A producer's way in and out: records go in by number, reports come out. Holds the producer, whose own polling is not used.
pub(crate) struct DeliveryQueue {
    /// Events whose reports were read, with the records they hold. Whoever queues gives that memory back, as it took it: freed by the thread that
    /// reads the reports, both would wait for one another at the allocator with each record.
    spent: Mutex<Vec<Owned<ffi::rd_kafka_event_t>>>,
    events: Owned<ffi::rd_kafka_queue_t>,
    client: NativeClient,
}

// SAFETY: librdkafka's handles may be used from any number of threads at the same time.
unsafe impl Sync for DeliveryQueue {}

impl DeliveryQueue {
    /// Takes over a producer's reports and events.
    pub fn new(client: NativeClient) -> Result<Self, CallError> {
        Ok(Self { spent: Mutex::default(), events: events_of(&client)?, client })
    }

    /// The producer.
    pub fn client(&self) -> &NativeClient {
        &self.client
    }

    /// Takes back what is queued and gives up what is on its way. Never blocks.
    pub fn purge(&self) {
        let flags = ffi::RD_KAFKA_PURGE_F_QUEUE | ffi::RD_KAFKA_PURGE_F_INFLIGHT | ffi::RD_KAFKA_PURGE_F_NON_BLOCKING;
        // SAFETY: the client lives.
        let code = Code(unsafe { rd_kafka_purge(self.client.native_ptr(), flags) });
        if code != Code::NONE {
            tracing::error!("records in flight were not taken back: {}", code_text(code));
        }
    }

    /// Queues a copy of a record. Never blocks; an error means that nothing was queued.
    pub fn enqueue(&self, ticket: usize, record: &OutgoingRecord) -> Result<(), CallError> {
        use ffi::rd_kafka_vtype_t as Part;
        use ffi::rd_kafka_vu_s__bindgen_ty_1 as Any;
        let spent = self.spent.lock().pop();
        drop(spent);
        let topic = c_string(&record.channel)?;
        let partition = match record.route {
            Route::Partition(partition) => partition,
            Route::Key => BY_KEY,
            Route::Exchange { .. } => return Err(CallError::local("Kafka has no exchanges. Send the record to a topic, by a partition or by its key")),
        };
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
            part(Part::RD_KAFKA_VTYPE_PARTITION, Any { i32_: partition }),
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
            let error = ffi::rd_kafka_produceva(self.client.native_ptr(), parts.as_ptr(), parts.len());
            let Some(failure) = failure_of(error) else {
                std::mem::forget(headers);
                return Ok(());
            };
            ffi::rd_kafka_error_destroy(error);
            Err(failure)
        }
    }

    /// Adds the next reports, or hands out the next event, waiting for them at most so long. False if there were none.
    pub fn poll(&self, timeout: Duration, reports: &mut Vec<DeliveryReport>, mut hear: impl FnMut(ClientEvent<'_>)) -> bool {
        let timeout_ms = millis(timeout);
        // SAFETY: the queue lives; an event is taken into its guard at once. Records belong to the event and are read while it lives;
        // codes are read as integers.
        unsafe {
            let Ok(event) = Owned::new(ffi::rd_kafka_queue_poll(self.events.as_ptr(), timeout_ms), ffi::rd_kafka_event_destroy) else {
                // Nobody queues, it seems.
                let spent = std::mem::take(&mut *self.spent.lock());
                drop(spent);
                return false;
            };
            if ffi::rd_kafka_event_type(event.as_ptr()) != ffi::RD_KAFKA_EVENT_DR {
                hear_event(event.as_ptr(), &self.client, &mut hear);
            }
            while let Some(record) = ffi::rd_kafka_event_message_next(event.as_ptr()).as_ref() {
                reports.push(DeliveryReport {
                    ticket: record._private.addr(),
                    code: Code(ptr::addr_of!(record.err).cast::<c_int>().read()),
                    never_sent: rd_kafka_message_status(record) == 0,
                    partition: record.partition,
                    offset: record.offset,
                });
            }
            let mut spent = self.spent.lock();
            if spent.len() < SPENT_MAX {
                spent.push(event);
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
pub(crate) fn track_mock_requests<C: rdkafka::ClientContext>(client: &Client<C>) {
    // SAFETY: the cluster, if there is one, lives as long as the client.
    unsafe {
        let cluster = ffi::rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            ffi::rd_kafka_mock_start_request_tracking(cluster);
        }
    }
}

/// The API keys of all requests since [`track_mock_requests`].
pub(crate) fn mock_requests<C: rdkafka::ClientContext>(client: &Client<C>) -> Vec<i16> {
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
pub(crate) fn produce_with_raw_header<C: rdkafka::ClientContext>(
    client: &Client<C>,
    topic: &str,
    partition: i32,
    name: &[u8],
    value: &[u8],
) -> Result<(), CallError> {
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
