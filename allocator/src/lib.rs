//! Has glibc's allocator give large blocks back to the system: the one thing that Rust's standard library cannot say, and the only code
//! of the project that calls C itself. docs/decisions/0016-large-blocks-go-back.md says why.

/// A block of this size or larger gets pages of its own, which are returned to the system when it is freed. glibc starts with this
/// threshold too, but raises it to the size of the largest block freed so far, up to 32 MiB. A threshold that is set stays.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_PAGES_BYTES_MIN: std::ffi::c_int = 128 * 1024;

/// Called once, before other threads are started. Where the C library is another one, it does nothing.
pub fn give_large_blocks_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;

        unsafe extern "C" {
            safe fn mallopt(param: c_int, value: c_int) -> c_int;
        }
        /// `M_MMAP_THRESHOLD` of malloc.h.
        const MMAP_THRESHOLD: c_int = -3;

        // What it gives says whether it was set; where it was not, all works as before.
        let _ = mallopt(MMAP_THRESHOLD, OWN_PAGES_BYTES_MIN);
    }
}
