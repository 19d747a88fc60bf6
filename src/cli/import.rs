//! `wachat import`: queues a campaign from a CSV file or an `.xlsx` workbook.
//!
//! It queues the rows itself, beside a running server or without one; what `/manage/1.0/imports` takes, the server queues.
//! Every row is accepted under a key made of the campaign's name and what the row says, so that importing the same file
//! again, after a break or a crash, queues only what was not queued before.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use futures_util::future::join_all;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use report::{FirstRow, Refused, Report, described, of_before};

use super::Bench;
use super::lookup::{Called, of_device};
use super::message::{self, gateway, sender, until};
use super::output::Output;
use crate::campaign::{self, Campaign, Checked, Checker, Counter, Name};
use crate::clock::Millis;
use crate::device::Device;
use crate::imports::{self, Earlier, Outlook, RowKeys, SentBefore, SentBy, Urgency};
use crate::limits;
use crate::message::Priority;
use crate::room::Refusal;
use crate::store::StoreError;

#[derive(Args)]
pub(super) struct Import {
    /// A CSV file or .xlsx workbook of at most 1,000,000 rows, whose first line names the columns: destination, message, and if wanted media_url, file_name, kind, timeout, is_group, priority, tag
    file: PathBuf,
    /// The client's number or name [default: the client that has the gateway, else the only one]
    #[arg(long)]
    client: Option<Called>,
    /// The gateway's phone number [default: the client's default gateway]
    #[arg(long)]
    sender: Option<String>,
    /// The gateway's device id
    #[arg(long)]
    device: Option<String>,
    /// What the campaign is called; the same file under another name is sent again [default: the campaign that rejected the rows, where the file says so, else the file's name without its extension and letter case]
    #[arg(long)]
    campaign: Option<String>,
    /// Which sheet of a workbook is read [default: the first that it shows, where no other one holds phone numbers]
    #[arg(long)]
    sheet: Option<String>,
    /// high, normal or bulk: every message of the file has it whose row names no other
    #[arg(long, default_value = "bulk", value_parser = message::priority)]
    priority: Priority,
    /// A word of your own that every message of the file is given whose row names no other
    #[arg(long)]
    tag: Option<String>,
    /// What becomes of rows that another campaign has queued or sent in the last 6 days, with the same text to the same recipients: skip sends only what is new. Without it, a file in which many rows are such is not queued
    #[arg(long, value_name = "skip|send", value_parser = sent_before)]
    sent_before: Option<SentBefore>,
    /// Check the file and queue nothing
    #[arg(long)]
    dry_run: bool,
}

/// Rows that a check without queueing shows.
const SHOWN_ROWS: usize = 10;

/// What is read of a file, and what it goes through.
struct Work {
    client_id: i64,
    campaign: String,
    /// By which a row's key tells that this command queued it.
    by: String,
    decided: Option<SentBefore>,
    begun_at: Millis,
    device: Device,
    urgency: Urgency,
    rows: Vec<Checked>,
    /// What is known before anything is queued.
    report: Report,
}

/// Rows were refused; the others were queued.
const SOME_REFUSED: u8 = 3;

pub(super) async fn run(bench: &Bench, import: Import) -> anyhow::Result<ExitCode> {
    let work = read(bench, &import).await?;
    let (sandbox, device) = (work.device.is_sandbox(), work.device.clone());
    let report = if import.dry_run {
        work.described()
    } else {
        let (client_id, campaign) = (work.client_id, work.campaign.clone());
        bench.recording(client_id, "POST /imports", &campaign, Box::pin(queue(bench, work))).await?
    };
    let accepted = i64::try_from(report.accepted).unwrap_or(i64::MAX);
    let (rows, queued) = if import.dry_run { (accepted, 0) } else { (0, accepted) };
    let outlook = bench.app.api().outlook(&device, import.priority, rows, queued).await?;
    let Outlook { code, notes, leave_today: leave_today_count, leave_in_time: leave_in_time_count } = outlook;
    let report = Report { sandbox, notes, leave_today_count, leave_in_time_count, ..report };
    let verb = if import.dry_run { "would be queued" } else { "queued" };
    let mut text =
        format!("{} {verb}, {} known already, {} rejected", report.accepted, report.known, report.refused.len());
    for Refused { line, reason, .. } in &report.refused {
        text.push_str(&format!("\nline {line}: {reason}"));
    }
    text.push_str(&described(&report));
    if import.dry_run {
        for FirstRow { line, destination, written, sent_by } in &report.first_rows {
            text.push_str(&format!("\nline {line}: {destination}"));
            if written != destination {
                text.push_str(&format!(" (written {written})"));
            }
            text.push_str(match sent_by {
                Some(SentBy::ThisCampaign) => " (known)",
                Some(SentBy::AnotherCampaign) => " (already queued or sent by another campaign)",
                None => "",
            });
        }
    }
    // The first note is why the messages wait.
    let kept = if code.is_some() { bench.app.api().keeps(&device, import.priority).await? } else { None };
    let mut ends = kept.as_ref().map(until).into_iter();
    for note in &report.notes {
        text.push_str(&format!("\nnote: {note}{}", ends.next().unwrap_or_default()));
    }
    if report.sent_before.count > 0 && import.sent_before.is_none() {
        text.push_str(&format!("\n{}", of_before(&report.sent_before)));
    }
    if sandbox {
        text.push_str("\n[SANDBOX] these messages are only simulated; nothing is sent to WhatsApp");
    }
    bench.output.one(&report, &text)?;
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) })
}

/// Checks every row.
async fn read(bench: &Bench, import: &Import) -> anyhow::Result<Work> {
    let file_name = import.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let path = import.file.display().to_string();
    let bytes = std::fs::read(&import.file).with_context(|| path.clone())?;
    let file = campaign::read_sheet(&bytes, import.sheet.as_deref(), limits::IMPORT_ROWS_BY_HAND_MAX);
    let file = file.with_context(|| path.clone())?;
    let given = of_device(import.device.as_deref(), import.sender.as_deref());
    let client = bench.client_for(import.client.clone(), given).await?;
    let undialled = campaign::undialled(&file.lines, &client.country_code);
    let known = bench.app.store.find_writers(client.id, undialled).await?;
    let device = gateway(&bench.app.api(), &client, import.sender.as_deref(), import.device.as_deref()).await?;
    let name = Name::chosen(import.campaign.as_deref(), &file_name, file.source.continues.as_deref());
    let name = name.with_context(|| path.clone())?;
    let campaign = Campaign { client_id: client.id, name, country_code: client.country_code, known };
    let shown = campaign.name.shown.clone();
    let by = imports::by_hand(&shown);
    let (mut rows, mut first_rows, mut counter) = (Vec::new(), Vec::new(), Counter::default());
    let mut checker = Checker::new(campaign);
    for line in file.lines {
        let written = line.row.as_ref().map(|row| campaign::beginning(&row.destination)).unwrap_or_default();
        let row = checker.check(line);
        if let Ok(ready) = &row {
            counter.add(ready);
            if first_rows.len() < SHOWN_ROWS {
                first_rows.push(FirstRow {
                    line: ready.line,
                    destination: ready.recipient.clone(),
                    written,
                    sent_by: None,
                });
            }
        }
        rows.push(row);
    }
    let report = Report { source: file.source, first_rows, ..Report::from(counter.finish()) };
    let urgency = Urgency { priority: import.priority, tag: message::tag(import.tag.clone())? };
    let begun_at = bench.app.clock.now();
    let (client_id, decided) = (client.id, import.sent_before);
    let mut work = Work { client_id, campaign: shown, by, decided, begun_at, device, urgency, rows, report };
    work.look(bench).await?;
    Ok(work)
}

impl Work {
    /// Counts what earlier runs and other campaigns have queued.
    async fn look(&mut self, bench: &Bench) -> anyhow::Result<()> {
        let (store, kind) = (&bench.app.store, self.device.kind);
        let keys: Vec<RowKeys> = self.rows.iter().flatten().map(RowKeys::from).collect();
        let before = imports::find_before(store, self.client_id, &keys, kind, self.begun_at).await?;
        self.report.sent_before = Earlier::of(store, self.client_id, &before, keys.len()).await?.into();
        for (at, row) in self.report.first_rows.iter_mut().enumerate() {
            row.sent_by = before.sent_by(at);
        }
        let skipped = if self.decided == Some(SentBefore::Skip) { before.sent.len() } else { 0 };
        self.report.known = before.known.len() + skipped;
        self.report.accepted = keys.len() - self.report.known;
        Ok(())
    }

    /// What would be queued.
    fn described(self) -> Report {
        let mut report = self.report;
        report.refused.extend(self.rows.into_iter().filter_map(Result::err).map(Refused::from));
        report
    }
}

fn sent_before(name: &str) -> Result<SentBefore, String> {
    SentBefore::from_name(name).ok_or_else(|| "skip or send".into())
}

/// Accepts the rows in their order, many to a commit.
async fn queue(bench: &Bench, work: Work) -> anyhow::Result<Report> {
    let (store, clock, outbox) = (&bench.app.store, &bench.app.clock, bench.app.api().outbox.clone());
    if work.decided.is_none() && work.report.sent_before.needs_decision {
        anyhow::bail!("nothing was queued: {}", of_before(&work.report.sent_before));
    }
    let sent_since = SentBefore::since(work.decided, work.begun_at);
    let way = imports::Way { by: &work.by, sent_since };
    let person_id = sender(bench, work.client_id).await?;
    let bar = progress_bar(bench.output, work.rows.len());
    let (mut rows, mut report) = (work.rows.into_iter().peekable(), work.report);
    (report.accepted, report.known) = (0, 0);
    loop {
        let batch = campaign::next_batch(&mut rows);
        if batch.is_empty() {
            break;
        }
        let rows_in_hand = batch.len() as u64;
        let (batch, known) =
            imports::without_known(store, work.client_id, batch, work.device.kind, (sent_since, clock.now())).await?;
        report.known += usize::try_from(known).unwrap_or(0);
        let stored = join_all(batch.into_iter().map(async |row| match row {
            Ok(row) => {
                let accept = imports::accept(&row, work.client_id, person_id, &work.device, way, &work.urgency, clock);
                Ok((row.line, row.recipient, outbox.accept(accept).await))
            }
            Err(refused) => Err(refused),
        }));
        for end in stored.await {
            match end {
                Ok((_, _, Ok(_))) => report.accepted += 1,
                Ok((_, _, Err(Refusal::Store(StoreError::KeyUsed)))) => report.known += 1,
                Ok((line, destination, Err(error @ Refusal::Store(StoreError::DailyLimit { .. })))) => {
                    report.refused.push(Refused { line, destination, reason: error.to_string() });
                }
                Ok((_, _, Err(error))) => {
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
