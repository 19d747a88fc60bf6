//! Files that travel with messages: what they are, where they are kept, how they are fetched.

pub mod fetch;
pub mod kind;
pub mod shelf;
