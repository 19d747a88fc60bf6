//! Delivers inbound messages to the customers' Push URLs.

pub mod payload;
