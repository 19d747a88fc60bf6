//! Has glibc's allocator give memory back to the system: the one thing that Rust's standard library cannot say, and the only code
//! of the project that calls C itself. docs/decisions/0016-large-blocks-go-back.md says why.

/// Called once, before other threads are started. Where the C library is another one, it does nothing.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::set();
}

/// Gives back, every few seconds, the pages that lie free between blocks in use: for a server, whose heaps an attack may have spread out.
/// It does nothing where the C library is another one, or where the system gives no thread.
pub fn keep_trimming() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    drop(std::thread::Builder::new().name("trim".into()).stack_size(64 * 1024).spawn(glibc::trim_for_ever));
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::c_int;
    use std::time::Duration;

    /// Parameters of malloc.h.
    const TRIM_THRESHOLD: c_int = -1;
    const MMAP_THRESHOLD: c_int = -3;
    const ARENA_MAX: c_int = -8;

    /// A block of this size or larger gets pages of its own, which are returned to the system when it is freed. glibc starts with 128 kB,
    /// but raises it to the size of the largest block freed so far, up to 32 MiB. A threshold that is set stays. It is larger than what
    /// SQLite takes and frees for each transaction: pages of its own cost that 8 µs of each message.
    const OWN_PAGES_BYTES_MIN: c_int = 256 * 1024;
    /// How much may be free at the end of a heap, until the next time that all free pages are returned: a server that is busy would ask for
    /// them again at once.
    const FREE_AT_END_BYTES_MAX: c_int = 4 * 1024 * 1024;
    /// Heaps for each processor: with one for each, threads wait for each other's, which cost a tenth of accepting a message.
    const HEAPS_OF_PROCESSOR: usize = 2;

    /// How long freed pages may stay: a server that is busy needs some of them again at once.
    const TRIM_EVERY: Duration = Duration::from_secs(10);

    unsafe extern "C" {
        safe fn mallopt(param: c_int, value: c_int) -> c_int;
        safe fn malloc_trim(pad: usize) -> c_int;
    }

    pub fn set() {
        // Not eight for each processor: every heap keeps what was freed in it.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let heaps = processors.max(2).saturating_mul(HEAPS_OF_PROCESSOR);
        // What it gives says whether it was set; where it was not, all works as before.
        let _ = mallopt(MMAP_THRESHOLD, OWN_PAGES_BYTES_MIN);
        let _ = mallopt(TRIM_THRESHOLD, FREE_AT_END_BYTES_MAX);
        let _ = mallopt(ARENA_MAX, c_int::try_from(heaps).unwrap_or(c_int::MAX));
    }

    #[allow(clippy::disallowed_methods, reason = "the thread does nothing else")]
    pub fn trim_for_ever() {
        loop {
            std::thread::sleep(TRIM_EVERY);
            let _ = malloc_trim(0);
        }
    }
}
