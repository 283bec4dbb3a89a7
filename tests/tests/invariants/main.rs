//! What each room must not know, checked against manifests and sources. The table stands in app/ARCHITECTURE.md.
//!
//! Each check is a function of a source or a manifest, with a test beside it that it finds what it forbids. Packages and families of sources are found
//! by their folders, and files that may do what others may not are those that do: a list of them that is no longer true fails.

mod checks;
mod exits;
mod families;
mod house;
mod librdkafka;
mod pages;
mod reach;
mod rooms;
mod source;
mod test_places;
mod window_layers;
