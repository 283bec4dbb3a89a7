//! Questions beside naive models of them.

mod find;

mod traces;
