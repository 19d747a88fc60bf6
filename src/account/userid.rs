//! The names that people sign in with: how they are compared. Called wherever a person is added or looked for by name.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{BadName, check_name};

/// Characters of a userid that follows from a name.
const USERID_CHARS: usize = 40;

/// The name that a person signs in with.
///
/// # Errors
/// [`BadName::Userid`].
pub fn check_userid(userid: &str) -> Result<(), BadName> {
    let ok = check_name(userid).is_ok() && !userid.contains(char::is_whitespace) && !fold_userid(userid).is_empty();
    if ok { Ok(()) } else { Err(BadName::Userid) }
}

/// A userid that follows from what somebody is called: small letters of ASCII, which every keyboard has, digits and dashes. Accents are
/// left out (`José` is `jose`); `None` where a letter has none that it could be written with.
pub fn userid_of(name: &str) -> Option<String> {
    let decomposed = name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let mut written = String::new();
    for c in decomposed {
        match latin(c) {
            Some(letters) => written.push_str(letters),
            None if c.is_ascii() => written.push(c),
            None if c.is_alphanumeric() => return None,
            None => written.push(' '),
        }
    }
    joined(&written)
}

/// What earlier versions made of a name: of a letter with an accent nothing stayed. `None` where that is the same, or nothing.
pub fn former_userid_of(name: &str) -> Option<String> {
    let former = joined(&name.to_lowercase());
    former.filter(|former| userid_of(name).as_ref() != Some(former))
}

/// The words of a text, as far as they are ASCII.
fn joined(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined: String = words.collect::<Vec<_>>().join("-").chars().take(USERID_CHARS).collect();
    Some(joined).filter(|joined| !joined.is_empty())
}

/// How letters are written in ASCII that are no letter with an accent to Unicode.
fn latin(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{df}' => "ss",
        '\u{e6}' => "ae",
        '\u{153}' => "oe",
        '\u{f8}' => "o",
        '\u{142}' => "l",
        '\u{111}' | '\u{f0}' => "d",
        '\u{fe}' => "th",
        '\u{131}' => "i",
        '\u{127}' => "h",
        '\u{14b}' => "n",
        _ => return None,
    })
}

/// What of a name is compared: in NFKC, with its case folded, and without characters that nobody sees. Two names that look alike to a
/// person who types them are one, whichever keyboard, system or copy they come from.
pub fn fold_userid(userid: &str) -> String {
    // Folding can make characters that are composed otherwise: the second round changes nothing more.
    fold_once(&fold_once(userid))
}

fn fold_once(name: &str) -> String {
    let visible: String = name.nfkc().filter(|c| !is_invisible(*c)).collect();
    UniCase::unicode(visible).to_folded_case().nfkc().collect()
}

/// Format characters (category Cf), and those that Unicode wants ignored where they are not supported (`Default_Ignorable_Code_Point`),
/// of Unicode 16.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        for (one, other) in [
            ("ann", "ANN"),
            ("jos\u{e9}", "JOSE\u{301}"),
            ("ann", "\u{ff21}\u{ff4e}\u{ff2e}"),
            ("office", "o\u{fb03}ce"),
            ("strasse", "STRA\u{df}E"),
            ("\u{3c3}\u{3bf}\u{3c6}\u{3cc}\u{3c2}", "\u{3a3}\u{39f}\u{3a6}\u{38c}\u{3a3}"),
            ("ann", "a\u{200b}n\u{ad}n\u{feff}"),
            ("ann", "\u{202e}ann\u{202c}\u{2066}\u{e0061}\u{fe0f}"),
        ] {
            assert_eq!(fold_userid(one), fold_userid(other), "{one} {other}");
        }
        for (one, other) in [("ann", "anna"), ("jose", "jos\u{e9}"), ("a.b", "ab"), ("\u{430}nn", "ann")] {
            assert_ne!(fold_userid(one), fold_userid(other), "{one} {other}");
        }
    }

    #[test]
    fn a_userid_follows_from_a_name_and_keeps_its_letters() {
        for (name, wanted, former) in [
            ("Apotek Sehat & Co.", Some("apotek-sehat-co"), None),
            ("Jos\u{e9}", Some("jose"), Some("jos")),
            ("JOSE\u{301}", Some("jose"), None),
            ("Caf\u{e9} \u{d6}l", Some("cafe-ol"), Some("caf-l")),
            ("\u{c5}ngstr\u{f6}m \u{26} S\u{f8}n", Some("angstrom-son"), Some("ngstr-m-s-n")),
            ("Stra\u{df}e \u{141}\u{f3}d\u{17a} \u{c6}r\u{f8}", Some("strasse-lodz-aero"), Some("stra-e-d-r")),
            ("D\u{2019}Agostino", Some("d-agostino"), None),
            ("\u{130}stanbul Nguy\u{1ec5}n", Some("istanbul-nguyen"), Some("i-stanbul-nguy-n")),
            ("\u{ff21}\u{ff22}\u{ff23} 3", Some("abc-3"), Some("3")),
            ("WAChat 11055", Some("wachat-11055"), None),
            ("\u{85e5}\u{5c40}", None, None),
            // Half a name is none.
            ("\u{41c}\u{430}\u{433}\u{430}\u{437}\u{438}\u{43d} 24", None, Some("24")),
            ("!!!", None, None),
            ("", None, None),
        ] {
            assert_eq!(userid_of(name).as_deref(), wanted, "{name}");
            assert_eq!(former_userid_of(name).as_deref(), former, "{name}");
        }
        assert_eq!(userid_of(&"\u{e9}".repeat(99)), Some("e".repeat(USERID_CHARS)));
    }

    #[test]
    fn a_name_of_which_nothing_is_seen_is_refused() {
        for bad in ["", "two words", "\u{200b}", "\u{2066}\u{2069}", "a\nb"] {
            assert_eq!(check_userid(bad), Err(BadName::Userid), "{bad:?}");
        }
        assert_eq!(check_userid("siti@toko.example"), Ok(()));
    }

    proptest! {
        #[test]
        fn a_userid_that_follows_from_a_name_is_one(name in "\\PC{0,60}") {
            if let Some(userid) = userid_of(&name) {
                prop_assert_eq!(check_userid(&userid), Ok(()));
                prop_assert!(userid.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", userid);
            }
        }

        #[test]
        fn folding_again_changes_nothing(name in "\\PC{0,20}") {
            let folded = fold_userid(&name);
            prop_assert_eq!(fold_userid(&folded), folded);
        }

        #[test]
        fn no_case_and_no_composition_makes_another_name(name in "\\PC{0,20}") {
            let folded = fold_userid(&name);
            prop_assert_eq!(fold_userid(&name.nfd().collect::<String>()), folded.clone());
            prop_assert_eq!(fold_userid(&UniCase::unicode(name).to_folded_case()), folded);
        }
    }
}
