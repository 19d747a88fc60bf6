//! Stories of phones that talk to each other in memory.

mod companions;
mod talk;
mod trouble;
mod world;
