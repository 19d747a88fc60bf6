//! The data folder of a gateway: nobody else's to read, and one server's at a time.

use std::fs::File;
use std::path::Path;

use super::StartError;

/// Makes the data folder, which holds messages in clear, for its owner alone. One that is there stays as it is.
pub(super) fn make_private(folder: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |error| StartError::DataDir { path: folder.to_owned(), error };
    builder.recursive(true).create(folder).map_err(failed)
}

/// Locks a file for as long as it is held; `what` is what it stands for.
pub(super) fn lock_file(path: &Path, what: &Path) -> Result<File, StartError> {
    let failed = |error| StartError::DataDir { path: path.to_owned(), error };
    let file = File::options().create(true).write(true).truncate(false).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::Served { path: what.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}
