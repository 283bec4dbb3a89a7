//! Names that leave for newer ones: all that was counted under their numbers moves to "other", wherever it is held, before the
//! numbers are given again.

use crate::figures::RowMoves;
use crate::flow::Flow;
use crate::flow::hot::Entry;
use crate::names::Gone;

impl Entry {
    fn forget(&mut self, gone: &Gone, moves: &RowMoves) {
        self.service = gone.service(self.service);
        self.peer = gone.peer(self.peer);
        self.proved = gone.peer(self.proved);
        self.channel = gone.channel(self.channel);
        self.operation = gone.operation(self.operation);
        self.status = gone.status(self.status);
        self.row = moves.of(self.row);
    }
}

impl Flow {
    /// At the end of a batch: what leaves is forgotten. `None` = nothing left.
    pub(crate) fn forget(&mut self) -> Option<Gone> {
        if !self.names.has_leaving() && !self.rows.has_leaving() {
            return None;
        }
        // While they are still known by name.
        let leaving = self.names.leaving_peers();
        let num_unpaired = self.num_left_calls_to(|peer| leaving.has(u32::from(peer.0)));
        self.num_left_unpaired += num_unpaired;
        let gone = self.names.forget();
        self.left_calls.retain(|peer, _| !gone.has_peer(*peer));
        let moves = self.rows.forget(&gone);
        self.hot.each_mut(|entry| entry.forget(&gone, &moves));
        self.consumers.values_mut().for_each(|consumer| consumer.forget(&gone, &moves));
        self.positions.values_mut().for_each(|position| position.forget(&gone));
        self.message_ids.values_mut().for_each(|known| known.forget(&gone));
        self.waits.retain(|(channel, group), _| !gone.has_channel(*channel) && !gone.has_group(*group));
        self.conversations.forget(&gone);
        self.proofs.forget(&gone);
        self.bindings.forget(&gone);
        self.refusals.forget(&gone);
        Some(gone)
    }
}
