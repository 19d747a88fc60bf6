//! Forms that send a message send one, however often a browser repeats them: each is drawn with a token that becomes the
//! `Idempotency-Key` of what it sends. Called by the pages that send by hand, that answer, and that send again.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::visit::{Refusal, Visit};
use crate::clock::Millis;
use crate::limits;

/// Between two looks at whether the same form, sent a moment before, was answered.
const AGAIN: Duration = Duration::from_millis(100);
/// How long a form may be sent after it was drawn: its key must not be forgotten before.
const GOOD_MS: Millis = limits::FORM_HOURS_MAX * 3_600_000;
const _: () = assert!(limits::FORM_HOURS_MAX < limits::IDEMPOTENCY_HOURS);

/// Why nothing was sent, and with which token the form is drawn again.
pub struct NotSent {
    pub refusal: Refusal,
    pub once: String,
}

/// A token for a form that is drawn. A page that is drawn again by itself has none: with another one each time it would never
/// stay the same, and its browser keeps the form that it has.
pub fn token(visit: &Visit) -> String {
    if visit.is_by_itself() { String::new() } else { visit.console().api.clock.new_id() }
}

/// Has the API send a message, once for each token; gives the answer's `data`, the first one where the form was sent before.
///
/// # Errors
/// [`NotSent`] with what the API says, or that the token is missing or too old.
pub async fn send<T: DeserializeOwned>(visit: &Visit, once: &str, path: &str, body: Bytes) -> Result<T, NotSent> {
    let clock = &visit.console().api.clock;
    if !drawn_at(once).is_some_and(|at| (0..GOOD_MS).contains(&(clock.now() - at))) {
        let text = visit.t(
            "This form was open for too long, and was not sent now. Look whether it was sent before; if not, send it once more.",
            "Formulir ini terlalu lama terbuka dan tidak dikirim sekarang. Periksa apakah sudah terkirim sebelumnya; jika belum, \
             kirim sekali lagi.",
        );
        return Err(NotSent { refusal: visit.refusal(StatusCode::CONFLICT, text), once: token(visit) });
    }
    let mut tries = 1;
    let (status, answer) = loop {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("console:{once}"))
            .body(Body::from(body.clone()));
        let no_request = |_| NotSent { refusal: visit.refusal(StatusCode::BAD_REQUEST, ""), once: once.to_owned() };
        let (status, answer) = visit.answer(request.map_err(no_request)?).await;
        // The same form is on its way from a click before: its answer is the answer to this one too.
        if status != StatusCode::CONFLICT || tries == limits::FORM_LOOKS_MAX {
            break (status, answer);
        }
        tries += 1;
        clock.sleep(AGAIN).await;
    };
    let is_other = answer["detail"][0]["loc"] == json!(["header", "Idempotency-Key"]);
    visit.data(path, status, answer).map_err(|refusal| match is_other {
        // What was sent has the old token; what stands in the form now would be another message.
        true => {
            let text = visit.t(
                "This form was sent before, with another content. What stands here now was not sent; if you want that too, send \
                 it once more.",
                "Formulir ini sudah dikirim sebelumnya dengan isi lain. Isi yang sekarang belum dikirim; jika itu juga diinginkan, \
                 kirim sekali lagi.",
            );
            NotSent { refusal: visit.refusal(refusal.status, text), once: token(visit) }
        }
        // Whether anything was stored is for the key to tell.
        false => NotSent { refusal, once: once.to_owned() },
    })
}

/// When a form was drawn: the first 48 bits of its token (UUID version 7, RFC 9562 section 5.7). None for what is no token.
fn drawn_at(once: &str) -> Option<Millis> {
    let is_id = once.len() == 32 && once.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_id.then(|| Millis::from_str_radix(&once[..12], 16).ok())?
}

/// A body of the API's.
pub fn body(value: &Value) -> Bytes {
    value.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_token_tells_when_its_form_was_drawn() {
        assert_eq!(drawn_at(&Clock::held(1_790_000_800_123).new_id()), Some(1_790_000_800_123));
        for bad in ["", "x", &"A".repeat(32), &"g".repeat(32), &"0".repeat(33), &"é".repeat(16)] {
            assert_eq!(drawn_at(bad), None, "{bad}");
        }
    }
}
