//! Sending one message: is its number on WhatsApp, is its file uploaded, then it goes under its own id.

use std::error::Error;

use sha2::{Digest as _, Sha256};
use whatsapp_rust::features::GroupError;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::{Client, ClientError, IqError, Jid, SendError, SendOptions, UploadOptions};

use super::compose::{self, FileMessage};
use super::keys::Keys;
use super::shared::Shared;
use super::timers;
use crate::channel::{Body, Outgoing, SendFault};
use crate::clock::{Clock, Millis};
use crate::message::expired;
use crate::phone;

/// What WhatsApp answers to who asks or sends too much at once: `rate-overlimit`.
const TOO_MUCH: u16 = 429;
/// Causes within causes that are looked at.
const CAUSES_MAX: usize = 8;

/// Hands a message to WhatsApp: it is written out when this returns.
pub async fn send(
    shared: &Shared,
    keys: &Keys,
    clock: &Clock,
    client: &Client,
    message: &Outgoing,
) -> Result<(), SendFault> {
    let mut to = address(message);
    // WhatsApp does not say whether a hidden id is somebody's: who has none is refused after it was sent.
    if to.is_pn() {
        to = Jid::pn(known_as(shared, client, &message.destination).await?);
    }
    let body = body(shared, client, &message.body).await?;
    // What became of the key in an attempt before is not known: the process may have ended before it heard.
    if message.is_group && (shared.was_refused(&message.destination) || message.is_again) {
        keys.forget_who_has_key(&to).await.map_err(|error| {
            shared.note_refused(&message.destination);
            SendFault::Retry(format!("who has the group's key could not be stored: {error}"))
        })?;
    }
    let timer = timers::of(keys, client, clock, &to).await;
    // To look the number up and to upload the file may have taken long.
    if clock.now() >= message.expires_at {
        return Err(SendFault::Never(expired(message.is_again).into()));
    }
    let _leaving = keys.traffic().leaves();
    // The same id in each attempt: WhatsApp and the recipient know it.
    let mut options = SendOptions::default().with_message_id(message.ref_no.whatsapp_id());
    if let Some(seconds) = timer {
        options = options.with_ephemeral_expiration(seconds);
    }
    client.send_message_with_options(to, body, options).await.map(drop).map_err(send_fault)
}

/// How WhatsApp names whom a message goes to.
pub fn address(message: &Outgoing) -> Jid {
    match phone::hidden_digits(&message.destination) {
        _ if message.is_group => Jid::group(message.destination.as_str()),
        Some(digits) => Jid::lid(digits),
        None => Jid::pn(message.destination.as_str()),
    }
}

/// The number under which WhatsApp has the account of `number`, cached. A number without an account is a permanent error.
async fn known_as(shared: &Shared, client: &Client, number: &str) -> Result<String, SendFault> {
    let known_as = match shared.known_as(number) {
        Some(known) => known,
        None => {
            let asked = client.contacts().is_on_whatsapp(&[Jid::pn(number)]).await;
            let found = asked.map_err(|error| {
                too_much(&error)
                    .unwrap_or_else(|| unless_offline(client, format!("the number was not checked: {error}")))
            })?;
            let found = found.first().filter(|one| one.is_registered);
            let known_as = found.map(|one| own_form(number, &one.jid));
            shared.cache_number(number.to_owned(), known_as.clone());
            known_as
        }
    };
    known_as.ok_or_else(|| SendFault::Never(format!("{number} is not on WhatsApp")))
}

/// A Brazilian account may be known without the ninth digit of its number: a message to the other form reaches nobody. What is
/// no form of the same number is not followed.
fn own_form(number: &str, found: &Jid) -> String {
    if found.is_pn() && phone::is_same_number(number, &found.user) { found.user.to_string() } else { number.to_owned() }
}

/// To how many people a message in this group goes: the writer is a member too.
pub async fn count_members(client: &Client, group: &str) -> Result<u32, SendFault> {
    let info = client.groups().query_info(&Jid::group(group)).await.map_err(|error| match error {
        GroupError::Iq(IqError::ServerError { code: 401 | 403 | 404, .. }) => {
            SendFault::Never("the gateway's account is not in that group".into())
        }
        GroupError::Iq(error) => iq_fault(error),
        other => unless_offline(client, other.to_string()),
    })?;
    Ok(u32::try_from(info.participants.len().saturating_sub(1)).unwrap_or(u32::MAX))
}

async fn body(shared: &Shared, client: &Client, body: &Body) -> Result<wa::Message, SendFault> {
    let (kind, mime, file_name, caption, bytes, preview) = match body {
        Body::Text(text) => return Ok(compose::text(text)),
        Body::Media { kind, mime, file_name, caption, bytes, preview } => {
            (*kind, mime, file_name, caption, bytes, preview)
        }
    };
    // The same file comes with many messages: its bytes name it. Many of them take a while to read.
    let hash: [u8; 32] = tokio::task::block_in_place(|| Sha256::digest(bytes).into());
    let hosted_as = compose::media_type(kind);
    let upload = shared.upload((compose::hosted_kind(kind), hash));
    let upload = upload.get_or_try_init(|| client.upload(bytes.to_vec(), hosted_as, UploadOptions::default()));
    let upload = upload
        .await
        .map_err(|error| unless_offline(client, format!("the file could not be given to WhatsApp: {error}")))?;
    let message = FileMessage { kind, mime, file_name: file_name.as_deref(), caption: caption.as_deref(), preview };
    Ok(message.compose(upload))
}

/// What fails because the connection is gone waits for the connection, without counting as an attempt that failed.
fn unless_offline(client: &Client, reason: String) -> SendFault {
    if client.is_connected() { SendFault::Retry(reason) } else { SendFault::NotConnected }
}

fn send_fault(error: SendError) -> SendFault {
    match error {
        SendError::Client(ClientError::NotConnected | ClientError::NotLoggedIn) | SendError::NotLoggedIn => {
            SendFault::NotConnected
        }
        SendError::Iq(error) => iq_fault(error),
        SendError::InvalidRequest(reason) => SendFault::Never(reason),
        other => too_much(&other).unwrap_or_else(|| SendFault::Retry(format!("it could not be sent: {other}"))),
    }
}

fn iq_fault(error: IqError) -> SendFault {
    match error {
        IqError::NotConnected | IqError::Disconnected(_) | IqError::InternalChannelClosed => SendFault::NotConnected,
        other => too_much(&other).unwrap_or_else(|| SendFault::Retry(format!("WhatsApp did not answer: {other}"))),
    }
}

/// Whether a question of the client library failed because it was too much at once, however deep that is wrapped.
fn too_much(error: &(dyn Error + 'static)) -> Option<SendFault> {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.take(CAUSES_MAX).find_map(|cause| match cause.downcast_ref::<IqError>()? {
        IqError::ServerError { code: TOO_MUCH, backoff, .. } => {
            Some(SendFault::TooMuch { wait_ms: Millis::from(backoff.unwrap_or(0)) * 1_000 })
        }
        _ => None,
    })
}

/// What a refusal by WhatsApp's server means.
pub fn refusal(code: &str) -> SendFault {
    match code {
        // Reach-out is limited: no first messages to people who do not know the number.
        "463" => SendFault::Stranger,
        "429" => SendFault::TooMuch { wait_ms: 0 },
        "400" | "401" | "403" | "404" | "405" | "406" | "410" => {
            SendFault::Never(format!("WhatsApp refused it with {code}"))
        }
        _ => SendFault::Retry(format!("WhatsApp refused it with {code}")),
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::anyhow;

    use super::*;

    #[test]
    fn too_much_at_once_is_known_wherever_it_is_said() {
        let answer = |code| IqError::ServerError { code, text: String::new(), error_type: None, backoff: Some(30) };
        let said = Some(SendFault::TooMuch { wait_ms: 30_000 });
        assert_eq!((too_much(&answer(429)), too_much(&answer(503))), (said.clone(), None));
        assert_eq!(Some(iq_fault(answer(429))), said);
        assert_eq!(Some(send_fault(SendError::Iq(answer(429)))), said);
        assert_eq!(Some(send_fault(SendError::Client(ClientError::Iq(answer(429))))), said);
        assert_eq!(Some(send_fault(SendError::Internal(anyhow::Error::new(answer(429)).context("keys")))), said);
    }

    #[test]
    fn a_refusal_that_may_pass_is_no_end() {
        assert_eq!(refusal("463"), SendFault::Stranger);
        assert_eq!(refusal("429"), SendFault::TooMuch { wait_ms: 0 });
        assert!(matches!(refusal("404"), SendFault::Never(_)));
        for code in ["421", "475", "479", "500", "503", ""] {
            assert!(matches!(refusal(code), SendFault::Retry(_)), "{code}");
        }
    }
}
