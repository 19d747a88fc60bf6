//! What a campaign is called, so that its file is the same campaign however it was saved, copied and downloaded. Pure.
//!
//! A file of refused rows says itself whose they are (`again.rs`); its name counts only where an earlier version wrote it.

use unicode_normalization::UnicodeNormalization;

use super::BadFile;

/// Endings of files that hold rows.
const EXTENSIONS: [&str; 7] = ["csv", "tsv", "txt", "xlsx", "xlsm", "xls", "ods"];
/// Digits of the number that a browser or a system puts behind the name of a file that is there already; four are a year.
const COPY_DIGITS_MAX: usize = 3;
/// The same up to version 0.1.
const FORMER_COPY_DIGITS_MAX: usize = 2;
/// What systems put behind the names of copies, and before them.
const COPY_ENDINGS: [&str; 11] = [
    " - copy",
    " copy",
    " - salin",
    " - salinan",
    " salinan",
    " - copia",
    " copia",
    " - c\u{f3}pia",
    " - copie",
    " - kopie",
    " kopie",
];
/// What stands behind the name of a campaign in the name of the file of its refused rows.
const REFUSED: &str = " - refused";
const COPY_BEGINNINGS: [&str; 8] =
    ["copy of ", "salinan dari ", "salinan ", "copia de ", "copia di ", "c\u{f3}pia de ", "copie de ", "kopie von "];
/// Bytes of a campaign's name in the name of a file: file systems take 255 for the whole, and browsers and systems add to it.
const FILE_NAME_BYTES: usize = 180;

/// What a campaign is called, and by which names earlier versions recognized its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    pub shown: String,
    pub former: Vec<String>,
}

impl Name {
    /// The name that somebody gave, or that of the file: `juli.csv`, `JULI (1).xlsx` and `C:\data\juli - Copy.csv` are one campaign.
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
        let names = files.flat_map(|name| {
            let of_before = former_of_file(name);
            // An import that was begun was called by the name of its name.
            let of_its = former_of_file(&of_before);
            let as_written = [name.trim().to_owned(), own_name(name).to_owned(), without_copy_number(name)];
            as_written.into_iter().chain([of_before, of_its].into_iter().filter(|name| *name != shown))
        });
        for name in names.chain(given.map(str::to_owned)) {
            if !name.is_empty() && !former.contains(&name) {
                former.push(name);
            }
        }
        Self { shown, former }
    }

    /// The name of the campaign whose refused rows a file holds; else the one that somebody gave, or that of the file.
    ///
    /// # Errors
    /// [`BadFile::OtherCampaign`] when somebody gave another name than the file holds.
    pub fn chosen(given: Option<&str>, file_name: &str, continues: Option<&str>) -> Result<Self, BadFile> {
        let Some(campaign) = continues else { return Ok(Self::of(given, file_name)) };
        let given = given.map(str::trim).filter(|name| !name.is_empty());
        let is_it = |name: &str| Self::is_one(name, campaign) || Self::of(Some(name), "").is(campaign);
        match given.filter(|name| !is_it(name)) {
            Some(given) => Err(BadFile::OtherCampaign { campaign: campaign.to_owned(), given: given.to_owned() }),
            None => Ok(Self { shown: campaign.to_owned(), ..Self::of(Some(campaign), file_name) }),
        }
    }

    /// What the file of a campaign's refused rows is called, as far as the name of a file can say it.
    pub fn of_refused(campaign: &str) -> String {
        let is_bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
        let plain: String = campaign.trim().chars().map(|c| if is_bad(c) { '-' } else { c }).collect();
        let end = plain.floor_char_boundary(FILE_NAME_BYTES);
        let plain = plain[..end].trim_end_matches(|c: char| c == '.' || c.is_whitespace());
        format!("{}{REFUSED}.csv", if plain.is_empty() { "campaign" } else { plain })
    }

    /// Whether two names are those of one campaign.
    pub fn is_one(first: &str, second: &str) -> bool {
        composed(first) == composed(second)
    }

    fn is(&self, campaign: &str) -> bool {
        Self::is_one(&self.shown, campaign)
    }

    /// The same for names that differ in letter case, or in how their letters are composed, only.
    pub fn key(&self) -> String {
        composed(&self.shown)
    }
}

/// In lower case, each accent in one character with its letter: some systems take them apart in the names of files.
fn composed(name: &str) -> String {
    name.nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// A file's name without its path, extension, letter case and what marks a copy.
fn of_file(file_name: &str) -> String {
    let mut name = composed(own_name(file_name));
    loop {
        if let Some(campaign) = name.strip_suffix(REFUSED).filter(|campaign| !campaign.trim().is_empty()) {
            // What stands behind it is the campaign's own; before it stands what a spreadsheet program puts there.
            return without_copy_beginning(campaign).unwrap_or(campaign).trim().to_owned();
        }
        let rest = without_copy_mark(without_number(stem(&name), COPY_DIGITS_MAX));
        if rest.len() == name.len() {
            return name;
        }
        name = rest.to_owned();
    }
}

/// The same as it was up to version 0.1.
fn former_of_file(file_name: &str) -> String {
    without_number(stem(own_name(file_name)), FORMER_COPY_DIGITS_MAX).to_lowercase()
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
fn without_number(stem: &str, digits_max: usize) -> &str {
    let number = stem.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    match number {
        Some((name, number))
            if !name.trim().is_empty()
                && (1..=digits_max).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name.trim_end()
        }
        _ => stem,
    }
}

/// Without ` - copy`, ` copy 2` or `copy of `; the name is in lower case.
fn without_copy_mark(name: &str) -> &str {
    let ending = |name: &'_ str| COPY_ENDINGS.iter().find_map(|mark| name.strip_suffix(mark)).map(str::len);
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let unnumbered = rest.strip_suffix(' ').filter(|_| name.len() - rest.len() <= COPY_DIGITS_MAX);
    let behind = ending(name).or_else(|| unnumbered.and_then(ending)).map(|end| &name[..end]);
    let is_name = |rest: &&str| rest.contains(char::is_alphanumeric);
    behind.map(str::trim).filter(is_name).or_else(|| without_copy_beginning(name)).unwrap_or(name)
}

fn without_copy_beginning(name: &str) -> Option<&str> {
    let rest = COPY_BEGINNINGS.iter().find_map(|mark| name.strip_prefix(mark)).map(str::trim);
    rest.filter(|rest| rest.contains(char::is_alphanumeric))
}

/// A file's own name as it was before a browser put a number into it.
fn without_copy_number(file_name: &str) -> String {
    let own = own_name(file_name);
    let stem = stem(own);
    format!("{}{}", without_number(stem, FORMER_COPY_DIGITS_MAX), &own[stem.len()..])
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
            "juli.csv.csv",
            "juli.csv (1).csv",
            "juli (1) (1).csv",
            "juli (100).csv",
            "juli - Copy.csv",
            "juli - Copy (2).csv",
            "Copy of juli.csv",
            "Salinan juli.xlsx",
            "juli copy.csv",
            "juli copy 2.csv",
            "juli salinan 3.csv",
            "Copia de juli.xlsx",
            "juli - copia.csv",
            "juli - Kopie (2).csv",
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
            (" - Copy.csv", "- copy"),
            ("photocopy.csv", "photocopy"),
            ("copy 2.csv", "copy 2"),
            ("juli copy 2026.csv", "juli copy 2026"),
            ("Cafe\u{301}.csv", "caf\u{e9}"),
            ("CAF\u{c9}.csv", "caf\u{e9}"),
        ] {
            assert_eq!(Name::of(None, name).key(), key, "{name}");
        }
        assert_eq!(Name::of(Some("June (1)"), "juli.csv").shown, "June (1)");
    }

    #[test]
    fn a_file_of_refused_rows_of_an_earlier_version_is_the_same_campaign_again() {
        for name in ["juli", "Juli", "June (1)", "promo - copy", "v1.2", "Caf\u{e9} \u{1f600}", "juli - refused", "-"] {
            let file = Name::of_refused(name);
            for saved in [
                file.clone(),
                file.replace(".csv", " (1).csv"),
                file.replace(".csv", ".xlsx"),
                file.to_uppercase(),
                format!("Copy of {file}"),
                format!("Salinan {file}"),
            ] {
                assert!(Name::is_one(&Name::of(None, &saved).shown, name), "{saved}");
            }
        }
        assert_eq!(Name::of(None, " - refused.csv").key(), "- refused");
    }

    #[test]
    fn the_file_of_refused_rows_has_a_name_that_every_system_takes() {
        for (campaign, file) in [
            (" 1/2: \"now\"\\ ".to_owned(), "1-2- -now-- - refused.csv".to_owned()),
            ("a\u{7}\tb\u{85}".into(), "a--b - refused.csv".into()),
            ("wait... ".into(), "wait - refused.csv".into()),
            ("...".into(), "campaign - refused.csv".into()),
            ("\u{1f600}".repeat(200), format!("{} - refused.csv", "\u{1f600}".repeat(45))),
        ] {
            assert_eq!(Name::of_refused(&campaign), file);
            assert!(file.len() < 255 - " (100)".len(), "{file}");
        }
    }

    #[test]
    fn a_file_that_names_its_campaign_is_that_campaign_and_no_other() {
        let names = ["Promo July?", "v1.2", "a/b.c", ".csv", "Juli 2026", "copy of x", "x - refused", "=1+1", "a [b]"];
        for campaign in names.map(str::to_owned).into_iter().chain(["\u{1f600}".repeat(200)]) {
            let own = Some(campaign.as_str());
            for given in [None, Some(""), Some(" "), own, Some(&*campaign.to_uppercase())] {
                for file in ["", "Copy of x (1).xlsx", "y - refused copia 2.csv"] {
                    let name = Name::chosen(given, file, own).expect("its campaign");
                    assert_eq!(name.shown, campaign);
                }
            }
            let other = Name::chosen(Some("july"), "x.csv", own).expect_err("another").to_string();
            assert!(other.contains(&campaign) && other.contains("'july'"), "{other}");
        }
        assert_eq!(Name::chosen(Some("july"), "x.csv", None).expect("its name"), Name::of(Some("july"), "x.csv"));
        // What a file is called by a person is understood as ever.
        assert_eq!(Name::chosen(Some("juli.csv"), "", Some("Juli")).expect("its campaign").shown, "Juli");
    }

    #[test]
    fn the_names_of_earlier_versions_are_kept() {
        assert_eq!(Name::of(None, "juli.csv").former, ["juli.csv"]);
        assert_eq!(Name::of(None, r"c:\u\Juli (1).csv").former, [r"c:\u\Juli (1).csv", "Juli (1).csv", "Juli.csv"]);
        assert_eq!(Name::of(Some("June"), "juli.csv").former, ["June"]);
        assert_eq!(Name::of(None, "a.csv.csv").former, ["a.csv.csv", "a.csv"]);
        assert_eq!(Name::of(None, "juli (1) (1).csv").former, ["juli (1) (1).csv", "juli (1).csv", "juli (1)"]);
        assert_eq!(Name::of(None, "Cafe\u{301}.csv").former, ["Cafe\u{301}.csv", "cafe\u{301}"]);
        // As an import of an earlier version is stored: first of that before, then of the last one.
        assert_eq!(Name::of(Some("Juli.csv"), "Juli.csv"), Name::of(None, "Juli.csv"));
        assert_eq!(Name::of(Some("juli"), "Juli.csv").former, ["juli", "Juli.csv"]);
    }
}
