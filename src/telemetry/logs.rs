//! Writes log lines to standard error, from a thread of its own. Whoever logs is never held up and never fails by it: a line
//! that cannot be written (a full disk, a closed pipe) or that waits too long (a pipe that nobody reads) is lost, and counted.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::LOG_LINES_LOST;
use crate::limits;

/// Where log lines are handed over. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogWriter {
    lines: SyncSender<Line>,
    /// Bytes of the lines that wait.
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    /// Answered when everything before it was written, or lost.
    Flush(SyncSender<()>),
}

static WRITER: OnceLock<LogWriter> = OnceLock::new();

impl LogWriter {
    /// Starts the thread that writes to `to`.
    ///
    /// # Errors
    /// When the machine gives no thread.
    fn start(to: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting_lines) = sync_channel(limits::LOG_LINES_WAITING_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&waiting);
        std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || write_lines(&waiting_lines, to, &counted))?;
        Ok(Self { lines, waiting })
    }

    /// The one that writes to standard error, started when it is first asked for.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn to_stderr() -> io::Result<Self> {
        if let Some(writer) = WRITER.get() {
            return Ok(writer.clone());
        }
        let writer = Self::start(io::stderr())?;
        Ok(WRITER.get_or_init(|| writer).clone())
    }

    fn hand_over(&self, text: &[u8]) {
        let bytes = text.len();
        let fits = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= limits::LOG_BYTES_WAITING_MAX;
        if !fits || self.lines.try_send(Line::Text(text.to_vec())).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            count_lost("waiting");
        }
    }

    /// Waits until what was handed over is written, but no longer than `limit`.
    fn flush(&self, limit: Duration) {
        let (done, is_done) = sync_channel(1);
        if self.lines.try_send(Line::Flush(done)).is_ok() {
            // Nobody reads it, or it is written: there is nothing more to do either way.
            let _ = is_done.recv_timeout(limit);
        }
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// A line comes in one piece.
impl Write for &LogWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.hand_over(&one_line(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event is one line, whatever its texts hold.
fn one_line(text: &[u8]) -> Cow<'_, [u8]> {
    let (body, end) = text.split_at(text.len() - usize::from(text.ends_with(b"\n")));
    if !body.contains(&b'\n') && !body.contains(&b'\r') {
        return Cow::Borrowed(text);
    }
    let mut line = Vec::with_capacity(text.len() + 8);
    for byte in body {
        match byte {
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            other => line.push(*other),
        }
    }
    line.extend(end);
    Cow::Owned(line)
}

fn write_lines(lines: &Receiver<Line>, mut to: impl Write, waiting: &AtomicUsize) {
    while let Ok(line) = lines.recv() {
        match line {
            Line::Text(text) => {
                if to.write_all(&text).is_err() {
                    count_lost("failed");
                }
                waiting.fetch_sub(text.len(), Ordering::Relaxed);
            }
            // Whoever waited may have stopped waiting.
            Line::Flush(done) => drop(done.send(())),
        }
    }
}

fn count_lost(why: &'static str) {
    metrics::counter!(LOG_LINES_LOST, "why" => why).increment(1);
}

/// Writes a program's last words, and waits a moment until they and all log lines are written.
pub fn say_last(text: Option<&str>) {
    match (WRITER.get(), text) {
        (Some(writer), text) => {
            text.into_iter().for_each(|text| writer.hand_over(text.as_bytes()));
            writer.flush(Duration::from_millis(limits::LOG_FLUSH_MS_MAX));
        }
        (None, Some(text)) => drop(io::stderr().write_all(text.as_bytes())),
        (None, None) => {}
    }
}

/// Logs panics as everything else is logged, so that one whose message cannot be written holds nobody up.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("without a message");
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        tracing::error!(place, thread, message, "a fault of this program: it panicked");
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Where lines go: to the test, or nowhere because the disk is full.
    struct To(Option<std::sync::mpsc::Sender<Vec<u8>>>);

    impl Write for To {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let to = self.0.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::StorageFull))?;
            to.send(text.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe that nobody reads.
    struct Blocked(Receiver<()>);

    impl Write for Blocked {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_text_of_several_lines_is_one_line() {
        assert_eq!(&*one_line(b"WARN a\nb\r\n"), b"WARN a\\nb\\r\n");
        assert_eq!(&*one_line(b"INFO a\n"), b"INFO a\n");
        assert_eq!(&*one_line(b""), b"");
    }

    #[test]
    fn lines_come_in_their_order() {
        let (to, lines) = channel();
        let writer = LogWriter::start(To(Some(to))).unwrap();
        for line in ["one\n", "two\n"] {
            writeln!(&mut &writer, "{}", line.trim()).unwrap();
        }
        writer.flush(Duration::from_secs(10));
        assert_eq!(lines.try_iter().collect::<Vec<_>>().concat(), b"one\ntwo\n");
    }

    #[test]
    fn a_line_that_cannot_be_written_is_no_fault_of_who_logs() {
        let (closed, lines) = channel();
        drop(lines);
        for to in [To(None), To(Some(closed))] {
            let writer = LogWriter::start(to).unwrap();
            for _ in 0..1_000 {
                (&mut &writer).write_all(b"a line\n").unwrap();
            }
            writer.flush(Duration::from_secs(10));
            assert_eq!(writer.waiting.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody_up_and_fills_no_memory() {
        let (reads, never) = channel();
        let writer = LogWriter::start(Blocked(never)).unwrap();
        let line = vec![b'x'; 4_096];
        for _ in 0..2 * limits::LOG_LINES_WAITING_MAX {
            (&mut &writer).write_all(&line).unwrap();
        }
        assert!(writer.waiting.load(Ordering::Relaxed) <= limits::LOG_BYTES_WAITING_MAX);
        writer.flush(Duration::from_millis(1));
        drop(reads);
    }
}
