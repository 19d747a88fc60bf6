//! Pages of messages. Whatever is wanted, a page reads a bounded part of the store: an index leads to what is wanted, and where
//! none does, so many messages are looked at and no more. Called by the API's listing.

use std::ops::Range;

use super::messages::columns;
use super::row::row;
use super::{Conn, Page, Store, StoreError, StoredMessage, sql};
use crate::clock::Millis;
use crate::limits;
use crate::message::{Priority, State};

/// Which messages a listing wants; `None` wants all.
#[derive(Debug, Clone)]
pub struct MessageFilter {
    pub client_id: i64,
    pub device_id: Option<String>,
    pub destination: Option<String>,
    /// As stored: `Q`, `S`, `D`, `R` or `A`.
    pub status: Option<State>,
    /// Part of the text or caption.
    pub text: Option<String>,
    pub tag: Option<String>,
    pub created_from: Option<Millis>,
    pub created_until: Option<Millis>,
}

/// A page of messages, newest first.
#[derive(Debug, Clone, Default)]
pub struct MessagePage {
    pub messages: Vec<StoredMessage>,
    /// Where the look ended before the page was full: older messages may be wanted too.
    pub ended: Option<LookEnd>,
}

/// The last message that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookEnd {
    pub seq: i64,
    pub created_at: Millis,
}

row!(LookEnd { seq, created_at });

/// Which index leads to the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// `messages_chat`
    Number,
    /// `messages_waiting`, which leads to one priority at a time
    DeviceQueue(Priority),
    /// `messages_queue`
    Queue,
    /// `messages_aborted`
    Aborted,
    /// `messages_device`
    Device,
    /// `messages_client`
    Client,
}

impl MessageFilter {
    /// All messages of a client.
    pub fn of(client_id: i64) -> Self {
        Self {
            client_id,
            device_id: None,
            destination: None,
            status: None,
            text: None,
            tag: None,
            created_from: None,
            created_until: None,
        }
    }

    /// The ways to the messages; those at the ends of several belong together.
    fn ways(&self) -> Vec<By> {
        match (&self.destination, &self.device_id, self.letter()) {
            (Some(_), _, _) => vec![By::Number],
            (None, Some(_), Some("Q")) => Priority::ALL.map(By::DeviceQueue).to_vec(),
            (None, None, Some("Q")) => vec![By::Queue],
            (None, _, Some("A")) => vec![By::Aborted],
            (None, Some(_), _) => vec![By::Device],
            (None, None, _) => vec![By::Client],
        }
    }

    /// Whether an index leads to messages that are not wanted too.
    fn is_narrower_than(&self, by: By) -> bool {
        let is_narrower = match by {
            By::DeviceQueue(_) | By::Queue => false,
            By::Aborted => self.device_id.is_some(),
            By::Number | By::Device | By::Client => self.status.is_some(),
        };
        is_narrower || self.text.is_some() || self.tag.is_some()
    }

    /// The status, as stored.
    fn letter(&self) -> Option<&'static str> {
        self.status.map(|state| state.shown(true).letter())
    }
}

/// Asks with the conditions that the index leads by. `$1` is the client, `$2` the device, `$3` the destination; messages have
/// numbers below `$4` and from `$5` on. The sums keep SQLite from taking another index.
macro_rules! led {
    ($conn:expr, $filter:expr, $by:expr, $page:expr, $ask:ident as $row:ty, $select:expr, $rest:literal $(, $bind:expr)*) => {
        match $by {
            By::Number => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest,
                "client_id + 0 = $1 AND destination = $3 AND device_id IN \
                 (SELECT id FROM devices WHERE client_id = $1 AND ($2 IS NULL OR id = $2))" $(, $bind)*),
            By::DeviceQueue(Priority::High) => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest,
                "client_id + 0 = $1 AND device_id = $2 AND priority = 0 AND status = 'Q'" $(, $bind)*),
            By::DeviceQueue(Priority::Normal) => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest,
                "client_id + 0 = $1 AND device_id = $2 AND priority = 1 AND status = 'Q'" $(, $bind)*),
            By::DeviceQueue(Priority::Bulk) => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest,
                "client_id + 0 = $1 AND device_id = $2 AND priority = 2 AND status = 'Q'" $(, $bind)*),
            By::Queue => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest,
                "client_id = $1 AND status = 'Q'" $(, $bind)*),
            By::Aborted => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest,
                "client_id = $1 AND status = 'A' AND ($2 IS NULL OR device_id = $2)" $(, $bind)*),
            By::Device => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest,
                "client_id + 0 = $1 AND device_id = $2 AND ref_no <> ''" $(, $bind)*),
            By::Client => led!(@ $conn, $filter, $page, $ask, $row, $select, $rest, "client_id = $1" $(, $bind)*),
        }
    };
    (@ $conn:expr, $filter:expr, $numbers:expr, $ask:ident, $row:ty, $select:expr, $rest:literal, $led:literal $(, $bind:expr)*) => {
        sql!(
            $conn,
            $ask as $row,
            concat!("SELECT ", $select, " FROM messages WHERE ", $led, " AND seq < $4 AND seq >= $5 ", $rest),
            $filter.client_id,
            &$filter.device_id,
            &$filter.destination,
            $numbers.end,
            $numbers.start,
            $($bind),*
        )
    };
}

impl Store {
    /// A page of a client's messages, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_messages(&self, filter: &MessageFilter, page: Page) -> Result<MessagePage, StoreError> {
        let mut conn = self.reader().await?;
        let (mut numbers, ways) = (numbers(&mut conn, filter, page).await?, filter.ways());
        let mut end = None;
        for by in ways.iter().filter(|by| filter.is_narrower_than(**by)) {
            let other = find_end(&mut conn, filter, *by, &numbers).await?;
            end = end.into_iter().chain(other).max_by_key(|end: &LookEnd| end.seq);
        }
        numbers.start = end.map_or(numbers.start, |end| end.seq);
        let mut messages = Vec::new();
        for by in &ways {
            messages.extend(read(&mut conn, filter, *by, &numbers, page.rows).await?);
        }
        if ways.len() > 1 {
            messages.sort_unstable_by_key(|message| std::cmp::Reverse(message.seq));
            messages.truncate(usize::try_from(page.rows).unwrap_or(usize::MAX));
        }
        let is_full = i64::try_from(messages.len()).is_ok_and(|found| found >= page.rows);
        Ok(MessagePage { messages, ended: end.filter(|_| !is_full) })
    }
}

/// The message at which a look ends that began with the newest of these, if there are so many.
async fn find_end(
    conn: &mut Conn,
    filter: &MessageFilter,
    by: By,
    numbers: &Range<i64>,
) -> Result<Option<LookEnd>, StoreError> {
    led!(
        &mut *conn,
        filter,
        by,
        numbers,
        optional as LookEnd,
        "seq, created_at",
        "ORDER BY seq DESC LIMIT 1 OFFSET $6",
        limits::LISTING_ROWS_READ_MAX - 1
    )
}

async fn read(
    conn: &mut Conn,
    filter: &MessageFilter,
    by: By,
    numbers: &Range<i64>,
    rows: i64,
) -> Result<Vec<StoredMessage>, StoreError> {
    let text = filter.text.as_ref().map(|text| format!("%{}%", escape_like(text)));
    led!(
        &mut *conn,
        filter,
        by,
        numbers,
        all as StoredMessage,
        columns!(),
        "AND ($6 IS NULL OR status = $6) AND ($7 IS NULL OR LOWER(body) LIKE LOWER($7) ESCAPE '!') AND ($8 IS NULL OR created_at >= $8) \
         AND ($9 IS NULL OR created_at < $9) AND ($11 IS NULL OR tag = $11) ORDER BY seq DESC LIMIT $10",
        filter.letter(),
        &text,
        filter.created_from,
        filter.created_until,
        rows,
        &filter.tag
    )
}

/// The numbers between which all wanted messages are, as far as their dates and the page tell.
async fn numbers(conn: &mut Conn, filter: &MessageFilter, page: Page) -> Result<Range<i64>, StoreError> {
    let mut numbers = 0..page.before_or_max();
    if let Some(from) = filter.created_from {
        numbers.start = first_from(conn, from.saturating_sub(limits::CLOCK_STEP_MS_MAX)).await?;
    }
    if let Some(until) = filter.created_until {
        numbers.end = numbers.end.min(first_from(conn, until.saturating_add(limits::CLOCK_STEP_MS_MAX)).await?);
    }
    Ok(numbers)
}

/// The number of the first message that was accepted at `at` or later, found by halving: messages are numbered as they are
/// accepted, but for what nodes' clocks differ.
async fn first_from(conn: &mut Conn, at: Millis) -> Result<i64, StoreError> {
    // One by one: SQLite would read every row for both together.
    let ends = "SELECT COALESCE((SELECT MIN(seq) FROM messages), 0), COALESCE((SELECT MAX(seq) FROM messages) + 1, 0)";
    let (mut low, mut high) = sql!(&mut *conn, one as (i64, i64), ends)?;
    while low < high {
        let middle = low + (high - low) / 2;
        let (seq, created_at) = sql!(
            &mut *conn,
            one as (i64, i64),
            "SELECT seq, created_at FROM messages WHERE seq >= $1 ORDER BY seq LIMIT 1",
            middle
        )?;
        // Between `middle` and `seq` there is none.
        (low, high) = if created_at < at { (seq + 1, high) } else { (low, middle) };
    }
    Ok(low)
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
