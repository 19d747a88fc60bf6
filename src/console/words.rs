//! Languages, times and numbers, as the person who looks reads them.

use std::borrow::Cow;
use std::fmt::Write;

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::phrases;

/// The cookies that hold what a person chose, and where his browser is.
pub const LANGUAGE_COOKIE: &str = "wachat_language";
const ZONE_COOKIE: &str = "wachat_zone";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Indonesian,
}

impl Language {
    /// By its tag, such as `id` or `en-GB`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.trim().split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            // Malay is nearer to Indonesian than to English; `in` is the old tag.
            "id" | "in" | "ms" => Some(Self::Indonesian),
            _ => None,
        }
    }

    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Indonesian => "id",
        }
    }
}

/// Who looks: his language and his time zone.
#[derive(Debug, Clone)]
pub struct Viewer {
    pub language: Language,
    zone: TimeZone,
}

impl Viewer {
    /// What was chosen, else the first language that the browser wants and we have, else English. Times are UTC until the
    /// browser has said where it is.
    pub fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, LANGUAGE_COOKIE).and_then(|tag| Language::of_tag(&tag));
        let accepted = || {
            let wanted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            wanted.split(',').find_map(|range| Language::of_tag(range.split(';').next()?))
        };
        let zone = cookie(headers, ZONE_COOKIE).and_then(|name| TimeZone::get(&name.replace("%2F", "/")).ok());
        Self { language: chosen.or_else(accepted).unwrap_or(Language::English), zone: zone.unwrap_or(TimeZone::UTC) }
    }

    /// The text of his language.
    pub fn t<'a>(&self, english: &'a str, indonesian: &'a str) -> &'a str {
        match self.language {
            Language::English => english,
            Language::Indonesian => indonesian,
        }
    }

    /// What the API, a device or a message says, in his language.
    pub fn said<'a>(&self, english: &'a str) -> Cow<'a, str> {
        match self.language {
            Language::English => Cow::Borrowed(english),
            Language::Indonesian => phrases::in_indonesian(english),
        }
    }

    /// What came in, where the gateway put a note to it in his language.
    pub fn received<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.language {
            Language::English => Cow::Borrowed(text),
            Language::Indonesian => phrases::received(text),
        }
    }

    /// A field of the API, as a form calls it.
    pub fn field<'a>(&self, field: &'a str) -> &'a str {
        match self.language {
            Language::English => field,
            Language::Indonesian => phrases::name(field).unwrap_or(field),
        }
    }

    /// A moment in RFC 3339, as his clock shows it: `2026-11-24 16:05:09`. What is no moment is given back.
    pub fn time(&self, moment: &str) -> String {
        let Ok(at) = moment.parse::<Timestamp>() else { return moment.to_owned() };
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A text with the moments in it, in RFC 3339, as his clock shows them.
    pub fn moments(&self, text: impl AsRef<str>) -> String {
        let is_moment = |word: &str| word.len() >= 20 && word.parse::<Timestamp>().is_ok();
        let shown = text.as_ref().split(' ').map(|word| {
            let bare = word.trim_end_matches([':', ';', ',', '.', ')']);
            if is_moment(bare) { format!("{}{}", self.time(bare), &word[bare.len()..]) } else { word.to_owned() }
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// The zone that times are shown in.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The zone itself, for what is counted by days.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// How many messages, in words.
    pub fn messages(&self, count: &i64) -> String {
        let noun = if *count == 1 { self.t("message", "pesan") } else { self.t("messages", "pesan") };
        format!("{} {noun}", self.number(count))
    }

    /// A whole number with its thousands apart.
    pub fn number(&self, number: &i64) -> String {
        let (digits, mark) = (number.unsigned_abs().to_string(), self.t(",", "."));
        let mut text = String::from(if *number < 0 { "-" } else { "" });
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text += mark;
            }
            let _ = write!(text, "{digit}");
        }
        text
    }
}

/// The value of a cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(lines: &[(header::HeaderName, &str)]) -> Viewer {
        Viewer::of(&lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn the_language_is_the_chosen_one_then_the_browsers_then_english() {
        let accept = (header::ACCEPT_LANGUAGE, "fr-FR, id-ID;q=0.8, en;q=0.5");
        assert_eq!(viewer(std::slice::from_ref(&accept)).language, Language::Indonesian);
        assert_eq!(viewer(&[accept, (header::COOKIE, "a=b; wachat_language=en")]).language, Language::English);
        assert_eq!(viewer(&[(header::ACCEPT_LANGUAGE, "fr")]).language, Language::English);
        assert_eq!(viewer(&[]).t("yes", "ya"), "yes");
    }

    #[test]
    fn times_are_shown_where_the_viewer_is() {
        let there = viewer(&[(header::COOKIE, "wachat_zone=Asia%2FJakarta; wachat_language=id")]);
        assert_eq!(there.time("2026-11-24T17:30:00.5Z"), "2026-11-25 00:30:00");
        assert_eq!((there.zone(), there.number(&-1_234_567)), ("Asia/Jakarta", "-1.234.567".into()));
        assert_eq!(
            there.moments("restricted until 2026-11-24T17:30:00Z: too many; at 2026-11-24, (2026-11-24T17:30:00Z)  x"),
            "restricted until 2026-11-25 00:30:00: too many; at 2026-11-24, (2026-11-24T17:30:00Z)  x"
        );
        let nowhere = viewer(&[(header::COOKIE, "wachat_zone=No/Where")]);
        assert_eq!(
            (nowhere.time("2026-11-24T17:30:00Z"), nowhere.number(&999)),
            ("2026-11-24 17:30:00".into(), "999".into())
        );
    }
}
