//! Addresses that customers give: media URLs and Push URLs. A password in one is stored sealed, shown to nobody, and opened only where a
//! request goes out. An address without a password is stored as it is.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::clock::Clock;
use crate::seal::{DoesNotOpen, Sealers};
use crate::secrets::MasterKey;

/// What is shown in place of a password.
const MASK: &str = "***";
/// How a sealed password begins; its bytes follow in base64.
const SEALED: &str = "sealed.";

/// An address as the store has it. Shows itself without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredUrl(String);

/// Seals the passwords of addresses and opens them.
#[derive(Clone)]
pub struct UrlSealer {
    sealers: Sealers,
    clock: Clock,
}

impl StoredUrl {
    /// As it stands in the store.
    pub fn as_stored(&self) -> &str {
        &self.0
    }

    pub fn into_stored(self) -> String {
        self.0
    }
}

impl From<String> for StoredUrl {
    fn from(stored: String) -> Self {
        Self(stored)
    }
}

impl fmt::Display for StoredUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

impl fmt::Debug for StoredUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&masked(&self.0), f)
    }
}

impl serde::Serialize for StoredUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl UrlSealer {
    pub fn new(master_key: &MasterKey, clock: &Clock) -> Self {
        Self { sealers: master_key.sealers("urls"), clock: clock.clone() }
    }

    /// A client's address as it is stored; `None` where it has no password, and is stored as it is.
    pub fn seal(&self, client_id: i64, url: &str) -> Option<StoredUrl> {
        let password = password(url)?;
        let sealed =
            self.sealers.seal(&self.clock, &place(client_id, url, &password), url[password.clone()].as_bytes());
        Some(StoredUrl(with(url, &password, &format!("{SEALED}{}", URL_SAFE_NO_PAD.encode(sealed)))))
    }

    /// A client's address with its password.
    ///
    /// # Errors
    /// When it was sealed under another master key, for another client, or for another address.
    pub fn open(&self, client_id: i64, url: &StoredUrl) -> Result<String, DoesNotOpen> {
        let StoredUrl(url) = url;
        let Some(password) = password(url) else { return Ok(url.clone()) };
        // A node of an earlier version may have stored it in clear.
        let Some(sealed) = url[password.clone()].strip_prefix(SEALED) else { return Ok(url.clone()) };
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| DoesNotOpen)?;
        let opened = self.sealers.open(&place(client_id, url, &password), &sealed)?;
        Ok(with(url, &password, &String::from_utf8(opened).map_err(|_| DoesNotOpen)?))
    }

    /// As [`UrlSealer::seal`], of an address that may be sealed already.
    pub fn seal_once(&self, client_id: i64, url: &StoredUrl) -> Option<StoredUrl> {
        let StoredUrl(text) = url;
        let is_sealed = password(text).is_some_and(|password| text[password].starts_with(SEALED));
        if is_sealed && self.open(client_id, url).is_ok() { None } else { self.seal(client_id, text) }
    }
}

/// An address that was copied from where its password is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has *** in place of its password; give the password itself")]
pub struct MaskedPassword;

/// Checks that an address holds its password itself, if it has one.
///
/// # Errors
/// [`MaskedPassword`] when it holds what is shown in place of one.
pub fn check_password(url: &str) -> Result<(), MaskedPassword> {
    let is_masked = |password: Range<usize>| url[password].replace("%2A", "*").replace("%2a", "*") == MASK;
    if password(url).is_some_and(is_masked) { Err(MaskedPassword) } else { Ok(()) }
}

/// An address with its password, if it has one, made unreadable.
pub fn masked(url: &str) -> Cow<'_, str> {
    match password(url) {
        Some(password) => with(url, &password, MASK).into(),
        None => url.into(),
    }
}

/// What a password is sealed for: whoever changes the address in the store is not sent its password.
fn place(client_id: i64, url: &str, password: &Range<usize>) -> Vec<u8> {
    format!("{client_id}/{}", with(url, password, MASK)).into_bytes()
}

fn with(url: &str, password: &Range<usize>, text: &str) -> String {
    [&url[..password.start], text, &url[password.end..]].concat()
}

/// Where the password stands in an address: behind the first `:` before the last `@` of its host's part. One that is no valid address may
/// be stored too, and its host's part may go as far as the rules of the original API let it.
fn password(url: &str) -> Option<Range<usize>> {
    // Nearly every address ends here.
    url.find('@')?;
    let is_separator = |c: char| matches!(c, '/' | '\\' | '\t' | '\n' | '\r');
    let start = url.find(':')? + 1;
    let start = start + url[start..].find(|c| !is_separator(c))?;
    let ends: &[char] = match Url::parse(url) {
        Ok(parsed) if parsed.password().is_none() => return None,
        Ok(_) => &['/', '\\', '?', '#'],
        Err(_) => &['/'],
    };
    let host_part = &url[start..start + url[start..].find(ends).unwrap_or(url.len() - start)];
    let user_info = &host_part[..host_part.rfind('@')?];
    let colon = user_info.find(':')?;
    (colon + 1 < user_info.len()).then(|| start + colon + 1..start + user_info.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(key: &str) -> UrlSealer {
        UrlSealer::new(&MasterKey::parse(&key.repeat(32)).expect("a key"), &Clock::system())
    }

    /// Addresses with passwords, and how they are shown.
    const WITH: &[(&str, &str)] = &[
        ("https://user:secret@host/x", "https://user:***@host/x"),
        ("HTTP://user:secret@host:8080", "HTTP://user:***@host:8080"),
        ("https://:secret@host/a@b:c", "https://:***@host/a@b:c"),
        ("https://user:se:c@ret@host/?q=a:b@c#d@e", "https://user:***@host/?q=a:b@c#d@e"),
        ("https://user:%73ecret@host?x", "https://user:***@host?x"),
        ("https://user:s\u{e9}cret@b\u{fc}cher.de/\u{fc}", "https://user:***@b\u{fc}cher.de/\u{fc}"),
        ("https:user:secret@host/x", "https:user:***@host/x"),
        ("https:\\\\user:secret@host\\x", "https:\\\\user:***@host\\x"),
        (" https:/\t/user:secret@host/", " https:/\t/user:***@host/"),
        // No parser takes these, but the rules of the original API do.
        ("http://user:sec?ret@host/x", "http://user:***@host/x"),
        ("http://user:secret#@host:99999/x", "http://user:***@host:99999/x"),
        ("https://user:sealed.AAAA@host/", "https://user:***@host/"),
    ];

    #[test]
    fn a_password_is_sealed_shown_to_nobody_and_opens_for_its_address_alone() {
        let sealer = sealer("1a");
        for (url, shown) in WITH {
            let sealed = sealer.seal(7, url).expect("it has a password");
            let password = &url[password(url).expect("one")];
            assert!(!sealed.as_stored().contains(password), "{sealed}");
            assert_eq!((sealed.to_string().as_str(), format!("{sealed:?}")), (*shown, format!("{shown:?}")));
            assert_eq!(masked(url), *shown);
            assert_eq!(sealer.open(7, &sealed).as_deref(), Ok(*url));
            assert_eq!(sealer.open(8, &sealed), Err(DoesNotOpen));
            assert_eq!(self::sealer("2b").open(7, &sealed), Err(DoesNotOpen));
            let moved = StoredUrl(sealed.as_stored().replacen("host", "evil", 1).replacen("b\u{fc}cher", "evil", 1));
            assert_eq!(sealer.open(7, &moved), Err(DoesNotOpen), "{moved}");
            assert_eq!(sealer.seal_once(7, &sealed), None);
            let again = sealer.seal_once(7, &StoredUrl((*url).to_owned())).expect("it was in clear");
            assert_eq!(sealer.open(7, &again).as_deref(), Ok(*url));
        }
    }

    #[test]
    fn an_address_without_a_password_stays_as_it_is() {
        for url in [
            "https://host/x",
            "https://user@host/x",
            "https://user:@host/x",
            "https://host/a:b@c",
            "https://host?mail=a:b@c",
            "https://host#a:b@c",
            "https://[::1]:80/@",
            "@",
            ":@",
            "mailto:a@b",
            "",
        ] {
            let sealer = sealer("1a");
            assert_eq!((sealer.seal(7, url), masked(url)), (None, url.into()), "{url}");
            assert_eq!(sealer.open(7, &StoredUrl(url.to_owned())).as_deref(), Ok(url));
        }
    }

    #[test]
    fn what_is_shown_in_place_of_a_password_is_none() {
        for (url, shown) in WITH {
            assert_eq!((check_password(url), check_password(shown)), (Ok(()), Err(MaskedPassword)), "{url}");
        }
        for url in ["https://user:%2a%2A*@host/", "HTTP://user:***@host"] {
            assert_eq!(check_password(url), Err(MaskedPassword), "{url}");
        }
        for url in ["https://user:****@host/", "https://user:**@host/", "https://***@host/", "https://host/:***@x", ""]
        {
            assert_eq!(check_password(url), Ok(()), "{url}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_given_opens_as_it_was(url in "(https?:)?[/\\\\]{0,2}[a-z:@/?#.\\PC]{0,20}") {
            let sealer = sealer("1a");
            let stored = sealer.seal(7, &url).unwrap_or_else(|| StoredUrl(url.clone()));
            proptest::prop_assert_eq!(sealer.open(7, &stored), Ok(url));
        }
    }
}
