//! The client's half of the exchange, stanza by stanza, over a client's own connection: in another order, with other
//! values, and with the handoff proof that other clients send when they are first linked.

use serde_json::json;
use simulator::phone::linking::QrCode;
use simulator::phone::passkey::Assertion;
use simulator::server::network::Network;
use simulator::wire::stanza::{Node, NodeBuilder, Read as _, holding};
use waproto::whatsapp::device_props::PlatformType;
use whatsapp_rust::IqError;
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::wacore::shortcake::ShortcakeUtils;

use super::applicant::Applicant;
use crate::world::eventually;

/// The code of an error response.
pub type Refused = u16;

pub struct Raw<'a> {
    pub applicant: &'a Applicant,
    network: &'a Network,
    /// The contents of the QR code.
    pub shown: QrCode,
    ephemeral: KeyPair,
    nonce: [u8; 32],
    pub reference: String,
}

impl<'a> Raw<'a> {
    pub fn new(applicant: &'a Applicant, network: &'a Network) -> Self {
        Self {
            applicant,
            network,
            shown: QrCode::read(&applicant.qr).unwrap(),
            ephemeral: ShortcakeUtils::generate_companion_ephemeral_keypair(),
            nonce: ShortcakeUtils::generate_companion_nonce(),
            reference: String::new(),
        }
    }

    /// Sends a request; returns the content of a child of the response, or the error code.
    pub async fn ask(&self, kind: &'static str, child: Node) -> Result<Vec<u8>, Refused> {
        let tag = child.tag.to_string();
        let iq = NodeBuilder::new("iq")
            .attr("xmlns", "md")
            .attr("type", kind)
            .attr("to", "s.whatsapp.net")
            .children([child])
            .build();
        match self.applicant.client.client.send_iq_node(iq, None).await {
            Ok(answer) => {
                let held = answer.get().get_optional_child(&tag).and_then(|child| child.content_bytes());
                Ok(held.map(<[u8]>::to_vec).unwrap_or_default())
            }
            Err(IqError::ServerError { code, .. }) => Err(code),
            Err(error) => panic!("{error}"),
        }
    }

    /// Requests a ref.
    pub async fn fetch_reference(&mut self) {
        let held = self.ask("get", NodeBuilder::new("ref").build()).await.unwrap();
        self.reference = String::from_utf8(held).unwrap();
    }

    fn payload(&self) -> Vec<u8> {
        let public_key = self.ephemeral.public_key.public_key_bytes().try_into().unwrap();
        let identity =
            ShortcakeUtils::build_companion_ephemeral_identity(&public_key, PlatformType::CHROME, &self.reference);
        let commitment = ShortcakeUtils::commitment_hash(&identity, &self.nonce);
        ShortcakeUtils::build_prologue_payload(&identity, &commitment)
    }

    /// Sends the prologue without a proof.
    pub async fn prologue(&self, assertion: &Assertion) -> Result<(), Refused> {
        self.send_prologue(assertion, None).await
    }

    /// Sends the prologue with a proof from this secret.
    pub async fn prologue_with_proof(&self, assertion: &Assertion, secret: &[u8; 32]) -> Result<(), Refused> {
        let key = ShortcakeUtils::derive_pairing_handoff_hmac_key(secret).unwrap();
        let proof = ShortcakeUtils::compute_pairing_handoff_proof(&key, &self.payload());
        self.send_prologue(assertion, Some(proof)).await
    }

    async fn send_prologue(&self, assertion: &Assertion, proof: Option<[u8; 32]>) -> Result<(), Refused> {
        use base64::Engine as _;
        let credential_id = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&assertion.raw_id).unwrap();
        let mut children = vec![
            holding("credential_id", credential_id),
            holding("webauthn_assertion", json!(assertion).to_string().into_bytes()),
            holding("prologue_payload", self.payload()),
        ];
        children.extend(proof.map(|proof| holding("pairing_handoff_proof", proof)));
        self.ask("set", NodeBuilder::new("passkey_prologue").children(children).build()).await.map(drop)
    }

    /// The phone's identity, once the server has sent it.
    pub async fn continuation(&self) -> Vec<u8> {
        eventually("the phone's identity", || self.find_continuation().is_some()).await;
        self.find_continuation().unwrap()
    }

    fn find_continuation(&self) -> Option<Vec<u8>> {
        let entries = self.network.log().from(0, usize::MAX);
        let is_it = |node: &Node| node.text("type").as_deref() == Some("crsc_continuation");
        let found = entries.iter().find(|entry| is_it(&entry.node))?;
        found.node.child_bytes("primary_ephemeral_identity").map(<[u8]>::to_vec)
    }

    pub async fn reveals(&self) -> Result<(), Refused> {
        self.reveals_other(self.nonce.as_slice()).await
    }

    pub async fn reveals_other(&self, nonce: &[u8]) -> Result<(), Refused> {
        self.ask("set", holding("companion_nonce", nonce)).await.map(drop)
    }

    /// The code that a client would show for this identity of the phone.
    pub fn code(&self, primary: &[u8]) -> String {
        let primary = ShortcakeUtils::parse_primary_ephemeral_identity(primary).unwrap();
        let code = ShortcakeUtils::derive_verification_code(&self.nonce, &primary.public_key, &primary.nonce);
        format!("{}-{}", &code[..4], &code[4..])
    }

    /// Sends the pairing request with this identity key. The secret is the one in the QR code: the client, which knows
    /// no other, then accepts the phone's signature.
    pub async fn requests(&self, primary: &[u8], identity: &[u8; 32]) -> Result<(), Refused> {
        let primary = ShortcakeUtils::parse_primary_ephemeral_identity(primary).unwrap();
        let (kind, reference) = (PlatformType::CHROME, &self.reference);
        let key = ShortcakeUtils::derive_encryption_key(&self.ephemeral, &primary.public_key, kind, reference).unwrap();
        let plain = ShortcakeUtils::build_pairing_request(&self.shown.noise_key, identity, &self.shown.secret);
        let encrypted = ShortcakeUtils::encrypt_pairing_request(&plain, &key).unwrap();
        let encoded = ShortcakeUtils::build_encrypted_pairing_request(&encrypted);
        self.ask("set", holding("encrypted_pairing_request", encoded)).await.map(drop)
    }
}
