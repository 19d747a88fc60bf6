//! Encodes a content as a protobuf message.

use wacore_binary::Jid;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type;

use super::{Attachment, Content, MessageBody, Reply, Target};
use crate::phone::file::FileKind;

/// The protobuf message for this body in a chat.
pub fn encode(body: &MessageBody, chat: &Jid, now_ms: u64) -> wa::Message {
    let context = body.reply_to.as_ref().map(context).into();
    match &body.content {
        Content::Text { text } if body.reply_to.is_none() => {
            wa::Message { conversation: Some(text.clone()), ..Default::default() }
        }
        Content::Text { text } => wa::Message {
            extended_text_message: MessageField::some(wa::message::ExtendedTextMessage {
                text: Some(text.clone()),
                context_info: context,
                ..Default::default()
            }),
            ..Default::default()
        },
        Content::File(attachment) => file(attachment, context, now_ms),
        Content::Location { latitude, longitude, name } => wa::Message {
            location_message: MessageField::some(wa::message::LocationMessage {
                degrees_latitude: Some(*latitude),
                degrees_longitude: Some(*longitude),
                name: name.clone(),
                context_info: context,
                ..Default::default()
            }),
            ..Default::default()
        },
        Content::Contact { name, vcard } => wa::Message {
            contact_message: MessageField::some(wa::message::ContactMessage {
                display_name: Some(name.clone()),
                vcard: Some(vcard.clone()),
                context_info: context,
                ..Default::default()
            }),
            ..Default::default()
        },
        Content::Reaction { to, emoji } => wa::Message {
            reaction_message: MessageField::some(wa::message::ReactionMessage {
                key: MessageField::some(key(to, chat)),
                text: Some(emoji.clone()),
                sender_timestamp_ms: Some(now_ms as i64),
                ..Default::default()
            }),
            ..Default::default()
        },
        Content::Edit { of, text } => protocol(wa::message::ProtocolMessage {
            key: MessageField::some(key(of, chat)),
            r#type: Some(Type::MESSAGE_EDIT),
            edited_message: MessageField::some(wa::Message { conversation: Some(text.clone()), ..Default::default() }),
            timestamp_ms: Some(now_ms as i64),
            ..Default::default()
        }),
        Content::Delete { of } => protocol(wa::message::ProtocolMessage {
            key: MessageField::some(key(of, chat)),
            r#type: Some(Type::REVOKE),
            ..Default::default()
        }),
        Content::Poll { question, options, selectable } => poll(question, options, *selectable, context),
        // A vote is encoded by `vote`, which needs the poll's secret.
        Content::Vote { .. } | Content::Other { .. } => wa::Message::default(),
    }
}

/// A single-choice poll has a separate field.
fn poll(question: &str, options: &[String], selectable: u32, context: MessageField<wa::ContextInfo>) -> wa::Message {
    use wa::message::poll_creation_message::Option as PollOption;
    let option = |name: &String| PollOption { option_name: Some(name.clone()), ..Default::default() };
    let poll = MessageField::some(wa::message::PollCreationMessage {
        name: Some(question.to_owned()),
        options: options.iter().map(option).collect(),
        selectable_options_count: Some(selectable),
        context_info: context,
        ..Default::default()
    });
    if selectable == 1 {
        wa::Message { poll_creation_message_v3: poll, ..Default::default() }
    } else {
        wa::Message { poll_creation_message: poll, ..Default::default() }
    }
}

/// The device-sent copy of a message for the sender's other devices, which need to know the destination.
pub fn for_own_devices(message: wa::Message, chat: &Jid) -> wa::Message {
    wa::Message {
        device_sent_message: MessageField::some(wa::message::DeviceSentMessage {
            destination_jid: Some(chat.to_string()),
            message: MessageField::some(message),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn protocol(message: wa::message::ProtocolMessage) -> wa::Message {
    wa::Message { protocol_message: MessageField::some(message), ..Default::default() }
}

pub(super) fn key(target: &Target, chat: &Jid) -> wa::MessageKey {
    wa::MessageKey {
        remote_jid: Some(chat.to_string()),
        from_me: Some(target.from_me),
        id: Some(target.id.clone()),
        participant: target.sender.clone(),
    }
}

fn context(reply: &Reply) -> wa::ContextInfo {
    wa::ContextInfo {
        stanza_id: Some(reply.id.clone()),
        participant: Some(reply.sender.clone()),
        quoted_message: MessageField::some(wa::Message {
            conversation: Some(reply.text.clone()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The fields that all kinds of files have, with the same names in each of their messages.
macro_rules! file_message {
    ($kind:ident, $attachment:expr, $context:expr, $now_ms:expr, { $($field:ident: $value:expr),* $(,)? }) => {
        MessageField::some(wa::message::$kind {
            url: Some($attachment.seal.url.clone()),
            direct_path: Some($attachment.seal.direct_path.clone()),
            mimetype: Some($attachment.mime_type.clone()),
            media_key: Some($attachment.seal.key.clone()),
            media_key_timestamp: Some(($now_ms / 1000) as i64),
            file_sha256: Some($attachment.seal.sha256.clone()),
            file_enc_sha256: Some($attachment.seal.encrypted_sha256.clone()),
            file_length: Some($attachment.seal.size),
            context_info: $context,
            $($field: $value,)*
            ..Default::default()
        })
    };
}

fn file(one: &Attachment, context: MessageField<wa::ContextInfo>, now_ms: u64) -> wa::Message {
    let mut message = wa::Message::default();
    match one.file {
        FileKind::Image => {
            message.image_message = file_message!(ImageMessage, one, context, now_ms, { caption: one.caption.clone() });
        }
        FileKind::Video => {
            message.video_message = file_message!(VideoMessage, one, context, now_ms, {
                caption: one.caption.clone(),
                seconds: one.seconds,
            });
        }
        FileKind::Audio | FileKind::Voice => {
            message.audio_message = file_message!(AudioMessage, one, context, now_ms, {
                ptt: Some(one.file == FileKind::Voice),
                seconds: one.seconds,
            });
        }
        FileKind::Document => return document(one, context, now_ms),
        FileKind::Sticker => {
            message.sticker_message = file_message!(StickerMessage, one, context, now_ms, {});
        }
        // A history is not a chat message.
        FileKind::History => {}
    }
    message
}

/// A document with a caption is wrapped, so that old applications show at least the document.
fn document(one: &Attachment, context: MessageField<wa::ContextInfo>, now_ms: u64) -> wa::Message {
    let document = wa::Message {
        document_message: file_message!(DocumentMessage, one, context, now_ms, {
            file_name: one.file_name.clone(),
            title: one.file_name.clone(),
            caption: one.caption.clone(),
        }),
        ..Default::default()
    };
    if one.caption.is_none() {
        return document;
    }
    wa::Message {
        document_with_caption_message: MessageField::some(wa::message::FutureProofMessage {
            message: MessageField::some(document),
        }),
        ..Default::default()
    }
}
