//! Where the client library writes a file that it downloads: no larger than files are, in memory that is reserved.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use whatsapp_rust::wacore::download::DownloadWriter;

use crate::limits;
use crate::memory::{NoMemory, Reservation};

/// A file in memory. All clones are the same.
#[derive(Clone)]
pub(super) struct Sink(Arc<Mutex<Parts>>);

struct Parts {
    file: io::Cursor<Vec<u8>>,
    /// Until the file is taken.
    memory: Option<Reservation>,
    is_overrun: bool,
}

impl Sink {
    pub(super) fn new(memory: Reservation) -> Self {
        Self(Arc::new(Mutex::new(Parts { file: io::Cursor::default(), memory: Some(memory), is_overrun: false })))
    }

    /// Waits for memory for a file of this length.
    ///
    /// # Errors
    /// [`NoMemory`] when there is none for a while.
    pub(super) async fn reserve(&self, bytes: usize) -> Result<(), NoMemory> {
        let Some(mut memory) = self.parts().memory.take() else { return Err(NoMemory) };
        let reserved = memory.grow_to(bytes).await;
        self.parts().memory = Some(memory);
        reserved
    }

    /// Whether more came than a file may have.
    pub(super) fn is_overrun(&self) -> bool {
        self.parts().is_overrun
    }

    /// The file, with its memory.
    pub(super) fn take(&self) -> Bytes {
        let mut parts = self.parts();
        let bytes = Bytes::from(std::mem::take(&mut parts.file).into_inner());
        match parts.memory.take() {
            Some(memory) => memory.attach(bytes),
            None => bytes,
        }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut parts = self.parts();
        let end = usize::try_from(parts.file.position()).unwrap_or(usize::MAX).saturating_add(piece.len());
        if end > limits::DOCUMENT_BYTES_MAX {
            parts.is_overrun = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match parts.memory.as_mut().map(|memory| memory.try_grow_to(end)) {
            Some(Ok(())) => parts.file.write(piece),
            Some(Err(NoMemory)) | None => Err(io::Error::new(io::ErrorKind::OutOfMemory, NoMemory)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Sink {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.parts().file.seek(to)
    }
}

impl DownloadWriter for Sink {
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        DownloadWriter::truncate(&mut self.parts().file, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::memory::FileMemory;

    #[tokio::test]
    async fn a_file_that_is_longer_than_was_said_takes_no_more_than_files_may() {
        let memory = FileMemory::new(Clock::system());
        let mut sink = Sink::new(memory.begin(1));
        sink.reserve(10).await.expect("there is memory");
        assert_eq!(sink.write(b"hello").expect("it fits"), 5);
        let piece = vec![0; 1024 * 1024];
        let written = (0..200).take_while(|_| sink.write(&piece).is_ok()).count();
        assert_eq!((written, sink.is_overrun()), (99, true));
        // What another host gives begins again.
        sink.truncate(0).and_then(|()| sink.rewind()).expect("a file in memory");
        sink.write_all(b"hi").expect("it fits");
        assert_eq!(sink.take(), "hi");
    }
}
