//! The newest of what is told.

/// The newest of facts, by time; of two at the same time the one whose content is greater, so that order of arrival does
/// not matter.
#[derive(Debug)]
pub(crate) struct Latest<T>(Option<(i64, T)>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone + PartialEq + std::fmt::Debug> Latest<T> {
    /// Takes the fact if it is newer; whether it did.
    pub(crate) fn offer(&mut self, at_ns: i64, fact: &T) -> bool {
        let newer = match &self.0 {
            None => true,
            Some((known_ns, known)) => match at_ns.cmp(known_ns) {
                std::cmp::Ordering::Equal => known != fact && format!("{fact:?}") > format!("{known:?}"),
                order => order.is_gt(),
            },
        };
        if newer {
            self.0 = Some((at_ns, fact.clone()));
        }
        newer
    }

    /// The newest fact.
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, fact)| fact)
    }

    /// When it was told, ns.
    pub(crate) fn at_ns(&self) -> Option<i64> {
        self.0.as_ref().map(|(at_ns, _)| *at_ns)
    }
}
