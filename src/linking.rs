//! Linking an account to a device, as a person or program asks for it: whether it may be, that it is wished, and what is
//! shown meanwhile. The device's loop does it. Called by `api/manage/links.rs` and `cli/link.rs`.

pub mod failure;
pub mod pairing;
pub mod sharing;

use crate::account::KeyHash;
use crate::clock::{Clock, Millis};
use crate::device::{Device, DeviceState, Kind, LinkWay, Wish, link_place, passkey_place};
use crate::passkey::{self, PasskeyAnswer};
use crate::phone;
use crate::seal::Sealer;
use crate::secrets::MasterKey;
pub use crate::store::Cancelling;
use crate::store::{Store, StoreError, StoredPasskey};

/// What whoever links an account is told, in one sentence.
pub const NOTICE: &str = "wachat is an unofficial client: WhatsApp may restrict or ban a number that is linked to one, so \
                          link a number of your own that you can afford to lose, and write to people who want it";

/// How far the linking of a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linking {
    pub status: Status,
    pub way: Way,
    /// What a phone is to scan or a person to type, while it is good.
    pub code: Option<String>,
    pub expires_at: Option<Millis>,
    /// Why it failed; empty when there is nothing to say.
    pub reason: String,
    pub changed_at: Millis,
}

/// How far the passkey step of a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub status: passkey::Status,
    /// WhatsApp's request, in JSON.
    pub options: String,
    /// What is to be compared with the code on the phone.
    pub code: Option<String>,
    pub expires_at: Millis,
    /// The code as it is stored: no two are the same, though they say the same.
    sealed_code: Option<Vec<u8>>,
}

/// Why an answer is not taken.
pub const NOT_ASKED: &str = "WhatsApp does not wait for this at this moment; see how far the passkey step is now";

/// Why nothing is begun on a page.
const PAGE_OVER: &str = "this linking page is over; ask whoever sent it for a new one";

/// What became of a wish to link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No code has come yet.
    Waiting,
    /// A code was shown.
    Shown,
    /// The phone has linked the account, and WhatsApp has not let the gateway in with it yet.
    Connecting,
    Linked,
    Failed,
}

/// How an account is being linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Qr,
    Code,
}

/// Why nothing is begun.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// This device is not to be linked or unlinked, or not now; the text says what to do.
    #[error("{0}")]
    Refused(&'static str),
    /// A code was asked for another phone than the one that may be linked.
    #[error(
        "this device's number is {expected}, which programs send from; get the code for {expected}, or unlink this device first to give \
         it another number"
    )]
    OtherNumber { expected: String },
    /// The store holds what nobody stores, or what was sealed under another key.
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Shown => "shown",
            Self::Connecting => "connecting",
            Self::Linked => "linked",
            Self::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Shown, Self::Connecting, Self::Linked, Self::Failed]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::Code => "code",
        }
    }
}

/// Where links are wished for and looked at. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    store: Store,
    sealer: Sealer,
    tokens: pairing::Tokens,
    clock: Clock,
}

impl Links {
    pub fn new(store: Store, master_key: &MasterKey, clock: Clock) -> Self {
        // The device loops seal codes with the same key.
        let (sealer, tokens) = (master_key.sealer("links"), pairing::Tokens::new(master_key.derive("pairing-links")));
        Self { store, sealer, tokens, clock }
    }

    /// Notes that an account is to be linked to `device`.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn begin(&self, device: &Device, way: LinkWay) -> Result<(), LinkError> {
        self.check_begin(device)?;
        self.check_number(device, &way).await?;
        self.wish(device, Wish::Link(way)).await
    }

    /// The same, on the page with this token: nothing is begun on one that was revoked or replaced meanwhile.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn begin_on_page(&self, device: &Device, way: LinkWay, page: &KeyHash) -> Result<(), LinkError> {
        self.check_begin(device)?;
        self.check_number(device, &way).await?;
        let this = self.clone();
        let may_be_linked = move |device: &Device| this.check_begin(device).is_ok();
        let is_begun =
            self.store.wish_link_on_page(&device.id, way, page.clone(), self.clock.now(), may_be_linked).await?;
        if is_begun { Ok(()) } else { Err(LinkError::Refused(PAGE_OVER)) }
    }

    /// Whether an account may be linked to `device` now.
    ///
    /// # Errors
    /// [`LinkError::Refused`].
    pub fn check_begin(&self, device: &Device) -> Result<(), LinkError> {
        check_begin(device.kind, device.state, device.linked_at, device.wish()).map_err(LinkError::Refused)
    }

    /// A code links the phone that it is for, or none: one that would be refused afterwards is not asked for.
    async fn check_number(&self, device: &Device, way: &LinkWay) -> Result<(), LinkError> {
        let LinkWay::Code { phone } = way else { return Ok(()) };
        match self.expected_sender(device).await? {
            Some(expected) if !phone::is_same_number(phone, &expected) => Err(LinkError::OtherNumber { expected }),
            _ => Ok(()),
        }
    }

    /// The number whose phone alone may be linked to `device`; `None` where any may be, or may once it is unlinked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn expected_sender(&self, device: &Device) -> Result<Option<String>, LinkError> {
        let expected = self.store.find_expected_sender(&device.id).await?;
        Ok(expected.filter(|_| device.wish() != Some(Wish::Unlink)))
    }

    /// Notes that no account is to be linked to `device` any more.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn end(&self, device: &Device) -> Result<(), LinkError> {
        check_kind(device.kind).map_err(LinkError::Refused)?;
        self.wish(device, Wish::Unlink).await
    }

    /// Has the attempt to link that is under way cancelled; the device keeps its number.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn cancel(&self, device_id: &str, why: Cancelling) -> Result<(), LinkError> {
        let is_cancelled = self.store.cancel_link(device_id, why, self.clock.now()).await?;
        if is_cancelled { Ok(()) } else { Err(LinkError::Refused("no account is being linked to this device")) }
    }

    async fn wish(&self, device: &Device, wish: Wish) -> Result<(), LinkError> {
        let is_there = self.store.wish_link(&device.id, wish, self.clock.now()).await?;
        if is_there { Ok(()) } else { Err(LinkError::Refused("the device was removed at this moment")) }
    }

    /// How far the passkey step of a link is; `None` where WhatsApp asked for none.
    ///
    /// # Errors
    /// [`LinkError`], but never that it is refused.
    pub async fn passkey(&self, device_id: &str) -> Result<Option<Passkey>, LinkError> {
        let Some(stored) = self.store.find_passkey(device_id).await? else { return Ok(None) };
        let odd = |what: &str| LinkError::Unreadable(format!("the passkey step of device {device_id}: {what}"));
        let status = passkey::Status::from_name(&stored.status).ok_or_else(|| odd("an unknown status"))?;
        let opened =
            stored.code.as_ref().map(|sealed| self.sealer.open(passkey_place(device_id, "code").as_bytes(), sealed));
        let code =
            opened.transpose().map_err(|error| odd(&error.to_string()))?.and_then(|code| String::from_utf8(code).ok());
        let (options, expires_at) = (stored.options, stored.expires_at);
        Ok(Some(Passkey { status, options, code, expires_at, sealed_code: stored.code }))
    }

    /// Notes a person's answer to `asked`, unless WhatsApp asks for something else by now: another assertion, or to compare another code.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn answer_passkey(
        &self,
        device_id: &str,
        asked: &Passkey,
        answer: &PasskeyAnswer,
    ) -> Result<(), LinkError> {
        let status = match answer {
            PasskeyAnswer::Assertion(_) => passkey::Status::Required,
            PasskeyAnswer::Confirm => passkey::Status::Confirm,
        };
        let asked = StoredPasskey {
            status: status.name().to_owned(),
            options: asked.options.clone(),
            code: asked.sealed_code.clone(),
            expires_at: asked.expires_at,
        };
        let place = passkey_place(device_id, "answer");
        let sealed = self.sealer.seal(&self.clock, place.as_bytes(), &answer.to_bytes());
        let is_taken = self.store.answer_passkey(device_id, asked, sealed).await?;
        if is_taken { Ok(()) } else { Err(LinkError::Refused(NOT_ASKED)) }
    }

    /// How far linking is; `None` when nobody ever wanted it. A code is given while it is good.
    ///
    /// # Errors
    /// [`LinkError`], but never that it is refused.
    pub async fn look(&self, device_id: &str) -> Result<Option<Linking>, LinkError> {
        let Some(link) = self.store.find_link(device_id).await? else { return Ok(None) };
        let odd = |what: &str| LinkError::Unreadable(format!("the link of device {device_id}: {what}"));
        let status = Status::parse(&link.status).ok_or_else(|| odd("an unknown status"))?;
        let is_good = status == Status::Shown && link.expires_at.is_some_and(|at| at > self.clock.now());
        let code = match link.code.filter(|_| is_good) {
            Some(sealed) => {
                let opened = self.sealer.open(link_place(device_id).as_bytes(), &sealed);
                let opened = opened.map_err(|error| odd(&error.to_string()))?;
                Some(String::from_utf8(opened).map_err(|_| odd("its code is no text"))?)
            }
            None => None,
        };
        Ok(Some(Linking {
            status,
            way: if link.way == "code" { Way::Code } else { Way::Qr },
            expires_at: link.expires_at.filter(|_| code.is_some()),
            code,
            reason: link.reason,
            changed_at: link.changed_at,
        }))
    }
}

fn check_kind(kind: Kind) -> Result<(), &'static str> {
    match kind {
        Kind::Web => Ok(()),
        Kind::Sandbox => Err("a sandbox has no account to link; add a device of the kind web"),
        Kind::Cloud => Err("devices of this kind cannot be connected; remove it and add a device of the kind web"),
    }
}

/// Whether an account may be linked now to a device of this kind, in words where it may not.
fn check_begin(
    kind: Kind,
    state: DeviceState,
    linked_at: Option<Millis>,
    wish: Option<Wish>,
) -> Result<(), &'static str> {
    check_kind(kind)?;
    let is_linked = match state {
        DeviceState::Unlinked
        | DeviceState::Linking
        | DeviceState::Passkey
        | DeviceState::PasskeyConfirm
        | DeviceState::LoggedOut
        | DeviceState::Replaced => false,
        DeviceState::Online => true,
        // While it is linked anew it still says since when the former account was.
        DeviceState::Connecting | DeviceState::Reconnecting | DeviceState::Banned | DeviceState::Outdated => {
            linked_at.is_some() && !matches!(wish, Some(Wish::Link(_)))
        }
    };
    if is_linked { Err("an account is linked to this device; unlink it first") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_has_an_account_is_unlinked_first() {
        for state in DeviceState::ALL {
            let is_gone = state.is_being_linked()
                || matches!(state, DeviceState::Unlinked | DeviceState::LoggedOut | DeviceState::Replaced);
            let may = |linked_at, wish| check_begin(Kind::Web, state, linked_at, wish).is_ok();
            assert_eq!(may(None, None), state != DeviceState::Online, "{state:?}");
            assert_eq!(may(Some(1), None), is_gone, "{state:?}");
            assert_eq!(may(Some(1), Some(Wish::Unlink)), is_gone, "{state:?}");
            assert_eq!(may(Some(1), Some(Wish::Link(LinkWay::Qr))), state != DeviceState::Online, "{state:?}");
            for kind in [Kind::Sandbox, Kind::Cloud] {
                assert!(check_begin(kind, state, None, None).is_err(), "{kind:?}");
            }
        }
    }
}
