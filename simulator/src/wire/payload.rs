//! A stanza as the content of a frame: a flag byte (bit 1 means zlib), then binary XML.

use std::io::Write as _;

use bytes::{BufMut as _, BytesMut};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use thiserror::Error;
use wacore_binary::Node;

use super::frame;
use super::noise::{NoiseError, Opener, Sealer, TAG_BYTES};
use crate::limits::COMPRESS_FROM_BYTES;

const FLAG_COMPRESSED: u8 = 2;

/// Why bytes are not a stanza, or a stanza could not be written: the connection must be closed.
#[derive(Debug, Error)]
pub enum PayloadError {
    #[error(transparent)]
    Noise(#[from] NoiseError),
    #[error(transparent)]
    Frame(#[from] frame::FrameError),
    #[error("no stanza: {0}")]
    Stanza(String),
}

/// Decrypts a frame and decodes its stanza.
///
/// # Errors
/// They were not encrypted by the client, or are not a stanza.
pub fn open(mut bytes: BytesMut, opener: &mut Opener) -> Result<Node, PayloadError> {
    opener.open(&mut bytes)?;
    let plain = wacore_binary::util::unpack_bytes(bytes).map_err(|error| PayloadError::Stanza(error.to_string()))?;
    let node =
        wacore_binary::marshal::unmarshal_ref(&plain).map_err(|error| PayloadError::Stanza(error.to_string()))?;
    Ok(node.to_owned())
}

/// Appends a stanza, encrypted and framed, to `out`.
///
/// # Errors
/// It cannot be encoded, or exceeds a frame.
pub fn append(node: &Node, sealer: &mut Sealer, out: &mut BytesMut) -> Result<(), PayloadError> {
    let mut plain = wacore_binary::marshal(node).map_err(|error| PayloadError::Stanza(error.to_string()))?;
    // Ciphertext does not compress; responses with lists do.
    if plain.len() >= COMPRESS_FROM_BYTES && node.tag == "iq" {
        plain = compress(&plain).map_err(|error| PayloadError::Stanza(error.to_string()))?;
    }
    frame::append_length(plain.len() + TAG_BYTES, out)?;
    let mut sealed = out.split_off(out.len());
    sealed.put_slice(&plain);
    sealer.seal(&mut sealed)?;
    out.unsplit(sealed);
    Ok(())
}

fn compress(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(vec![FLAG_COMPRESSED], Compression::fast());
    encoder.write_all(plain.get(1..).unwrap_or_default())?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore_binary::builder::NodeBuilder;

    #[test]
    fn a_long_answer_is_compressed_and_reads_the_same() {
        let users = (0..500).map(|number| NodeBuilder::new("user").attr("number", number).build());
        let node = NodeBuilder::new("iq").children(users).build();
        let plain = wacore_binary::marshal(&node).unwrap();
        let packed = compress(&plain).unwrap();
        assert!(packed.len() < plain.len() / 2);
        let unpacked = wacore_binary::util::unpack_bytes(BytesMut::from(&packed[..])).unwrap();
        assert_eq!(unpacked, plain[1..]);
    }
}
