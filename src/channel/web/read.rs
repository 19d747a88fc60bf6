//! From an incoming message of the protocol to what a customer reads of it. Pure.
//!
//! Every field of the protocol's `Message` is decided here: a wrapper is looked through, what a person would see has its type
//! and text, what only programs exchange gives nothing. A test (`read/every_field.rs`) names them all and does not compile when the
//! protocol has one more.

mod forms;
mod media;
mod places;
mod polls;
mod replies;
mod trade;

use serde::{Deserialize, Serialize};
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::download::DownloadParams;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;
use whatsapp_rust::waproto::whatsapp::message::secret_encrypted_message::SecretEncType;

pub use self::polls::{Sealed, SealedKind, asked, chosen, response};
use super::compose::media_type;
use crate::limits;
use crate::media::kind::MediaKind;

/// Wrappers within wrappers that are looked through; real messages have up to four.
const WRAPPERS_MAX: usize = 8;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said {
    /// `text`, `image`, `poll`, `edit`, `other`, …: docs/webhooks.md lists them.
    pub kind: &'static str,
    /// The text or caption, or a short text that stands for a message without one.
    pub text: String,
    pub file: Option<FileRef>,
    /// The id, on WhatsApp, of the message that this one answers, changes or reacts to.
    pub about: Option<String>,
    /// An answer that only the secret of the message it is about opens.
    pub sealed: Option<Sealed>,
}

/// Where a file that came in is, and how it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub kind: MediaKind,
    pub direct_path: String,
    pub key: Vec<u8>,
    pub sha256: Vec<u8>,
    pub encrypted_sha256: Vec<u8>,
    pub bytes: u64,
    pub mime: String,
    pub name: Option<String>,
}

impl FileRef {
    pub fn params(&self) -> DownloadParams {
        let (path, key) = (self.direct_path.as_str(), &self.key);
        DownloadParams::encrypted(path, key, &self.sha256, &self.encrypted_sha256, self.bytes, media_type(self.kind))
    }
}

/// How long messages of a chat are shown, as one message says it: a chat's timer is the setting with the latest date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// 0 when it was switched off.
    pub seconds: u32,
    /// When it was set, in seconds; `None` where the message does not say.
    pub set_at: Option<i64>,
}

/// Reads a message; `None` for what a person would not see.
pub fn read(message: &wa::Message) -> Option<Said> {
    let message = unwrapped(message);
    if let Some(protocol) = message.protocol_message.as_option() {
        return protocol_said(protocol);
    }
    if let Some(reaction) = message.reaction_message.as_option() {
        let text = reaction.text.clone().unwrap_or_default();
        return Some(Said { kind: "reaction", text, about: id_of(&reaction.key), ..Said::default() });
    }
    let (said, context) = content(message)?;
    let answers = || context?.stanza_id.clone().filter(|id| !id.is_empty());
    let about = said.about.clone().or_else(answers);
    Some(Said { about, text: bounded(said.text), ..said })
}

/// The timer of its chat, where a message tells it.
pub fn timer(message: &wa::Message) -> Option<Timer> {
    let message = unwrapped(message);
    if let Some(protocol) = message.protocol_message.as_option() {
        let is_setting = protocol.r#type == Some(Type::EPHEMERAL_SETTING);
        let seconds = protocol.ephemeral_expiration.unwrap_or(0);
        return is_setting.then_some(Timer { seconds, set_at: protocol.ephemeral_setting_timestamp });
    }
    let (_, context) = content(message)?;
    let context = context?;
    context.expiration.map(|seconds| Timer { seconds, set_at: context.ephemeral_setting_timestamp })
}

/// The fields that only wrap another message.
macro_rules! wrappers {
    ($message:expr) => {
        [
            (&$message.ephemeral_message, "ephemeralMessage"),
            (&$message.view_once_message, "viewOnceMessage"),
            (&$message.view_once_message_v2, "viewOnceMessageV2"),
            (&$message.view_once_message_v2_extension, "viewOnceMessageV2Extension"),
            (&$message.document_with_caption_message, "documentWithCaptionMessage"),
            (&$message.edited_message, "editedMessage"),
            (&$message.group_mentioned_message, "groupMentionedMessage"),
            (&$message.bot_invoke_message, "botInvokeMessage"),
            (&$message.bot_task_message, "botTaskMessage"),
            (&$message.bot_forwarded_message, "botForwardedMessage"),
            (&$message.lottie_sticker_message, "lottieStickerMessage"),
            (&$message.event_cover_image, "eventCoverImage"),
            (&$message.associated_child_message, "associatedChildMessage"),
            (&$message.poll_creation_option_image_message, "pollCreationOptionImageMessage"),
            (&$message.poll_creation_message_v4, "pollCreationMessageV4"),
            (&$message.status_mention_message, "statusMentionMessage"),
            (&$message.group_status_mention_message, "groupStatusMentionMessage"),
            (&$message.status_add_yours, "statusAddYours"),
            (&$message.group_status_message, "groupStatusMessage"),
            (&$message.group_status_message_v2, "groupStatusMessageV2"),
            (&$message.limit_sharing_message, "limitSharingMessage"),
            (&$message.question_message, "questionMessage"),
            (&$message.question_reply_message, "questionReplyMessage"),
            (&$message.newsletter_admin_profile_message, "newsletterAdminProfileMessage"),
            (&$message.newsletter_admin_profile_message_v2, "newsletterAdminProfileMessageV2"),
            (&$message.newsletter_admin_profile_status_message, "newsletterAdminProfileStatusMessage"),
            (&$message.spoiler_message, "spoilerMessage"),
        ]
    };
}

/// Looks through what only wraps another message.
fn unwrapped(message: &wa::Message) -> &wa::Message {
    let mut inner = message;
    for _ in 0..WRAPPERS_MAX {
        let wrapped = wrappers!(inner).into_iter().find_map(|(wrapper, _)| wrapper.as_option()?.message.as_option());
        let sent = || inner.device_sent_message.as_option()?.message.as_option();
        match wrapped.or_else(sent) {
            Some(next) => inner = next,
            None => break,
        }
    }
    inner
}

fn protocol_said(protocol: &wa::message::ProtocolMessage) -> Option<Said> {
    let about = id_of(&protocol.key);
    match protocol.r#type {
        Some(Type::MESSAGE_EDIT) => {
            let edited = protocol.edited_message.as_option()?;
            let text = content(unwrapped(edited)).map(|(said, _)| bounded(said.text)).unwrap_or_default();
            Some(Said { kind: "edit", text, about, ..Said::default() })
        }
        // The first type has the number zero, which an encoder may leave out.
        Some(Type::REVOKE) | None if about.is_some() => {
            Some(Said { kind: "delete", text: "[deleted]".into(), about, ..Said::default() })
        }
        _ => None,
    }
}

type Context<'a> = Option<&'a wa::ContextInfo>;
type Found<'a> = Option<(Said, Context<'a>)>;

fn content(message: &wa::Message) -> Found<'_> {
    written(message)
        .or_else(|| places::read(message))
        .or_else(|| media::read(message))
        .or_else(|| replies::read(message))
        .or_else(|| forms::read(message))
        .or_else(|| polls::read(message))
        .or_else(|| trade::read(message))
        .or_else(|| comment(message))
        .or_else(|| secret_edit(message))
        .or_else(|| Some((said("other", format!("[{}]", unknown(message)?)), None)))
}

fn said(kind: &'static str, text: String) -> Said {
    Said { kind, text, ..Said::default() }
}

/// What was written as nothing but text.
fn written(message: &wa::Message) -> Found<'_> {
    if let Some(text) = &message.conversation {
        return Some((said("text", text.clone()), None));
    }
    if let Some(extended) = message.extended_text_message.as_option() {
        let text = extended.text.clone().unwrap_or_default();
        return Some((said("text", text), extended.context_info.as_option()));
    }
    if let Some(rich) = message.rich_response_message.as_option() {
        let parts = rich.submessages.iter().map(|part| part.message_text.as_deref());
        return Some((said("text", lines(parts, "[richResponseMessage]")), rich.context_info.as_option()));
    }
    let (text, key) = if let Some(answer) = message.status_question_answer_message.as_option() {
        (&answer.text, &answer.key)
    } else if let Some(answer) = message.question_response_message.as_option() {
        (&answer.text, &answer.key)
    } else {
        let quoted = message.status_quoted_message.as_option()?;
        (&quoted.text, &quoted.original_status_id)
    };
    let said = Said { about: id_of(key), ..said("text", text.clone().unwrap_or_default()) };
    Some((said, None))
}

/// A comment on a message of a channel or a community.
fn comment(message: &wa::Message) -> Found<'_> {
    if let Some(sealed) = message.enc_comment_message.as_option() {
        let about = id_of(&sealed.target_message_key);
        return Some((Said { about, ..said("comment", "[a comment that cannot be read]".into()) }, None));
    }
    let comment = message.comment_message.as_option()?;
    let inner = comment.message.as_option().and_then(|inner| content(unwrapped(inner)));
    let (inner, context) = inner.unwrap_or_default();
    let about = id_of(&comment.target_message_key);
    Some((Said { kind: "comment", about, ..inner }, context))
}

/// A change of an earlier message, sealed with that message's secret, which is not known: the client library opens the others.
fn secret_edit(message: &wa::Message) -> Found<'_> {
    let sealed = message.secret_encrypted_message.as_option()?;
    let about = id_of(&sealed.target_message_key);
    match sealed.secret_enc_type {
        Some(
            SecretEncType::MESSAGE_EDIT
            | SecretEncType::EVENT_EDIT
            | SecretEncType::POLL_EDIT
            | SecretEncType::POLL_ADD_OPTION,
        ) => Some((Said { about, ..said("edit", "[an edit that cannot be read]".into()) }, None)),
        _ => Some((Said { about, ..said("other", "[secretEncryptedMessage]".into()) }, None)),
    }
}

/// The name of a field that a person sees and this gateway has no words for.
fn unknown(message: &wa::Message) -> Option<&'static str> {
    // Wrappers deeper than are looked through, or empty.
    if let Some((_, name)) = wrappers!(message).into_iter().find(|(wrapper, _)| wrapper.is_set()) {
        return Some(name);
    }
    let named = [
        (message.chat.is_set(), "chat"),
        (message.bcall_message.is_set(), "bcallMessage"),
        (message.conditional_reveal_message.is_set(), "conditionalRevealMessage"),
    ];
    named.into_iter().find(|(is_set, _)| *is_set).map(|(_, name)| name)
}

/// Texts that are there, a line each; `empty` when none is.
fn lines<'a>(parts: impl IntoIterator<Item = Option<&'a str>>, empty: &str) -> String {
    let parts: Vec<_> = parts.into_iter().flatten().map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { empty.to_owned() } else { parts.join("\n") }
}

/// A text as long as a message may be.
fn bounded(text: String) -> String {
    match text.char_indices().nth(limits::TEXT_CHARS_MAX) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

fn id_of(key: &MessageField<wa::MessageKey>) -> Option<String> {
    key.as_option()?.id.clone().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod every_field;
#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn text(text: &str) -> wa::Message {
        wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
    }

    pub(super) fn wrapped(message: wa::Message) -> wa::Message {
        let inner = wa::message::FutureProofMessage { message: MessageField::some(message) };
        wa::Message { ephemeral_message: MessageField::some(inner), ..Default::default() }
    }

    pub(super) fn key(id: &str) -> MessageField<wa::MessageKey> {
        MessageField::some(wa::MessageKey { id: Some(id.to_owned()), ..Default::default() })
    }

    pub(super) fn protocol(kind: Option<Type>, edited: Option<wa::Message>) -> wa::Message {
        let protocol = wa::message::ProtocolMessage {
            r#type: kind,
            key: key("TARGET"),
            edited_message: edited.into(),
            ..Default::default()
        };
        wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
    }

    #[test]
    fn a_text_is_read_through_its_wrappers() {
        let mut message = text("hello");
        for _ in 0..WRAPPERS_MAX {
            let said = read(&message).unwrap();
            assert_eq!((said.kind, said.text.as_str(), said.about), ("text", "hello", None));
            message = wrapped(message);
        }
    }

    #[test]
    fn an_answer_names_what_it_answers() {
        let context = wa::ContextInfo { stanza_id: Some("TARGET".into()), ..Default::default() };
        let extended = wa::message::ExtendedTextMessage {
            text: Some("yes".into()),
            context_info: MessageField::some(context),
            ..Default::default()
        };
        let message = wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() };
        let said = read(&message).unwrap();
        assert_eq!((said.text.as_str(), said.about.as_deref()), ("yes", Some("TARGET")));
    }

    #[test]
    fn edits_deletions_and_reactions_say_what_they_change() {
        let edit = read(&protocol(Some(Type::MESSAGE_EDIT), Some(text("better")))).unwrap();
        assert_eq!((edit.kind, edit.text.as_str(), edit.about.as_deref()), ("edit", "better", Some("TARGET")));
        for kind in [Some(Type::REVOKE), None] {
            let delete = read(&protocol(kind, None)).unwrap();
            assert_eq!((delete.kind, delete.about.as_deref()), ("delete", Some("TARGET")));
        }
        let reaction =
            wa::message::ReactionMessage { key: key("TARGET"), text: Some("👍".into()), ..Default::default() };
        let reaction = wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        let said = read(&reaction).unwrap();
        assert_eq!((said.kind, said.text.as_str(), said.about.as_deref()), ("reaction", "👍", Some("TARGET")));
    }

    #[test]
    fn a_file_has_its_caption_or_its_kind_as_text() {
        let image = |caption: Option<&str>| {
            let image = wa::message::ImageMessage {
                caption: caption.map(str::to_owned),
                direct_path: Some("/v/x".into()),
                file_length: Some(7),
                mimetype: Some("image/png".into()),
                ..Default::default()
            };
            read(&wa::Message { image_message: MessageField::some(image), ..Default::default() }).unwrap()
        };
        assert_eq!((image(Some("look")).text.as_str(), image(None).text.as_str()), ("look", "[image]"));
        let file = image(None).file.unwrap();
        assert_eq!((file.direct_path.as_str(), file.bytes, file.kind), ("/v/x", 7, MediaKind::Image));
        let again: FileRef = serde_json::from_slice(&serde_json::to_vec(&file).unwrap()).unwrap();
        assert_eq!(again, file);
    }

    #[test]
    fn what_nobody_would_see_is_not_told() {
        assert_eq!(read(&wa::Message::default()), None);
        assert_eq!(read(&protocol(Some(Type::APP_STATE_SYNC_KEY_SHARE), None)), None);
        let keys = wa::message::SenderKeyDistributionMessage::default();
        let keys = wa::Message { sender_key_distribution_message: MessageField::some(keys), ..Default::default() };
        assert_eq!(read(&keys), None);
    }

    #[test]
    fn a_timer_is_read_from_a_setting_and_from_any_message() {
        let context =
            wa::ContextInfo { expiration: Some(86_400), ephemeral_setting_timestamp: Some(7), ..Default::default() };
        let image = wa::message::ImageMessage { context_info: MessageField::some(context), ..Default::default() };
        let message = wa::Message { image_message: MessageField::some(image), ..Default::default() };
        assert_eq!(timer(&wrapped(message)), Some(Timer { seconds: 86_400, set_at: Some(7) }));
        assert_eq!(timer(&text("hello")), None);
    }

    #[test]
    fn a_text_is_no_longer_than_a_message_may_be() {
        let told = read(&text(&"é".repeat(limits::TEXT_CHARS_MAX + 5))).unwrap();
        assert_eq!(told.text.chars().count(), limits::TEXT_CHARS_MAX);
    }
}
