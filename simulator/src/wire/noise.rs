//! The server's side of the Noise handshake, and the transport ciphers.
//!
//! A client that connects for the first time uses XX: it learns the server's static key and authenticates in a second
//! message. A client that remembers the key uses IK and authenticates in its first message. If that message cannot be
//! decrypted, because the server's key has changed, the server responds as in XX and both continue with XXfallback,
//! whose first message is the ephemeral key that the client has sent.

use bytes::BytesMut;
use thiserror::Error;
use wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::{HandshakeError, NoiseCipher, NoiseHandshake};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::HandshakeMessage;
use waproto::whatsapp::handshake_message::{ClientHello, ServerHello};

use super::certificate::{Authority, public_bytes};
use super::frame::HEADER;

/// Size of the authentication tag.
pub const TAG_BYTES: usize = 16;

/// Why a handshake failed: the connection must be closed.
#[derive(Debug, Error)]
pub enum NoiseError {
    #[error("no handshake message: {0}")]
    Unreadable(String),
    #[error("the handshake message lacks its {0}")]
    Missing(&'static str),
    #[error("a cipher failed: {0}")]
    Cipher(String),
}

impl From<HandshakeError> for NoiseError {
    fn from(error: HandshakeError) -> Self {
        Self::Cipher(error.to_string())
    }
}

impl From<wacore_noise::NoiseError> for NoiseError {
    fn from(error: wacore_noise::NoiseError) -> Self {
        Self::Cipher(error.to_string())
    }
}

/// The handshake pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    Xx,
    Ik,
    XxFallback,
}

/// A finished handshake.
pub struct Handshaken {
    pub pattern: Pattern,
    /// The client's static key, 32 bytes, which identifies the device.
    pub client_static: [u8; 32],
    /// Protobuf `ClientPayload`.
    pub payload: Vec<u8>,
    pub sealer: Sealer,
    pub opener: Opener,
}

/// The result of the client's first message.
pub enum Answered {
    /// IK: the client is authenticated, and both sides have their keys after the response.
    Finished(Vec<u8>, Box<Handshaken>),
    /// XX or XXfallback: the client's second message is expected.
    Awaiting(Vec<u8>, Box<AwaitingFinish>),
}

/// A handshake between its second and its third message.
pub struct AwaitingFinish {
    noise: NoiseHandshake,
    ephemeral: KeyPair,
    pattern: Pattern,
}

/// Handles a client's first message.
///
/// # Errors
/// It is malformed.
pub fn answer_hello(authority: &Authority, message: &[u8]) -> Result<Answered, NoiseError> {
    let message =
        HandshakeMessage::decode_from_slice(message).map_err(|error| NoiseError::Unreadable(error.to_string()))?;
    let hello = message.client_hello.into_option().ok_or(NoiseError::Missing("clientHello"))?;
    let client_ephemeral = key_of(hello.ephemeral.as_deref(), "ephemeral")?;
    match (&hello.r#static, &hello.payload) {
        (Some(_), Some(_)) => match open_ik(authority, &hello, &client_ephemeral) {
            Ok((noise, client_static, payload)) => {
                finish_ik(authority, noise, &client_ephemeral, client_static, payload)
            }
            Err(_) => answer_xx(authority, &client_ephemeral, Pattern::XxFallback),
        },
        _ => answer_xx(authority, &client_ephemeral, Pattern::Xx),
    }
}

impl AwaitingFinish {
    /// Handles the client's second message.
    ///
    /// # Errors
    /// It is malformed, or cannot be decrypted.
    pub fn finish(mut self, message: &[u8]) -> Result<Handshaken, NoiseError> {
        let message =
            HandshakeMessage::decode_from_slice(message).map_err(|error| NoiseError::Unreadable(error.to_string()))?;
        let finish = message.client_finish.into_option().ok_or(NoiseError::Missing("clientFinish"))?;
        let sealed_static = finish.r#static.ok_or(NoiseError::Missing("static"))?;
        let client_static = key_of(Some(&self.noise.decrypt(&sealed_static)?), "static")?;
        self.noise.mix_shared_secret(self.ephemeral.private_key.serialize(), &client_static)?;
        let payload = self.noise.decrypt(&finish.payload.ok_or(NoiseError::Missing("payload"))?)?;
        handshaken(self.noise, self.pattern, client_static, payload)
    }
}

type OpenedIk = (NoiseHandshake, [u8; 32], Vec<u8>);

fn open_ik(authority: &Authority, hello: &ClientHello, client_ephemeral: &[u8; 32]) -> Result<OpenedIk, NoiseError> {
    let own_private = authority.leaf().private_key.serialize();
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &HEADER)?;
    noise.authenticate(&public_bytes(authority.leaf()));
    noise.authenticate(client_ephemeral);
    noise.mix_shared_secret(own_private, client_ephemeral)?;
    let sealed_static = hello.r#static.as_deref().ok_or(NoiseError::Missing("static"))?;
    let client_static = key_of(Some(&noise.decrypt(sealed_static)?), "static")?;
    noise.mix_shared_secret(own_private, &client_static)?;
    let payload = noise.decrypt(hello.payload.as_deref().ok_or(NoiseError::Missing("payload"))?)?;
    Ok((noise, client_static, payload))
}

fn finish_ik(
    authority: &Authority,
    mut noise: NoiseHandshake,
    client_ephemeral: &[u8; 32],
    client_static: [u8; 32],
    payload: Vec<u8>,
) -> Result<Answered, NoiseError> {
    let ephemeral = KeyPair::generate(&mut rand::rng());
    noise.authenticate(&public_bytes(&ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_static)?;
    let sealed_chain = noise.encrypt(authority.chain())?;
    let hello = server_hello(&ephemeral, None, sealed_chain);
    Ok(Answered::Finished(hello, Box::new(handshaken(noise, Pattern::Ik, client_static, payload)?)))
}

fn answer_xx(authority: &Authority, client_ephemeral: &[u8; 32], pattern: Pattern) -> Result<Answered, NoiseError> {
    let name = if pattern == Pattern::Xx { NOISE_PATTERN_XX } else { NOISE_PATTERN_XXFALLBACK };
    let ephemeral = KeyPair::generate(&mut rand::rng());
    let mut noise = NoiseHandshake::new(name, &HEADER)?;
    noise.authenticate(client_ephemeral);
    noise.authenticate(&public_bytes(&ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    let sealed_static = noise.encrypt(&public_bytes(authority.leaf()))?;
    noise.mix_shared_secret(authority.leaf().private_key.serialize(), client_ephemeral)?;
    let sealed_chain = noise.encrypt(authority.chain())?;
    let hello = server_hello(&ephemeral, Some(sealed_static), sealed_chain);
    Ok(Answered::Awaiting(hello, Box::new(AwaitingFinish { noise, ephemeral, pattern })))
}

fn server_hello(ephemeral: &KeyPair, sealed_static: Option<Vec<u8>>, sealed_chain: Vec<u8>) -> Vec<u8> {
    HandshakeMessage {
        server_hello: MessageField::some(ServerHello {
            ephemeral: Some(public_bytes(ephemeral).to_vec()),
            r#static: sealed_static,
            payload: Some(sealed_chain),
            ..Default::default()
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

fn handshaken(
    noise: NoiseHandshake,
    pattern: Pattern,
    client_static: [u8; 32],
    payload: Vec<u8>,
) -> Result<Handshaken, NoiseError> {
    // The initiator encrypts with the first key.
    let (from_client, to_client) = noise.finish()?;
    Ok(Handshaken {
        pattern,
        client_static,
        payload,
        sealer: Sealer { cipher: to_client, counter: 0 },
        opener: Opener { cipher: from_client, counter: 0 },
    })
}

fn key_of(bytes: Option<&[u8]>, name: &'static str) -> Result<[u8; 32], NoiseError> {
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(NoiseError::Missing(name))
}

/// Encrypts what is sent to the client.
pub struct Sealer {
    cipher: NoiseCipher,
    counter: u32,
}

impl Sealer {
    /// Encrypts the bytes in place, which adds [`TAG_BYTES`].
    ///
    /// # Errors
    /// The connection has exhausted its counter.
    pub fn seal(&mut self, bytes: &mut BytesMut) -> Result<(), NoiseError> {
        self.cipher.encrypt_in_place_with_counter(self.counter, bytes)?;
        self.counter = next(self.counter)?;
        Ok(())
    }
}

/// Decrypts what comes from the client.
pub struct Opener {
    cipher: NoiseCipher,
    counter: u32,
}

impl Opener {
    /// Decrypts the bytes in place.
    ///
    /// # Errors
    /// They were not encrypted by this client, or are out of order.
    pub fn open(&mut self, bytes: &mut BytesMut) -> Result<(), NoiseError> {
        self.cipher.decrypt_in_place_with_counter(self.counter, bytes)?;
        self.counter = next(self.counter)?;
        Ok(())
    }
}

fn next(counter: u32) -> Result<u32, NoiseError> {
    counter.checked_add(1).ok_or_else(|| NoiseError::Cipher("the connection's counter is used up".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::certificate::ServerKeys;
    use wacore_noise::{IkHandshakeState, IkServerHelloOutcome, XxFallbackHandshakeState, XxHandshakeState};

    fn authority() -> Authority {
        Authority::new(&ServerKeys::generate()).unwrap()
    }

    fn awaiting(answered: Answered) -> (Vec<u8>, AwaitingFinish) {
        match answered {
            Answered::Awaiting(hello, awaiting) => (hello, *awaiting),
            Answered::Finished(..) => panic!("finished at once"),
        }
    }

    fn speak(mut server: Handshaken, write: &NoiseCipher, read: &NoiseCipher) {
        let mut bytes = BytesMut::from(&b"up"[..]);
        write.encrypt_in_place_with_counter(0, &mut bytes).unwrap();
        server.opener.open(&mut bytes).unwrap();
        assert_eq!(&bytes[..], b"up");
        let mut bytes = BytesMut::from(&b"down"[..]);
        server.sealer.seal(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 4 + TAG_BYTES);
        read.decrypt_in_place_with_counter(0, &mut bytes).unwrap();
        assert_eq!(&bytes[..], b"down");
    }

    #[test]
    fn a_stranger_shakes_hands_by_xx() {
        let authority = authority();
        let keys = KeyPair::generate(&mut rand::rng());
        let mut client = XxHandshakeState::new(keys.clone(), b"who".to_vec(), &HEADER).unwrap();
        let (hello, server) = awaiting(answer_hello(&authority, &client.build_client_hello().unwrap()).unwrap());
        let server = server.finish(&client.read_server_hello_and_build_client_finish(&hello).unwrap()).unwrap();
        assert_eq!((server.pattern, server.client_static), (Pattern::Xx, public_bytes(&keys)));
        assert_eq!(server.payload, b"who");
        let client = client.finish().unwrap();
        speak(server, &client.write_cipher, &client.read_cipher);
    }

    #[test]
    fn who_knows_the_server_shakes_hands_by_ik() {
        let authority = authority();
        let keys = KeyPair::generate(&mut rand::rng());
        let known = public_bytes(authority.leaf());
        let mut client = IkHandshakeState::new(keys.clone(), known, b"who".to_vec(), &HEADER).unwrap();
        let Answered::Finished(hello, server) =
            answer_hello(&authority, &client.build_client_hello().unwrap()).unwrap()
        else {
            panic!("not finished by the first message");
        };
        assert_eq!((server.pattern, server.client_static), (Pattern::Ik, public_bytes(&keys)));
        let IkServerHelloOutcome::Continue(client) = client.read_server_hello(&hello).unwrap() else {
            panic!("the client fell back");
        };
        speak(*server, &client.write_cipher, &client.read_cipher);
    }

    #[test]
    fn who_knows_an_older_server_falls_back_to_xx() {
        let authority = authority();
        let keys = KeyPair::generate(&mut rand::rng());
        let mut client = IkHandshakeState::new(keys, [9; 32], b"who".to_vec(), &HEADER).unwrap();
        let (hello, server) = awaiting(answer_hello(&authority, &client.build_client_hello().unwrap()).unwrap());
        let IkServerHelloOutcome::Fallback(inputs) = client.read_server_hello(&hello).unwrap() else {
            panic!("the client went on");
        };
        let mut client = XxFallbackHandshakeState::from_ik_failure(*inputs, &HEADER).unwrap();
        let server = server.finish(&client.build_client_finish().unwrap()).unwrap();
        assert_eq!(server.pattern, Pattern::XxFallback);
        assert_eq!(server.payload, b"who");
        let client = client.finish().unwrap();
        speak(server, &client.write_cipher, &client.read_cipher);
    }

    #[test]
    fn noise_is_no_handshake() {
        assert!(answer_hello(&authority(), b"\xff\xff\xff").is_err());
        assert!(answer_hello(&authority(), b"").is_err());
    }
}
