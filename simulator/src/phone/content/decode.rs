//! Decodes a decrypted protobuf message to plain values.

use waproto::buffa::MessageField;
use waproto::codec::message_encoded_len;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::PeerDataOperationRequestType;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::secret_encrypted_message::SecretEncType;

use super::{Attachment, Content, MessageBody, Preview, Purpose, Reply, Sealed, Target, secret_of};
use crate::phone::file::{FileKind, Seal};

/// Nested wrappers that are unwrapped; real messages have up to four.
const WRAPPERS_MAX: usize = 8;

/// A decoded message.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// A sender key distribution in the message.
    pub distribution: Option<Distribution>,
    /// The chat that another own device sent it to.
    pub sent_to: Option<String>,
    /// The secret with which others encrypt references to it.
    pub secret: Option<Vec<u8>>,
    pub reading: Reading,
}

/// A sender key distributed to this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    pub group: String,
    pub key: Vec<u8>,
}

/// The kind of message.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A chat message.
    Message(Box<MessageBody>),
    /// A reference to another message, encrypted with that one's secret.
    Sealed(Box<Sealed>),
    /// A peer request from an own companion.
    PeerRequest(PeerRequest),
    /// Nothing to display.
    Silent,
}

/// What companions request from their phone.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerRequest {
    /// App state keys, by their ids.
    StateKeys(Vec<Vec<u8>>),
    /// Messages that the companion could not decrypt, by their keys.
    Messages(Vec<wa::MessageKey>),
    /// Messages of a chat older than this one.
    Older { chat: String, before: String, count: usize },
    /// A request that a simulated phone does not know.
    Other,
}

impl Reading {
    pub(in crate::phone) fn message(body: impl Into<MessageBody>) -> Self {
        Self::Message(Box::new(body.into()))
    }
}

/// Decodes a decrypted message.
pub fn decode(message: wa::Message) -> Decoded {
    let mut sent_to = None;
    let mut distribution = None;
    let mut secret = None;
    let mut inner = message;
    let mut is_wrapped = false;
    for _ in 0..WRAPPERS_MAX {
        is_wrapped |= inner.document_with_caption_message.is_set();
        secret = secret_of(&inner).or(secret);
        if let Some(key) = inner.sender_key_distribution_message.take() {
            distribution = key
                .group_id
                .zip(key.axolotl_sender_key_distribution_message)
                .map(|(group, key)| Distribution { group, key });
        }
        if let Some(sent) = inner.device_sent_message.take() {
            sent_to = sent.destination_jid;
            inner = sent.message.into_option().unwrap_or_default();
            continue;
        }
        match unwrap_once(&mut inner) {
            Some(next) => inner = next,
            None => break,
        }
    }
    let mut reading = read(inner);
    if let Reading::Message(body) = &mut reading
        && let Content::File(attachment) = &mut body.content
    {
        attachment.preview.is_wrapped = is_wrapped;
    }
    Decoded { distribution, sent_to, secret, reading }
}

fn unwrap_once(message: &mut wa::Message) -> Option<wa::Message> {
    let wrapper = [
        &mut message.ephemeral_message,
        &mut message.view_once_message,
        &mut message.view_once_message_v2,
        &mut message.view_once_message_v2_extension,
        &mut message.document_with_caption_message,
        &mut message.edited_message,
    ]
    .into_iter()
    .find(|wrapper| wrapper.is_set())?;
    wrapper.take()?.message.into_option()
}

fn read(mut message: wa::Message) -> Reading {
    if let Some(protocol) = message.protocol_message.take() {
        return read_protocol(protocol);
    }
    if let Some(reaction) = message.reaction_message.take() {
        let (to, emoji) = (target(&reaction.key), reaction.text.unwrap_or_default());
        return Reading::message(Content::Reaction { to, emoji });
    }
    if let Some(sealed) = read_sealed(&mut message) {
        return Reading::Sealed(Box::new(sealed));
    }
    let (content, context) = match read_content(&mut message) {
        Some(found) => found,
        None => {
            message.message_context_info = MessageField::default();
            let size = message_encoded_len(&message) as u64;
            if size == 0 {
                return Reading::Silent;
            }
            (Content::Other { size }, MessageField::default())
        }
    };
    Reading::message(MessageBody { content, reply_to: reply(context) })
}

/// An edit or vote that is encrypted once more.
fn read_sealed(message: &mut wa::Message) -> Option<Sealed> {
    let is_edit =
        |sealed: &wa::message::SecretEncryptedMessage| sealed.secret_enc_type == Some(SecretEncType::MESSAGE_EDIT);
    if message.secret_encrypted_message.as_option().is_some_and(is_edit) {
        let sealed = message.secret_encrypted_message.take()?;
        let of = target(&sealed.target_message_key);
        return Some(Sealed { purpose: Purpose::Edit, of, payload: sealed.enc_payload?, iv: sealed.enc_iv? });
    }
    let update = message.poll_update_message.take()?;
    let (of, vote) = (target(&update.poll_creation_message_key), update.vote.into_option()?);
    Some(Sealed { purpose: Purpose::Vote, of, payload: vote.enc_payload?, iv: vote.enc_iv? })
}

fn read_content(message: &mut wa::Message) -> Option<(Content, MessageField<wa::ContextInfo>)> {
    if let Some(text) = message.conversation.take() {
        return Some((Content::Text { text }, MessageField::default()));
    }
    if let Some(text) = message.extended_text_message.take() {
        return Some((Content::Text { text: text.text.unwrap_or_default() }, text.context_info));
    }
    if let Some(place) = message.location_message.take() {
        let content = Content::Location {
            latitude: place.degrees_latitude.unwrap_or_default(),
            longitude: place.degrees_longitude.unwrap_or_default(),
            name: place.name,
        };
        return Some((content, place.context_info));
    }
    if let Some(contact) = message.contact_message.take() {
        let content = Content::Contact {
            name: contact.display_name.unwrap_or_default(),
            vcard: contact.vcard.unwrap_or_default(),
        };
        return Some((content, contact.context_info));
    }
    let polls = [
        &mut message.poll_creation_message,
        &mut message.poll_creation_message_v2,
        &mut message.poll_creation_message_v3,
        &mut message.poll_creation_message_v5,
    ];
    if let Some(poll) = polls.into_iter().find_map(MessageField::take) {
        let content = Content::Poll {
            question: poll.name.unwrap_or_default(),
            options: poll.options.into_iter().filter_map(|option| option.option_name).collect(),
            selectable: poll.selectable_options_count.unwrap_or_default(),
        };
        return Some((content, poll.context_info));
    }
    read_file(message).map(|(attachment, context)| (Content::File(Box::new(attachment)), context))
}

/// The fields that all kinds of files have.
macro_rules! attachment {
    ($kind:expr, $message:expr, { $($field:ident: $value:expr),* $(,)? }) => {{
        let seal = Seal {
            key: $message.media_key.unwrap_or_default(),
            sha256: $message.file_sha256.unwrap_or_default(),
            encrypted_sha256: $message.file_enc_sha256.unwrap_or_default(),
            size: $message.file_length.unwrap_or_default(),
            direct_path: $message.direct_path.unwrap_or_default(),
            url: $message.url.unwrap_or_default(),
        };
        #[allow(clippy::needless_update, reason = "some kinds have all of the fields")]
        let attachment = Attachment {
            $($field: $value,)*
            ..Attachment {
                file: $kind,
                mime_type: $message.mimetype.unwrap_or_default(),
                caption: None,
                file_name: None,
                seconds: None,
                preview: Preview::default(),
                seal,
            }
        };
        (attachment, $message.context_info)
    }};
}

fn read_file(message: &mut wa::Message) -> Option<(Attachment, MessageField<wa::ContextInfo>)> {
    if let Some(image) = message.image_message.take() {
        return Some(attachment!(FileKind::Image, image, {
            caption: image.caption,
            preview: Preview { width: image.width, height: image.height, thumbnail: image.jpeg_thumbnail, ..Preview::default() },
        }));
    }
    let is_video_note = message.ptv_message.is_set();
    if let Some(video) = message.video_message.take().or_else(|| message.ptv_message.take()) {
        let thumbnail = video.jpeg_thumbnail;
        return Some(attachment!(FileKind::Video, video, {
            caption: video.caption,
            seconds: video.seconds,
            preview: Preview { width: video.width, height: video.height, thumbnail, is_video_note, ..Preview::default() },
        }));
    }
    if let Some(audio) = message.audio_message.take() {
        let kind = if audio.ptt == Some(true) { FileKind::Voice } else { FileKind::Audio };
        return Some(attachment!(kind, audio, {
            seconds: audio.seconds,
            preview: Preview { waveform: audio.waveform, ..Preview::default() },
        }));
    }
    if let Some(paper) = message.document_message.take() {
        let name = paper.file_name.or(paper.title);
        return Some(attachment!(FileKind::Document, paper, {
            caption: paper.caption,
            file_name: name,
            preview: Preview { thumbnail: paper.jpeg_thumbnail, ..Preview::default() },
        }));
    }
    message.sticker_message.take().map(|sticker| {
        let is_animated = sticker.is_animated == Some(true);
        let preview = Preview { width: sticker.width, height: sticker.height, is_animated, ..Preview::default() };
        attachment!(FileKind::Sticker, sticker, { preview: preview })
    })
}

fn read_protocol(protocol: wa::message::ProtocolMessage) -> Reading {
    match protocol.r#type {
        // The first type has the number zero, which an encoder may leave out.
        Some(Type::REVOKE) => Reading::message(Content::Delete { of: target(&protocol.key) }),
        None if protocol.key.is_set() => Reading::message(Content::Delete { of: target(&protocol.key) }),
        Some(Type::MESSAGE_EDIT) => {
            let of = target(&protocol.key);
            let edited = protocol.edited_message.into_option().unwrap_or_default();
            let text = match read(edited) {
                Reading::Message(body) => body.content.summary().to_owned(),
                _ => String::new(),
            };
            Reading::message(Content::Edit { of, text })
        }
        Some(Type::APP_STATE_SYNC_KEY_REQUEST) => {
            let ids = protocol.app_state_sync_key_request.into_option().unwrap_or_default().key_ids;
            Reading::PeerRequest(PeerRequest::StateKeys(ids.into_iter().filter_map(|id| id.key_id).collect()))
        }
        Some(Type::PEER_DATA_OPERATION_REQUEST_MESSAGE) => Reading::PeerRequest(
            protocol.peer_data_operation_request_message.into_option().map_or(PeerRequest::Other, read_request),
        ),
        _ => Reading::Silent,
    }
}

fn read_request(request: wa::message::PeerDataOperationRequestMessage) -> PeerRequest {
    match request.peer_data_operation_request_type {
        Some(PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND) => PeerRequest::Messages(
            request
                .placeholder_message_resend_request
                .into_iter()
                .filter_map(|one| one.message_key.into_option())
                .collect(),
        ),
        Some(PeerDataOperationRequestType::HISTORY_SYNC_ON_DEMAND) => {
            let wanted = request.history_sync_on_demand_request.into_option().unwrap_or_default();
            PeerRequest::Older {
                chat: wanted.chat_jid.unwrap_or_default(),
                before: wanted.oldest_msg_id.unwrap_or_default(),
                count: wanted.on_demand_msg_count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default(),
            }
        }
        _ => PeerRequest::Other,
    }
}

fn target(key: &MessageField<wa::MessageKey>) -> Target {
    let key = key.as_option();
    Target {
        id: key.and_then(|key| key.id.clone()).unwrap_or_default(),
        from_me: key.and_then(|key| key.from_me).unwrap_or_default(),
        // Baileys sends an empty participant instead of none.
        sender: key.and_then(|key| key.participant.clone()).filter(|sender| !sender.is_empty()),
    }
}

fn reply(context: MessageField<wa::ContextInfo>) -> Option<Reply> {
    let context = context.into_option()?;
    let text = match read(context.quoted_message.into_option().unwrap_or_default()) {
        Reading::Message(body) => body.content.summary().to_owned(),
        _ => String::new(),
    };
    Some(Reply { id: context.stanza_id?, sender: context.participant.unwrap_or_default(), text })
}
