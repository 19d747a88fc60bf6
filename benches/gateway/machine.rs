//! The machine that the figures were measured on.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::figure::median;
use crate::stopwatch::Moment;

const SYNCS: usize = 200;
const SYNC_BYTES: usize = 4_096;

pub struct Machine {
    processor: String,
    cores: usize,
    memory_gb: f64,
    kernel: String,
    /// File system of the data folders.
    file_system: String,
    /// Median time to write 4 kB and `fdatasync` in the data folders.
    sync_us: f64,
    database: String,
    /// Other users of the machine: the load averages before the first measurement.
    load: String,
}

impl Machine {
    /// Inspects this machine, as seen from `folder`.
    pub fn look(folder: &Path, database: String) -> anyhow::Result<Self> {
        let named = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':'));
            value.unwrap_or("unknown").trim().to_owned()
        };
        let memory_kb: f64 = named("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
        Ok(Self {
            processor: named("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gb: memory_kb * 1024.0 / 1e9,
            kernel: read("/proc/sys/kernel/osrelease"),
            file_system: file_system(folder),
            sync_us: sync_us(folder)?,
            database,
            load: load(),
        })
    }

    pub fn text(&self) -> String {
        format!(
            "{}, {} cores, {:.1} GB memory, Linux {}, data on {}, write+fdatasync of 4 kB {:.0} µs; {}; load average {}",
            self.processor,
            self.cores,
            self.memory_gb,
            self.kernel,
            self.file_system,
            self.sync_us,
            self.database,
            self.load
        )
    }

    pub fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "memory_gb": self.memory_gb,
            "kernel": self.kernel,
            "file_system": self.file_system,
            "write_fdatasync_4kb_us": self.sync_us,
            "database": self.database,
            "load_average_before": self.load,
            "load_average_after": load(),
        })
    }
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

/// The load averages over 1, 5 and 15 minutes.
fn load() -> String {
    read("/proc/loadavg").split_ascii_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The type of the file system that holds `folder`: that of the mount point with the longest matching prefix.
fn file_system(folder: &Path) -> String {
    let mounts = read("/proc/mounts");
    let holding = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (device, at, kind) = (fields.next()?, fields.next()?, fields.next()?);
        folder.starts_with(at).then_some((at.len(), format!("{kind} ({device})")))
    });
    holding.max_by_key(|(length, _)| *length).map_or_else(|| "unknown".into(), |(_, kind)| kind)
}

fn sync_us(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("sync.probe");
    let mut file = File::create(&path)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = Moment::now();
        file.write_all(&[7; SYNC_BYTES])?;
        file.sync_data()?;
        took.push(started.elapsed().as_secs_f64() * 1e6);
    }
    std::fs::remove_file(&path)?;
    Ok(median(&took))
}
