//! How an import is shown: how far it is, how its file was read, where its messages go.

use serde::Serialize;
use utoipa::ToSchema;

use crate::campaign::{Few, Placeholder, Refused, State as ImportState, Stop, country};
use crate::clock::rfc3339;
use crate::imports::{Earlier, Glimpse, Outlook, Preview, SentBy};
use crate::message::Priority;
use crate::reason::ReasonCode;
use crate::store::StoredImport;

/// An import, as it is now
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    pub id: String,
    pub file_name: String,
    pub campaign: String,
    /// true when the file holds rows that this campaign rejected: it continues the campaign, whatever the file is called.
    pub continued: bool,
    /// The device id.
    pub queue: String,
    /// The name of who began it; until then, of who gave the file.
    pub userid: String,
    pub state: ImportState,
    /// Why it stopped: `person`, `may_not_send`, `client`, `device`, `file` or `fault`.
    pub stop: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
    /// What its rows wait for while it is under way: a quota of the client that is used up. Null while they are being queued.
    pub wait_reason: Option<String>,
    /// Rows of the file.
    pub row_count: i64,
    /// Rows that are dealt with.
    pub done_count: i64,
    pub accepted_count: i64,
    /// Queued by an earlier import of the same campaign, and not queued again. Before the import is begun: how many of the good rows
    /// were known at the check.
    pub known_count: i64,
    /// Good rows that another campaign of the client has sent.
    pub sent_before: SentBeforeView,
    pub refused_count: i64,
    #[schema(format = DateTime)]
    pub create_date: String,
    #[schema(format = DateTime)]
    pub begin_date: Option<String>,
    #[schema(format = DateTime)]
    pub end_date: Option<String>,
    /// `csv` or `xlsx`, by what the file holds; null for an import of an earlier version.
    pub format: Option<String>,
    /// How a CSV file was encoded: `UTF-8`, `UTF-16LE`, `UTF-16BE` or `Windows-1252`.
    pub encoding: Option<String>,
    /// What stands between the fields of a CSV file.
    pub separator: Option<String>,
    /// The sheet of a workbook that was read.
    pub sheet: Option<String>,
    /// The other sheets that it shows: nothing is read of them.
    pub other_sheets: Vec<String>,
    /// Columns that are not read.
    pub ignored_columns: Vec<String>,
    /// Rows that the check found good: those to countries, groups and hidden ids. With the rows that it refused, every row.
    pub valid_count: i64,
    /// How many of them go to each country, the most first.
    pub countries: Vec<CountryCount>,
    /// How many of them go to groups.
    pub group_count: i64,
    /// How many of them go to hidden ids (LIDs).
    pub hidden_count: i64,
    /// Of the good rows, those that say the same to the same recipient as an earlier row.
    pub repeated_count: i64,
    /// Countries to which so few of them go, at most a third of those to the country of the most, that the numbers may be mistakes.
    pub unusual_countries: Vec<UnusualCountry>,
    /// Of the good rows, those whose text seems to have a placeholder that nothing has replaced, such as `{nama}`.
    pub placeholder_count: i64,
    /// The first of them.
    pub placeholders: Vec<Placeholder>,
    pub priority: Priority,
    pub tag: Option<String>,
    /// true when its device is a sandbox: its messages are only simulated.
    pub sandbox: bool,
    /// The beginnings of the first rows that can be queued.
    pub first_rows: Vec<FirstRow>,
    /// What keeps its device from sending its messages now, as their `reason_code` says it; null where nothing does, and in lists.
    pub device_code: Option<ReasonCode>,
    /// What a person should know of its messages as its device is now, and what can be done: that it cannot send, that its limit of
    /// the day refuses rows, how many messages leave in time. Empty in lists.
    pub notes: Vec<String>,
    /// How many of its messages can leave today, by the device's clock; null where nothing bounds that, and in lists.
    pub leave_today_count: Option<i64>,
    /// How many can leave within 24 hours, which is the timeout of rows that name none; null like `leave_today_count`.
    pub leave_in_time_count: Option<i64>,
}

impl ImportView {
    /// With what becomes of its messages as its device is now.
    pub fn with(self, outlook: Outlook) -> Self {
        let Outlook { code, notes, leave_today, leave_in_time } = outlook;
        Self { device_code: code, notes, leave_today_count: leave_today, leave_in_time_count: leave_in_time, ..self }
    }
}

/// Rows that say the same to the same recipient as a row that another campaign has queued in the last 6 days
#[derive(Debug, Serialize, ToSchema)]
pub struct SentBeforeView {
    /// How many there were at the check, or when the import could not be begun for them. They are not among the known ones.
    pub count: i64,
    /// The campaign that queued most of them; null when there are none, or when `wachat import` queued them.
    pub campaign: Option<String>,
    /// The import that queued most of them, where it is still kept.
    pub import_id: Option<String>,
    /// When it last queued one of them.
    #[schema(format = DateTime)]
    pub date: Option<String>,
    /// true when they are more than 5, or a tenth of what would be queued or more: the import begins only with `sent_before`.
    pub needs_decision: bool,
}

/// Messages to one country
#[derive(Debug, Serialize, ToSchema)]
pub struct CountryCount {
    /// ISO 3166; null for numbers that belong to no country.
    pub country: Option<String>,
    pub name: String,
    pub count: i64,
}

/// A country to which few rows go
#[derive(Debug, Serialize, ToSchema)]
pub struct UnusualCountry {
    /// ISO 3166; null for numbers that belong to no country.
    pub country: Option<String>,
    pub name: String,
    pub count: i64,
    /// Of the first of them, in the file.
    pub first_lines: Vec<i64>,
}

/// The beginning of a row
#[derive(Debug, Serialize, ToSchema)]
pub struct FirstRow {
    pub line: i64,
    /// The number as it is dialled, or the id of a group.
    pub destination: String,
    /// The same as the file has it.
    pub written: String,
    pub message: String,
    pub media_url: String,
    /// `this_campaign` has queued it before, and it is not sent again; `another_campaign` has; null when it is new.
    pub sent_by: Option<SentBy>,
}

/// A row that is not queued
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedRow {
    /// Its first line in the file, or its row in the sheet, from 1.
    pub line: i64,
    pub destination: String,
    pub reason: String,
}

/// A page of refused rows, in the order of the file
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedRows {
    pub items: Vec<RefusedRow>,
    /// Give this as `after` for the next page; null on the last.
    pub next_after: Option<String>,
}

impl From<StoredImport> for ImportView {
    fn from(import: StoredImport) -> Self {
        let why = import.reason.as_deref().and_then(Stop::from_name);
        let Preview { source, totals, known, earlier, first } = Preview::of(&import.preview);
        Self {
            id: import.id,
            file_name: import.file_name,
            campaign: import.campaign,
            continued: source.continues.is_some(),
            queue: import.device_id,
            userid: import.userid,
            state: import.state,
            stop: import.reason,
            reason: why.map(|why| why.told().to_owned()),
            wait_reason: import.wait_reason,
            row_count: import.row_count,
            done_count: import.next_row + import.batch_accepted,
            accepted_count: import.accepted,
            known_count: if import.state == ImportState::Checked { known } else { import.known },
            sent_before: earlier.into(),
            refused_count: import.refused,
            create_date: rfc3339(import.created_at),
            begin_date: import.begun_at.map(rfc3339),
            end_date: import.ended_at.map(rfc3339),
            format: Some(source.format).filter(|format| !format.is_empty()),
            encoding: source.encoding.map(|encoding| encoding.name().to_owned()),
            separator: source.separator.map(String::from),
            sheet: source.sheet,
            other_sheets: source.other_sheets,
            ignored_columns: source.ignored,
            valid_count: totals.all(),
            countries: totals.by_count().into_iter().map(CountryCount::from).collect(),
            group_count: totals.groups,
            hidden_count: totals.hidden,
            repeated_count: totals.repeated,
            unusual_countries: totals.few.into_iter().map(UnusualCountry::from).collect(),
            placeholder_count: totals.placeholders,
            placeholders: totals.first_placeholders,
            priority: import.priority,
            tag: import.tag,
            sandbox: import.sandbox,
            first_rows: first.into_iter().map(FirstRow::from).collect(),
            device_code: None,
            notes: Vec::new(),
            leave_today_count: None,
            leave_in_time_count: None,
        }
    }
}

impl From<Few> for UnusualCountry {
    fn from(few: Few) -> Self {
        let Few { country, count, first_lines } = few;
        let CountryCount { country, name, count } = (country.as_str(), count).into();
        Self { country, name, count, first_lines }
    }
}

impl From<Earlier> for SentBeforeView {
    fn from(earlier: Earlier) -> Self {
        let Earlier { count, campaign, import_id, at, needs_decision } = earlier;
        Self { count, campaign, import_id, date: at.map(rfc3339), needs_decision }
    }
}

impl From<Glimpse> for FirstRow {
    fn from(row: Glimpse) -> Self {
        let Glimpse { line, destination, written, message, media_url, sent_by } = row;
        Self { line, destination, written, message, media_url, sent_by }
    }
}

impl From<(&str, i64)> for CountryCount {
    fn from((code, count): (&str, i64)) -> Self {
        let name = country::names(code).unwrap_or(country::NO_COUNTRY).english;
        Self { country: Some(code.to_owned()).filter(|code| !code.is_empty()), name: name.to_owned(), count }
    }
}

impl From<Refused> for RefusedRow {
    fn from(row: Refused) -> Self {
        Self { line: row.line, destination: row.destination, reason: row.reason }
    }
}
