//! Answers to polls and events: each is sealed with the secret of what it answers, and for who asked and who answers, by number
//! or by hidden id. Which of the two is not said, so that each is tried.

use whatsapp_rust::features::PollVoteCiphertext;
use whatsapp_rust::types::message::MessageSource;
use whatsapp_rust::wacore::{event, poll};
use whatsapp_rust::{Client, Jid, anyhow};

use super::inbound::{chat_of, names};
use super::keys::{Keys, Question};
use super::read::{Sealed, SealedKind, chosen, response};

/// The text of an answer; `None` where what it answers is not known here, or does not open it.
///
/// # Errors
/// When the store cannot be read.
pub async fn open(
    keys: &Keys,
    client: &Client,
    source: &MessageSource,
    sealed: &Sealed,
) -> anyhow::Result<Option<String>> {
    let Some(id) = sealed.key.id.as_deref() else { return Ok(None) };
    let chat = chat_of(client, source).await?;
    let Some(question) = keys.find_question(&chat, id).await? else { return Ok(None) };
    let mut askers = question.creators.clone();
    let mut writers = names(Some(&source.sender).into_iter().chain(source.sender_alt.as_ref()));
    for people in [&mut askers, &mut writers] {
        add_others(client, people).await?;
    }
    let pairs = askers.iter().flat_map(|asker| writers.iter().map(move |writer| (asker.as_str(), writer.as_str())));
    Ok(pairs.into_iter().find_map(|(asker, writer)| open_as(&question, id, sealed, asker, writer)))
}

/// The same people by their other names.
async fn add_others(client: &Client, people: &mut Vec<String>) -> anyhow::Result<()> {
    for name in people.clone() {
        let Ok(jid) = name.parse::<Jid>() else { continue };
        let Some(known) = client.get_lid_pn_entry(&jid).await? else { continue };
        people.extend([Jid::pn(&*known.phone_number), Jid::lid(&*known.lid)].map(|jid| jid.to_string()));
    }
    people.sort();
    people.dedup();
    Ok(())
}

fn open_as(question: &Question, id: &str, sealed: &Sealed, asker: &str, writer: &str) -> Option<String> {
    let (payload, iv, secret) = (&sealed.payload, &sealed.iv, &question.secret);
    match sealed.kind {
        SealedKind::Vote => {
            let vote = PollVoteCiphertext { enc_payload: payload, enc_iv: iv };
            let hashes = poll::decrypt_poll_vote_with_secret(vote, secret, id, asker, writer).ok()?;
            Some(chosen(&question.options, &hashes, poll::compute_option_hash))
        }
        SealedKind::EventResponse => {
            let answer = event::decrypt_event_response_with_secret(payload, iv, secret, id, asker, writer).ok()?;
            Some(response(&answer))
        }
    }
}
