//! Tests of phones that exchange messages in memory.

mod companions;
mod talk;
mod trouble;
mod world;
