//! Measures the gateway: `cargo xtask bench`.
fn main() {}
