//! Work that waits for the store: the log says when it begins to wait and when it goes on, not at each try. A store may be
//! away for hours, and is asked every second.

use std::fmt::Display;

/// Whether one loop's work waits.
#[derive(Debug)]
pub struct Outage {
    /// What waits, as the log names it.
    work: &'static str,
    device: Option<String>,
    is_on: bool,
}

impl Outage {
    pub fn of(work: &'static str) -> Self {
        Self { work, device: None, is_on: false }
    }

    pub fn of_device(device: &str) -> Self {
        Self { work: "a device", device: Some(device.to_owned()), is_on: false }
    }

    /// Takes how a try ended; says so where that is news.
    pub fn hear<E: Display>(&mut self, tried: &Result<(), E>) {
        let is_news = self.changes_to(tried.is_err());
        let (work, device) = (self.work, self.device.as_deref());
        match tried {
            Err(error) if is_news => tracing::warn!(work, device, %error, "work waits for the store"),
            Ok(()) if is_news => tracing::info!(work, device, "the store is back; the work goes on"),
            _ => {}
        }
    }

    fn changes_to(&mut self, is_on: bool) -> bool {
        std::mem::replace(&mut self.is_on, is_on) != is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_begin_and_its_end_are_news() {
        let mut outage = Outage::of("pushes");
        let tries = [false, true, true, true, false, false, true];
        assert_eq!(tries.map(|is_on| outage.changes_to(is_on)), [false, true, false, false, true, false, true]);
    }
}
