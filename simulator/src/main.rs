//! The program: reads its command line and runs a network.

fn main() {}
