//! The desk at servers and clusters of the tests' own making.

mod elsewhere;
mod letting_go;
mod pace;
mod together;
mod world;
