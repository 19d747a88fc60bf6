//! Reads the command line, runs one command.

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::give_memory_back();
    wachat::cli::main()
}
