//! The gate alone: its responses to each request.

use serde_json::{Value, json};

use super::*;
use crate::phone::passkey::Passkey;
use crate::server::directory::Directory;
use crate::wire::stanza::NodeBuilder;

struct AtGate {
    gate: Gate,
    requests: mpsc::Receiver<GateRequest>,
    plan: Plan,
    passkey: Passkey,
}

fn at_gate() -> AtGate {
    let passkey = Passkey::new(7, "15550001", "90012345678901");
    let credential = Credential::new(passkey.credential_id(), &passkey.public_key(), passkey.user_handle()).unwrap();
    let (to_phone, requests) = mpsc::channel(1);
    let gate = Gate {
        account: Directory::default().register("15550001", "Ann"),
        credential: Arc::new(credential),
        challenge: "AAECAwQF".to_owned(),
        closed_at: clock::instant(),
        reference: None,
        stage: Stage::Offered,
        undecided: None,
        is_silenced: false,
        is_hurried: false,
        to_phone,
    };
    AtGate { gate, requests, plan: Plan::new(1), passkey }
}

fn iq(child: Node) -> Node {
    NodeBuilder::new("iq").attr("xmlns", "md").attr("id", "1").children([child]).build()
}

fn empty(tag: &'static str) -> Node {
    NodeBuilder::new(tag).build()
}

impl AtGate {
    fn sends_after(&mut self, seconds: u64, child: Node) -> Result<Option<Node>, Rejection> {
        let now = self.gate.closed_at + Duration::from_secs(seconds);
        self.gate.receive(&self.plan, &iq(child), now)
    }

    fn sends(&mut self, child: Node) -> Result<Option<Node>, Rejection> {
        self.sends_after(0, child)
    }

    fn reference(&mut self) -> String {
        let answer = self.sends(empty(REF)).unwrap().unwrap();
        answer.child(REF).and_then(Node::content_text).unwrap().into_owned()
    }

    /// A valid prologue with this ref, and with a proof if given.
    fn prologue(&self, reference: &str, proof: Option<&[u8]>) -> Node {
        let options = json!({"challenge": self.gate.challenge, "rpId": "whatsapp.com"});
        let assertion = self.passkey.assert(&serde_json::from_value(options).unwrap()).unwrap();
        let identity = wa::CompanionEphemeralIdentity { r#ref: Some(reference.to_owned()), ..Default::default() };
        let payload =
            wa::ProloguePayload { companion_ephemeral_identity: Some(identity.encode_to_vec()), ..Default::default() };
        let mut children = vec![
            holding("credential_id", self.passkey.credential_id()),
            holding("webauthn_assertion", serde_json::to_vec(&assertion).unwrap()),
            holding("prologue_payload", payload.encode_to_vec()),
        ];
        children.extend(proof.map(|proof| holding("pairing_handoff_proof", proof)));
        NodeBuilder::new(PROLOGUE).children(children).build()
    }
}

#[test]
fn the_options_are_those_that_were_observed() {
    let mut client = at_gate();
    let answer = client.sends(empty(OPTIONS)).unwrap().unwrap();
    let text = answer.child(OPTIONS).and_then(Node::content_text).unwrap().into_owned();
    assert_eq!(
        text,
        r#"{"challenge":"AAECAwQF","timeout":600000,"rpId":"whatsapp.com","allowCredentials":[],"userVerification":"required","extensions":{"uvm":true}}"#
    );
    let options: Value = serde_json::from_str(&text).unwrap();
    assert!(client.passkey.assert(&serde_json::from_value(options).unwrap()).is_ok());
}

#[test]
fn the_latest_reference_is_good_and_no_other() {
    let mut client = at_gate();
    let (first, second) = (client.reference(), client.reference());
    assert!(first.starts_with("2@") && first != second);
    let prologue = client.prologue(&first, None);
    assert_eq!(client.sends(prologue), Err(Rejection::NotFound));
    let prologue = client.prologue(&second, None);
    assert_eq!(client.sends(prologue), Ok(None));
    assert!(matches!(client.requests.try_recv(), Ok(GateRequest::Prologue { proof: None, .. })));
}

#[test]
fn a_challenge_is_good_for_ten_minutes_and_ends_the_attempt_after_them() {
    let mut client = at_gate();
    let reference = client.reference();
    let prologue = client.prologue(&reference, None);
    assert!(client.sends_after(600, empty(OPTIONS)).is_ok());
    assert_eq!(client.sends_after(601, prologue.clone()), Err(Rejection::Gone));
    assert_eq!(client.requests.try_recv(), Ok(GateRequest::Expired));
    assert_eq!(client.sends(prologue), Err(Rejection::Gone));
    assert_eq!(client.sends(empty(REF)), Err(Rejection::Gone));
    let mut client = at_gate();
    let reference = client.reference();
    let prologue = client.prologue(&reference, None);
    assert_eq!(client.sends_after(600, prologue), Ok(None));
}

#[test]
fn a_handoff_proof_is_good_for_five_minutes() {
    let mut client = at_gate();
    let reference = client.reference();
    let with_proof = client.prologue(&reference, Some(&[1; 32]));
    assert_eq!(client.sends_after(301, with_proof.clone()), Err(Rejection::NotAuthorized));
    let short = client.prologue(&reference, Some(&[1; 31]));
    assert_eq!(client.sends(short), Err(Rejection::BadRequest));
    assert_eq!(client.sends_after(300, with_proof), Ok(None));
    let mut client = at_gate();
    let reference = client.reference();
    let without = client.prologue(&reference, None);
    assert_eq!(client.sends_after(301, without), Ok(None));
}

#[test]
fn what_does_not_come_next_is_a_bad_request() {
    let nonce = holding(NONCE, [1; 32]);
    let request = holding(PAIRING_REQUEST, [1]);
    let mut client = at_gate();
    for early in [nonce.clone(), request.clone(), empty(NONCE), empty(PROLOGUE)] {
        assert_eq!(client.sends(early), Err(Rejection::BadRequest));
    }
    let reference = client.reference();
    let prologue = client.prologue(&reference, None);
    assert_eq!(client.sends(prologue.clone()), Ok(None));
    // The phone has not decided yet.
    for early in [prologue.clone(), nonce.clone(), empty(REF), empty(OPTIONS)] {
        assert_eq!(client.sends(early), Err(Rejection::BadRequest));
    }
    assert!(client.gate.decide(Event::Accepted).is_some());
    assert!(client.requests.try_recv().is_ok());
    assert_eq!(client.sends(holding(NONCE, [1; 31])), Err(Rejection::BadRequest));
    assert_eq!(client.sends(request.clone()), Err(Rejection::BadRequest));
    assert_eq!(client.sends(nonce.clone()), Ok(None));
    assert!(client.gate.decide(Event::Accepted).is_some());
    assert_eq!(client.requests.try_recv(), Ok(GateRequest::Nonce([1; 32])));
    assert_eq!(client.sends(nonce), Err(Rejection::BadRequest));
    assert_eq!(client.sends(request), Ok(None));
    assert_eq!(client.requests.try_recv(), Ok(GateRequest::PairingRequest(vec![1])));
    assert!(client.gate.decide(Event::Accepted).is_some());
    assert_eq!(client.sends(prologue), Err(Rejection::BadRequest));
}

#[test]
fn an_attempt_that_is_over_answers_everything_with_why() {
    let mut client = at_gate();
    assert!(!client.gate.is_over());
    assert_eq!(client.gate.decide(Event::Ended(Rejection::NotAuthorized)), None);
    assert!(client.gate.is_over());
    for tag in [OPTIONS, REF, PROLOGUE, NONCE, PAIRING_REQUEST] {
        assert_eq!(client.sends(empty(tag)), Err(Rejection::NotAuthorized));
    }
    let answer = Rejection::NotAuthorized.answer(&iq(empty(REF)));
    assert_eq!(answer.child("error").and_then(|error| error.number("code")), Some(401));
}
