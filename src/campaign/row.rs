//! What a row asks for, and whether it can be queued. Pure.

use super::Campaign;
use super::columns::Column;
use super::table::BadCell;
use crate::customer_url::check_password;
use crate::egress::Egress;
use crate::escapes;
use crate::limits;
use crate::message::kind::MediaKind;
use crate::message::{Content, MediaSource, Priority, Unavailable};
use crate::phone::{self, Addressee, BadDestination, Recipient};

/// Letters of a word, among which a number would have at least as many digits.
const LETTERS_MIN: usize = 3;
/// Digits of a number that only counts something.
const COUNT_DIGITS_MAX: usize = 4;

/// What the cell of a sum is called, in English and Indonesian; `grand` and `sub` may stand before it.
const TOTALS: [&str; 5] = ["total", "subtotal", "jumlah", "sum", "keseluruhan"];

/// Whether a text names a sum, perhaps with the sum behind it.
fn is_total(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphabetic());
    let mut word = words.next();
    if matches!(word, Some("grand" | "sub")) {
        word = words.next();
    }
    word.is_some_and(|word| TOTALS.contains(&word))
}

/// The texts of a row's cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    pub destination: String,
    pub message: String,
    pub media_url: String,
    pub file_name: String,
    pub kind: String,
    pub timeout: String,
    pub is_group: String,
    pub priority: String,
    pub tag: String,
}

/// Why a row cannot be queued.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BadRow {
    #[error("it has {found} fields, the first line names {named}; put quotes around a text that holds the separator")]
    Fields { found: usize, named: usize },
    #[error(
        "the quote that opens on line {line} is closed by a later row: its text holds what looks like further rows; close the quote \
         where the text ends"
    )]
    MoreRows { line: u64 },
    #[error(
        "there is text behind the quote that closes a field which began on line {line}; double each quote within a text"
    )]
    BehindQuote { line: u64 },
    #[error(
        "a text on line {line} has one quotation mark and no quotes around it; put quotes around the text, and double that mark"
    )]
    LoneQuote { line: u64 },
    #[error("its text seems to go on, on line {line}; put quotes around a text with line breaks")]
    GoesOn { line: u64 },
    #[error("its text seems to begin on line {line}; put quotes around a text with line breaks")]
    Begins { line: u64 },
    #[error("its text seems to go on behind the separator; put quotes around a text that holds the separator")]
    Cut,
    #[error("the row is hidden in the sheet; show it, or delete it")]
    Hidden,
    #[error(
        "it is as it was when it was rejected: {reason}; correct it, or empty its cell in the column mark to send it as it is"
    )]
    Unchanged { reason: String },
    #[error("{column}: {why}")]
    Cell { column: &'static str, why: BadCell },
    #[error("{column}: it holds a zero byte, which no text has")]
    Zero { column: &'static str },
    #[error("{name}: {why}", name = .0.name(), why = .0.why())]
    Unavailable(Unavailable),
    #[error("is_group: '{0}' is neither true nor false")]
    IsGroup(String),
    #[error("timeout: '{0}' is no number of seconds from 1 to {most}", most = limits::TIMEOUT_SECONDS_MAX)]
    Timeout(String),
    #[error("priority: '{0}' is not high, normal or bulk")]
    Priority(String),
    #[error("tag: it has more than {most} characters", most = limits::TAG_CHARS_MAX)]
    Tag,
    #[error("message: it is empty")]
    Empty,
    #[error("a text has at most {most} characters", most = limits::TEXT_CHARS_MAX)]
    TooLong,
    #[error("kind: '{0}' is not image, video, audio, voice, document, sticker or video_note")]
    Kind(String),
    #[error("kind {kind} shows no caption; send the text as a message of its own, or use kind document", kind = .0.name())]
    Caption(MediaKind),
    #[error("file_name: there is no media_url beside it; a text that holds the separator needs quotes around it")]
    FileName,
    #[error("media_url {0}")]
    MediaUrl(String),
    #[error("'{text}' is no phone number; if it is a note or a total below the table, remove the row")]
    NoNumber { text: String },
    #[error("it has no phone number; if it is a total or a note below the table, remove the row")]
    NoRecipient,
    #[error("'{text}' is too short for a phone number; it seems to be a count, or the number of the row")]
    TooShort { text: String },
    #[error(transparent)]
    Destination(#[from] BadDestination),
}

impl Row {
    pub(super) fn field(&mut self, column: Column) -> &mut String {
        match column {
            Column::Destination => &mut self.destination,
            Column::Message => &mut self.message,
            Column::MediaUrl => &mut self.media_url,
            Column::FileName => &mut self.file_name,
            Column::Kind => &mut self.kind,
            Column::Timeout => &mut self.timeout,
            Column::IsGroup => &mut self.is_group,
            Column::Priority => &mut self.priority,
            Column::Tag => &mut self.tag,
        }
    }

    /// # Errors
    /// [`BadRow::IsGroup`]
    pub fn addressee(&self) -> Result<Addressee, BadRow> {
        match self.is_group.to_ascii_lowercase().as_str() {
            "" | "0" | "false" | "no" | "n" | "f" | "off" => Ok(Addressee::ByItsForm),
            "1" | "true" | "yes" | "y" | "t" | "on" => Ok(Addressee::Group),
            _ => Err(BadRow::IsGroup(self.is_group.clone())),
        }
    }

    /// # Errors
    /// [`BadRow::Timeout`]
    pub fn timeout_seconds(&self) -> Result<i64, BadRow> {
        // Programs write whole numbers with a fraction of zeros.
        let whole = self.timeout.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|byte| byte == b'0'));
        let seconds = match whole.map_or(self.timeout.as_str(), |(whole, _)| whole) {
            "" if self.timeout.is_empty() => Some(limits::TIMEOUT_SECONDS_DEFAULT),
            text => text.parse().ok().filter(|seconds| (1..=limits::TIMEOUT_SECONDS_MAX).contains(seconds)),
        };
        seconds.ok_or_else(|| BadRow::Timeout(self.timeout.clone()))
    }

    /// Its own priority, if it has one.
    ///
    /// # Errors
    /// [`BadRow::Priority`]
    pub fn priority(&self) -> Result<Option<Priority>, BadRow> {
        if self.priority.is_empty() {
            return Ok(None);
        }
        let priority = Priority::from_name(&self.priority.to_ascii_lowercase());
        priority.map(Some).ok_or_else(|| BadRow::Priority(self.priority.clone()))
    }

    /// Its own tag, if it has one.
    ///
    /// # Errors
    /// [`BadRow::Tag`]
    pub fn tag(&self) -> Result<Option<String>, BadRow> {
        match self.tag.chars().count() {
            0 => Ok(None),
            1..=limits::TAG_CHARS_MAX => Ok(Some(self.tag.clone())),
            _ => Err(BadRow::Tag),
        }
    }

    /// As what its file is sent, if the row says so.
    fn kind(&self) -> Result<Option<MediaKind>, BadRow> {
        if self.kind.is_empty() {
            return Ok(None);
        }
        let kind = MediaKind::from_name(&self.kind.to_ascii_lowercase());
        kind.map(Some).ok_or_else(|| BadRow::Kind(self.kind.clone()))
    }

    /// What it carries, with its escapes decoded. The kind of a file that it does not have says nothing.
    ///
    /// # Errors
    /// [`BadRow`] when it carries nothing, or what cannot be sent.
    pub fn content(&self) -> Result<Content, BadRow> {
        let body = escapes::decode(&self.message).into_owned();
        if body.chars().count() > limits::TEXT_CHARS_MAX {
            return Err(BadRow::TooLong);
        }
        let kind = self.kind()?;
        if self.media_url.is_empty() {
            // The rest of a text that was cut at a separator stands there too.
            return match (body.is_empty(), self.file_name.is_empty()) {
                (true, _) => Err(BadRow::Empty),
                (false, true) => Ok(Content::Text(body)),
                (false, false) => Err(BadRow::FileName),
            };
        }
        Egress::check_shape(&self.media_url).map_err(|bad| BadRow::MediaUrl(bad.to_string()))?;
        check_password(&self.media_url).map_err(|masked| BadRow::MediaUrl(masked.to_string()))?;
        if self.media_url.contains(char::is_whitespace) {
            return Err(BadRow::MediaUrl("has a space in it; write %20 in its place".into()));
        }
        let caption = Some(body).filter(|caption| !escapes::is_blank(caption));
        if let Some(kind) = kind.filter(|kind| caption.is_some() && !kind.shows_caption()) {
            return Err(BadRow::Caption(kind));
        }
        Ok(Content::Media {
            caption,
            source: MediaSource::Url(self.media_url.clone()),
            file_name: Some(self.file_name.clone()).filter(|name| !name.is_empty()),
            kind,
        })
    }

    /// What is wrong with a row that carries nothing, or what cannot be sent: it may be no message at all, but a total or a note below the
    /// table.
    pub fn no_message(&self, bad: BadRow, campaign: &Campaign) -> BadRow {
        match self.recipient(campaign) {
            Err(other @ (BadRow::NoRecipient | BadRow::NoNumber { .. })) => other,
            _ => bad,
        }
    }

    /// Whom it goes to.
    ///
    /// # Errors
    /// [`BadRow::Destination`], [`BadRow::IsGroup`]
    pub fn recipient(&self, campaign: &Campaign) -> Result<Recipient, BadRow> {
        if let Some(rounded) = phone::rounded(&self.destination) {
            return Err(BadDestination::Rounded(super::beginning(&rounded)).into());
        }
        let parsed = phone::parse_recipient(&self.destination, self.addressee()?, campaign.country_code.as_str());
        parsed.or_else(|bad| match bad {
            BadDestination::NoSuchNumber(number) if campaign.known.contains(&number) => Ok(Recipient::Person(number)),
            bad => Err(self.bad_destination(bad)),
        })
    }

    /// Says more of what is no number at all: in a file it stands there for other reasons than in a request.
    fn bad_destination(&self, bad: BadDestination) -> BadRow {
        let count = |is_it: fn(&char) -> bool| self.destination.chars().filter(is_it).count();
        let (digits, letters) = (count(char::is_ascii_digit), count(|c| c.is_alphabetic()));
        let text = || super::beginning(&self.destination);
        let is_note = letters > digits && letters >= LETTERS_MIN && !self.destination.contains("://");
        let is_note = is_note || is_total(self.destination.trim());
        match bad {
            BadDestination::Empty => BadRow::NoRecipient,
            BadDestination::Characters | BadDestination::Before(_) | BadDestination::Several if is_note => {
                BadRow::NoNumber { text: text() }
            }
            BadDestination::NoSuchNumber(_) if digits <= COUNT_DIGITS_MAX => BadRow::TooShort { text: text() },
            bad => bad.into(),
        }
    }
}
