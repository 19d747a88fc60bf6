//! The names that people sign in with: how they are compared. Called wherever a person is added or looked for by name.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use super::{BadName, check_name};

/// The name that a person signs in with.
///
/// # Errors
/// [`BadName::Userid`].
pub fn check_userid(userid: &str) -> Result<(), BadName> {
    let ok = check_name(userid).is_ok() && !userid.contains(char::is_whitespace) && !fold_userid(userid).is_empty();
    if ok { Ok(()) } else { Err(BadName::Userid) }
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
    fn a_name_of_which_nothing_is_seen_is_refused() {
        for bad in ["", "two words", "\u{200b}", "\u{2066}\u{2069}", "a\nb"] {
            assert_eq!(check_userid(bad), Err(BadName::Userid), "{bad:?}");
        }
        assert_eq!(check_userid("siti@toko.example"), Ok(()));
    }

    proptest! {
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
