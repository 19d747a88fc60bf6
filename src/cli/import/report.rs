//! What became of a file that the command line imports, as it is printed. Called by `import.rs`.

use serde::Serialize;

use crate::campaign::{self, Few, Placeholder, Source, Totals, country};
use crate::imports::{Earlier, SentBy};
use crate::limits;

/// What became of a file.
#[derive(Default, Serialize)]
pub struct Report {
    pub accepted: usize,
    /// Whether a sandbox sends it: then nothing goes to WhatsApp.
    pub sandbox: bool,
    /// Queued by an earlier run.
    pub known: usize,
    /// Queued or sent by another campaign in the last days; counted before anything is queued.
    pub sent_before: SentRows,
    pub refused: Vec<Refused>,
    #[serde(flatten)]
    pub source: Source,
    /// How many good rows go to each country, the most first.
    pub countries: Vec<CountryCount>,
    pub group_count: i64,
    pub hidden_count: i64,
    pub repeated_count: i64,
    /// Countries to which so few rows go, beside the others, that their numbers may be mistakes.
    pub unusual_countries: Vec<Unusual>,
    /// Rows whose text seems to have a placeholder that nothing has replaced, and the first of them.
    pub placeholder_count: i64,
    pub placeholders: Vec<Placeholder>,
    /// The first good rows, each with its number as it is dialled.
    pub first_rows: Vec<FirstRow>,
    /// What becomes of the messages as the device is now, and what can be done.
    pub notes: Vec<String>,
    pub leave_today_count: Option<i64>,
    pub leave_in_time_count: Option<i64>,
}

/// Rows that another campaign has queued or sent.
#[derive(Default, Serialize)]
pub struct SentRows {
    pub count: i64,
    /// The one that has queued or sent the most of them, if it is still known.
    pub campaign: Option<String>,
    /// Whether nothing is queued without --sent-before.
    pub needs_decision: bool,
}

impl From<Earlier> for SentRows {
    fn from(earlier: Earlier) -> Self {
        Self { count: earlier.count, campaign: earlier.campaign, needs_decision: earlier.needs_decision }
    }
}

#[derive(Serialize)]
pub struct Refused {
    pub line: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination: String,
    pub reason: String,
}

#[derive(Serialize)]
pub struct CountryCount {
    /// ISO 3166; null for numbers that belong to no country.
    pub country: Option<String>,
    pub name: &'static str,
    pub count: i64,
}

#[derive(Serialize)]
pub struct Unusual {
    pub country: Option<String>,
    pub name: &'static str,
    pub count: i64,
    pub first_lines: Vec<i64>,
}

impl From<&Few> for Unusual {
    fn from(few: &Few) -> Self {
        Self {
            country: Some(few.country.clone()).filter(|code| !code.is_empty()),
            name: country::names(&few.country).unwrap_or(country::NO_COUNTRY).english,
            count: few.count,
            first_lines: few.first_lines.clone(),
        }
    }
}

#[derive(Serialize)]
pub struct FirstRow {
    pub line: i64,
    pub destination: String,
    pub written: String,
    /// `this_campaign` or `another_campaign`, where it was sent before.
    pub sent_by: Option<SentBy>,
}

impl From<campaign::Refused> for Refused {
    fn from(refused: campaign::Refused) -> Self {
        Self { line: refused.line, destination: refused.destination, reason: refused.reason }
    }
}

impl From<Totals> for Report {
    fn from(totals: Totals) -> Self {
        let named = |(code, count): (&str, i64)| CountryCount {
            country: Some(code.to_owned()).filter(|code| !code.is_empty()),
            name: country::names(code).unwrap_or(country::NO_COUNTRY).english,
            count,
        };
        Self {
            countries: totals.by_count().into_iter().map(named).collect(),
            group_count: totals.groups,
            hidden_count: totals.hidden,
            repeated_count: totals.repeated,
            unusual_countries: totals.few.iter().map(Unusual::from).collect(),
            placeholder_count: totals.placeholders,
            placeholders: totals.first_placeholders.clone(),
            ..Self::default()
        }
    }
}

/// How the file was read, and where its messages go.
pub fn described(report: &Report) -> String {
    let Source { format, encoding, separator, sheet, other_sheets, ignored, continues } = &report.source;
    let mut text = match (sheet, encoding, separator) {
        (Some(sheet), ..) => format!("\nread as {format}, sheet {sheet}"),
        (None, Some(encoding), Some(separator)) => {
            let separator = if *separator == '\t' { "tabs".to_owned() } else { format!("'{separator}'") };
            format!("\nread as {format} in {}, separated by {separator}", encoding.name())
        }
        _ => String::new(),
    };
    if !other_sheets.is_empty() {
        text.push_str(&format!("\nsheets that are not read: {}", other_sheets.join(", ")));
    }
    if let Some(campaign) = continues {
        text.push_str(&format!("\ncontinues the campaign '{campaign}', which rejected these rows"));
    }
    if !ignored.is_empty() {
        text.push_str(&format!("\nignored columns: {}", ignored.join(", ")));
    }
    let countries = report.countries.iter().map(|one| (one.name, one.count));
    let others = [("Groups", report.group_count), ("Hidden ids", report.hidden_count)];
    for (name, count) in countries.chain(others.into_iter().filter(|(_, count)| *count > 0)) {
        text.push_str(&format!("\n{name:<24}{count:>8}"));
    }
    for Unusual { name, count, first_lines, .. } in &report.unusual_countries {
        let lines: Vec<String> = first_lines.iter().map(i64::to_string).collect();
        text.push_str(&format!("\nonly {count} go to {name}: line {}", lines.join(", ")));
    }
    if report.placeholder_count > 0 {
        let first = report.placeholders.iter().map(|one| format!("line {} {}", one.line, one.text));
        let first = first.collect::<Vec<_>>().join(", ");
        text.push_str(&format!(
            "\n{} texts hold a placeholder that nothing has replaced: {first}",
            report.placeholder_count
        ));
    }
    if report.repeated_count > 0 {
        text.push_str(&format!("\n{} rows repeat an earlier row", report.repeated_count));
    }
    text
}

/// Which rows another campaign has queued or sent, and what to do.
pub fn of_before(earlier: &SentRows) -> String {
    let campaign = earlier.campaign.as_ref().map_or_else(String::new, |name| format!(" '{name}'"));
    format!(
        "another campaign{campaign} already queued or sent {} of these rows in the last {} days, with the same text to the same \
         recipients: --sent-before skip sends only what is new, --sent-before send sends those again",
        earlier.count,
        limits::IMPORT_SENT_DAYS
    )
}
