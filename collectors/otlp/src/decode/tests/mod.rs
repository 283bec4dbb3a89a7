//! Requests as a whole: protobuf, JSON and what they mean agree, and room is asked for before it is taken.

mod equality;
mod room;
