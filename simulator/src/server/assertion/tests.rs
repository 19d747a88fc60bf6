//! Assertions held against one that OpenSSL signed, and wrong ones that a passkey signed.

use serde_json::{Value, json};

use super::AssertionError::{Malformed, Wrong};
use super::*;
use crate::phone::passkey::{self, Passkey, USER_PRESENT, USER_VERIFIED};

const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The point of a key that OpenSSL made.
const POINT: [u8; 65] = [
    0x04, 0x12, 0xe1, 0x15, 0xaf, 0xc8, 0xa1, 0x0e, 0x26, 0xc9, 0xf2, 0x61, 0xb0, 0x13, 0xaa, 0x04, 0xf5, 0x24, 0x1b,
    0x33, 0x20, 0xf1, 0x29, 0xa4, 0xb5, 0x05, 0xa2, 0x37, 0x50, 0x82, 0xea, 0x8c, 0xa5, 0x36, 0xc7, 0xd4, 0x4f, 0xff,
    0xe5, 0x8e, 0xbd, 0x15, 0x2d, 0x46, 0x23, 0x19, 0x11, 0x3a, 0xbe, 0xee, 0xc1, 0x29, 0x61, 0x07, 0x43, 0x96, 0xf5,
    0x7b, 0x91, 0x57, 0x23, 0x3e, 0x0c, 0xf6, 0x2f,
];

#[test]
fn an_assertion_that_openssl_signed_is_accepted() {
    // Signed by `openssl dgst -sha256 -sign`; the flags are those of a passkey in a synchronized keychain (0x1d).
    let json = json!({
        "id": "AQID",
        "rawId": "AQID",
        "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUFFQ0F3UUZCZ2NJQ1FvTERBME9EeEFSRWhNVUZSWVhH\
                               QmthR3h3ZEhoOCIsIm9yaWdpbiI6Imh0dHBzOi8vd2ViLndoYXRzYXBwLmNvbSIsImNyb3NzT3JpZ2luIjpmYWxzZX0",
            "authenticatorData": "6GiQbHMCCZZu_0CMVdeBYw_LPJ3pYenpc4tN0OD9Xn8dAAAAAA",
            "signature": "MEYCIQCZi1HKDfyww8hJRsfl4MhJxmusGhqbATCluCjyMsCEvwIhALJJB_0mSpIXmiUSEDbq1xo1I9BL8GhqPZ-QvmDK7dIY",
            "userHandle": null,
        },
    });
    let credential = Credential::new(&[1, 2, 3], &POINT, b"ann").unwrap();
    let json = json.to_string();
    assert_eq!(credential.verify(CHALLENGE, &[1, 2, 3], json.as_bytes()), Ok(()));
    assert_eq!(credential.verify(CHALLENGE, &[1, 2, 4], json.as_bytes()), Err(Wrong("credential")));
    assert_eq!(credential.verify("AAEC", &[1, 2, 3], json.as_bytes()), Err(Wrong("challenge")));
    assert!(Credential::new(&[1], &POINT[1..], b"").is_none());
}

fn ann() -> Passkey {
    Passkey::new(7, "15550001", "90012345678901")
}

/// What the account of Ann says of an assertion.
fn verified(assertion: &Value) -> Result<(), AssertionError> {
    let credential = Credential::new(ann().credential_id(), &ann().public_key(), ann().user_handle()).unwrap();
    credential.verify(CHALLENGE, ann().credential_id(), assertion.to_string().as_bytes())
}

fn signed(client_data: &str, authenticator_data: &[u8]) -> Value {
    serde_json::to_value(ann().sign(client_data, authenticator_data)).unwrap()
}

#[test]
fn each_part_of_what_is_signed_is_checked() {
    let page = "https://web.whatsapp.com";
    let both = USER_PRESENT | USER_VERIFIED;
    let cases = [
        (("webauthn.get", CHALLENGE, page), ("whatsapp.com", both), Ok(())),
        (("webauthn.get", CHALLENGE, page), ("whatsapp.com", 0x1d), Ok(())),
        (("webauthn.create", CHALLENGE, page), ("whatsapp.com", both), Err(Wrong("type"))),
        (("webauthn.get", "AAEC", page), ("whatsapp.com", both), Err(Wrong("challenge"))),
        (("webauthn.get", CHALLENGE, "https://example.com"), ("whatsapp.com", both), Err(Wrong("origin"))),
        (("webauthn.get", CHALLENGE, page), ("example.com", both), Err(Wrong("relying party"))),
        (
            ("webauthn.get", CHALLENGE, page),
            ("whatsapp.com", USER_VERIFIED),
            Err(Wrong("flag for the user's presence")),
        ),
        (
            ("webauthn.get", CHALLENGE, page),
            ("whatsapp.com", USER_PRESENT),
            Err(Wrong("flag for the user's verification")),
        ),
    ];
    for ((kind, challenge, origin), (relying_party, flags), expected) in cases {
        let client_data = passkey::client_data(kind, challenge, origin);
        let data = passkey::authenticator_data(relying_party, flags);
        assert_eq!(verified(&signed(&client_data, &data)), expected, "{client_data} {flags}");
    }
}

#[test]
fn each_part_that_is_not_signed_is_checked() {
    let client_data = passkey::client_data("webauthn.get", CHALLENGE, "https://web.whatsapp.com");
    let good = signed(&client_data, &passkey::authenticator_data("whatsapp.com", 5));
    assert_eq!(verified(&good), Ok(()));
    let other = Passkey::new(8, "15550001", "90012345678901");
    let forged =
        serde_json::to_value(other.sign(&client_data, &passkey::authenticator_data("whatsapp.com", 5))).unwrap();
    let cases = [
        ("/type", json!("password"), Wrong("type of credential")),
        ("/id", json!("AAAA"), Wrong("credential")),
        ("/rawId", json!("AAAA"), Wrong("credential")),
        ("/rawId", json!("A="), Malformed("rawId")),
        ("/response/userHandle", json!("AAAA"), Wrong("user")),
        ("/response/signature", json!("AAAA"), Malformed("signature")),
        ("/response/signature", forged["response"]["signature"].clone(), Wrong("signature")),
        ("/response/clientDataJSON", json!("e30"), Malformed("clientDataJSON")),
        ("/response/authenticatorData", json!("AAAA"), Malformed("authenticatorData")),
        ("/response", json!(null), Malformed("JSON")),
    ];
    for (pointer, value, expected) in cases {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert_eq!(verified(&changed), Err(expected), "{pointer}");
    }
}
