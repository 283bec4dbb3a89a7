//! What the tests of several packages measure by. Nothing of it is in the program, and it depends on nothing, so that the model's tests can use it.

pub mod growth;
pub mod rounds;
