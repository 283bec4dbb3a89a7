//! Callers of gRPC servers, kept for a while after a call with their connections, as any client of gRPC keeps its channel.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use switchboard_grpc::{CallRefused, Caller};
use switchboard_model::SendPermit;
use tokio::time::Instant;

use super::servers::call_config;
use crate::send::access::TlsFiles;

/// How long one is kept that nobody uses, unless a test says otherwise; up to a quarter longer, until it is looked at the next time.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// So many are kept.
const MAX_KEPT: usize = 8;

/// Callers that are kept. Each call needs a permit of its own all the same: one that was made before is only used for what this permit is for.
pub(super) struct KeptCallers {
    all: Mutex<Vec<Kept>>,
    /// How long one is kept that nobody uses.
    idle_max: Duration,
}

impl Default for KeptCallers {
    /// None yet, and each for about 10 s without use.
    fn default() -> Self {
        Self { all: Mutex::default(), idle_max: IDLE_MAX }
    }
}

struct Kept {
    tls: TlsFiles,
    caller: Arc<Caller>,
    used: Instant,
}

impl KeptCallers {
    /// The caller of the server that the permit is for, at its addresses: one that is kept, or a new one. To be asked for within a runtime.
    pub(super) fn caller(self: &Arc<Self>, permit: SendPermit, tls: TlsFiles) -> Result<Arc<Caller>, CallRefused> {
        let is_for = |kept: &Kept| {
            let other = kept.caller.permit();
            (other.name(), other.target(), other.addresses()) == (permit.name(), permit.target(), permit.addresses()) && kept.tls == tls
        };
        if let Some(kept) = self.all.lock().iter_mut().find(|kept| is_for(kept)) {
            kept.used = Instant::now();
            return Ok(Arc::clone(&kept.caller));
        }
        let caller = Arc::new(Caller::new(permit, call_config(tls.clone()))?);
        let mut all = self.all.lock();
        if all.is_empty() {
            tokio::spawn(Self::sweep(Arc::downgrade(self), self.idle_max / 4));
        } else if all.len() >= MAX_KEPT
            && let Some((oldest, _)) = all.iter().enumerate().min_by_key(|(_, kept)| kept.used)
        {
            all.swap_remove(oldest);
        }
        all.push(Kept { tls, caller: Arc::clone(&caller), used: Instant::now() });
        Ok(caller)
    }

    /// Lets go of those that nobody used for long, until there are none.
    async fn sweep(callers: Weak<Self>, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let Some(callers) = callers.upgrade() else { return };
            let mut all = callers.all.lock();
            for kept in all.iter_mut().filter(|kept| Arc::strong_count(&kept.caller) > 1) {
                kept.used = Instant::now();
            }
            all.retain(|kept| kept.used.elapsed() < callers.idle_max);
            if all.is_empty() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_model::{Leave, Origin, SendRules, Target};

    use super::*;

    fn permit(server: &str, address: &str) -> SendPermit {
        let rules = SendRules {
            name: "payments",
            target: Some(Target::Authority(Origin::parse(server).expect("an address").0)),
            addresses: &[address.parse().expect("an address")],
            leave: Leave::Given,
            is_unlocked: false,
            is_production: false,
            typed_name: None,
        };
        SendPermit::from_rules(&rules).expect("leave")
    }

    const SERVER: &str = "http://payments:50051";
    const AT: &str = "127.0.0.1:50051";

    /// Waits until so many are kept.
    async fn until_kept(callers: &KeptCallers, num: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while callers.all.lock().len() != num {
            assert!(Instant::now() < deadline, "{} are kept", callers.all.lock().len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_caller_is_used_again_for_the_same_alone() {
        let callers = Arc::new(KeptCallers::default());
        let ask = |server: &str, address: &str, tls: TlsFiles| callers.caller(permit(server, address), tls).expect("a caller");
        let first = ask(SERVER, AT, TlsFiles::default());
        assert!(Arc::ptr_eq(&first, &ask(SERVER, AT, TlsFiles::default())));
        for other in [
            ask("http://orders:50051", AT, TlsFiles::default()),
            ask(SERVER, "127.0.0.2:50051", TlsFiles::default()),
            ask(SERVER, AT, TlsFiles { unchecked: true, ..TlsFiles::default() }),
        ] {
            assert!(!Arc::ptr_eq(&first, &other));
        }
        assert!(Arc::ptr_eq(&first, &ask(SERVER, AT, TlsFiles::default())));
    }

    #[tokio::test]
    async fn what_is_in_use_is_kept_and_what_is_idle_goes() {
        let callers = Arc::new(KeptCallers { idle_max: Duration::from_millis(100), ..KeptCallers::default() });
        let ask = |server: &str| callers.caller(permit(server, AT), TlsFiles::default()).expect("a caller");
        let first = ask(SERVER);
        drop(ask("http://orders:50051"));
        until_kept(&callers, 1).await;
        assert!(Arc::ptr_eq(&first, &ask(SERVER)), "it is in use");
        let gone = Arc::downgrade(&first);
        drop(first);
        until_kept(&callers, 0).await;
        assert!(gone.upgrade().is_none());
        // The next one goes as the first one did.
        drop(ask(SERVER));
        until_kept(&callers, 0).await;
    }

    #[tokio::test]
    async fn so_many_are_kept_and_the_one_goes_that_was_longest_unused() {
        let callers = Arc::new(KeptCallers::default());
        let ask = |number: usize| callers.caller(permit(SERVER, &format!("127.0.0.1:{}", 2_000 + number)), TlsFiles::default()).expect("a caller");
        let first = ask(0);
        let second = ask(1);
        for number in 2..MAX_KEPT {
            ask(number);
        }
        assert!(Arc::ptr_eq(&first, &ask(0)), "used again");
        ask(MAX_KEPT);
        assert_eq!(callers.all.lock().len(), MAX_KEPT);
        assert!(Arc::ptr_eq(&first, &ask(0)) && !Arc::ptr_eq(&second, &ask(1)));
    }
}
