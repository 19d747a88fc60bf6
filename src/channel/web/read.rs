//! From an incoming message of the protocol to what a customer is told of it. Pure.

use serde::{Deserialize, Serialize};
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::download::DownloadParams;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;

use super::compose::media_type;
use crate::media::kind::MediaKind;

/// Wrappers within wrappers that are looked through; real messages have up to four.
const WRAPPERS_MAX: usize = 8;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// `text`, `image`, `video`, `audio`, `document`, `sticker`, `location`, `contact`, `reaction`, `edit`, `delete`
    /// or `other`.
    pub kind: &'static str,
    /// The text or caption, or a short text that stands for a message without one.
    pub text: String,
    pub file: Option<FileRef>,
    /// The id, on WhatsApp, of the message that this one answers, changes or reacts to.
    pub about: Option<String>,
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
    let about = context.and_then(|context| context.stanza_id.clone()).filter(|id| !id.is_empty());
    Some(Said { about, ..said })
}

/// Looks through what only wraps another message.
fn unwrapped(message: &wa::Message) -> &wa::Message {
    let mut inner = message;
    for _ in 0..WRAPPERS_MAX {
        let wrapper = [
            &inner.ephemeral_message,
            &inner.view_once_message,
            &inner.view_once_message_v2,
            &inner.view_once_message_v2_extension,
            &inner.document_with_caption_message,
            &inner.edited_message,
        ];
        let next = wrapper.into_iter().find_map(|wrapper| wrapper.as_option()?.message.as_option());
        match next {
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
            let text = content(unwrapped(edited)).map(|(said, _)| said.text).unwrap_or_default();
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

fn content(message: &wa::Message) -> Option<(Said, Context<'_>)> {
    let said = |kind, text| Said { kind, text, ..Said::default() };
    if let Some(text) = &message.conversation {
        return Some((said("text", text.clone()), None));
    }
    if let Some(extended) = message.extended_text_message.as_option() {
        let text = extended.text.clone().unwrap_or_default();
        return Some((said("text", text), extended.context_info.as_option()));
    }
    if let Some(place) = message.location_message.as_option() {
        let (latitude, longitude) =
            (place.degrees_latitude.unwrap_or_default(), place.degrees_longitude.unwrap_or_default());
        let name = place.name.as_deref().filter(|name| !name.is_empty()).map(|name| format!("{name} "));
        let text = format!("{}{latitude},{longitude}", name.unwrap_or_default());
        return Some((said("location", text), place.context_info.as_option()));
    }
    if let Some(place) = message.live_location_message.as_option() {
        let (latitude, longitude) =
            (place.degrees_latitude.unwrap_or_default(), place.degrees_longitude.unwrap_or_default());
        return Some((said("location", format!("{latitude},{longitude}")), place.context_info.as_option()));
    }
    if let Some(contact) = message.contact_message.as_option() {
        let text = contact.vcard.clone().or_else(|| contact.display_name.clone()).unwrap_or_default();
        return Some((said("contact", text), contact.context_info.as_option()));
    }
    if let Some(contacts) = message.contacts_array_message.as_option() {
        let cards: Vec<_> = contacts.contacts.iter().filter_map(|contact| contact.vcard.clone()).collect();
        return Some((said("contact", cards.join("\n")), contacts.context_info.as_option()));
    }
    if let Some(found) = file(message) {
        return Some(found);
    }
    // What carries nothing but keys and settings shows nobody anything.
    let mut rest = message.clone();
    rest.message_context_info = MessageField::default();
    rest.sender_key_distribution_message = MessageField::default();
    (rest != wa::Message::default())
        .then(|| (said("other", "[a message of a kind this gateway does not know]".into()), None))
}

/// What all kinds of files say alike.
macro_rules! file {
    ($message:expr, $kind:ident, $text:expr, $name:expr) => {{
        let message = $message;
        let file = FileRef {
            kind: MediaKind::$kind,
            direct_path: message.direct_path.clone().unwrap_or_default(),
            key: message.media_key.clone().unwrap_or_default(),
            sha256: message.file_sha256.clone().unwrap_or_default(),
            encrypted_sha256: message.file_enc_sha256.clone().unwrap_or_default(),
            bytes: message.file_length.unwrap_or_default(),
            mime: message.mimetype.clone().unwrap_or_default(),
            name: $name,
        };
        let kind = file.kind.name();
        let caption: Option<String> = $text;
        let text = caption.filter(|text| !text.is_empty()).unwrap_or_else(|| format!("[{kind}]"));
        Some((Said { kind, text, file: Some(file), about: None }, message.context_info.as_option()))
    }};
}

fn file(message: &wa::Message) -> Option<(Said, Context<'_>)> {
    if let Some(image) = message.image_message.as_option() {
        return file!(image, Image, image.caption.clone(), None);
    }
    let video = message.video_message.as_option().or_else(|| message.ptv_message.as_option());
    if let Some(video) = video {
        return file!(video, Video, video.caption.clone(), None);
    }
    if let Some(audio) = message.audio_message.as_option() {
        return file!(audio, Audio, None, None);
    }
    if let Some(paper) = message.document_message.as_option() {
        let name = paper.file_name.clone().or_else(|| paper.title.clone());
        return file!(paper, Document, paper.caption.clone(), name);
    }
    let sticker = message.sticker_message.as_option()?;
    file!(sticker, Sticker, None, None)
}

fn id_of(key: &MessageField<wa::MessageKey>) -> Option<String> {
    key.as_option()?.id.clone().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> wa::Message {
        wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
    }

    fn wrapped(message: wa::Message) -> wa::Message {
        let inner = wa::message::FutureProofMessage { message: MessageField::some(message) };
        wa::Message { ephemeral_message: MessageField::some(inner), ..Default::default() }
    }

    fn key(id: &str) -> MessageField<wa::MessageKey> {
        MessageField::some(wa::MessageKey { id: Some(id.to_owned()), ..Default::default() })
    }

    fn protocol(kind: Option<Type>, edited: Option<wa::Message>) -> wa::Message {
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
    fn what_is_not_known_is_told_as_such() {
        let list = wa::message::ListMessage { title: Some("choose".into()), ..Default::default() };
        let message = wa::Message { list_message: MessageField::some(list), ..Default::default() };
        assert_eq!(read(&message).unwrap().kind, "other");
    }
}
