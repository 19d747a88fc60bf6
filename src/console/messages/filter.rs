//! Which messages a page shows: as somebody typed it, as the API is asked, and as links say it. Pure.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use url::form_urlencoded::Serializer;

use crate::limits;

/// What was typed; empty where nothing was.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Filter {
    pub status: String,
    pub queue: String,
    pub destination: String,
    pub text: String,
    /// `2026-11-24T16:05`, in the viewer's time zone.
    pub from: String,
    pub until: String,
}

impl Filter {
    /// Reads the parameters of an address.
    pub fn of(get: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| get(name).unwrap_or_default();
        Self {
            status: text("status"),
            queue: text("queue"),
            destination: text("destination"),
            text: text("text"),
            from: text("from"),
            until: text("until"),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("status", &self.status),
            ("queue", &self.queue),
            ("destination", &self.destination),
            ("text", &self.text),
            ("from", &self.from),
            ("until", &self.until),
        ];
        all.into_iter().map(|(name, value)| (name, value.as_str())).filter(|(_, value)| !value.is_empty())
    }

    /// The address at which the API lists these messages.
    pub fn asked(&self, zone: &TimeZone, before: Option<&str>, rows: i64) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.given() {
            let is_time = matches!(name, "from" | "until");
            // What is no time is for the API to refuse.
            let moment = is_time.then(|| moment(value, zone)).flatten();
            query.append_pair(name, moment.as_deref().unwrap_or(value));
        }
        if let Some(before) = before {
            query.append_pair("before", before);
        }
        query.append_pair("limit", &rows.to_string());
        format!("/manage/1.0/messages?{}", query.finish())
    }

    /// The address of a page of the console that shows these messages.
    pub fn address(&self, page: &str, walk: &Walk) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.given());
        if let Some(before) = &walk.before {
            query.append_pair("before", before);
        }
        if !walk.passed.is_empty() {
            query.append_pair("newer", &walk.passed.join("."));
        }
        let query = query.finish();
        if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") }
    }
}

/// A time of a clock in `zone`, in RFC 3339.
fn moment(typed: &str, zone: &TimeZone) -> Option<String> {
    let at: DateTime = typed.parse().ok().filter(|_| !typed.ends_with(['Z', 'z']))?;
    Some(at.to_zoned(zone.clone()).ok()?.timestamp().to_string())
}

/// Where somebody is in a listing, and which pages he came by: the API leads to older ones only.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Where the page begins; the newest one when absent.
    pub before: Option<String>,
    /// Where the newer pages began; `0` for the newest.
    passed: Vec<String>,
}

impl Walk {
    pub fn of(before: Option<&str>, passed: Option<&str>) -> Self {
        let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let passed = passed.unwrap_or_default().split('.').filter(is_number);
        Self {
            before: before.map(ToOwned::to_owned),
            passed: passed.take(limits::PAGES_REMEMBERED_MAX).map(ToOwned::to_owned).collect(),
        }
    }

    /// To the page that begins at `next`.
    pub fn older(&self, next: &str) -> Self {
        let mut passed = self.passed.clone();
        passed.push(self.before.clone().unwrap_or_else(|| "0".into()));
        let forgotten = passed.len().saturating_sub(limits::PAGES_REMEMBERED_MAX);
        passed.drain(..forgotten);
        Self { before: Some(next.to_owned()), passed }
    }

    /// Back to the page before; to the newest one where it is not known.
    pub fn newer(&self) -> Option<Self> {
        self.before.as_ref()?;
        let mut passed = self.passed.clone();
        let before = passed.pop().filter(|before| before != "0");
        Some(Self { before, passed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pairs: &[(&str, &str)]) -> Filter {
        Filter::of(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn times_are_asked_for_in_utc_and_typed_where_the_viewer_is() {
        let jakarta = TimeZone::get("Asia/Jakarta").unwrap();
        let typed = filter(&[("from", "2026-11-24T00:30"), ("text", "a&b"), ("status", "A")]);
        let asked = typed.asked(&jakarta, Some("9"), 50);
        assert_eq!(asked, "/manage/1.0/messages?status=A&text=a%26b&from=2026-11-23T17%3A30%3A00Z&before=9&limit=50");
        for (typed, wanted) in
            [("2026-11-24T16:05:09", Some("2026-11-24T16:05:09Z")), ("yesterday", None), ("2026-11-24T16:05Z", None)]
        {
            assert_eq!(moment(typed, &TimeZone::UTC).as_deref(), wanted, "{typed}");
        }
        assert!(filter(&[("from", "soon")]).asked(&jakarta, None, 1).contains("from=soon"));
    }

    #[test]
    fn links_keep_the_filter_as_it_was_typed() {
        let typed = filter(&[("from", "2026-11-24T00:30"), ("destination", "+62 8")]);
        let older = Walk::default().older("7");
        assert_eq!(typed.address("/x", &older), "/x?destination=%2B62+8&from=2026-11-24T00%3A30&before=7&newer=0");
        assert_eq!(Filter::default().address("/x", &Walk::default()), "/x");
        assert!(filter(&[]).is_empty() && !typed.is_empty());
    }

    #[test]
    fn a_walk_leads_back_by_the_pages_it_came_by() {
        let third = Walk::default().older("70").older("40");
        assert_eq!(third, Walk::of(Some("40"), Some("0.70")));
        let second = third.newer().unwrap();
        assert_eq!(second, Walk::of(Some("70"), Some("0")));
        let first = second.newer().unwrap();
        assert_eq!((&first, first.newer()), (&Walk::default(), None));
        assert_eq!(Walk::of(Some("40"), Some("x..")).newer(), Some(Walk::default()));
        let far = (0..200).fold(Walk::default(), |walk, at| walk.older(&at.to_string()));
        assert_eq!(far.passed.len(), limits::PAGES_REMEMBERED_MAX);
    }
}
