//! `wachat import`: queues a campaign from a CSV file.
//!
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
use sha2::{Digest, Sha256};

use super::Bench;
use super::message::{Draft, accept, gateway};
use super::output::Output;
use crate::account::hex_upper;
use crate::campaign::{self, BadRow, Line, Row};
use crate::limits;
use crate::store::{Accept, StoreError};

/// Rows that wait for one commit together.
const ROWS_AT_ONCE: usize = 256;

#[derive(Args)]
pub(super) struct Import {
    /// A CSV file with a header line; columns: destination, message, and if wanted media_url, file_name, timeout, is_group
    file: PathBuf,
    #[arg(long, default_value_t = 1)]
    client: i64,
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
    /// Queued by an earlier run.
    known: usize,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    line: u64,
    reason: String,
}

/// Rows were refused; the others were queued.
const SOME_REFUSED: u8 = 3;

pub(super) async fn run(bench: &Bench, import: Import) -> anyhow::Result<ExitCode> {
    let (ready, mut report) = read(bench, &import).await?;
    if import.dry_run {
        count_known(bench, &import, &ready, &mut report).await?;
    } else {
        let bar = progress_bar(bench.output, ready.len());
        queue(bench, ready, &mut report, &bar).await?;
        bar.finish_and_clear();
    }
    report.refused.sort_by_key(|refused| refused.line);
    let verb = if import.dry_run { "would be queued" } else { "queued" };
    let mut sentence =
        format!("{} {verb}, {} known already, {} refused", report.accepted, report.known, report.refused.len());
    for Refused { line, reason } in &report.refused {
        sentence.push_str(&format!("\nline {line}: {reason}"));
    }
    bench.output.one(&report, &sentence)?;
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) })
}

/// Checks every row.
async fn read(bench: &Bench, import: &Import) -> anyhow::Result<(Vec<(u64, Accept)>, Report)> {
    let file_name = import.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let campaign = import.campaign.clone().unwrap_or(file_name);
    let path = import.file.display().to_string();
    let file = File::open(&import.file).with_context(|| path.clone())?;
    let lines = campaign::read(file).with_context(|| path.clone())?;
    let client = bench.client(import.client).await?;
    let device = gateway(&bench.app.api(), &client, import.sender.as_deref(), import.device.as_deref()).await?;
    let kept_until = bench.app.clock.now() + limits::IMPORT_DAYS * 86_400_000;
    let (mut ready, mut report) = (Vec::new(), Report::default());
    for Line { line, at, fields, row } in lines {
        let checked = async {
            let key = row_key(import.client, &campaign, at, &fields);
            accept(bench, &client, &device, draft(row?)?, Some((key, kept_until))).await
        };
        match checked.await {
            Ok(accept) => ready.push((line, accept)),
            Err(error) => report.refused.push(Refused { line, reason: format!("{error:#}") }),
        }
    }
    Ok((ready, report))
}

/// Tells what would be queued from what an earlier run has queued.
async fn count_known(
    bench: &Bench,
    import: &Import,
    ready: &[(u64, Accept)],
    report: &mut Report,
) -> anyhow::Result<()> {
    let now = bench.app.clock.now();
    for key in ready.iter().filter_map(|(_, accept)| accept.idempotent.as_ref().map(|idempotent| &idempotent.key)) {
        let is_known = bench.app.store.find_first_answer(import.client, key, now).await?.is_some();
        *(if is_known { &mut report.known } else { &mut report.accepted }) += 1;
    }
    Ok(())
}

fn row_key(client: i64, campaign: &str, at: usize, record: &csv::StringRecord) -> String {
    let mut hash = Sha256::new_with_prefix(format!("{client}\0{campaign}\0{at}"));
    for field in record {
        hash.update([0]);
        hash.update(field);
    }
    format!("import:{}", hex_upper(&hash.finalize()))
}

fn draft(row: Row) -> Result<Draft, BadRow> {
    Ok(Draft {
        is_group: row.is_group()?,
        timeout_seconds: row.timeout_seconds()?,
        content: row.content()?,
        to: row.destination,
    })
}

/// Accepts the rows in their order, many to a commit.
async fn queue(
    bench: &Bench,
    mut ready: Vec<(u64, Accept)>,
    report: &mut Report,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let store = &bench.app.store;
    while !ready.is_empty() {
        let later = ready.split_off(ready.len().min(ROWS_AT_ONCE));
        let batch = std::mem::replace(&mut ready, later);
        let stored = join_all(batch.into_iter().map(async |(line, accept)| (line, store.accept(accept).await))).await;
        bar.inc(stored.len() as u64);
        for (line, result) in stored {
            match result {
                Ok(_) => report.accepted += 1,
                Err(StoreError::KeyUsed) => report.known += 1,
                Err(error @ StoreError::DailyLimit { .. }) => {
                    report.refused.push(Refused { line, reason: error.to_string() });
                }
                Err(error) => {
                    return Err(error)
                        .context("the import stopped; run it again to queue what is left, nothing is sent twice");
                }
            }
        }
    }
    Ok(())
}

fn progress_bar(output: Output, rows: usize) -> ProgressBar {
    let target = if output == Output::Json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(rows as u64), target);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} queued, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
