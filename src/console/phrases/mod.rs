//! What the API refuses, and why devices and messages fare as they do, in Indonesian: the API and the store speak English, as
//! programs read it. Called by `words.rs`.
//!
//! A phrase is an English sentence as the source has it, and its Indonesian; what stands in `{braces}` varies, and is put into
//! Indonesian too where it is a phrase itself. What others said stays as it is, in quotes: a server in "these", a person in
//! 'these', which are never looked into.

mod destinations;
mod devices;
mod imports;
mod inbound;
mod linking;
mod messages;
mod moving;
mod pushes;
mod requests;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// English, Indonesian.
type Phrase = (&'static str, &'static str);

fn all() -> impl Iterator<Item = Phrase> {
    [
        requests::PHRASES,
        devices::PHRASES,
        linking::PHRASES,
        messages::PHRASES,
        destinations::PHRASES,
        imports::PHRASES,
        inbound::PHRASES,
        moving::PHRASES,
        pushes::PHRASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// A text in Indonesian; as it is, where nothing of it is known.
pub fn in_indonesian(text: &str) -> Cow<'_, str> {
    known(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A text that came in: a person's words stay as they are, what the gateway put behind them in [brackets] does not.
pub fn received(text: &str) -> Cow<'_, str> {
    let note_at = text.rfind('[').filter(|_| text.ends_with(']'));
    let noted = note_at.and_then(|at| Some((&text[..at], known(&text[at..])?)));
    noted.map_or(Cow::Borrowed(text), |(said, note)| Cow::Owned(format!("{said}{note}")))
}

fn known(text: &str) -> Option<String> {
    if let Some((_, indonesian)) = all().find(|(english, _)| *english == text) {
        return Some(indonesian.to_owned());
    }
    let found = all().filter_map(|(english, indonesian)| {
        let variables = variables(english, text)?;
        Some(((!english.starts_with('{'), said(english)), indonesian, variables))
    });
    // Of two that fit, the one that begins with words of its own, and then the one that says more.
    let best = found.max_by_key(|(said, ..)| *said);
    of_attempts(text)
        .or_else(|| best.map(|(_, indonesian, variables)| fill(indonesian, &variables)))
        .or_else(|| of_a_field(text))
}

/// `why, 5 times`: the last of so many attempts.
fn of_attempts(text: &str) -> Option<String> {
    let (why, made) = text.strip_suffix(" times")?.rsplit_once(", ")?;
    let is_number = !made.is_empty() && made.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{}, {made} kali", in_indonesian(why)))
}

/// `field: what is wrong with it`, as the API says it of the first fault.
fn of_a_field(text: &str) -> Option<String> {
    let (field, wrong) = text.split_once(": ")?;
    Some(format!("{}: {}", name(field)?, known(wrong)?))
}

/// What a form calls a field of the API.
pub fn name(field: &str) -> Option<&'static str> {
    requests::FIELDS.iter().find(|(known, _)| *known == field).map(|(_, name)| *name)
}

/// How many bytes of a phrase do not vary.
fn said(phrase: &str) -> usize {
    phrase.split('{').map(|part| part.split_once('}').map_or(part, |(_, behind)| behind).len()).sum()
}

/// What stands for the variables of a phrase in a text; `None` where the text is another.
fn variables<'a>(phrase: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let Some((before, rest)) = phrase.split_once('{') else { return (phrase == text).then(Vec::new) };
    let (name, rest) = rest.split_once('}')?;
    let text = text.strip_prefix(before)?;
    let next = rest.split('{').next().unwrap_or_default();
    let ends: Vec<usize> = match next {
        "" => vec![text.len()],
        next => text.match_indices(next).map(|(at, _)| at).collect(),
    };
    ends.into_iter().filter(|end| *end > 0).find_map(|end| {
        let mut found = variables(rest, &text[end..])?;
        found.push((name, &text[..end]));
        Some(found)
    })
}

fn fill(phrase: &str, variables: &[(&str, &str)]) -> String {
    let mut parts = phrase.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (name, behind) = part.split_once('}').unwrap_or((part, ""));
        let value = variables.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        let value = if text.ends_with('\'') { Cow::Borrowed(value) } else { in_indonesian(value) };
        text + &value + behind
    })
}
