//! The program ends hard, or its disk is full, while it sends: what broker and ledger say of each record agrees, and nothing is sent twice.

mod composed;
mod full_disk;
mod kills;
mod letters;
