//! The only door to how much room is left on the disks of the data folder and of the database: below a floor nothing new is accepted,
//! so that receipts and messages that come in still fit. Tests hold it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{Clock, Millis};
use crate::limits;

const MB: u64 = 1_000_000;

/// How much room there is. Cheap to clone.
#[derive(Clone)]
pub struct Disk(Arc<Parts>);

struct Parts {
    folders: Vec<PathBuf>,
    floor_bytes: u64,
    clock: Clock,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    free_bytes: Option<u64>,
    looked_at: Option<Millis>,
    level: Level,
    /// Whether a test says how much is free.
    is_held: bool,
}

/// Whether the room that is left is enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Level {
    #[default]
    Enough,
    /// An operator should make room.
    Low,
    /// Nothing new is accepted.
    Full,
}

/// What is left, on whichever of the disks has least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub free_bytes: u64,
    pub floor_bytes: u64,
    pub level: Level,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Low => "low",
            Self::Full => "full",
        }
    }

    /// The level at which so much is free. From a worse one it is left only with a tenth more, so that it does not come and go.
    fn at(self, free: u64, floor: u64) -> Self {
        let reaches = |bound: u64, is_below: bool| free < if is_below { bound + bound / 10 } else { bound };
        match () {
            () if reaches(floor, self == Self::Full) => Self::Full,
            () if reaches(limits::DISK_WARNING_FLOORS * floor, self != Self::Enough) => Self::Low,
            () => Self::Enough,
        }
    }
}

impl Disk {
    /// The disks of these folders; `floor_mb` of 0 for no floor.
    pub fn of(folders: Vec<PathBuf>, floor_mb: u32, clock: Clock) -> Self {
        Self(Arc::new(Parts { folders, floor_bytes: u64::from(floor_mb) * MB, clock, seen: Mutex::default() }))
    }

    /// From now on so much is free, whatever the disks say: for tests.
    pub fn hold(&self, free_bytes: u64) {
        let mut seen = self.seen();
        seen.is_held = true;
        seen.free_bytes = Some(free_bytes);
    }

    /// What is left, at most a second old; nothing where no disk says it.
    pub fn space(&self) -> Option<Space> {
        let Parts { folders, floor_bytes, clock, .. } = &*self.0;
        let (mut seen, now) = (self.seen(), clock.now());
        let is_fresh = seen.looked_at.is_some_and(|at| (0..limits::DISK_LOOK_MS).contains(&(now - at)));
        if !seen.is_held && !is_fresh {
            seen.free_bytes = folders.iter().filter_map(|folder| free_bytes(folder)).min();
            seen.looked_at = Some(now);
        }
        let free_bytes = seen.free_bytes?;
        let level = seen.level.at(free_bytes, *floor_bytes);
        if std::mem::replace(&mut seen.level, level) != level {
            log(level, free_bytes / MB, floor_bytes / MB);
        }
        Some(Space { free_bytes, floor_bytes: *floor_bytes, level })
    }

    /// Whether something new is accepted.
    pub fn takes_more(&self) -> bool {
        self.0.floor_bytes == 0 || self.space().is_none_or(|space| space.level != Level::Full)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this process may still write to a folder's disk.
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn log(level: Level, free_mb: u64, floor_mb: u64) {
    match level {
        Level::Enough => tracing::info!(free_mb, floor_mb, "the disk has room again"),
        Level::Low => tracing::warn!(
            free_mb,
            floor_mb,
            "the disk is getting full: make room; below the floor no new message or file is accepted"
        ),
        Level::Full => tracing::warn!(
            free_mb,
            floor_mb,
            "the disk is nearly full: no new message or file is accepted, receipts and messages that come in are; make room"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_reached_at_its_bound_and_left_with_a_tenth_more() {
        use Level::{Enough, Full, Low};
        for (from, free, to) in [
            (Enough, 200, Enough),
            (Enough, 199, Low),
            (Enough, 99, Full),
            (Low, 219, Low),
            (Low, 220, Enough),
            (Low, 100, Low),
            (Low, 99, Full),
            (Full, 109, Full),
            (Full, 110, Low),
            (Full, 219, Low),
            (Full, 220, Enough),
        ] {
            assert_eq!(from.at(free, 100), to, "{from:?} with {free}");
        }
        for from in [Enough, Low, Full] {
            assert_eq!(from.at(0, 0), Enough, "no floor is never reached");
        }
    }

    #[test]
    fn a_folder_says_what_is_free() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::held(1_790_000_000_000));
        let disk = Disk::of(vec![folder.path().to_owned()], 0, clock.clone());
        let space = disk.space().unwrap();
        assert!(space.free_bytes > 0 && space.level == Level::Enough, "{space:?}");
        assert_eq!(Disk::of(vec![folder.path().join("missing")], 1, clock.clone()).space(), None);
        assert!(Disk::of(vec![folder.path().join("missing")], 1, clock).takes_more());
    }
}
