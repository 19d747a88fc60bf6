//! The downloads of one priority that have not begun: one server after another, and from each in the order of acceptance. Pure.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::message::RefNo;

#[derive(Default)]
pub(super) struct Turns {
    hosts: HashMap<String, BTreeSet<(Place, RefNo)>>,
    /// The servers in the order in which they are asked next; one of which nothing is wanted any more leaves when it is its turn.
    order: VecDeque<String>,
}

/// Where a file stands among those of its server: by how many downloads of it failed, and then by its message's number. One that was never
/// tried may be good where others are not.
pub(super) type Place = (i64, i64);

impl Turns {
    pub(super) fn add(&mut self, host: &str, place: Place, ref_no: &RefNo) {
        if !self.hosts.contains_key(host) {
            self.order.push_back(host.to_owned());
        }
        self.hosts.entry(host.to_owned()).or_default().insert((place, ref_no.clone()));
    }

    pub(super) fn remove(&mut self, host: &str, place: Place, ref_no: &RefNo) {
        if let Some(wanted) = self.hosts.get_mut(host) {
            wanted.remove(&(place, ref_no.clone()));
        }
    }

    /// The servers.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &String> {
        self.hosts.iter().filter(|(_, wanted)| !wanted.is_empty()).map(|(host, _)| host)
    }

    /// What is wanted from a server.
    pub(super) fn of(&self, host: &str) -> impl Iterator<Item = &RefNo> {
        self.hosts.get(host).into_iter().flatten().map(|(_, ref_no)| ref_no)
    }

    /// How many turns there are before it is that of the first server again.
    pub(super) fn round(&self) -> usize {
        self.order.len()
    }

    /// A server is asked first in the next round.
    pub(super) fn put_first(&mut self, host: &str) {
        if let Some(host) = self.order.iter().position(|known| known == host).and_then(|at| self.order.remove(at)) {
            self.order.push_front(host);
        }
    }

    /// The next server, and the first of what is wanted from it.
    pub(super) fn next(&mut self) -> Option<(String, RefNo)> {
        while let Some(host) = self.order.pop_front() {
            let first = self.of(&host).next().cloned();
            if let Some(first) = first {
                self.order.push_back(host.clone());
                return Some((host, first));
            }
            self.hosts.remove(&host);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_take_turns_and_each_gives_the_first_of_what_is_wanted() {
        let ref_no = |number: i64| RefNo::parse(&format!("{number:018X}")).unwrap();
        let mut turns = Turns::default();
        for (host, seq) in [("a", 3), ("a", 1), ("b", 2), ("c", 4)] {
            turns.add(host, (0, seq), &ref_no(seq));
        }
        let mut next = |left: &[(&str, i64)]| {
            let next = turns.next().map(|(host, first)| (host, i64::from_str_radix(first.as_str(), 16).unwrap()));
            left.iter().for_each(|(host, seq)| turns.remove(host, (0, *seq), &ref_no(*seq)));
            next
        };
        assert_eq!(next(&[("a", 1)]), Some(("a".into(), 1)));
        assert_eq!(next(&[("c", 4)]), Some(("b".into(), 2)));
        assert_eq!(next(&[("b", 2)]), Some(("a".into(), 3)));
        assert_eq!(next(&[("a", 3)]), Some(("a".into(), 3)));
        assert_eq!(next(&[]), None);
        assert_eq!((turns.round(), turns.hosts().count()), (0, 0));
    }
    #[test]
    fn what_was_never_tried_comes_before_what_failed() {
        let ref_no = |number: i64| RefNo::parse(&format!("{number:018X}")).unwrap();
        let mut turns = Turns::default();
        for (failed, seq) in [(3, 1), (0, 7), (1, 2), (0, 5)] {
            turns.add("a", (failed, seq), &ref_no(seq));
        }
        let order: Vec<_> = turns.of("a").cloned().collect();
        assert_eq!(order, [5, 7, 2, 1].map(ref_no));
    }
}
