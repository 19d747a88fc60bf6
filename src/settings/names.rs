//! Names that are no settings, and which known name may have been meant.

use super::{FILE_ENVIRONMENT, SETTINGS};

/// How names of the environment begin that are ours.
const PREFIX: &str = "WACHAT_";
/// What the sample programs read; it stands in the environment of whoever tries them.
const SAMPLES: [&str; 7] = [
    "WACHAT_URL",
    "WACHAT_DEVICE_ID",
    "WACHAT_SENDER",
    "WACHAT_DESTINATION",
    "WACHAT_REF_NO",
    "WACHAT_PUSH_SECRET",
    "WACHAT_INBOX",
];
/// Names that differ in more letters than this are other names.
const DISTANCE_MAX: usize = 3;

/// What is said of names in the environment that look like settings and are none.
pub(super) fn unknown(names: impl Iterator<Item = String>) -> Vec<String> {
    let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.environment).chain([FILE_ENVIRONMENT]).collect();
    let mut unknown: Vec<String> = names
        .filter(|name| name.starts_with(PREFIX))
        .filter(|name| !known.contains(&name.as_str()) && !SAMPLES.contains(&name.as_str()))
        .collect();
    unknown.sort();
    unknown
        .into_iter()
        .map(|name| match nearest(&name, known.iter().copied()) {
            Some(meant) => format!("{name} is no setting and does nothing; did you mean {meant}?"),
            None => format!("{name} is no setting and does nothing"),
        })
        .collect()
}

/// The known name that differs least from `name`, if one is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (distance(&name.to_lowercase(), &known.to_lowercase()), known));
    let (distance, best) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= DISTANCE_MAX.min(best.len() / 3)).then_some(best)
}

/// How many letters are put in, left out or changed between two names (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut before = std::mem::replace(&mut row[0], at + 1);
        for (column, known) in other.iter().enumerate() {
            let changed = before + usize::from(letter != *known);
            before = row[column + 1];
            row[column + 1] = changed.min(before + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slip_is_found_and_another_is_not() {
        let known = ["WACHAT_LISTEN", "WACHAT_DATABASE_URL", "WACHAT_LOG", "WACHAT_LOG_FORMAT"];
        for (name, meant) in [
            ("WACHAT_LISTN", Some("WACHAT_LISTEN")),
            ("WACHAT_DATABSE_URL", Some("WACHAT_DATABASE_URL")),
            ("wachat_log", Some("WACHAT_LOG")),
            ("WACHAT_LOGS", Some("WACHAT_LOG")),
            ("WACHAT_COLOUR_OF_THE_SKY", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), meant, "{name}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn names_of_the_environment_that_are_no_settings_are_told_with_what_may_be_meant() {
        let names = ["WACHAT_LISTEN", "WACHAT_DATABSE_URL", "WACHAT_COLOUR", "WACHAT_CONFIG", "WACHAT_URL", "HOME"];
        let told = unknown(names.into_iter().map(str::to_owned));
        assert_eq!(
            told,
            [
                "WACHAT_COLOUR is no setting and does nothing",
                "WACHAT_DATABSE_URL is no setting and does nothing; did you mean WACHAT_DATABASE_URL?"
            ]
        );
    }
}
