//! How long a message of ours is shown: as long as its chat says. A message without the chat's timer would stay when all others
//! are gone.

use std::time::Duration;

use whatsapp_rust::{Client, Jid, Server};

use super::keys::Keys;
use super::news::hidden;
use crate::clock::Clock;
use crate::limits;

/// The timer of a chat in seconds; `None` where there is none, or it cannot be known now.
pub async fn of(keys: &Keys, client: &Client, clock: &Clock, to: &Jid) -> Option<u32> {
    for name in names(client, to).await {
        match keys.chat_timer(&name).await {
            Ok(Some((seconds, _))) => return Some(seconds).filter(|seconds| *seconds > 0),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a chat's timer cannot be read; a message goes without it");
                return None;
            }
        }
    }
    if to.server == Server::Group { of_group(keys, client, clock, to).await } else { None }
}

/// A chat with one person may be known by the number or by the hidden id.
async fn names(client: &Client, to: &Jid) -> Vec<String> {
    let own = if to.server == Server::Pn { to.user.to_string() } else { hidden(to) };
    let other = match client.get_lid_pn_entry(to).await {
        Ok(Some(known)) if to.server == Server::Pn => Some(Jid::lid(&*known.lid).to_string()),
        Ok(Some(known)) => Some(known.phone_number.to_string()),
        _ => None,
    };
    [Some(own), other].into_iter().flatten().collect()
}

/// A group in which nobody wrote yet is asked once.
async fn of_group(keys: &Keys, client: &Client, clock: &Clock, to: &Jid) -> Option<u32> {
    let limit = Duration::from_secs(limits::GROUP_TIMER_SECONDS_MAX);
    let Ok(Ok(group)) = clock.within(limit, client.groups().get_metadata(to)).await else { return None };
    let seconds = group.ephemeral.and_then(|setting| setting.expiration).unwrap_or(0);
    let chat = hidden(to);
    // A setting without a date is older than every one with a date.
    let kept = match seconds {
        0 => keys.keep_no_timer(&chat).await,
        _ => keys.set_chat_timer(&chat, seconds, Some(0), 0).await,
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "a group's timer was not stored");
    }
    Some(seconds).filter(|seconds| *seconds > 0)
}
