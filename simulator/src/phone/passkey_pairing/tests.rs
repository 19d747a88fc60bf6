//! The phone's half, tested against fixed values computed independently from the formulas, and against the client
//! library's half.

use super::*;
use crate::phone::rng::hex;
use wacore::shortcake::ShortcakeUtils;

/// `CompanionEphemeralIdentity` with the public key 32 × aa, the device type 1 and the reference `REF123`.
const IDENTITY: &str = "0a20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa10011a06524546313233";

/// `ProloguePayload` with that identity, and the commitment to the nonce 32 × 01.
const PAYLOAD: &str = "0a2c0a20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa10011a0652454631323312220a20\
                       cd36a0416c5f8741de77c3284718fe7d0be3b94caa100227f0ba1e8383ac2322";

const COMMITMENT: &str = "cd36a0416c5f8741de77c3284718fe7d0be3b94caa100227f0ba1e8383ac2322";

/// The handoff key of the secret 32 × 05, and the proof with it for [`PAYLOAD`].
const HANDOFF_KEY: &str = "607ce3dd367718778ae873a9284ceef672497f61f32a38121efbe73a1b6d07c7";
const PROOF: &str = "8eef2d88efb51d9fb6e189e2aa80f25d20865c428e8f6cdc489db5af72ba9c47";

/// The key of the pairing request for the shared secret 32 × 09, the device type 1 and the reference `REF123`.
const REQUEST_KEY: &str = "2750998edbe75a467d82c4080986eaa9281a2149a68f1a2e1d2ee7cdda81f159";

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_prologue_is_read() {
    let prologue = Prologue::read(&unhex(PAYLOAD)).unwrap();
    let expected = Prologue {
        identity: unhex(IDENTITY),
        public_key: [0xaa; 32],
        device_type: 1,
        reference: "REF123".to_owned(),
        commitment: unhex(COMMITMENT).try_into().unwrap(),
    };
    assert_eq!(prologue, expected);
    for broken in [&unhex(PAYLOAD)[..40], b"", b"rubbish"] {
        assert_eq!(Prologue::read(broken), None);
    }
}

#[test]
fn the_values_are_those_that_another_program_computed() {
    assert_eq!(hex(&commitment(&unhex(IDENTITY), &[1; 32])), COMMITMENT);
    assert_eq!(hex(&derive(None, &[5; 32], HANDOFF_PURPOSE)), HANDOFF_KEY);
    assert!(is_handoff_proof(&unhex(PROOF), &[5; 32], &unhex(PAYLOAD)));
    assert_eq!(hex(&request_key(&[9; 32], 1, "REF123")), REQUEST_KEY);
    assert_eq!(code(&[1; 32], &[2; 32], &[3; 32]), "ZDET-SM4S");
}

#[test]
fn a_code_has_the_digits_of_the_masked_nonce_in_order() {
    let mask = Sha256::digest([[1; 32], [2; 32]].concat());
    // The code displayed for a masked nonce that starts with these five bytes.
    let shown = |bytes: [u8; 5]| {
        let mut nonce = [0; 32];
        (0..5).for_each(|at| nonce[at] = bytes[at] ^ mask[at]);
        code(&[1; 32], &[2; 32], &nonce)
    };
    assert_eq!(shown([0; 5]), "1111-1111");
    assert_eq!(shown([0xff; 5]), "ZZZZ-ZZZZ");
    assert_eq!(shown([0x08, 0, 0, 0, 0]), "2111-1111");
    assert_eq!(shown([0, 0, 0, 0, 0x1f]), "1111-111Z");
    // 0, 1, 2 … 7 in five bits each, then 24 to 31.
    assert_eq!(shown([0x00, 0x44, 0x32, 0x14, 0xc7]), "1234-5678");
    assert_eq!(shown([0xc6, 0x75, 0xbe, 0x77, 0xdf]), "RSTV-WXYZ");
}

#[test]
fn another_proof_secret_or_payload_is_no_proof() {
    let (payload, proof) = (unhex(PAYLOAD), unhex(PROOF));
    let mut rng = SeededRng::new(1, "ann");
    // 32 × aa is a valid point on the curve.
    assert!(PasskeyPairing::begin(&payload, Some(&proof), &[5; 32], &mut rng).is_ok());
    assert!(PasskeyPairing::begin(&payload, None, &[6; 32], &mut rng).is_ok());
    for (proof, secret) in [(&proof[..], [6; 32]), (&proof[1..], [5; 32]), (b"", [5; 32])] {
        let outcome = PasskeyPairing::begin(&payload, Some(proof), &secret, &mut rng);
        assert_eq!(outcome.err(), Some(PasskeyPairingError::WrongProof));
    }
}

/// The client library's half.
struct Companion {
    ephemeral: KeyPair,
    nonce: [u8; 32],
    payload: Vec<u8>,
}

const DEVICE_TYPE: wa::device_props::PlatformType = wa::device_props::PlatformType::CHROME;

fn companion() -> Companion {
    let ephemeral = ShortcakeUtils::generate_companion_ephemeral_keypair();
    let nonce = ShortcakeUtils::generate_companion_nonce();
    let public_key = ephemeral.public_key.public_key_bytes().try_into().unwrap();
    let identity = ShortcakeUtils::build_companion_ephemeral_identity(&public_key, DEVICE_TYPE, "2@ref");
    let commitment = ShortcakeUtils::commitment_hash(&identity, &nonce);
    Companion { ephemeral, nonce, payload: ShortcakeUtils::build_prologue_payload(&identity, &commitment) }
}

impl Companion {
    /// The request that it sends in response to a phone's identity, with these keys and this secret.
    fn request(&self, primary: &[u8], noise_key: &[u8; 32], identity: &[u8; 32], secret: &[u8; 32]) -> Vec<u8> {
        let primary = ShortcakeUtils::parse_primary_ephemeral_identity(primary).unwrap();
        let key =
            ShortcakeUtils::derive_encryption_key(&self.ephemeral, &primary.public_key, DEVICE_TYPE, "2@ref").unwrap();
        let plain = ShortcakeUtils::build_pairing_request(noise_key, identity, secret);
        let encrypted = ShortcakeUtils::encrypt_pairing_request(&plain, &key).unwrap();
        ShortcakeUtils::build_encrypted_pairing_request(&encrypted)
    }
}

#[test]
fn both_halves_show_one_code_and_the_rotated_secret_arrives() {
    let companion = companion();
    let key = ShortcakeUtils::derive_pairing_handoff_hmac_key(&[8; 32]).unwrap();
    let proof = ShortcakeUtils::compute_pairing_handoff_proof(&key, &companion.payload);
    let mut rng = SeededRng::new(1, "ann");
    let phone = PasskeyPairing::begin(&companion.payload, Some(&proof), &[8; 32], &mut rng).unwrap();
    let primary = ShortcakeUtils::parse_primary_ephemeral_identity(&phone.identity()).unwrap();
    let theirs = ShortcakeUtils::derive_verification_code(&companion.nonce, &primary.public_key, &primary.nonce);
    assert_eq!(phone.reveal(&companion.nonce).unwrap().replace('-', ""), theirs);
    let request = companion.request(&phone.identity(), &[1; 32], &[2; 32], &[9; 32]);
    assert_eq!(phone.open_request(&request, &[1; 32], &[2; 32]), Ok([9; 32]));
}

#[test]
fn another_nonce_key_or_tag_is_refused() {
    let companion = companion();
    let phone = PasskeyPairing::begin(&companion.payload, None, &[8; 32], &mut SeededRng::new(1, "ann")).unwrap();
    assert_eq!(phone.reveal(&[0; 32]), Err(PasskeyPairingError::WrongCommitment));
    let request = companion.request(&phone.identity(), &[1; 32], &[2; 32], &[9; 32]);
    assert_eq!(phone.open_request(&request, &[0; 32], &[2; 32]), Err(PasskeyPairingError::OtherKeys));
    assert_eq!(phone.open_request(&request, &[1; 32], &[0; 32]), Err(PasskeyPairingError::OtherKeys));
    let mut spoiled = wa::EncryptedPairingRequest::decode_from_slice(&request).unwrap();
    spoiled.encrypted_payload.as_mut().unwrap()[0] ^= 1;
    let outcome = phone.open_request(&spoiled.encode_to_vec(), &[1; 32], &[2; 32]);
    assert_eq!(outcome, Err(PasskeyPairingError::Undecryptable));
    let outcome = phone.open_request(b"", &[1; 32], &[2; 32]);
    assert_eq!(outcome, Err(PasskeyPairingError::Malformed("pairing request")));
    let other = PasskeyPairing::begin(&companion.payload, None, &[8; 32], &mut SeededRng::new(2, "ann")).unwrap();
    assert_eq!(other.open_request(&request, &[1; 32], &[2; 32]), Err(PasskeyPairingError::Undecryptable));
}
