//! The passkey that WhatsApp asks for when some accounts are linked (WebAuthn): what an assertion has to look like before it is
//! passed on. Pure. Only WhatsApp can check the signature; what is checked here is what people get wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock::Millis;
use crate::limits;

/// The origin on which browsers create an assertion for WhatsApp.
pub const ORIGIN: &str = "https://web.whatsapp.com";
/// How long an assertion may take at the most, and where WhatsApp does not say.
pub const TIMEOUT_MS: Millis = 600_000;

/// How long a user handle may be (WebAuthn level 2, section 5.4.3).
const USER_HANDLE_BYTES_MAX: usize = 64;

/// How far the step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// WhatsApp waits for an assertion.
    Required,
    /// An answer was given; WhatsApp has not gone on yet.
    Sent,
    /// The code has to be compared with the one on the phone.
    Confirm,
    Failed,
}

/// An assertion, as WhatsApp takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// In JSON, without what browsers add.
    pub json: String,
    pub credential_id: Vec<u8>,
}

/// What a person answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyAnswer {
    Assertion(Assertion),
    /// The codes are the same.
    Confirm,
}

/// Why an assertion cannot be passed on, in words for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAssertion {
    #[error(
        "this is not the whole result of the line (navigator.credentials.get()): {0}; paste all of what the line copied"
    )]
    Shape(String),
    #[error("it was created on {0}, and WhatsApp takes one from {ORIGIN} only; run the line there")]
    Origin(String),
    #[error("it answers another request of WhatsApp; run the line that is shown now")]
    Challenge,
    #[error("it was not made for '{0}', which WhatsApp asked for; run the line that is shown now, as it is")]
    RelyingParty(String),
    #[error("the passkey was used without the person's finger, face or PIN; try again and unlock it")]
    UserVerification,
    #[error("it is of another passkey than those that WhatsApp asked for; use the one of this account")]
    Credential,
}

/// What WhatsApp asks for: the members of `PublicKeyCredentialRequestOptions` that matter here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    challenge: String,
    /// In milliseconds, whole or not.
    #[serde(default)]
    timeout: Value,
    rp_id: Option<String>,
    #[serde(default)]
    allow_credentials: Vec<Allowed>,
}

#[derive(Debug, Deserialize)]
struct Allowed {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: String,
    raw_id: String,
    r#type: String,
    response: Response,
}

#[derive(Debug, Deserialize)]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Sent => "sent",
            Self::Confirm => "confirm",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Required, Self::Sent, Self::Confirm, Self::Failed].into_iter().find(|status| status.name() == name)
    }
}

/// What a person runs in the console of a browser's developer tools, on WhatsApp's own page: it creates the assertion, and copies
/// it where the browser lets it. Empty where WhatsApp's request is no JSON.
pub fn snippet(options: &str) -> String {
    let Ok(options) = serde_json::from_str::<Value>(options) else { return String::new() };
    format!(
        "(put => navigator.credentials.get({{publicKey: PublicKeyCredential.parseRequestOptionsFromJSON({options})}})\
         .then(made => {{ const text = JSON.stringify(made.toJSON()); put(text); console.log(text) }}, console.error))\
         (typeof copy === 'function' ? copy : () => {{}})"
    )
}

/// For how long WhatsApp waits for an answer to its request, in milliseconds.
pub fn timeout_ms(options: &str) -> Millis {
    let options: Option<Options> = serde_json::from_str(options).ok();
    let timeout = options.and_then(|options| options.timeout.as_f64());
    // A number of a float beyond those of the type is its nearest.
    timeout.map_or(TIMEOUT_MS, |timeout| (timeout as Millis).clamp(1_000, TIMEOUT_MS))
}

/// What a person pasted: JSON, or any other text, which [`check`] refuses.
pub fn pasted(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Checks an assertion (`PublicKeyCredential.toJSON()`) against WhatsApp's request.
///
/// # Errors
/// [`BadAssertion`]
pub fn check(assertion: &Value, options: &str) -> Result<Assertion, BadAssertion> {
    let shape = |what: &str| BadAssertion::Shape(what.to_owned());
    if assertion.to_string().len() > limits::ASSERTION_BYTES_MAX {
        return Err(shape("it is too long"));
    }
    let given = read(assertion)?;
    let options: Options = serde_json::from_str(options).map_err(|_| shape("WhatsApp's request cannot be read"))?;
    let decode = |text: &str, name: &str| {
        let plain = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
        URL_SAFE_NO_PAD.decode(plain).map_err(|_| BadAssertion::Shape(format!("{name} is not base64url")))
    };
    let credential_id = decode(&given.raw_id, "rawId")?;
    if given.r#type != "public-key" || credential_id.is_empty() || decode(&given.id, "id")? != credential_id {
        return Err(shape("its id, rawId and type do not belong together"));
    }
    let client_data_json = decode(&given.response.client_data, "clientDataJSON")?;
    let client_data: ClientData =
        serde_json::from_slice(&client_data_json).map_err(|_| shape("clientDataJSON cannot be read"))?;
    let data = decode(&given.response.authenticator_data, "authenticatorData")?;
    let signature = decode(&given.response.signature, "signature")?;
    if client_data.r#type != "webauthn.get" || signature.is_empty() {
        return Err(shape("it is no assertion"));
    }
    if client_data.origin != ORIGIN {
        return Err(BadAssertion::Origin(client_data.origin.chars().take(100).collect()));
    }
    // As browsers write it, without padding: WhatsApp compares the texts.
    if client_data.challenge != URL_SAFE_NO_PAD.encode(decode(&options.challenge, "challenge")?) {
        return Err(BadAssertion::Challenge);
    }
    // The hash of the relying party's id, flags, a counter (WebAuthn level 2, section 6.1).
    let (Some((rp_hash, rest)), Some(flags)) = (data.split_at_checked(32), data.get(32)) else {
        return Err(shape("authenticatorData is too short"));
    };
    let rp_id = options.rp_id.as_deref().unwrap_or("web.whatsapp.com");
    if rest.len() < 5 {
        return Err(shape("authenticatorData is too short"));
    }
    if rp_hash != &Sha256::digest(rp_id)[..] {
        return Err(BadAssertion::RelyingParty(rp_id.to_owned()));
    }
    // That a person was there (bit 0), and proved who they are (bit 2): without both WhatsApp refuses it, and the attempt is over.
    if flags & 0b101 != 0b101 {
        return Err(BadAssertion::UserVerification);
    }
    let is_allowed = |allowed: &Allowed| decode(&allowed.id, "id").is_ok_and(|id| id == credential_id);
    if !options.allow_credentials.is_empty() && !options.allow_credentials.iter().any(is_allowed) {
        return Err(BadAssertion::Credential);
    }
    // None, and an empty one, say that the passkey names no user.
    let user_handle = decode(given.response.user_handle.as_deref().unwrap_or_default(), "userHandle")?;
    if user_handle.len() > USER_HANDLE_BYTES_MAX {
        return Err(shape("userHandle is too long"));
    }
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let user_handle = Some(encode(&user_handle)).filter(|handle| !handle.is_empty());
    let id = encode(&credential_id);
    let response = json!({"clientDataJSON": encode(&client_data_json), "authenticatorData": encode(&data),
        "signature": encode(&signature), "userHandle": user_handle});
    let json = json!({"id": id, "rawId": id, "type": given.r#type, "response": response}).to_string();
    Ok(Assertion { json, credential_id })
}

/// What browsers give, with what is wrong with it in plain words: of what is no assertion nothing is repeated.
fn read(assertion: &Value) -> Result<Credential, BadAssertion> {
    let shape = |what: &str| BadAssertion::Shape(what.to_owned());
    // Developer tools copy a text with its quotes.
    let unwrapped = match assertion {
        Value::String(text) => {
            let text = text.trim();
            let quoted = ['\'', '`'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
            serde_json::from_str(quoted.unwrap_or(text)).map_err(|_| shape("it is not JSON"))?
        }
        other => other.clone(),
    };
    if !unwrapped.is_object() {
        return Err(shape("it is not a JSON object"));
    }
    let members = ["id", "rawId", "type"].map(|name| (&unwrapped, name));
    let response = ["clientDataJSON", "authenticatorData", "signature"].map(|name| (&unwrapped["response"], name));
    for (object, name) in members.into_iter().chain(response) {
        match &object[name] {
            Value::Null => return Err(BadAssertion::Shape(format!("{name} is missing"))),
            Value::String(_) => {}
            _ => return Err(BadAssertion::Shape(format!("{name} is not a text"))),
        }
    }
    Credential::deserialize(&unwrapped).map_err(|_| shape("userHandle is not a text"))
}

impl PasskeyAnswer {
    /// As it is stored, to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Assertion(assertion) => assertion.json.clone().into_bytes(),
            Self::Confirm => Vec::new(),
        }
    }

    /// Reads what [`PasskeyAnswer::to_bytes`] made.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::Confirm);
        }
        let json = String::from_utf8(bytes).ok()?;
        let credential: Credential = serde_json::from_str(&json).ok()?;
        let credential_id = URL_SAFE_NO_PAD.decode(&credential.raw_id).ok()?;
        Some(Self::Assertion(Assertion { json, credential_id }))
    }
}

#[cfg(test)]
mod tests;
