//! The steps of linking an account, on the console's own page (`device_link.rs`) and on one that is shared (`shared_link.rs`).

use askama::Template;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::asking::{Asking, Refusal};
use super::devices::{Device, at};
use super::forms::Fields;
use super::pairing_link;
use super::visit::Answer;
use super::words::Viewer;
use crate::device_status::DeviceStatus;
use crate::linking::pairing::public_reason;
use crate::passkey;
use crate::store::MAY_BE_LISTED;

/// How far the linking of a device is, and what can be done.
#[derive(Template)]
#[template(path = "link_steps.html")]
pub struct Steps {
    viewer: Viewer,
    /// Where its forms are sent, before their own ends.
    base: String,
    /// Of every form; none where nobody is signed in.
    csrf: Option<String>,
    pub device: Device,
    pub link: Link,
    passkey: Passkey,
    phone: String,
    /// The address of the page, for another computer.
    address: String,
    /// Whether an attempt may be begun here.
    may_begin: bool,
}

/// Where the steps are shown, and what of them.
pub struct Shown {
    /// The path of the page.
    pub here: String,
    /// Where its forms are sent, before their own ends.
    pub base: String,
    /// Of every form; none where nobody is signed in.
    pub csrf: Option<String>,
    /// The number that was typed.
    pub phone: String,
    /// Whether an attempt may be begun here.
    pub may_begin: bool,
    /// Whether what ended last did so before there was this page.
    pub is_fresh: bool,
}

/// How far linking is, as the API shows it.
#[derive(Deserialize)]
pub struct Link {
    status: String,
    way: Option<String>,
    code: Option<String>,
    expires_at: Option<String>,
    reason: Option<String>,
    reason_code: Option<String>,
    /// With a code to type: the number of the phone that it is for.
    phone: Option<String>,
    /// Until when a page is shared.
    pub shared_until: Option<String>,
    /// The number whose phone alone may be linked.
    pub expected_sender: Option<String>,
    /// Whether the number that the device still bears was given up.
    sender_given_up: bool,
    /// Whether the link is being ended.
    is_ending: bool,
    pub notice: String,
}

/// How far the passkey step is, as the API shows it.
#[derive(Deserialize)]
struct Passkey {
    status: String,
    options: Option<Value>,
    pairing_link: Option<String>,
    code: Option<String>,
    expires_at: Option<String>,
}

/// What the page shows of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nobody links an account.
    Nothing,
    /// The link is being ended, as somebody wanted.
    Ending,
    /// No code has come yet, or the last one is no longer good.
    Waiting,
    Qr,
    Code,
    /// WhatsApp waits for an assertion.
    Passkey,
    /// It was given an answer.
    PasskeySent,
    /// The code is to be compared with the one on the phone.
    Compare,
    /// The phone has linked the account, and the gateway connects with it.
    Connecting,
    Linked,
    Failed,
}

impl Steps {
    /// Asks how far a device's link is.
    ///
    /// # Errors
    /// [`Refusal`] with what the API says.
    pub async fn load(asking: &Asking, id: &str, shown: Shown) -> Result<Self, Refusal> {
        let device = asking.get(&at(asking, id, "")?).await?;
        let mut link: Link = asking.get(&at(asking, id, "/link")?).await?;
        let passkey = asking.get(&at(asking, id, "/passkey")?).await?;
        let Shown { here, base, csrf, phone, may_begin, is_fresh } = shown;
        if is_fresh && link.status == "failed" {
            (link.status, link.reason, link.reason_code) = ("none".to_owned(), None, None);
        }
        let (viewer, address) = (asking.viewer().clone(), format!("{}{here}", asking.console().api.public_url));
        Ok(Self { viewer, base, csrf, device, link, passkey, phone, address, may_begin })
    }

    /// Whether the page may be shared: not once an account is linked.
    pub fn may_share(&self) -> bool {
        !self.is_linked()
    }

    fn step(&self) -> Step {
        step(&self.link, &self.passkey.status, self.device.linked_at.is_some(), self.device.state)
    }

    /// The number whose phone alone may be linked. Whoever was sent a shared page has to know it too, or takes another phone.
    pub fn expected(&self) -> Option<&str> {
        self.link.expected_sender.as_deref().filter(|_| !matches!(self.step(), Step::Linked | Step::Ending))
    }

    /// The number that the device bears and has given up: of no concern to strangers.
    fn given_up(&self) -> Option<&str> {
        let is_shown = self.csrf.is_some() && self.link.sender_given_up && !matches!(self.step(), Step::Linked);
        is_shown.then_some(&self.device.sender)
    }

    /// What stands in the field for the number: what was typed, or the one that may be.
    fn typed(&self) -> &str {
        if self.phone.is_empty() { self.expected().unwrap_or_default() } else { &self.phone }
    }

    /// Names the step for the script: what was said about another one is over with it.
    fn step_name(&self) -> String {
        format!("{:?}", self.step())
    }

    /// Until when the phone has to scan the code.
    fn scanned_until(&self) -> Option<&str> {
        self.device.state_until.as_deref().filter(|_| self.device.state == DeviceStatus::Linking)
    }

    /// Whether another attempt may be begun: not where the phone has done what this one wants of it.
    fn may_begin_another(&self) -> bool {
        let is_settled =
            matches!(self.step(), Step::Linked | Step::Compare | Step::PasskeySent | Step::Connecting | Step::Ending);
        self.may_begin && !is_settled
    }

    /// Whether an attempt is under way, which another one would end.
    fn is_under_way(&self) -> bool {
        !matches!(self.step(), Step::Nothing | Step::Ending | Step::Linked | Step::Failed)
    }

    /// Whether something was begun here, of which the reader wants to know first.
    pub fn has_begun(&self) -> bool {
        self.step() != Step::Nothing
    }

    /// What is asked before another attempt is begun in its place.
    fn ask(&self) -> &str {
        self.viewer.t(
            "This ends the linking that is under way, and what is shown now is no longer good. Begin again?",
            "Ini mengakhiri penautan yang sedang berjalan, dan yang tampil sekarang tidak berlaku lagi. Mulai lagi?",
        )
    }

    /// Whether the phone was given a code that is typed.
    fn is_typed(&self) -> bool {
        self.link.way.as_deref() == Some("code")
    }

    /// Whether an account is linked: whoever has a shared page needs no more.
    pub fn is_linked(&self) -> bool {
        self.step() == Step::Linked
    }

    /// Why linking failed, for whoever reads the page.
    fn reason(&self) -> Option<String> {
        let reason = self.link.reason.as_deref()?;
        let reason = if self.csrf.is_some() { reason.into() } else { public_reason(reason) };
        Some(self.viewer.moments(self.viewer.said(&reason)))
    }

    /// Why no account is linked any more, where somebody wanted that: it has not failed.
    fn ended(&self) -> Option<String> {
        self.reason().filter(|_| is_unlinked(&self.link)).map(|reason| sentence(&reason))
    }

    /// Whether the reason does not say itself what to do.
    fn lacks_advice(&self) -> bool {
        let reason = self.link.reason.as_deref().unwrap_or_default();
        !reason.strip_suffix(MAY_BE_LISTED).unwrap_or(reason).contains("; ")
    }

    /// What is to be said of a form that was refused, where the steps below do not say it.
    pub fn unsaid(&self, refusal: String) -> Option<String> {
        let is_said = self.step() == Step::Failed && self.reason().is_some_and(|reason| refusal.contains(&reason));
        (!is_said).then_some(refusal)
    }

    /// Changes with the QR code, so that the browser asks for the new picture.
    fn version(&self) -> String {
        let hash = Sha256::digest(self.link.code.as_deref().unwrap_or_default());
        hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn snippet(&self) -> String {
        self.passkey.options.as_ref().map(|options| passkey::snippet(&options.to_string())).unwrap_or_default()
    }

    /// Where the pairing link is handed over to the extension.
    fn handover(&self) -> String {
        self.passkey.pairing_link.as_deref().map(pairing_link::handover).unwrap_or_default()
    }

    /// A code of eight characters as WhatsApp shows it, in two halves.
    fn spaced(&self) -> String {
        let code = self.link.code.as_deref().unwrap_or_default();
        match code.split_at_checked(4) {
            Some((first, second)) if second.len() == 4 => format!("{first}-{second}"),
            _ => code.to_owned(),
        }
    }
}

/// Whether what ended last was a link that somebody wanted to be ended.
fn is_unlinked(link: &Link) -> bool {
    link.status == "failed" && link.reason_code.as_deref() == Some("unlinked")
}

/// A reason as a sentence.
fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

fn step(link: &Link, passkey: &str, is_linked: bool, state: DeviceStatus) -> Step {
    if link.is_ending {
        return Step::Ending;
    }
    let is_gone = matches!(
        state,
        DeviceStatus::Unlinked
            | DeviceStatus::LoggedOut
            | DeviceStatus::Replaced
            | DeviceStatus::Linking
            | DeviceStatus::Passkey
            | DeviceStatus::PasskeyConfirm
    );
    match (passkey, link.status.as_str()) {
        ("required", "waiting" | "shown") => return Step::Passkey,
        ("sent", "waiting" | "shown") => return Step::PasskeySent,
        ("confirm", "waiting" | "shown") => return Step::Compare,
        _ => {}
    }
    match (link.status.as_str(), link.way.as_deref(), &link.code) {
        ("waiting", ..) | ("shown", _, None) => Step::Waiting,
        ("connecting", ..) => Step::Connecting,
        ("shown", Some("code"), Some(_)) => Step::Code,
        ("shown", _, Some(_)) => Step::Qr,
        ("failed", ..) if !is_linked && !is_unlinked(link) => Step::Failed,
        // What was linked once may have been ended by the phone since.
        _ if is_linked && !is_gone => Step::Linked,
        _ => Step::Nothing,
    }
}

/// What a form of the steps asks for, by the end of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Qr,
    Code,
    PasskeyAnswer,
    PasskeyConfirm,
    Cancel,
}

impl Wanted {
    /// Whether it begins an attempt, in place of one that is under way.
    pub fn begins(self) -> bool {
        matches!(self, Self::Qr | Self::Code)
    }
}

/// Has the API do what a form asks for.
///
/// # Errors
/// [`Refusal`] with what the API says.
pub async fn act(asking: &Asking, id: &str, wanted: Wanted, fields: &Fields) -> Result<(), Refusal> {
    let (path, body) = match wanted {
        Wanted::Qr => ("/link", None),
        // Whoever looks at the device is warned, and not only whoever compared.
        Wanted::Cancel if fields.has("differ") => ("/link?codes_differ=true", None),
        Wanted::Cancel => ("/link", None),
        Wanted::Code => ("/pairing-code", Some(json!({"phone": fields.text("phone")}))),
        // What is no JSON is refused by the API, which says what to paste.
        Wanted::PasskeyAnswer => ("/passkey", Some(passkey::pasted(fields.text("assertion")))),
        Wanted::PasskeyConfirm => ("/passkey/confirm", fields.given("code").map(|code| json!({"code": code}))),
    };
    let method = if wanted == Wanted::Cancel { Method::DELETE } else { Method::POST };
    asking.ask::<Value>(method, &at(asking, id, path)?, body).await.map(drop)
}

/// The QR code's picture, as the API draws it.
pub async fn draw_qr(asking: &Asking, id: &str) -> Answer {
    let request = Request::builder().uri(at(asking, id, "/qr")?).header(header::ACCEPT, "image/svg+xml");
    let request = request.body(Body::empty());
    let request = request.map_err(|_| asking.refusal(StatusCode::NOT_FOUND, "there is no such device"))?;
    Ok(asking.forward(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(status: &str, way: &str, code: Option<&str>) -> Link {
        Link {
            status: status.into(),
            way: Some(way.into()),
            code: code.map(str::to_owned),
            expires_at: None,
            reason: None,
            reason_code: None,
            phone: None,
            shared_until: None,
            expected_sender: None,
            sender_given_up: false,
            is_ending: false,
            notice: String::new(),
        }
    }

    #[test]
    fn a_page_shows_a_code_while_it_is_good_and_a_link_while_it_lasts() {
        let now = |status, way, code, is_linked, state| step(&link(status, way, code), "none", is_linked, state);
        assert_eq!(now("none", "qr", None, false, DeviceStatus::Unlinked), Step::Nothing);
        assert_eq!(now("waiting", "qr", None, false, DeviceStatus::Unlinked), Step::Waiting);
        assert_eq!(now("shown", "qr", Some("2@x"), false, DeviceStatus::Linking), Step::Qr);
        assert_eq!(now("shown", "qr", None, false, DeviceStatus::Linking), Step::Waiting);
        assert_eq!(now("shown", "code", Some("ABCD1234"), false, DeviceStatus::Linking), Step::Code);
        // An account that was linked before is linked anew.
        assert_eq!(now("shown", "qr", Some("2@x"), true, DeviceStatus::Linking), Step::Qr);
        assert_eq!(now("connecting", "qr", None, true, DeviceStatus::Connecting), Step::Connecting);
        assert_eq!(now("linked", "qr", None, true, DeviceStatus::Connecting), Step::Linked);
        assert_eq!(now("linked", "qr", None, true, DeviceStatus::Online), Step::Linked);
        assert_eq!(now("linked", "qr", None, true, DeviceStatus::LoggedOut), Step::Nothing);
        assert_eq!(now("failed", "qr", None, false, DeviceStatus::Unlinked), Step::Failed);
        let asked = |passkey, status| step(&link(status, "qr", None), passkey, true, DeviceStatus::Passkey);
        assert_eq!(asked("required", "shown"), Step::Passkey);
        assert_eq!(asked("sent", "waiting"), Step::PasskeySent);
        assert_eq!(asked("confirm", "shown"), Step::Compare);
        assert_eq!(asked("sent", "connecting"), Step::Connecting);
        let failed = step(&link("failed", "qr", None), "failed", false, DeviceStatus::Unlinked);
        assert_eq!(failed, Step::Failed);
        // What somebody wanted to be ended has not failed.
        let ended = |is_ending, code: &str| Link {
            is_ending,
            reason_code: Some(code.to_owned()),
            ..link(if is_ending { "linked" } else { "failed" }, "qr", None)
        };
        assert_eq!(step(&ended(true, ""), "none", true, DeviceStatus::Online), Step::Ending);
        assert_eq!(step(&ended(false, "unlinked"), "none", false, DeviceStatus::Unlinked), Step::Nothing);
        assert_eq!(step(&ended(false, "cancelled"), "none", false, DeviceStatus::Unlinked), Step::Failed);
    }
}
