//! Measurements of each page, one per run.

use crate::pages::Took;

#[derive(Default)]
pub struct Results(Vec<(&'static str, Vec<Took>)>);

impl Results {
    pub fn note(&mut self, page: &'static str, took: Took) {
        match self.0.iter_mut().find(|(name, _)| *name == page) {
            Some((_, all)) => all.push(took),
            None => self.0.push((page, vec![took])),
        }
    }

    /// The pages in the order in which they were visited.
    pub fn pages(&self) -> impl Iterator<Item = (&'static str, &[Took])> {
        self.0.iter().map(|(name, took)| (*name, took.as_slice()))
    }

    pub fn of(&self, page: &str) -> &[Took] {
        self.0.iter().find(|(name, _)| *name == page).map_or(&[], |(_, took)| took)
    }
}
