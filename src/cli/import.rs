//! `wachat import`: queues a campaign from a CSV file.
//!
//! It queues the rows itself, beside a running server or without one; what `/manage/1.0/imports` takes, the server queues.
//! Every row is accepted under a key made of the campaign's name, the row's place and what it says, so that importing
//! the same file again, after a break or a crash, queues only what was not queued before.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use futures_util::future::join_all;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::Bench;
use super::lookup::of_device;
use super::message::{gateway, sender};
use super::output::Output;
use crate::campaign::{self, Campaign, Checked, Ready};
use crate::device::Device;
use crate::imports;
use crate::store::StoreError;

/// By which a row's key tells that this command queued it.
const WAY: &str = "command line";

#[derive(Args)]
pub(super) struct Import {
    /// A CSV file with a header line; columns: destination, message, and if wanted media_url, file_name, timeout, is_group
    file: PathBuf,
    /// [default: the client that has the gateway, else the only one]
    #[arg(long)]
    client: Option<i64>,
    /// The gateway's phone number [default: the client's default gateway]
    #[arg(long)]
    sender: Option<String>,
    /// The gateway's device id
    #[arg(long)]
    device: Option<String>,
    /// What the campaign is called; the same file under another name is sent again [default: the file's name]
    #[arg(long)]
    campaign: Option<String>,
    /// Check the file and queue nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of a file.
#[derive(Default, Serialize)]
struct Report {
    accepted: usize,
    /// Whether a sandbox sends it: then nothing goes to WhatsApp.
    sandbox: bool,
    /// Queued by an earlier run.
    known: usize,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    line: i64,
    reason: String,
}

impl From<campaign::Refused> for Refused {
    fn from(refused: campaign::Refused) -> Self {
        Self { line: refused.line, reason: refused.reason }
    }
}

/// What is read of a file, and what it goes through.
struct Work {
    client_id: i64,
    device: Device,
    rows: Vec<Checked>,
}

/// Rows were refused; the others were queued.
const SOME_REFUSED: u8 = 3;

pub(super) async fn run(bench: &Bench, import: Import) -> anyhow::Result<ExitCode> {
    let work = read(bench, &import).await?;
    let sandbox = work.device.is_sandbox();
    let report = if import.dry_run { look(bench, work).await } else { queue(bench, work).await }?;
    let report = Report { sandbox, ..report };
    let verb = if import.dry_run { "would be queued" } else { "queued" };
    let mut sentence =
        format!("{} {verb}, {} known already, {} refused", report.accepted, report.known, report.refused.len());
    for Refused { line, reason } in &report.refused {
        sentence.push_str(&format!("\nline {line}: {reason}"));
    }
    if sandbox {
        sentence.push_str("\n[SANDBOX] these messages are only simulated; nothing is sent to WhatsApp");
    }
    bench.output.one(&report, &sentence)?;
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) })
}

/// Checks every row.
async fn read(bench: &Bench, import: &Import) -> anyhow::Result<Work> {
    let file_name = import.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let path = import.file.display().to_string();
    let given = of_device(import.device.as_deref(), import.sender.as_deref());
    let client = bench.client_for(import.client, given).await?;
    let open = || File::open(&import.file).with_context(|| path.clone());
    let undialled = campaign::undialled(open()?, &client.country_code).with_context(|| path.clone())?;
    let known = bench.app.store.find_writers(client.id, undialled).await?;
    let lines = campaign::read(open()?).with_context(|| path.clone())?;
    let device = gateway(&bench.app.api(), &client, import.sender.as_deref(), import.device.as_deref()).await?;
    let campaign = Campaign {
        client_id: client.id,
        name: import.campaign.clone().unwrap_or(file_name),
        country_code: client.country_code,
        known,
    };
    Ok(Work { client_id: client.id, device, rows: lines.map(|line| line.check(&campaign)).collect() })
}

/// Tells what would be queued from what an earlier run has queued.
async fn look(bench: &Bench, work: Work) -> anyhow::Result<Report> {
    let (now, mut report) = (bench.app.clock.now(), Report::default());
    for row in work.rows {
        match row {
            Ok(Ready { key, .. }) => {
                let is_known = bench.app.store.find_first_answer(work.client_id, &key, now).await?.is_some();
                *(if is_known { &mut report.known } else { &mut report.accepted }) += 1;
            }
            Err(refused) => report.refused.push(refused.into()),
        }
    }
    Ok(report)
}

/// Accepts the rows in their order, many to a commit.
async fn queue(bench: &Bench, work: Work) -> anyhow::Result<Report> {
    let (store, clock) = (&bench.app.store, &bench.app.clock);
    let person_id = sender(bench, work.client_id).await?;
    let bar = progress_bar(bench.output, work.rows.len());
    let (mut rows, mut report) = (work.rows.into_iter().peekable(), Report::default());
    loop {
        let batch = campaign::next_batch(&mut rows);
        if batch.is_empty() {
            break;
        }
        let rows_in_hand = batch.len() as u64;
        let stored = join_all(batch.into_iter().map(async |row| match row {
            Ok(row) => {
                let accept = imports::accept(&row, work.client_id, person_id, &work.device, WAY, clock);
                Ok((row.line, store.accept(accept).await))
            }
            Err(refused) => Err(refused),
        }));
        for end in stored.await {
            match end {
                Ok((_, Ok(_))) => report.accepted += 1,
                Ok((_, Err(StoreError::KeyUsed))) => report.known += 1,
                Ok((line, Err(error @ StoreError::DailyLimit { .. }))) => {
                    report.refused.push(Refused { line, reason: error.to_string() });
                }
                Ok((_, Err(error))) => {
                    return Err(error)
                        .context("the import stopped; run it again to queue what is left, nothing is sent twice");
                }
                Err(refused) => report.refused.push(refused.into()),
            }
        }
        bar.inc(rows_in_hand);
    }
    bar.finish_and_clear();
    Ok(report)
}

fn progress_bar(output: Output, rows: usize) -> ProgressBar {
    let target = if output == Output::Json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(rows as u64), target);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} queued, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
