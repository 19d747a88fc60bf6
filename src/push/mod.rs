//! Delivers inbound messages to the customers' Push URLs.

pub mod courier;
pub mod payload;
pub mod post;
pub mod schedule;
