//! What a campaign is called, so that its file is the same campaign however it was saved and downloaded. Pure.

/// Endings of files that hold rows.
const EXTENSIONS: [&str; 7] = ["csv", "tsv", "txt", "xlsx", "xlsm", "xls", "ods"];
/// Digits of the number that a browser puts behind the name of a file that it downloads again.
const COPY_DIGITS_MAX: usize = 2;

/// What a campaign is called, and by which names earlier versions recognized its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    pub shown: String,
    pub former: Vec<String>,
}

impl Name {
    /// The name that somebody gave, or that of the file: `juli.csv`, `JULI (1).xlsx` and `C:\data\juli.csv` are one campaign.
    pub fn of(given: Option<&str>, file_name: &str) -> Self {
        let given = given.map(str::trim).filter(|name| !name.is_empty());
        // Who gives a file's name as the campaign's means that file.
        let is_file = |name: &&str| stem(own_name(name)).len() < own_name(name).len();
        let shown = match given.filter(|name| !is_file(name)) {
            Some(name) => name.to_owned(),
            None => of_file(given.unwrap_or(file_name)),
        };
        let is_default = given.is_none_or(|name| is_file(&name)) || shown == of_file(file_name);
        let mut former: Vec<String> = Vec::new();
        let files = [given.unwrap_or(file_name), file_name].into_iter().filter(|_| is_default);
        let names =
            files.flat_map(|name| [name.trim().to_owned(), own_name(name).to_owned(), without_copy_number(name)]);
        for name in names.chain(given.map(str::to_owned)) {
            if !name.is_empty() && !former.contains(&name) {
                former.push(name);
            }
        }
        Self { shown, former }
    }

    /// The same for names that differ in letter case only.
    pub fn key(&self) -> String {
        self.shown.to_lowercase()
    }
}

/// A file's name without its path, extension, letter case and the number that a browser adds.
fn of_file(file_name: &str) -> String {
    let own = own_name(file_name);
    without_number(stem(own)).to_lowercase()
}

/// Without the folders of any system.
fn own_name(file_name: &str) -> &str {
    let own = file_name.trim().rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if own.is_empty() { file_name.trim() } else { own }
}

fn stem(own: &str) -> &str {
    match own.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty() && EXTENSIONS.iter().any(|one| extension.eq_ignore_ascii_case(one)) =>
        {
            stem.trim_end()
        }
        _ => own,
    }
}

/// Without ` (1)`.
fn without_number(stem: &str) -> &str {
    let number = stem.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    match number {
        Some((name, number))
            if !name.trim().is_empty()
                && (1..=COPY_DIGITS_MAX).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name.trim_end()
        }
        _ => stem,
    }
}

/// A file's own name as it was before a browser put a number into it.
fn without_copy_number(file_name: &str) -> String {
    let own = own_name(file_name);
    let stem = stem(own);
    format!("{}{}", without_number(stem), &own[stem.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_campaign_wherever_it_is_and_however_it_is_saved() {
        for name in [
            "juli.csv",
            "juli (1).csv",
            "Juli(12).CSV",
            "JULI.CSV",
            r"C:\data\juli.xlsx",
            "c/u/juli.tsv",
            " juli.csv ",
            "juli",
        ] {
            assert_eq!(Name::of(None, name).key(), "juli", "{name}");
            assert_eq!(Name::of(Some(" "), name).key(), "juli", "{name}");
            assert_eq!(Name::of(Some(name), "other.csv").key(), "juli", "given: {name}");
        }
        for (name, key) in [
            ("juli (2026).csv", "juli (2026)"),
            ("juli 2.csv", "juli 2"),
            ("v1.2", "v1.2"),
            (".csv", ".csv"),
            ("(1).csv", "(1)"),
            ("/", "/"),
        ] {
            assert_eq!(Name::of(None, name).key(), key, "{name}");
        }
        assert_eq!(Name::of(Some("June (1)"), "juli.csv").shown, "June (1)");
    }

    #[test]
    fn the_names_of_earlier_versions_are_kept() {
        assert_eq!(Name::of(None, "juli.csv").former, ["juli.csv"]);
        assert_eq!(Name::of(None, r"c:\u\Juli (1).csv").former, [r"c:\u\Juli (1).csv", "Juli (1).csv", "Juli.csv"]);
        assert_eq!(Name::of(Some("June"), "juli.csv").former, ["June"]);
        // As a stored import has it: first of an earlier version, then of this one.
        assert_eq!(Name::of(Some("Juli.csv"), "Juli.csv"), Name::of(None, "Juli.csv"));
        assert_eq!(Name::of(Some("juli"), "Juli.csv").former, ["juli", "Juli.csv"]);
    }
}
