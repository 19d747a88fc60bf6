//! Round trips of contents.

use super::*;
use wacore_binary::Jid;
use waproto::buffa::MessageField;
use waproto::codec::{message_decode, message_to_vec};
use waproto::whatsapp as wa;

const NOW_MS: u64 = 1_750_000_000_123;

fn chat() -> Jid {
    "15550002@s.whatsapp.net".parse().unwrap()
}

fn attachment(file: FileKind) -> Attachment {
    let seal = Seal {
        key: vec![1; 32],
        sha256: vec![2; 32],
        encrypted_sha256: vec![3; 32],
        size: 5,
        direct_path: "/v/t62/1".to_owned(),
        url: "https://host/v/t62/1".to_owned(),
    };
    Attachment {
        file,
        mime_type: "a/b".to_owned(),
        caption: None,
        file_name: None,
        seconds: None,
        preview: Preview::default(),
        seal,
    }
}

fn target() -> Target {
    Target { id: "ID1".to_owned(), from_me: true, sender: None }
}

fn poll(selectable: u32) -> Content {
    Content::Poll { question: "Tea?".to_owned(), options: vec!["yes".to_owned(), "no".to_owned()], selectable }
}

/// One of each content that a person can send.
fn everything() -> Vec<Content> {
    let with = |file, caption: Option<&str>, name: Option<&str>, seconds| {
        Content::File(Box::new(Attachment {
            caption: caption.map(str::to_owned),
            file_name: name.map(str::to_owned),
            seconds,
            // A document with a caption is wrapped.
            preview: Preview { is_wrapped: file == FileKind::Document && caption.is_some(), ..Preview::default() },
            ..attachment(file)
        }))
    };
    vec![
        Content::Text { text: "hello".to_owned() },
        Content::Text { text: String::new() },
        with(FileKind::Image, None, None, None),
        with(FileKind::Image, Some("look"), None, None),
        with(FileKind::Video, Some("see"), None, Some(3)),
        with(FileKind::Audio, None, None, Some(4)),
        with(FileKind::Voice, None, None, Some(5)),
        with(FileKind::Document, None, Some("a.pdf"), None),
        with(FileKind::Document, Some("read"), Some("a.pdf"), None),
        with(FileKind::Sticker, None, None, None),
        Content::Location { latitude: -6.2, longitude: 106.8, name: Some("Jakarta".to_owned()) },
        Content::Contact { name: "Bob".to_owned(), vcard: "BEGIN:VCARD\nEND:VCARD".to_owned() },
        poll(1),
        poll(0),
        Content::Reaction { to: target(), emoji: "👍".to_owned() },
        Content::Reaction { to: target(), emoji: String::new() },
        Content::Edit { of: target(), text: "better".to_owned() },
        Content::Delete { of: target() },
        Content::Delete { of: Target { from_me: false, sender: Some("15550003@s.whatsapp.net".into()), ..target() } },
    ]
}

/// Round trip through the encoded bytes.
fn over(message: &wa::Message) -> Decoded {
    decode(message_decode(&message_to_vec(message)).unwrap())
}

#[test]
fn every_content_survives_a_round_trip() {
    for content in everything() {
        let body = MessageBody::from(content);
        let unpacked = over(&encode(&body, &chat(), NOW_MS));
        assert_eq!(unpacked.reading, Reading::message(body));
        assert_eq!((unpacked.sent_to, unpacked.distribution), (None, None));
    }
}

#[test]
fn an_answer_names_what_it_answers() {
    let reply = Reply { id: "ID1".to_owned(), sender: "15550002@s.whatsapp.net".to_owned(), text: "what".to_owned() };
    let answerable = |content: &Content| !content.is_about_another();
    for content in everything().into_iter().filter(answerable) {
        let body = MessageBody { content, reply_to: Some(reply.clone()) };
        assert_eq!(over(&encode(&body, &chat(), NOW_MS)).reading, Reading::message(body));
    }
}

#[test]
fn wrapped_contents_are_unwrapped() {
    let body = MessageBody::text("hello");
    let plain = encode(&body, &chat(), NOW_MS);
    let wrap = |message: wa::Message| {
        MessageField::some(wa::message::FutureProofMessage { message: MessageField::some(message) })
    };
    let wrapped = [
        wa::Message { ephemeral_message: wrap(plain.clone()), ..Default::default() },
        wa::Message { view_once_message: wrap(plain.clone()), ..Default::default() },
        wa::Message { view_once_message_v2: wrap(plain.clone()), ..Default::default() },
        wa::Message {
            ephemeral_message: wrap(wa::Message { view_once_message_v2: wrap(plain.clone()), ..Default::default() }),
            ..Default::default()
        },
    ];
    for message in wrapped {
        assert_eq!(over(&message).reading, Reading::message(body.clone()));
        let copy = over(&for_own_devices(message, &chat()));
        assert_eq!(copy.reading, Reading::message(body.clone()));
        assert_eq!(copy.sent_to.as_deref(), Some("15550002@s.whatsapp.net"));
    }
}

#[test]
fn endless_wrapping_ends() {
    let mut message = encode(&MessageBody::text("deep"), &chat(), NOW_MS);
    for _ in 0..40 {
        message = for_own_devices(message, &chat());
    }
    assert_ne!(over(&message).reading, Reading::message(MessageBody::text("deep")));
}

#[test]
fn a_sender_key_comes_alone_or_with_a_text() {
    let key = MessageField::some(wa::message::SenderKeyDistributionMessage {
        group_id: Some("1@g.us".to_owned()),
        axolotl_sender_key_distribution_message: Some(vec![1, 2]),
    });
    let alone = wa::Message { sender_key_distribution_message: key.clone(), ..Default::default() };
    let unpacked = over(&alone);
    assert_eq!(unpacked.distribution, Some(Distribution { group: "1@g.us".to_owned(), key: vec![1, 2] }));
    assert_eq!(unpacked.reading, Reading::Silent);
    let mut both = encode(&MessageBody::text("hi"), &chat(), NOW_MS);
    both.sender_key_distribution_message = key;
    assert_eq!(over(&both).reading, Reading::message(MessageBody::text("hi")));
}

#[test]
fn contents_are_json_and_back() {
    for content in everything() {
        let body = MessageBody::from(content);
        let json = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<MessageBody>(&json).unwrap(), body, "{json}");
    }
    let json = serde_json::to_value(MessageBody::text("hello")).unwrap();
    assert_eq!(json, serde_json::json!({"kind": "text", "text": "hello"}));
}

#[test]
fn stanzas_are_marked_by_their_content_as_the_client_library_marks_them() {
    for content in everything() {
        let message = encode(&content.clone().into(), &chat(), NOW_MS);
        assert_eq!(content.stanza_type(), wacore::send::stanza_type_from_message(&message), "{content:?}");
        assert_eq!(content.media_type(), wacore::send::media_type_from_message(&message), "{content:?}");
    }
}
