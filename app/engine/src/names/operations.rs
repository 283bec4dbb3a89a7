//! Names of spans, each within its service.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::intern::{Namer, Numbers};
use crate::names::{OperationId, ServiceId};
use crate::source_shares::Shares;

/// Operations of a service kept apart.
const MAX_OPERATIONS: usize = 2_000;

/// All operations, found by service and name.
#[derive(Debug)]
pub(super) struct Operations {
    table: HashTable<u32>,
    /// By number, less the first two.
    texts: Vec<(ServiceId, Box<str>)>,
    pub(super) numbers: Numbers,
    /// How many each service has.
    num_of: Vec<u16>,
}

fn place(number: u32) -> usize {
    number as usize - 2
}

impl Operations {
    /// Keeps at most so many over all services.
    pub(super) fn new(max_operations: usize) -> Self {
        let numbers = Numbers::new(max_operations, max_operations + max_operations / 2);
        Self { table: HashTable::new(), texts: Vec::new(), numbers, num_of: Vec::new() }
    }

    /// The operation of this name; what finds no room in its service is counted in `crowded`.
    #[inline]
    pub(super) fn intern(&mut self, hasher: &DefaultHashBuilder, (service, name): (ServiceId, &str), namer: Namer, crowded: &mut Shares) -> OperationId {
        let hash = hasher.hash_one((service, name));
        let texts = &self.texts;
        if let Some(known) = self.table.find(hash, |at| texts[place(*at)].0 == service && *texts[place(*at)].1 == *name) {
            self.numbers.see(*known, namer.tick);
            return OperationId(*known);
        }
        if self.num_of.len() <= service.0 as usize {
            self.num_of.resize(service.0 as usize + 1, 0);
        }
        if self.num_of[service.0 as usize] as usize >= MAX_OPERATIONS {
            crowded.leave_out(namer.source, 1);
            return OperationId::OVERFLOW;
        }
        let rehash = |texts: &[(ServiceId, Box<str>)], number: u32| {
            let (service, name) = &texts[place(number)];
            hasher.hash_one((*service, &**name))
        };
        let (table, num_of) = (&mut self.table, &mut self.num_of);
        let left = |number: u32| {
            if let Ok(found) = table.find_entry(rehash(texts, number), |at| *at == number) {
                found.remove();
            }
            let num_of_service = &mut num_of[texts[place(number)].0.0 as usize];
            *num_of_service = num_of_service.saturating_sub(1);
        };
        let Some(number) = self.numbers.take(namer, left) else { return OperationId::OVERFLOW };
        self.num_of[service.0 as usize] += 1;
        let named = (service, name.into());
        match self.texts.get_mut(place(number)) {
            Some(text) => *text = named,
            None => self.texts.push(named),
        }
        let texts = &self.texts;
        self.table.insert_unique(hash, number, |at| rehash(texts, *at));
        OperationId(number)
    }

    /// An operation's name; empty for those that came after the cap.
    pub(super) fn name(&self, operation: OperationId) -> &str {
        let place = (operation.0 as usize).checked_sub(2);
        place.and_then(|place| self.texts.get(place)).map_or("", |(_, text)| text)
    }

    /// Operations of services that leave go with them.
    pub(super) fn leave_with(&mut self, hasher: &DefaultHashBuilder, is_leaving: impl Fn(ServiceId) -> bool) {
        for (number, (service, name)) in (2..).zip(self.texts.iter()) {
            if is_leaving(*service) && self.numbers.leave(number) {
                if let Ok(found) = self.table.find_entry(hasher.hash_one((*service, &**name)), |at| *at == number) {
                    found.remove();
                }
                let num_of_service = &mut self.num_of[service.0 as usize];
                *num_of_service = num_of_service.saturating_sub(1);
            }
        }
    }
}
