//! A whatsapp-rust client that is being linked to somebody who requires a passkey.

use serde_json::json;
use simulator::phone::passkey::RequestOptions;
use simulator::runtime::{Linking, PasskeyAttempt, Person};
use simulator::server::network::Network;
use whatsapp_rust::passkey::{Assertion, PasskeyError};
use whatsapp_rust::prelude::Event;

use crate::client::Client;
use crate::world::patiently;

pub struct Applicant {
    pub client: Client,
    /// The QR code, if one was scanned.
    pub qr: String,
    pub attempt: PasskeyAttempt,
}

impl Applicant {
    /// A new client whose QR code this person scans.
    pub async fn scanned(network: &Network, by: &Person) -> Self {
        Self::with(Client::start(network).await, by).await
    }

    /// This client, whose QR code this person scans.
    pub async fn with(client: Client, by: &Person) -> Self {
        let qr = client.qr().await;
        let attempt = at_gate(by.begin_scan(&qr).await.unwrap());
        Self { client, qr, attempt }
    }

    /// A new client whose pairing code this person types.
    pub async fn typed(network: &Network, by: &Person) -> Self {
        let client = Client::start_with_code(network, by.number()).await;
        let code = client.code().await;
        let attempt = at_gate(patiently("the typed code", by.begin_type_code(&code)).await.unwrap());
        Self { client, qr: String::new(), attempt }
    }

    /// The options of the requested assertion.
    pub async fn options(&self) -> RequestOptions {
        let json = self.client.event("a request for a passkey", |event| match event {
            Event::PairPasskeyRequest(request) => Some(request.request_options_json.clone()),
            _ => None,
        });
        serde_json::from_str(&json.await).unwrap()
    }

    /// The person uses the passkey, and the client sends the assertion.
    pub async fn answers(&self, by: &Person) -> Result<(), String> {
        self.sends(&by.use_passkey(&self.options().await).unwrap()).await
    }

    /// Sends an assertion; the error is the client's.
    pub async fn sends(&self, assertion: &simulator::phone::passkey::Assertion) -> Result<(), String> {
        use base64::Engine as _;
        let credential_id = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&assertion.raw_id).unwrap();
        let assertion_json = json!(assertion).to_string().into_bytes();
        let sent = self.client.client.send_passkey_response(Assertion { assertion_json, credential_id }).await;
        sent.map_err(|error| error.to_string())
    }

    /// The code that it shows, and whether no comparison is needed.
    pub async fn shows_code(&self) -> (String, bool) {
        self.client
            .event("a code to compare", |event| match event {
                Event::PairPasskeyConfirmation(shown) => Some((shown.code.clone(), shown.skip_handoff_ux)),
                _ => None,
            })
            .await
    }

    /// Its user confirms that the phone shows the same code.
    pub async fn confirms(&self) -> Result<(), PasskeyError> {
        self.client.client.send_passkey_confirmation().await
    }

    /// Waits until its attempt has ended; returns the reason.
    pub async fn ends(&mut self) -> String {
        let outcome = patiently("the end of the attempt", self.attempt.linked()).await;
        outcome.err().unwrap().to_string()
    }

    /// The client's error about the failed exchange.
    pub async fn fails(&self) -> String {
        self.client
            .event("an error of the exchange", |event| match event {
                Event::PairPasskeyError(error) => Some(error.error.clone()),
                _ => None,
            })
            .await
    }
}

fn at_gate(linking: Linking) -> PasskeyAttempt {
    match linking {
        Linking::PasskeyRequired(attempt) => attempt,
        Linking::Linked(_) => panic!("it was linked without a passkey"),
    }
}
