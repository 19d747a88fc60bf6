//! Clients, the persons who work for them, their roles and their API keys.

mod userid;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::{Clock, Millis};
use crate::limits;
use crate::phone;

pub use userid::{check_userid, fold_userid, former_userid_of, userid_of};

/// A paying customer; everything else belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Client {
    pub id: i64,
    pub name: String,
    /// Replaces the leading `0` of a national phone number.
    pub country_code: String,
    /// The gateway that sends when a request names none.
    pub default_device: Option<String>,
    pub disabled: bool,
    /// Messages that may wait at the same time, 0 for any number; `None` for as many as the settings say.
    pub waiting_quota: Option<i64>,
    /// Megabytes that files may take, likewise.
    pub files_quota_mb: Option<i64>,
    pub created_at: Millis,
}

/// The clients that a name may mean: those that are called exactly so, else those whose names look alike.
pub fn called<'c>(clients: &'c [Client], name: &str) -> Vec<&'c Client> {
    let exact: Vec<_> = clients.iter().filter(|client| client.name == name).collect();
    if !exact.is_empty() {
        return exact;
    }
    let folded = fold_userid(name.trim());
    clients.iter().filter(|client| fold_userid(client.name.trim()) == folded).collect()
}

/// Someone who works for a client, with a password, API keys, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub id: i64,
    pub client_id: i64,
    /// The name that signs in, as it was written; unique within the client, however it is written ([`fold_userid`]).
    pub userid: String,
    pub role: Role,
    pub disabled: bool,
    pub created_at: Millis,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends messages and sees their states.
    Sender,
    /// Manages one client: its persons, keys, gateways, Push URL, messages.
    Owner,
    /// Manages every client.
    Administrator,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Sender, Self::Owner, Self::Administrator];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Owner => "owner",
            Self::Administrator => "administrator",
        }
    }
}

/// A role's name that is none of the three.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no role; the roles are sender, owner and administrator")]
pub struct UnknownRole(String);

impl TryFrom<String> for Role {
    type Error = UnknownRole;

    fn try_from(name: String) -> Result<Self, UnknownRole> {
        name.parse()
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

/// A name, userid, country code or quota that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("a name has 1 to {} characters, none of them a control character", limits::NAME_CHARS_MAX)]
    Name,
    #[error("a userid has 1 to {} characters, at least one of them visible, and no spaces", limits::NAME_CHARS_MAX)]
    Userid,
    #[error("a country code is that of a numbering plan, such as 62")]
    CountryCode,
    #[error("a quota is a whole number from 0, for any number, to {}", limits::QUOTA_MAX)]
    Quota,
}

/// A quota of one client, in place of the settings' one.
///
/// # Errors
/// [`BadName::Quota`].
pub fn check_quota(quota: i64) -> Result<(), BadName> {
    if (0..=limits::QUOTA_MAX).contains(&quota) { Ok(()) } else { Err(BadName::Quota) }
}

/// A name for people: of a client, a device, a key.
///
/// # Errors
/// [`BadName::Name`] when it is empty, too long, or no text for people.
pub fn check_name(name: &str) -> Result<(), BadName> {
    let ok = (1..=limits::NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if ok { Ok(()) } else { Err(BadName::Name) }
}

/// What replaces the leading `0` of a national phone number.
///
/// # Errors
/// [`BadName::CountryCode`].
pub fn check_country_code(code: &str) -> Result<(), BadName> {
    if phone::is_country_code(code) { Ok(()) } else { Err(BadName::CountryCode) }
}

/// An API key as the store lists it: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    pub id: i64,
    pub client_id: i64,
    pub person_id: i64,
    pub name: String,
    /// The key's first four characters, so that a person can tell his keys apart.
    pub hint: String,
    pub created_at: Millis,
    pub expires_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
    pub last_used_at: Option<Millis>,
}

/// In place of a key's number: the request comes from the console.
pub const CONSOLE: i64 = 0;
/// In place of a key's number: the request comes from a linking page that was shared.
pub const SHARED_LINK: i64 = -1;

/// Who a request comes from, once its key was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key's number, [`CONSOLE`] or [`SHARED_LINK`].
    pub key_id: i64,
    /// The token of the linking page that was shared, where the request comes from one.
    pub page: Option<KeyHash>,
    pub person: Person,
    pub client: Client,
}

impl Caller {
    /// Whether the caller may manage `client_id`'s things.
    pub fn manages(&self, client_id: i64) -> bool {
        match self.person.role {
            Role::Administrator => true,
            Role::Owner => self.client.id == client_id,
            Role::Sender => false,
        }
    }
}

/// An API key in clear. Exists only while it is made, shown once, or checked; never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// What is wrong with a key that an operator wants to import.
#[derive(Debug, thiserror::Error)]
#[error("an API key has {min} to {max} visible ASCII characters and no spaces", min = ApiKey::MIN_CHARS, max = ApiKey::MAX_CHARS)]
pub struct BadApiKey;

impl ApiKey {
    pub const MIN_CHARS: usize = 16;
    pub const MAX_CHARS: usize = 128;

    /// A new key: 32 upper-case hexadecimal characters, 128 random bits.
    pub fn generate(clock: &Clock) -> Self {
        Self(hex_upper(&clock.random::<16>()))
    }

    /// A key that a customer already has in his programs.
    ///
    /// # Errors
    /// [`BadApiKey`] when no HTTP header could carry it, or when it could be guessed.
    pub fn import(text: &str) -> Result<Self, BadApiKey> {
        let fits = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadApiKey)
        }
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn hint(&self) -> String {
        self.0.chars().take(4).collect()
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey({}…)", self.hint())
    }
}

/// What is remembered of a key or token, as long as that is random: a plain SHA-256 cannot be turned back by guessing then. What the store
/// keeps of API keys, which an operator may have chosen, is [`StoredKeyHash`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

/// What the store keeps of an API key: without the secret nobody can try guesses on a copy of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKeyHash(pub [u8; 32]);

/// The secret under which API keys are stored.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(pub [u8; 32]);

impl KeySecret {
    pub fn stored(&self, hash: &KeyHash) -> StoredKeyHash {
        // HMAC takes keys of every length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(&hash.0);
        StoredKeyHash(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySecret(hidden)")
    }
}

/// Upper-case hexadecimal digits.
pub fn hex_upper(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_is_32_upper_case_hexadecimal_characters() {
        let key = ApiKey::generate(&Clock::system());
        assert_eq!(key.reveal().len(), 32);
        assert!(key.reveal().bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        assert!(!format!("{key:?}").contains(key.reveal()));
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_not_imported() {
        for bad in ["", "short", "has a space in the middle", "contains\u{e9}accented-letters", &"x".repeat(129)] {
            assert!(ApiKey::import(bad).is_err(), "{bad}");
        }
        assert!(ApiKey::import("f3b1c9d2-4a50-4e7b-9a58-legacy").is_ok());
    }

    #[test]
    fn only_an_administrator_manages_another_client() {
        let mut caller = Caller {
            key_id: 1,
            page: None,
            person: Person {
                id: 1,
                client_id: 1,
                userid: "a".into(),
                role: Role::Owner,
                disabled: false,
                created_at: 0,
            },
            client: Client {
                id: 1,
                name: "a".into(),
                country_code: "62".into(),
                default_device: None,
                disabled: false,
                waiting_quota: None,
                files_quota_mb: None,
                created_at: 0,
            },
        };
        assert!(caller.manages(1) && !caller.manages(2));
        caller.person.role = Role::Sender;
        assert!(!caller.manages(1));
        caller.person.role = Role::Administrator;
        assert!(caller.manages(2));
    }
}
