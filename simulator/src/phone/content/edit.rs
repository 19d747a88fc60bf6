//! Edits of one's own messages, in each form in which applications send them.

use serde::{Deserialize, Serialize};
use wacore::message_edit::{MessageEditContext, encrypt_message_edit};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::secret_encrypted_message::SecretEncType;

/// How an edit is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditForm {
    /// Directly: Android until July 2026.
    #[default]
    Plain,
    /// In `editedMessage`: iOS and Windows (github.com/devlikeapro/waha/issues/1394), and whatsmeow.
    Wrapped,
    /// Encrypted once more under the secret of the edited message: most since July 2026
    /// (github.com/WhiskeySockets/Baileys/issues/2719).
    Encrypted,
}

/// Adds 32 random bytes, the secret with which others can encrypt references to the message.
pub fn with_secret(mut message: wa::Message, secret: [u8; 32]) -> wa::Message {
    message.message_context_info =
        MessageField::some(wa::MessageContextInfo { message_secret: Some(secret.to_vec()), ..Default::default() });
    message
}

/// The secret that a message carries.
pub fn secret_of(message: &wa::Message) -> Option<Vec<u8>> {
    message.message_context_info.as_option()?.message_secret.clone()
}

/// Converts a plain edit to this form; `None` if it cannot be encrypted. `sender` is the editor, as the chat addresses
/// them.
pub fn packed(plain: wa::Message, form: EditForm, secret: Option<&[u8]>, sender: &str) -> Option<wa::Message> {
    match form {
        EditForm::Plain => Some(plain),
        EditForm::Wrapped => Some(wa::Message {
            edited_message: MessageField::some(wa::message::FutureProofMessage { message: MessageField::some(plain) }),
            ..Default::default()
        }),
        EditForm::Encrypted => {
            let key = plain.protocol_message.as_option()?.key.clone();
            let id = key.as_option()?.id.clone()?;
            let context = MessageEditContext { original_msg_id: &id, original_sender_jid: sender, editor_jid: sender };
            let (payload, iv) = encrypt_message_edit(&plain, secret?, &context).ok()?;
            Some(wa::Message {
                secret_encrypted_message: MessageField::some(wa::message::SecretEncryptedMessage {
                    target_message_key: key,
                    enc_payload: Some(payload),
                    enc_iv: Some(iv.to_vec()),
                    secret_enc_type: Some(SecretEncType::MESSAGE_EDIT),
                    ..Default::default()
                }),
                ..Default::default()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use wacore::message_edit::decrypt_message_edit;

    use super::*;

    const ANN: &str = "15550001@s.whatsapp.net";

    fn plain() -> wa::Message {
        let key = wa::MessageKey { id: Some("ID1".to_owned()), from_me: Some(true), ..Default::default() };
        wa::Message {
            protocol_message: MessageField::some(wa::message::ProtocolMessage {
                key: MessageField::some(key),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn an_encrypted_edit_is_opened_with_the_secret_of_its_message() {
        let original = with_secret(wa::Message::default(), [7; 32]);
        let secret = secret_of(&original).unwrap();
        let edit = packed(plain(), EditForm::Encrypted, Some(&secret), ANN).unwrap();
        let sealed = edit.secret_encrypted_message.as_option().unwrap();
        let context = MessageEditContext { original_msg_id: "ID1", original_sender_jid: ANN, editor_jid: ANN };
        let (payload, iv) = (sealed.enc_payload.as_ref().unwrap(), sealed.enc_iv.as_ref().unwrap());
        assert_eq!(decrypt_message_edit(payload, iv, &secret, &context).unwrap(), plain());
        assert_eq!(packed(plain(), EditForm::Encrypted, None, ANN), None, "an original without a secret");
    }

    #[test]
    fn a_wrapped_edit_holds_the_plain_one() {
        let edit = packed(plain(), EditForm::Wrapped, None, ANN).unwrap();
        let inner = edit.edited_message.as_option().unwrap().message.as_option().unwrap();
        assert_eq!(*inner, plain());
    }
}
