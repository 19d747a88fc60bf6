//! Whether a `media_url` is an address. The original API took pydantic v1's `AnyHttpUrl`, whose regular expression and
//! faults these are; a URL parser would be stricter in some places and milder in others.

use super::python::{self, decimal, is_space};

/// What is wrong, in pydantic's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("invalid or missing URL scheme")]
    Scheme,
    #[error("URL scheme not permitted")]
    SchemeNotPermitted,
    #[error("URL port invalid, port cannot exceed 65535")]
    Port,
    /// What stands behind it, as Python shows a text.
    #[error("URL invalid, extra characters found after valid URL: {0}")]
    Extra(String),
    #[error("URL host invalid")]
    Host,
}

impl BadUrl {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Scheme | Self::SchemeNotPermitted => "value_error.url.scheme",
            Self::Port => "value_error.url.port",
            Self::Extra(_) => "value_error.url.extra",
            Self::Host => "value_error.url.host",
        }
    }
}

/// Checks an address without spaces around it.
///
/// # Errors
/// [`BadUrl`] with the first fault that pydantic finds.
pub fn check(text: &str) -> Result<(), BadUrl> {
    let (scheme, rest) = scheme(text).ok_or(BadUrl::Scheme)?;
    if !["http", "https"].contains(&scheme.to_lowercase().as_str()) {
        return Err(BadUrl::SchemeNotPermitted);
    }
    let (host, rest) = Host::read(without_user_info(rest));
    let rest = without_port(rest)?;
    let rest = without_part(rest, '/', &['?', '#']);
    let rest = without_part(rest, '?', &['#']);
    let rest = without_part(rest, '#', &['#']);
    if !rest.is_empty() {
        return Err(BadUrl::Extra(python::repr(rest)));
    }
    match host {
        Host::Address => Ok(()),
        Host::Domain(name) if is_domain(name) => Ok(()),
        Host::Domain(_) | Host::Absent => Err(BadUrl::Host),
    }
}

/// `[a-z][a-z0-9+\-.]+` and what stands behind its `://`.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let mut characters = scheme.chars();
    let is_first_letter = characters.next().is_some_and(is_letter);
    let is_rest_fit = characters.clone().all(|c| is_letter(c) || c.is_ascii_digit() || "+-.".contains(c));
    (is_first_letter && characters.next().is_some() && is_rest_fit).then_some((scheme, rest))
}

/// Takes away `user@` or `user:password@`, up to the last `@` there can be.
fn without_user_info(text: &str) -> &str {
    let (user, rest) = span(text, |c| !is_space(c) && c != ':' && c != '/');
    let (password, _) = if rest.starts_with(':') { span(rest, |c| !is_space(c) && c != '/') } else { ("", rest) };
    let at = password.rfind('@').map(|at| user.len() + at).or_else(|| user.rfind('@'));
    at.map_or(text, |at| &text[at + 1..])
}

enum Host<'a> {
    /// An address of IPv4 or IPv6; that its numbers are too large is for who connects to find.
    Address,
    Domain(&'a str),
    Absent,
}

impl<'a> Host<'a> {
    /// The host that a text starts with, and what stands behind it.
    fn read(text: &'a str) -> (Self, &'a str) {
        let is_end = |rest: &str| rest.is_empty() || rest.starts_with(['/', ':', '#', '?']);
        let (numbers, rest) = span(text, |c| c == '.' || decimal(c).is_some());
        let is_number = |part: &str| (1..=3).contains(&part.chars().count());
        if is_end(rest) && numbers.split('.').count() == 4 && numbers.split('.').all(is_number) {
            return (Self::Address, rest);
        }
        if let Some(bracketed) = text.strip_prefix('[') {
            let (groups, rest) = span(bracketed, |c| c == ':' || c.is_ascii_hexdigit());
            let is_address = groups.find(':').is_some_and(|colon| colon + 1 < groups.len());
            if let Some(rest) = rest.strip_prefix(']').filter(|rest| is_address && is_end(rest)) {
                return (Self::Address, rest);
            }
        }
        let (name, rest) = span(text, |c| !is_space(c) && !"/:?#".contains(c));
        (if name.is_empty() { Self::Absent } else { Self::Domain(name) }, rest)
    }
}

/// Labels of 1 to 63 characters between dots, one dot behind the last allowed. A host that is not ASCII must be one that
/// the domain name system can be asked for.
fn is_domain(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let (labels, last) = name.rsplit_once('.').map_or((None, name), |(labels, last)| (Some(labels), last));
    let is_last_fit = is_label(last) || labels.is_some() && is_encoded_label(last);
    let are_labels_fit = labels.is_none_or(|labels| labels.split('.').all(is_label));
    is_last_fit && are_labels_fit && (name.is_ascii() || is_encodable(name))
}

/// `[_0-9a-z…](?:[-_0-9a-z…]{0,61}[_0-9a-z…])?`, where `…` is nearly everything beyond ASCII.
fn is_label(label: &str) -> bool {
    let is_fit = |c: char| c == '_' || c.is_ascii_alphanumeric() || ('{'..='\u{40000}').contains(&c);
    let is_inside = label.starts_with(is_fit) && label.ends_with(is_fit);
    is_inside && label.chars().all(|c| c == '-' || is_fit(c)) && label.chars().count() <= 63
}

/// `xn--[_0-9a-z-]{2,}`, the form in which a name beyond ASCII is asked for.
fn is_encoded_label(label: &str) -> bool {
    let is_fit = |c: char| is_letter(c) || c.is_ascii_digit() || c == '-' || c == '_';
    let is_prefixed = label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"));
    is_prefixed && (6..=63).contains(&label.chars().count()) && label.chars().all(is_fit)
}

fn is_encodable(name: &str) -> bool {
    url::Host::parse(name).is_ok_and(|host| match host {
        url::Host::Domain(name) => {
            name.strip_suffix('.').unwrap_or(&name).split('.').all(|label| (1..=63).contains(&label.len()))
        }
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => true,
    })
}

/// Takes away `:` and digits.
fn without_port(text: &str) -> Result<&str, BadUrl> {
    let Some((digits, rest)) = text.strip_prefix(':').map(|port| span(port, |c| decimal(c).is_some())) else {
        return Ok(text);
    };
    match python::integer(digits) {
        None => Ok(text),
        Some(port) if port > 65_535 => Err(BadUrl::Port),
        Some(_) => Ok(rest),
    }
}

/// Takes away what starts with `first`, up to a space or one of `ends`.
fn without_part<'a>(text: &'a str, first: char, ends: &[char]) -> &'a str {
    match text.strip_prefix(first) {
        Some(part) => span(part, |c| !is_space(c) && !ends.contains(&c)).1,
        None => text,
    }
}

/// `[a-z]` of a Python expression that ignores case: four characters beyond ASCII are cases of `i`, `k` and `s`.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || ['\u{130}', '\u{131}', '\u{17f}', '\u{212a}'].contains(&c)
}

/// The longest start of which each character fits, and the rest.
fn span(text: &str, is_fit: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_fit(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_whatever_could_be_asked_for() {
        for url in [
            "http://localhost",
            "HTTPS://user:p@ss@example.com:8080/a?b#c",
            "http://10.0.0.1/",
            "http://[::1]:80",
            "http://bücher.de/ü",
            "http://例え。テスト",
            // IDNA 2003, which is Python's, knew none of these.
            "http://א1.com",
            "http://straße.de",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for (url, wanted) in [
            ("example.com/a.png", BadUrl::Scheme),
            ("ftp://example.com", BadUrl::SchemeNotPermitted),
            ("http://a:65536", BadUrl::Port),
            ("http://a/b c", BadUrl::Extra("' c'".into())),
            ("http://", BadUrl::Host),
            ("http://-a.com", BadUrl::Host),
            ("http://é\u{200e}.com", BadUrl::Host),
        ] {
            assert_eq!(check(url), Err(wanted), "{url}");
        }
    }
}
