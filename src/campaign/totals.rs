//! Where the messages of a file go: how many to each country, to groups, and how many repeat one another. Pure.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Ready, country, doubts};
use crate::message::Content;
use crate::phone;

/// Counts of the rows that can be queued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// By the two letters of ISO 3166; an empty code stands for numbers that belong to no country.
    pub countries: BTreeMap<String, i64>,
    pub groups: i64,
    /// To people who hide their numbers.
    pub hidden: i64,
    /// Of all these, rows that say the same to the same recipient as an earlier row.
    pub repeated: i64,
    /// Countries to which so few go, beside the others, that their numbers may be mistakes.
    pub few: Vec<Few>,
    /// Rows whose text seems to have a placeholder that nothing has replaced, and the first of them.
    pub placeholders: i64,
    pub first_placeholders: Vec<Placeholder>,
}

/// A country to which few rows go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Few {
    pub country: String,
    pub count: i64,
    /// The lines of the first of them.
    pub first_lines: Vec<i64>,
}

/// A row with a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Placeholder {
    pub line: i64,
    pub text: String,
}

/// Rows that are named of those that may be mistakes.
const NAMED: usize = 5;
/// A country with at most one row for every three of the most frequent country may be a mistake.
const FEW_IN: i64 = 3;

/// Counts rows one after another.
#[derive(Debug, Default)]
pub struct Counter {
    totals: Totals,
    seen: HashSet<[u8; 32]>,
    /// The first lines to each country.
    lines: BTreeMap<String, Vec<i64>>,
}

impl Counter {
    pub fn add(&mut self, ready: &Ready) {
        let totals = &mut self.totals;
        if ready.is_group {
            totals.groups += 1;
        } else if phone::hidden_digits(&ready.recipient).is_some() {
            totals.hidden += 1;
        } else {
            let code = country::code_of(&ready.recipient);
            let lines = self.lines.entry(code.clone()).or_default();
            if lines.len() < NAMED {
                lines.push(ready.line);
            }
            *totals.countries.entry(code).or_default() += 1;
        }
        let text = match &ready.content {
            Content::Text(text) => Some(text),
            Content::Media { caption, .. } => caption.as_ref(),
        };
        if let Some(found) = text.and_then(|text| doubts::placeholder(text)) {
            totals.placeholders += 1;
            if totals.first_placeholders.len() < NAMED {
                totals.first_placeholders.push(Placeholder { line: ready.line, text: found.to_owned() });
            }
        }
        let says = Sha256::digest(format!("{}\0{:?}", ready.recipient, ready.content));
        totals.repeated += i64::from(!self.seen.insert(says.into()));
    }

    pub fn finish(self) -> Totals {
        let Self { mut totals, mut lines, .. } = self;
        let most = totals.countries.values().max().copied().unwrap_or(0);
        let few = totals.countries.iter().filter(|(_, count)| **count * FEW_IN <= most);
        totals.few = few
            .map(|(code, count)| Few {
                country: code.clone(),
                count: *count,
                first_lines: lines.remove(code).unwrap_or_default(),
            })
            .collect();
        totals
    }
}

impl Totals {
    /// The countries, those with the most messages first.
    pub fn by_count(&self) -> Vec<(&str, i64)> {
        let mut countries: Vec<_> = self.countries.iter().map(|(code, count)| (code.as_str(), *count)).collect();
        countries.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        countries
    }

    /// Every row that was counted.
    pub fn all(&self) -> i64 {
        self.countries.values().sum::<i64>() + self.groups + self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(line: i64, recipient: &str, is_group: bool, text: &str) -> Ready {
        Ready {
            place: 0,
            line,
            key: String::new(),
            former_keys: Vec::new(),
            said: String::new(),
            said_before: 0,
            priority: None,
            tag: None,
            recipient: recipient.into(),
            is_group,
            timeout_seconds: 1,
            content: Content::Text(text.into()),
        }
    }

    #[test]
    fn every_row_is_counted_once() {
        let mut counter = Counter::default();
        for (recipient, is_group) in [
            ("6281234567890", false),
            ("14155552671", false),
            ("6281234567891", false),
            ("120363025246125486", true),
            ("99887766554433@lid", false),
            ("14155552671", false),
        ] {
            counter.add(&ready(2, recipient, is_group, ""));
        }
        let totals = counter.finish();
        assert_eq!(totals.few, []);
        assert_eq!(totals.by_count(), [("ID", 2), ("US", 2)]);
        assert_eq!((totals.groups, totals.hidden, totals.repeated, totals.all()), (1, 1, 1, 6));
    }

    #[test]
    fn few_numbers_of_another_country_and_placeholders_are_named() {
        let few = |indonesian: usize, others: &[&str]| {
            let mut counter = Counter::default();
            let home = std::iter::repeat_n("6281234567890", indonesian);
            for (line, recipient) in home.chain(others.iter().copied()).enumerate() {
                counter.add(&ready(i64::try_from(line).expect("few"), recipient, false, "Hi"));
            }
            counter.finish().few
        };
        let (malaysian, american) = ("60123456789", "14155552671");
        let of = |country: &str, count, first_lines: &[i64]| Few {
            country: country.into(),
            count,
            first_lines: first_lines.to_vec(),
        };
        assert_eq!(few(4, &[malaysian]), [of("MY", 1, &[4])]);
        assert_eq!(few(9, &[malaysian, american, malaysian]), [of("MY", 2, &[9, 11]), of("US", 1, &[10])]);
        assert_eq!(few(30, &[malaysian; 8]), [of("MY", 8, &[30, 31, 32, 33, 34])]);
        for (indonesian, others) in [(2, &[malaysian][..]), (9, &[malaysian; 5]), (5, &[]), (0, &[american])] {
            assert_eq!(few(indonesian, others), [], "{others:?}");
        }
        let mut counter = Counter::default();
        for line in 0..7 {
            counter.add(&ready(line, malaysian, false, "Halo {nama}"));
        }
        counter.add(&ready(7, malaysian, false, "Halo Budi"));
        let totals = counter.finish();
        let first = Placeholder { line: 0, text: "{nama}".into() };
        assert_eq!(
            (totals.placeholders, totals.first_placeholders.len(), &totals.first_placeholders[0]),
            (7, NAMED, &first)
        );
    }
}
