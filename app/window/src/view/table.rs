//! The views that there are: one line each. Command line, palette, tabs and tests are made from it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

struct Entry {
    name: &'static str,
    text: &'static str,
    show: &'static str,
    words: &'static str,
}

/// One line a view: its kind, its name on the command line, its title, the command that shows it, what it is of.
macro_rules! views {
    ($($kind:ident: $name:literal, $text:literal, $show:literal, $words:literal;)*) => {
        /// A pane's kind. Find is no pane: it lies over all of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ViewKind {
            $(#[doc = $words] $kind,)*
        }

        impl ViewKind {
            /// All, in the order of the bar.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$kind => Entry { name: $name, text: $text, show: $show, words: $words },)*
                }
            }
        }
    };
}

views! {
    Map: "map", "Map", "Show the map", "Who talks to whom, and what is unusual about it";
    Traces: "traces", "Traces", "Show traces", "By service, operation, duration and status";
    Messages: "messages", "Messages", "Show messages", "Topics and their records";
    Groups: "groups", "Groups", "Show groups", "Consumer groups and how far they are behind";
    DeadLetters: "dead-letters", "Dead letters", "Show dead letters", "What died, of what, and sending it again";
    Breakers: "breakers", "Breakers", "Show breakers", "Circuit breakers and their states";
    Send: "send", "Send", "Show sending", "Requests, calls and records that are composed here, what was answered, and what that caused";
    Ledger: "ledger", "Ledger", "Show the ledger", "What was sent from here, of all sessions, and what became of it";
    Sources: "sources", "Sources", "Show sources", "Where the data come from, and how that goes";
    Log: "log", "Switchboard's log", "Show Switchboard's log", "What this program says of itself; logs of services stand in Find and in a service's panel";
}

impl ViewKind {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// What it is called.
    pub fn text(self) -> &'static str {
        self.entry().text
    }

    /// The same where there is little room.
    pub(crate) fn short_text(self) -> &'static str {
        match self {
            Self::Log => "Own log",
            other => other.text(),
        }
    }

    /// What the command is called that shows it.
    pub(crate) fn show_text(self) -> &'static str {
        self.entry().show
    }

    /// What it is of, in a few words.
    pub fn words(self) -> &'static str {
        self.entry().words
    }
}

impl FromStr for ViewKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|view| view.name() == name);
        found.ok_or_else(|| format!("there is no view `{name}`; write {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_is_found_by_its_name() {
        for view in ViewKind::ALL {
            assert_eq!(view.name().parse(), Ok(view));
        }
        assert!("maps".parse::<ViewKind>().is_err_and(|told| told.contains("dead-letters")));
    }
}
