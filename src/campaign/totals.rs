//! Where the messages of a file go: how many to each country, to groups, and how many repeat one another. Pure.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Ready, country};
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
}

/// Counts rows one after another.
#[derive(Debug, Default)]
pub struct Counter {
    pub totals: Totals,
    seen: HashSet<[u8; 32]>,
}

impl Counter {
    pub fn add(&mut self, ready: &Ready) {
        let totals = &mut self.totals;
        if ready.is_group {
            totals.groups += 1;
        } else if phone::hidden_digits(&ready.recipient).is_some() {
            totals.hidden += 1;
        } else {
            *totals.countries.entry(country::code_of(&ready.recipient)).or_default() += 1;
        }
        let says = Sha256::digest(format!("{}\0{:?}", ready.recipient, ready.content));
        totals.repeated += i64::from(!self.seen.insert(says.into()));
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

    #[test]
    fn every_row_is_counted_once() {
        let mut counter = Counter::default();
        let ready = |recipient: &str, is_group| Ready {
            place: 0,
            line: 2,
            key: String::new(),
            former_keys: Vec::new(),
            said: String::new(),
            priority: None,
            tag: None,
            recipient: recipient.into(),
            is_group,
            timeout_seconds: 1,
            content: crate::message::Content::Text(String::new()),
        };
        for (recipient, is_group) in [
            ("6281234567890", false),
            ("14155552671", false),
            ("6281234567891", false),
            ("120363025246125486", true),
            ("99887766554433@lid", false),
            ("14155552671", false),
        ] {
            counter.add(&ready(recipient, is_group));
        }
        let totals = counter.totals;
        assert_eq!(totals.by_count(), [("ID", 2), ("US", 2)]);
        assert_eq!((totals.groups, totals.hidden, totals.repeated, totals.all()), (1, 1, 1, 6));
    }
}
