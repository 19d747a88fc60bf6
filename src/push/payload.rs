//! What a Push URL is sent: the form fields of the API's documentation, signed as Standard Webhooks. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::clock::{Millis, rfc3339};

/// A message as it is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushMessage {
    /// The same in every try.
    pub id: String,
    pub gateway_number: String,
    pub originator: String,
    pub received_at: Millis,
    /// When it was written.
    pub sent_at: Millis,
    /// The text, the caption, or a short text that stands for a file.
    pub msg: String,
    pub kind: String,
    pub media_url: Option<String>,
    /// Whether its file is still to come: then it is pushed again, under the same id.
    pub media_pending: bool,
    pub file_name: Option<String>,
    pub group_id: Option<String>,
    pub name: Option<String>,
    /// What it answers, changes or reacts to: a `ref_no`, or the id of an earlier push.
    pub about: Option<String>,
}

/// The message as `application/x-www-form-urlencoded`: every field always there, empty when it has no value.
pub fn form(message: &PushMessage) -> String {
    let is_group = if message.group_id.is_some() { "true" } else { "false" };
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("id", &message.id)
        .append_pair("gateway_number", &message.gateway_number)
        .append_pair("originator", &message.originator)
        .append_pair("receive_date", &rfc3339(message.received_at))
        .append_pair("msg", &message.msg)
        .append_pair("type", &message.kind)
        .append_pair("media_url", message.media_url.as_deref().unwrap_or_default())
        .append_pair("file_name", message.file_name.as_deref().unwrap_or_default())
        .append_pair("is_group", is_group)
        .append_pair("group_id", message.group_id.as_deref().unwrap_or_default())
        .append_pair("name", message.name.as_deref().unwrap_or_default())
        .append_pair("about", message.about.as_deref().unwrap_or_default())
        .append_pair("sent_date", &rfc3339(message.sent_at))
        .append_pair("media_pending", if message.media_pending { "true" } else { "false" })
        .finish()
}

/// A secret as its owner reads it: `whsec_` and base64.
pub fn shown(secret: &[u8; 32]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// The headers that prove who sent a body (Standard Webhooks 1.0, symmetric signature).
pub fn sign(secret: &[u8; 32], id: &str, seconds: i64, body: &str) -> Vec<(&'static str, String)> {
    // HMAC takes keys of every length.
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    let signature = mac.chain_update(format!("{id}.{seconds}.{body}")).finalize().into_bytes();
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(signature))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_fields_come_first_and_none_is_left_out() {
        let message = PushMessage {
            id: "a1".into(),
            gateway_number: "628111".into(),
            originator: "628222".into(),
            received_at: 1_566_656_122_000,
            sent_at: 1_566_656_121_000,
            msg: "a & b\n😀".into(),
            kind: "text".into(),
            media_url: None,
            media_pending: false,
            file_name: None,
            group_id: None,
            name: None,
            about: None,
        };
        assert_eq!(
            form(&message),
            "id=a1&gateway_number=628111&originator=628222&receive_date=2019-08-24T14%3A15%3A22Z&\
             msg=a+%26+b%0A%F0%9F%98%80&type=text&media_url=&file_name=&is_group=false&group_id=&name=&about=&\
             sent_date=2019-08-24T14%3A15%3A21Z&media_pending=false"
        );
    }

    /// Computed by another implementation of HMAC-SHA256.
    #[test]
    fn a_signature_is_the_one_that_public_verifiers_compute() {
        let secret: [u8; 32] = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let headers = sign(&secret, "msg_1", 1_614_265_330, "id=1&msg=hello");
        assert_eq!(shown(&secret), "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert_eq!(headers[2], ("webhook-signature", "v1,9TWVhWe1ZymmMDFweC75T8g2iizs0PVe/pMOodYIQBk=".into()));
    }
}
