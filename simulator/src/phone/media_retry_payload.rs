//! Payloads of a companion's media retry request and of the phone's response, both encrypted with a key derived from
//! the media key.

use hkdf::Hkdf;
use sha2::Sha256;
use wacore_libsignal::crypto::{aes_256_gcm_decrypt, aes_256_gcm_encrypt};
use waproto::buffa::Message as _;
use waproto::whatsapp::media_retry_notification::ResultType;
use waproto::whatsapp::{MediaRetryNotification, ServerErrorReceipt};

const PURPOSE: &[u8] = b"WhatsApp Media Retry Notification";

/// Whether this is a request for the message with this id, from a companion that has the media key.
pub fn is_request(media_key: &[u8], id: &str, iv: &[u8], sealed: &[u8]) -> bool {
    let Ok(iv) = <[u8; 12]>::try_from(iv) else { return false };
    let mut plain = Vec::new();
    let opened = aes_256_gcm_decrypt(&key(media_key), &iv, id.as_bytes(), sealed, &mut plain);
    let receipt = opened.ok().and_then(|()| ServerErrorReceipt::decode_from_slice(&plain).ok());
    receipt.is_some_and(|receipt| receipt.stanza_id.as_deref() == Some(id))
}

/// The response with the new location; `None` if it cannot be encrypted.
pub fn answer(media_key: &[u8], id: &str, direct_path: &str, iv: [u8; 12]) -> Option<Vec<u8>> {
    let answer = MediaRetryNotification {
        stanza_id: Some(id.to_owned()),
        direct_path: Some(direct_path.to_owned()),
        result: Some(ResultType::SUCCESS),
        ..MediaRetryNotification::default()
    };
    let mut sealed = Vec::new();
    aes_256_gcm_encrypt(&key(media_key), &iv, id.as_bytes(), &answer.encode_to_vec(), &mut sealed).ok()?;
    Some(sealed)
}

fn key(media_key: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    // HKDF can always produce a single block.
    Hkdf::<Sha256>::new(None, media_key).expand(PURPOSE, &mut key).expect("32 bytes");
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore::media_retry::{decrypt_media_retry_notification, encrypt_media_retry_receipt};

    #[test]
    fn the_client_library_asks_and_is_answered() {
        let (sealed, iv) = encrypt_media_retry_receipt(&[5; 32], "ID1").unwrap();
        assert!(is_request(&[5; 32], "ID1", &iv, &sealed));
        assert!(!is_request(&[6; 32], "ID1", &iv, &sealed) && !is_request(&[5; 32], "ID2", &iv, &sealed));
        let sealed = answer(&[5; 32], "ID1", "/v/2", [7; 12]).unwrap();
        let plain = decrypt_media_retry_notification(&[5; 32], "ID1", &[7; 12], &sealed).unwrap();
        assert_eq!(MediaRetryNotification::decode_from_slice(&plain).unwrap().direct_path.as_deref(), Some("/v/2"));
    }
}
