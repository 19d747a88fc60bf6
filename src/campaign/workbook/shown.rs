//! What a cell shows of a whole number in its format: a phone number is what its reader sees, and not what is stored. Pure.

/// What people put between and around the digits of a phone number.
const HARMLESS: [char; 7] = [' ', '\u{a0}', '-', '+', '.', '(', ')'];
const COLOURS: [&str; 8] = ["black", "blue", "cyan", "green", "magenta", "red", "white", "yellow"];

/// A part of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// A place for a digit: `0`, `#` or `?`.
    Digit(char),
    Literal(char),
    /// All digits, as `General` shows them.
    All,
}

/// The digits of a number as its cell shows them, with what stands between and around them; separators of thousands and a fraction
/// of zeros are left out. `None` where the cell shows something else: other digits, letters, a currency, a scaled number, nothing.
pub fn text(number: f64, format: &str) -> Option<String> {
    let sections = sections(format);
    let section = if number == 0.0 && sections.len() > 2 { sections[2] } else { sections[0] };
    let tokens = tokens(section)?;
    let digits = format!("{number:.0}");
    if tokens.contains(&Token::All) {
        let shown = |token: &Token| match token {
            Token::Literal(c) => c.to_string(),
            Token::All | Token::Digit(_) => digits.clone(),
        };
        let is_once = !tokens.iter().any(|token| matches!(token, Token::Digit(_)));
        return is_once.then(|| tokens.iter().map(shown).collect());
    }
    let places = tokens.iter().filter(|token| matches!(token, Token::Digit(_))).count();
    (places > 0).then(|| fill(&tokens, &digits, places))
}

/// Whether a number that is shown with an exponent has no more digits than its cell shows: the others were lost before.
pub fn has_lost_digits(number: f64, format: &str) -> bool {
    let section = sections(format)[0];
    let Some((mantissa, _)) = section.split_once(['E', 'e']).filter(|(_, power)| power.starts_with(['+', '-'])) else {
        return false;
    };
    let shown = mantissa.chars().filter(|c| matches!(c, '0' | '#' | '?')).count();
    format!("{number:.0}").trim_end_matches('0').len() <= shown
}

/// The sections of a format: for numbers above zero, below, for zero and for texts.
fn sections(format: &str) -> Vec<&str> {
    let (mut found, mut begin, mut until, mut is_escaped) = (Vec::new(), 0, None, false);
    for (at, c) in format.char_indices() {
        match (c, until) {
            _ if is_escaped => is_escaped = false,
            (c, Some(end)) if c == end => until = None,
            (_, Some(_)) => {}
            ('\\' | '_' | '*', None) => is_escaped = true,
            ('"', None) => until = Some('"'),
            ('[', None) => until = Some(']'),
            (';', None) => {
                found.push(&format[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.push(&format[begin..]);
    found
}

fn tokens(section: &str) -> Option<Vec<Token>> {
    let (mut tokens, mut rest, mut is_fraction) = (Vec::new(), section, false);
    let literal = |c: char| HARMLESS.contains(&c).then_some(Token::Literal(c));
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        if rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("general")) {
            tokens.push(Token::All);
            rest = &rest[7..];
            continue;
        }
        rest = match c {
            '"' => {
                let (quoted, behind) = behind.split_once('"')?;
                tokens.extend(quoted.chars().map(literal).collect::<Option<Vec<_>>>()?);
                behind
            }
            '[' => {
                let (named, behind) = behind.split_once(']')?;
                let name = named.to_ascii_lowercase();
                let is_colour = COLOURS.contains(&name.as_str()) || name.starts_with("color");
                (is_colour || name.starts_with("$-")).then_some(behind)?
            }
            '\\' | '_' | '*' => {
                let next = behind.chars().next()?;
                // `_x` is as wide as x, and `*x` fills the cell with it.
                tokens.push(literal(if c == '_' { ' ' } else { next }).filter(|_| c != '*' || next == ' ')?);
                &behind[next.len_utf8()..]
            }
            '0' | '#' | '?' => {
                tokens.extend(Some(Token::Digit(c)).filter(|_| !is_fraction));
                behind
            }
            '.' if is_fraction => return None,
            '.' => {
                is_fraction = true;
                behind
            }
            // Between digits it separates thousands; behind them it divides by a thousand.
            ',' => {
                let is_between = matches!(tokens.last(), Some(Token::Digit(_))) && behind.starts_with(['0', '#', '?']);
                (is_between && !is_fraction).then_some(behind)?
            }
            '@' => {
                tokens.push(Token::All);
                behind
            }
            _ => {
                tokens.push(literal(c)?);
                behind
            }
        };
    }
    Some(tokens)
}

/// Fills places with digits from the right; what is too many stands in the first place.
fn fill(tokens: &[Token], digits: &str, places: usize) -> String {
    let (mut shown, mut place) = (String::new(), 0);
    let missing = places.saturating_sub(digits.len());
    let surplus = digits.len().saturating_sub(places);
    let mut left = digits.chars();
    for token in tokens {
        match token {
            Token::Literal(c) => shown.push(*c),
            Token::Digit(kind) if place < missing => {
                shown.extend(match kind {
                    '0' => Some('0'),
                    '?' => Some(' '),
                    _ => None,
                });
                place += 1;
            }
            Token::Digit(_) => {
                shown.extend(left.by_ref().take(if place == 0 { surplus + 1 } else { 1 }));
                place += 1;
            }
            Token::All => {}
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_its_cell_shows_or_nothing() {
        for (format, shown) in [
            ("General", Some("6281234567890")),
            ("0", Some("6281234567890")),
            ("@", Some("6281234567890")),
            ("#", Some("6281234567890")),
            ("#,##0", Some("6281234567890")),
            ("#,##0.00", Some("6281234567890")),
            ("0.0", Some("6281234567890")),
            ("00 000 0000 0000", Some("62 812 3456 7890")),
            ("000-0000-0000", Some("62812-3456-7890")),
            (r"\+00\-000\-0000\-0000", Some("+62-812-3456-7890")),
            ("\"+\"0", Some("+6281234567890")),
            ("(00) 0000 0000 000", Some("(62) 8123 4567 890")),
            ("000000000000000", Some("006281234567890")),
            ("0;[Red]-0", Some("6281234567890")),
            ("[Blue][$-421]0", Some("6281234567890")),
            ("_-* #,##0_-;-* #,##0_-;_-* \"-\"_-;_-@_-", Some("  6281234567890 ")),
            ("General;-General", Some("6281234567890")),
            ("\"+1 \"0", None),
            ("\"+62 \"0", None),
            ("0\"9\"", None),
            ("0\\9", None),
            ("0\" h\"", None),
            ("\"Rp\"#,##0", None),
            ("_-\"Rp\"* #,##0_-", None),
            ("[$Rp-421]#,##0", None),
            ("$0", None),
            ("€0", None),
            ("0%", None),
            ("0,", None),
            ("#,##0,", None),
            ("0.0,,", None),
            ("0.00E+00", None),
            ("##0.0E+0", None),
            ("# ?/?", None),
            (";;;", None),
            ("\"-\"", None),
            ("*-0", None),
            ("[<1]0;\"+62\"0", None),
            ("[DBNum1]0", None),
            ("yyyy", None),
            ("00General", None),
        ] {
            assert_eq!(text(6_281_234_567_890.0, format).as_deref(), shown, "{format}");
        }
        assert_eq!(text(812.0, "(###) ??0-00").as_deref(), Some("()   8-12"));
        assert_eq!(text(0.0, "0;-0;\"x\"").as_deref(), None);
    }

    #[test]
    fn a_number_of_few_digits_that_is_shown_with_an_exponent_has_lost_the_others() {
        for (number, format, expected) in [
            (628_000_000_000.0, "0.00E+00", true),
            (6_281_000_000_000.0, "0.00E+00", false),
            (6_281_000_000_000.0, "##0.0E+0", true),
            (6_281_234_567_890.0, "0.00E+00", false),
            (628_000_000_000.0, "General", false),
            (628_000_000_000.0, "0", false),
        ] {
            assert_eq!(has_lost_digits(number, format), expected, "{number} {format}");
        }
    }
}
