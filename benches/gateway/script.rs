//! The load generator's requests: a prepared template with placeholders, filled in for each request number. Writing a
//! request copies a few bytes, so that generating load costs next to nothing.

use wachat::api::routes::BASE;

use crate::instance::KEY;

/// Size of a `POST /message` body.
const BODY_BYTES: usize = 200;
/// Number of usable last four digits: the sandbox simulates failures for those below 10.
const TAILS: u64 = 9_989;
const TAIL_MIN: u64 = 11;
/// Number of distinct recipients: eight digits after the prefix.
const DESTINATIONS: u64 = 10_000 * TAILS;
/// An Indonesian mobile prefix, followed by eight digits.
const PREFIX: &str = "62812";

/// Requests that differ only in their numbers.
pub struct Script {
    template: Vec<u8>,
    holes: Vec<Hole>,
    first: u64,
    /// The expected status of each response.
    pub wanted: u16,
}

struct Hole {
    at: usize,
    values: Values,
}

enum Values {
    Destinations,
    /// Used in turn; all of the same length.
    Listed(Vec<String>),
}

impl Script {
    /// `POST /message` to distinct recipients, through `queues` in turn. `first` is the number of the first recipient.
    pub fn post(queues: &[String], first: u64) -> Self {
        Self { first, ..Self::posting(queues, Values::Destinations) }
    }

    /// `POST /message` to these recipients in turn, through `queues` in turn.
    pub fn post_to(queues: &[String], destinations: Vec<String>) -> Self {
        Self::posting(queues, Values::Listed(destinations))
    }

    fn posting(queues: &[String], destinations: Values) -> Self {
        let queue = queues.first().cloned().unwrap_or_default();
        let place = destination(0);
        let start = format!(r#"{{"queue":"{queue}","destination":"{place}","message":""#);
        let text: String =
            "A message as programs send them. ".chars().cycle().take(BODY_BYTES - start.len() - 2).collect();
        let body = format!(r#"{start}{text}"}}"#);
        let head = format!(
            "POST {BASE}/message HTTP/1.1\r\nHost: localhost\r\nAPIKey: {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let behind = |mark: &str| head.len() + body.find(mark).map_or(0, |at| at + mark.len());
        let holes = vec![
            Hole { at: behind(r#""queue":""#), values: Values::Listed(queues.to_vec()) },
            Hole { at: behind(r#""destination":""#), values: destinations },
        ];
        Self { template: [head, body].concat().into_bytes(), holes, first: 0, wanted: 201 }
    }

    /// `GET /status/{ref_no}`, in turn.
    pub fn status(ref_nos: Vec<String>) -> Self {
        let start = format!("GET {BASE}/status/");
        let ref_no = ref_nos.first().cloned().unwrap_or_default();
        let template = format!("{start}{ref_no} HTTP/1.1\r\nHost: localhost\r\nAPIKey: {KEY}\r\n\r\n");
        let holes = vec![Hole { at: start.len(), values: Values::Listed(ref_nos) }];
        Self { template: template.into_bytes(), holes, first: 0, wanted: 200 }
    }

    /// A buffer for the requests of one connection.
    pub fn buffer(&self) -> Vec<u8> {
        self.template.clone()
    }

    /// Fills `buffer` with request `number`.
    pub fn write(&self, number: u64, buffer: &mut [u8]) {
        for Hole { at, values } in &self.holes {
            match values {
                Values::Destinations => {
                    let mut rest = number_of(self.first + number);
                    for digit in buffer[at + PREFIX.len()..][..8].iter_mut().rev() {
                        *digit = b"0123456789"[rest as usize % 10];
                        rest /= 10;
                    }
                }
                Values::Listed(listed) => {
                    let value = listed[number as usize % listed.len()].as_bytes();
                    buffer[*at..][..value.len()].copy_from_slice(value);
                }
            }
        }
    }
}

/// The shortest valid `POST /message`, sent by the default device.
pub fn first_post() -> Vec<u8> {
    let body = format!(r#"{{"destination":"{}","message":"Hello"}}"#, destination(0));
    format!(
        "POST {BASE}/message HTTP/1.1\r\nHost: localhost\r\nAPIKey: {KEY}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Phone number `number` of the recipients, none of which the sandbox simulates a failure for.
pub fn destination(number: u64) -> String {
    format!("{PREFIX}{:08}", number_of(number))
}

fn number_of(number: u64) -> u64 {
    let number = number % DESTINATIONS;
    number / TAILS * 10_000 + number % TAILS + TAIL_MIN
}
