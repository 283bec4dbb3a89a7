//! Who is connected. Where there is no room, the connection that does least gives way: those that never sent a request first,
//! then idle ones of the address that has most.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::activity::Activity;

/// All connections of a receiver, over all its ports.
pub(crate) struct Peers {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    next_number: u64,
    /// The oldest first.
    connections: Vec<Connection>,
}

struct Connection {
    number: u64,
    address: IpAddr,
    activity: Arc<Activity>,
    gives_way: Arc<Notify>,
}

/// A connection's place; free again when it is dropped.
pub(crate) struct Place {
    number: u64,
    peers: Arc<Peers>,
    pub(crate) activity: Arc<Activity>,
    /// Rung when another connection needs the place.
    pub(crate) gives_way: Arc<Notify>,
}

impl Peers {
    /// Room for so many.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// A place for a new connection, and the address that had to give one up; `None` where all others do more than it has shown to do.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<(Place, Option<IpAddr>)> {
        let mut held = self.held.lock();
        let mut gave_way = None;
        if held.connections.len() >= self.most {
            let at = held.least_useful(address)?;
            let connection = held.connections.remove(at);
            connection.gives_way.notify_one();
            gave_way = Some(connection.address);
        }
        let number = held.next_number;
        held.next_number += 1;
        let (activity, gives_way) = (Arc::new(Activity::new()), Arc::new(Notify::new()));
        held.connections.push(Connection { number, address, activity: Arc::clone(&activity), gives_way: Arc::clone(&gives_way) });
        Some((Place { number, peers: Arc::clone(self), activity, gives_way }, gave_way))
    }
}

impl Held {
    fn num_of(&self, address: IpAddr) -> usize {
        self.connections.iter().filter(|connection| connection.address == address).count()
    }

    /// Which one gives way to another from `address`.
    fn least_useful(&self, address: IpAddr) -> Option<usize> {
        let oldest_of_most = |is: &dyn Fn(&Connection) -> bool| {
            let candidates = self.connections.iter().enumerate().filter(|(_, connection)| is(connection));
            // Of equals the last is taken, so that the oldest comes last.
            candidates.rev().max_by_key(|(_, connection)| self.num_of(connection.address)).map(|(at, _)| at)
        };
        if let Some(at) = oldest_of_most(&|connection| connection.activity.is_silent()) {
            return Some(at);
        }
        let at = oldest_of_most(&|connection| connection.activity.is_idle())?;
        (self.num_of(self.connections[at].address) > self.num_of(address) + 1).then_some(at)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.peers.held.lock().connections.retain(|connection| connection.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_does_least_gives_way() {
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([172, 17, 0, 2]));
        let peers = Peers::new(4);
        let mut places: Vec<Place> = (0..4).map(|_| peers.admit(one).expect("room").0).collect();
        // The second never sends anything.
        for at in [0, 2, 3] {
            places[at].activity.request_began();
            places[at].activity.request_ended();
        }
        let (newcomer, gave_way) = peers.admit(one).expect("the silent one's place");
        assert_eq!(gave_way, Some(one));
        assert_eq!(peers.held.lock().connections.iter().map(|connection| connection.number).collect::<Vec<_>>(), [0, 2, 3, 4]);
        newcomer.activity.request_began();
        assert!(peers.admit(one).is_none(), "all of one address do something: none is better than the newcomer");
        let (stranger, gave_way) = peers.admit(other).expect("its share");
        assert_eq!(gave_way, Some(one));
        stranger.activity.request_began();
        assert_eq!(peers.held.lock().connections.iter().map(|connection| connection.number).collect::<Vec<_>>(), [2, 3, 4, 5]);
        drop(places.split_off(2));
        assert_eq!(peers.held.lock().connections.len(), 2);
        assert!(peers.admit(other).is_some_and(|(_, gave_way)| gave_way.is_none()));
    }
}
