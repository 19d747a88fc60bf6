//! The HTTP API: turns a request into a checked command, and an answer into JSON or XML. It decides nothing else.

pub mod answer;
pub mod fields;
pub mod problem;
pub mod text;
