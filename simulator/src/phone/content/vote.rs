//! Poll votes, which only those who have the poll can decrypt.

use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use wacore_binary::Jid;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::Target;
use super::encode::key;

/// Encodes a vote for these options of a poll, encrypted under the poll's secret; `None` if it cannot be encrypted.
/// `author` created the poll and `voter` votes, both as the chat addresses them.
pub fn vote(
    poll: &Target,
    options: &[String],
    chat: &Jid,
    secret: &[u8],
    (author, voter): (&str, &str),
    now_ms: u64,
) -> Option<wa::Message> {
    let hashes: Vec<Vec<u8>> = options.iter().map(|option| compute_option_hash(option).to_vec()).collect();
    let (payload, iv) = encrypt_poll_vote_with_secret(&hashes, secret, &poll.id, author, voter).ok()?;
    Some(wa::Message {
        poll_update_message: MessageField::some(wa::message::PollUpdateMessage {
            poll_creation_message_key: MessageField::some(key(poll, chat)),
            vote: MessageField::some(wa::message::PollEncValue {
                enc_payload: Some(payload),
                enc_iv: Some(iv.to_vec()),
            }),
            sender_timestamp_ms: Some(now_ms as i64),
            ..Default::default()
        }),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Reading, decode};
    use super::*;

    const ANN: &str = "15550001@s.whatsapp.net";
    const BOB: &str = "15550002@s.whatsapp.net";

    #[test]
    fn a_vote_is_read_by_whoever_has_the_poll() {
        let poll = Target { id: "POLL1".to_owned(), from_me: false, sender: None };
        let options = ["tea".to_owned(), "coffee".to_owned(), "water".to_owned()];
        let chosen = &options[1..];
        let message = vote(&poll, chosen, &Jid::pn("15550001"), &[7; 32], (ANN, BOB), 5).unwrap();
        let Reading::Sealed(sealed) = decode(message).reading else { panic!("a vote is sealed") };
        let poll_message = Content::Poll { question: "?".to_owned(), options: options.to_vec(), selectable: 0 };
        let read = Content::Vote { poll, options: chosen.to_vec() };
        assert_eq!(sealed.open(&poll_message, &[7; 32], ANN, BOB), Some(read));
        for (secret, author, voter) in [([8; 32], ANN, BOB), ([7; 32], BOB, BOB), ([7; 32], ANN, ANN)] {
            assert_eq!(sealed.open(&poll_message, &secret, author, voter), None);
        }
        assert_eq!(sealed.open(&Content::Text { text: String::new() }, &[7; 32], ANN, BOB), None);
    }
}
