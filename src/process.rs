//! What the process asks of the operating system once, at its start.

use rustix::fs::Mode;
use rustix::process::{Resource, getrlimit, setrlimit, umask};

use crate::limits;

/// Files that are made from now on are their owner's alone: the database and the media hold messages in clear, and a folder may be
/// open to others.
pub fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Raises the number of files that may be open to the most that the system allows, and gives how many connections of clients that
/// leaves room for.
pub fn make_room_for_connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let (before, most) = (limit.current, limit.maximum);
    limit.current = most;
    // Where it is refused, it stays as it was.
    let open_files = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => most,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            before
        }
    };
    let open_files = open_files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let connections = connections(open_files);
    if connections < limits::CONNECTIONS_MAX {
        tracing::warn!(
            open_files,
            connections,
            "the system lets this process open few files: fewer clients can be connected"
        );
    }
    connections
}

/// The rest is for the database, files, pushes and WhatsApp.
fn connections(open_files: usize) -> usize {
    (open_files / 2).clamp(1, limits::CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_take_half_of_what_may_be_open_and_no_more_than_their_bound() {
        for (open_files, expected) in
            [(usize::MAX, limits::CONNECTIONS_MAX), (1_048_576, limits::CONNECTIONS_MAX), (1_024, 512), (1, 1), (0, 1)]
        {
            assert_eq!(connections(open_files), expected, "{open_files}");
        }
    }
}
