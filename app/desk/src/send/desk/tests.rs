//! The desk at servers and clusters of the tests' own making.

mod letting_go;
mod together;
