//! What actuators and servers answer, read from bytes that may come from anywhere, as poller and caller read it.

use serde_json::Value;

pub use crate::call::fuzzing::read_body;

use crate::actuator::{GUARDS, MOST_BREAKERS, lists_endpoint, read_breakers, read_events, read_guard_events, read_instance, read_process_id};

/// Reads bytes as the answer of each endpoint that is asked; what is no JSON is none of them.
pub fn read_answer(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
    if let Some(read) = read_breakers(&answer) {
        assert!(read.breakers.len() <= MOST_BREAKERS, "more breakers than are kept");
    }
    read_events(&answer);
    for guard in &GUARDS {
        read_guard_events(&answer, guard);
        lists_endpoint(&answer, guard.endpoint);
    }
    read_instance(&answer);
    read_process_id(&answer);
}
