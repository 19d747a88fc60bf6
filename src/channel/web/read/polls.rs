//! Polls and events, and what people answer to them.

use jiff::Timestamp;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::waproto::whatsapp as wa;

use super::{Found, Said, id_of, lines, places, said, unwrapped};

/// An answer that only the secret of what it answers opens.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed {
    pub kind: SealedKind,
    /// The poll or event.
    pub key: wa::MessageKey,
    pub payload: Vec<u8>,
    pub iv: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedKind {
    Vote,
    EventResponse,
}

/// A poll or an event, as its answers need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Opens the answers.
    pub secret: Vec<u8>,
    /// What can be chosen; empty for an event.
    pub options: Vec<String>,
}

/// The poll or event in a message, where answers to it can be opened.
pub fn asked(message: &wa::Message) -> Option<Asked> {
    let inner = unwrapped(message);
    let options = match poll(inner) {
        Some(poll) => poll.options.iter().filter_map(|option| option.option_name.clone()).collect(),
        None if inner.event_message.is_set() => Vec::new(),
        None => return None,
    };
    let secret = |message: &wa::Message| message.message_context_info.as_option()?.message_secret.clone();
    secret(message).or_else(|| secret(inner)).map(|secret| Asked { secret, options })
}

/// What was chosen: the options whose hashes these are, a line each.
pub fn chosen(options: &[String], hashes: &[Vec<u8>], hash: impl Fn(&str) -> [u8; 32]) -> String {
    let is_chosen = |option: &&String| hashes.iter().any(|one| one.as_slice() == hash(option));
    let known: Vec<&str> = options.iter().filter(is_chosen).map(String::as_str).collect();
    match hashes.len() {
        0 => "[vote withdrawn]".into(),
        _ if known.is_empty() => "[a vote that cannot be read]".into(),
        _ => known.join("\n"),
    }
}

/// What somebody answers to an event.
pub fn response(response: &wa::message::EventResponseMessage) -> String {
    use wa::message::event_response_message::EventResponseType as Type;
    let answer = match response.response {
        Some(Type::GOING) => "going",
        Some(Type::NOT_GOING) => "not going",
        Some(Type::MAYBE) => "maybe",
        Some(Type::UNKNOWN) | None => "[a response that cannot be read]",
    };
    match response.extra_guest_count {
        Some(guests) if guests > 0 => format!("{answer} (+{guests})"),
        _ => answer.to_owned(),
    }
}

fn poll(message: &wa::Message) -> Option<&wa::message::PollCreationMessage> {
    [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
        &message.poll_creation_message_v6,
    ]
    .into_iter()
    .find_map(MessageField::as_option)
}

pub(super) fn read(message: &wa::Message) -> Found<'_> {
    if let Some(poll) = poll(message) {
        let options = poll.options.iter().filter_map(|option| option.option_name.as_deref());
        let options: Vec<String> = options.map(|option| format!("- {option}")).collect();
        let parts = poll.name.as_deref().into_iter().chain(options.iter().map(String::as_str)).map(Some);
        return Some((said("poll", lines(parts, "[poll]")), poll.context_info.as_option()));
    }
    if let Some(vote) = message.poll_update_message.as_option() {
        let value = vote.vote.as_option();
        let sealed = value.and_then(|value| {
            sealed(SealedKind::Vote, &vote.poll_creation_message_key, &value.enc_payload, &value.enc_iv)
        });
        let about = id_of(&vote.poll_creation_message_key);
        return Some((Said { about, sealed, ..said("poll_vote", "[a vote that cannot be read]".into()) }, None));
    }
    let results = [&message.poll_result_snapshot_message, &message.poll_result_snapshot_message_v3];
    if let Some(result) = results.into_iter().find_map(MessageField::as_option) {
        let counts = result.poll_votes.iter().map(|one| {
            format!("- {}: {}", one.option_name.as_deref().unwrap_or_default(), one.option_vote_count.unwrap_or(0))
        });
        let counts: Vec<String> = counts.collect();
        let parts = result.name.as_deref().into_iter().chain(counts.iter().map(String::as_str)).map(Some);
        return Some((said("poll_result", lines(parts, "[poll]")), result.context_info.as_option()));
    }
    if let Some(added) = message.poll_add_option_message.as_option() {
        let about = id_of(&added.poll_creation_message_key);
        return Some((Said { about, ..said("poll_option", "[an option that cannot be read]".into()) }, None));
    }
    events(message)
}

fn events(message: &wa::Message) -> Found<'_> {
    if let Some(event) = message.event_message.as_option() {
        let place = event.location.as_option().map(places::location);
        let (start, end) = (moment(event.start_time), moment(event.end_time));
        let parts = [
            event.is_canceled.unwrap_or(false).then_some("[cancelled]"),
            event.name.as_deref(),
            event.description.as_deref(),
            start.as_deref(),
            end.as_deref(),
            place.as_deref(),
            event.join_link.as_deref(),
        ];
        return Some((said("event", lines(parts, "[event]")), event.context_info.as_option()));
    }
    if let Some(invite) = message.event_invite_message.as_option() {
        let (start, end) = (moment(invite.start_time), moment(invite.end_time));
        let parts = [
            invite.is_canceled.unwrap_or(false).then_some("[cancelled]"),
            invite.event_title.as_deref(),
            invite.caption.as_deref(),
            start.as_deref(),
            end.as_deref(),
            invite.call_link.as_deref(),
        ];
        return Some((said("event", lines(parts, "[event]")), invite.context_info.as_option()));
    }
    if let Some(call) = message.scheduled_call_creation_message.as_option() {
        let at = moment(call.scheduled_timestamp_ms.map(|ms| ms.div_euclid(1_000)));
        return Some((said("event", lines([call.title.as_deref(), at.as_deref()], "[call]")), None));
    }
    if let Some(edit) = message.scheduled_call_edit_message.as_option() {
        return Some((Said { about: id_of(&edit.key), ..said("event", "[cancelled]".into()) }, None));
    }
    let answer = message.enc_event_response_message.as_option()?;
    let key = &answer.event_creation_message_key;
    let sealed = sealed(SealedKind::EventResponse, key, &answer.enc_payload, &answer.enc_iv);
    let text = "[a response that cannot be read]".into();
    Some((Said { about: id_of(key), sealed, ..said("event_response", text) }, None))
}

fn sealed(
    kind: SealedKind,
    key: &MessageField<wa::MessageKey>,
    payload: &Option<Vec<u8>>,
    iv: &Option<Vec<u8>>,
) -> Option<Sealed> {
    Some(Sealed { kind, key: key.as_option()?.clone(), payload: payload.clone()?, iv: iv.clone()? })
}

/// A moment in seconds, as programs read it.
fn moment(seconds: Option<i64>) -> Option<String> {
    let at = Timestamp::from_second(seconds.filter(|seconds| *seconds > 0)?).ok()?;
    Some(at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_is_told_by_the_names_of_its_options() {
        let options = ["Tea".to_owned(), "Coffee".to_owned()];
        let hash = |text: &str| [u8::try_from(text.len()).unwrap(); 32];
        let voted =
            |hashes: &[u8]| chosen(&options, &hashes.iter().map(|one| vec![*one; 32]).collect::<Vec<_>>(), hash);
        assert_eq!((voted(&[6, 3]), voted(&[])), ("Tea\nCoffee".into(), "[vote withdrawn]".into()));
        assert_eq!(voted(&[9]), "[a vote that cannot be read]");
    }
}
