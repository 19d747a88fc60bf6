//! Every form in which numbers were seen, and what comes of it.

use proptest::prelude::*;
use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::*;

/// Written forms of the world's numbers: the client's country code, the text, and its digits, as the Python port of libphonenumber
/// (9.0.43) formats and reads them.
const FORMATS: &str = include_str!("formats.tsv");

pub(super) fn dial(text: &str, country_code: &str) -> Result<String, BadDestination> {
    parse_recipient(text, Addressee::ByItsForm, country_code).map(Recipient::into_id)
}

/// What comes of a text for an Indonesian client: digits, or the name of the error.
fn outcome(text: &str) -> String {
    dial(text, "62")
        .unwrap_or_else(|bad| format!("{bad:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned())
}

pub(super) fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, wanted)| outcome(text) != *wanted)
        .map(|(text, wanted)| format!("{text:?}: {wanted} is wanted, not {}", outcome(text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_format_is_read_as_libphonenumber_reads_it() {
    let (mut rows, mut wrong) = (0, Vec::new());
    for row in FORMATS.lines() {
        let fields: Vec<&str> = row.split('\t').collect();
        let [country_code, text, wanted] = fields[..] else { panic!("{row}") };
        let region = PHONE_NUMBER_UTIL.get_region_for_country_code(country_code.parse().expect("digits"));
        rows += 1;
        let read = dial(text, country_code);
        if read.as_deref() != Ok(wanted) {
            wrong.push(format!("{text:?}: {wanted} is wanted, not {read:?}"));
        }
        // Its parser knows 00 only where it is dialled, and no direction marks.
        if !text.starts_with("00") && !text.contains('\u{202a}') {
            let number = PHONE_NUMBER_UTIL.parse(text, region).expect("a number");
            let theirs = number.format_as(rlibphonenumber::PhoneNumberFormat::E164).into_owned();
            assert_eq!(theirs, format!("+{wanted}"), "{text:?}");
        }
    }
    assert!(rows >= 200 && wrong.is_empty(), "{} of {rows}: {wrong:#?}", wrong.len());
}

#[test]
fn a_number_is_understood_however_people_write_it() {
    check(&[
        ("628111111111", "628111111111"),
        ("+62 811-1111-111", "628111111111"),
        (" 0811 1111 111 ", "628111111111"),
        ("(0811) 1111.111", "628111111111"),
        ("0811.1111.111", "628111111111"),
        ("0811.1111111", "628111111111"),
        ("0062 811 1111 111", "628111111111"),
        ("(+62) 811 1111 111", "628111111111"),
        ("+62\u{a0}811\u{2011}1111\u{2013}111", "628111111111"),
        ("\u{202a}+62 811 1111 111\u{202c}", "628111111111"),
        ("\u{2066}0811\u{2069}\u{200e}1111\u{200f}111\u{feff}", "628111111111"),
        ("０８１１１１１１１１１", "628111111111"),
        ("٠٨١١١١١١١١١", "628111111111"),
        ("'08111111111", "628111111111"),
        ("=\"08111111111\"", "628111111111"),
        ("628111111111@s.whatsapp.net", "628111111111"),
        ("628111111111:12@s.whatsapp.net", "628111111111"),
        ("628111111111@C.US", "628111111111"),
        ("628111111111@S.WhatsApp.net", "628111111111"),
        ("99887766554433@LID", "99887766554433@lid"),
        ("99887766554433@Lid", "99887766554433@lid"),
        ("120363025246125486@G.US", "120363025246125486"),
        ("tel:+62-811-1111-111", "628111111111"),
        ("whatsapp:+628111111111", "628111111111"),
        ("https://wa.me/628111111111", "628111111111"),
        ("wa.me/628111111111?text=Hello", "628111111111"),
        ("https://api.whatsapp.com/send?phone=%2B628111111111&text=1", "628111111111"),
        ("14155552671", "14155552671"),
        ("4915112345678", "4915112345678"),
        ("0171/1234567", "NoSuchNumber"),
        // A trunk zero stands behind the country code, and nowhere else.
        ("20200001(0)001", "NoSuchNumber"),
        ("+6 (0) 281234567890", "NoSuchNumber"),
        ("+62812 (0) 34567890", "NoSuchNumber"),
        ("+49 171/1234567", "491711234567"),
        ("+49 (0) 2173/123456", "492173123456"),
    ]);
    assert_eq!(dial("0151 12345678", "49").as_deref(), Ok("4915112345678"));
    assert_eq!(dial("0171/1234567", "49").as_deref(), Ok("491711234567"));
}

#[test]
fn no_digit_is_made_of_a_fraction_or_an_exponent() {
    check(&[
        ("628120000002.0", "628120000002"),
        ("628120000002.00", "628120000002"),
        ("628120000002,0", "628120000002"),
        ("628120000002,00", "628120000002"),
        ("+628120000002.0", "628120000002"),
        ("08123456789.0", "628123456789"),
        ("62812.0000000", "NoSuchNumber"),
        ("628120000002.5", "Fraction"),
        ("628120000002.01", "Fraction"),
        ("628120000002,5", "Fraction"),
        ("628120000002.0000001", "Fraction"),
        ("0812.3456.789.0", "Fraction"),
        ("+62 812-0000-0002.0", "Fraction"),
        ("08.1.23456789", "Fraction"),
        ("6.28E+11", "Exponent"),
        ("6,28E+11", "Exponent"),
        ("6.28120000002e11", "Exponent"),
        ("628e9", "Exponent"),
        ("6.2812e+20", "Exponent"),
        ("-628120000002", "Characters"),
        ("nan", "Characters"),
        ("True", "Characters"),
    ]);
}

#[test]
fn a_trunk_zero_is_dropped_where_the_numbering_plan_has_one() {
    check(&[
        ("+62 (0) 812 3456 7890", "6281234567890"),
        ("62 (0)812 3456 7890", "6281234567890"),
        ("62 0812 3456 7890", "6281234567890"),
        ("+62-0812-3456-7890", "6281234567890"),
        ("0062 (0) 812 3456 7890", "6281234567890"),
        ("00620812 3456 7890", "6281234567890"),
        ("+62 [0] 812 3456 7890", "6281234567890"),
        ("+49 (0)171 1234567", "491711234567"),
        ("+44 (0) 7400 123456", "447400123456"),
        // Italy's zero is part of the number, but its mobiles have none.
        ("+39 06 69812345", "390669812345"),
        ("+39 (0)6 69812345", "390669812345"),
        ("+39 (0) 338 123 4567", "393381234567"),
        // Other prefixes than a zero, and numbers whose plan is written with other digits.
        ("+7 8 912 345-67-89", "79123456789"),
        ("+36 06 20 123 4567", "36201234567"),
        ("+54 0 11 15 2345 6789", "OtherForm"),
        ("+55 0 41 11 91234-5678", "OtherForm"),
        ("+62 62 812 3456 7890", "NoSuchNumber"),
    ]);
    for (text, country_code, wanted) in [
        ("06 698 12345", "39", "3906698 12345"),
        ("0338 123 4567", "39", "393381234567"),
        ("8 912 345-67-89", "7", "79123456789"),
        ("06 20 123 4567", "36", "36201234567"),
        ("0 9123 4567", "65", "6591234567"),
        ("(011) 98765-4321", "55", "5511987654321"),
    ] {
        assert_eq!(dial(text, country_code).as_deref(), Ok(wanted.replace(' ', "").as_str()), "{text}");
    }
}

#[test]
fn the_forms_that_whatsapp_itself_uses_are_numbers() {
    check(&[
        ("551187654321", "551187654321"),
        ("5511987654321", "5511987654321"),
        ("+55 (11) 8765-4321", "551187654321"),
        ("+55 0 11 8765-4321", "551187654321"),
        ("551112345678", "NoSuchNumber"),
        ("5215512345678", "5215512345678"),
        ("+52 1 55 1234 5678", "5215512345678"),
        ("525512345678", "525512345678"),
        ("5221551234567", "NoSuchNumber"),
        ("5491123456789", "5491123456789"),
        ("541123456789", "541123456789"),
        ("549112345678", "NoSuchNumber"),
    ]);
    assert!(names_sender("+55 11 98765-4321", "62", "551187654321"));
    assert!(names_sender("551187654321", "62", "5511987654321"));
    assert!(names_sender("52 55 1234 5678", "62", "5215512345678"));
    assert!(names_sender("5491123456789", "62", "541123456789"));
    assert!(!names_sender("5491123456788", "62", "541123456789"));
}

#[test]
fn a_country_code_is_that_of_a_plan() {
    for code in ["62", "1", "7", "49", "598", "998"] {
        assert!(is_country_code(code), "{code}");
    }
    for code in ["", "0", "6", "4", "3", "8", "999", "062", "1234", "+62", "٦٢"] {
        assert!(!is_country_code(code), "{code}");
    }
}

#[test]
fn the_sandboxes_numbers_are_numbers() {
    for ending in 0..10_000 {
        for number in [format!("62811111{ending:04}"), format!("62811100{ending:04}")] {
            assert_eq!(dial(&number, "62").as_deref(), Ok(number.as_str()));
        }
    }
}

#[test]
fn who_has_written_can_be_answered_at_exactly_that_number() {
    for number in ["12345", "81234567022", "2291234567", "551112345678"] {
        assert!(dial(number, "62").is_err(), "{number}");
        let known = Dialling { country_code: "62", known: Some(number) };
        assert_eq!(parse_destination(number, known).as_deref(), Ok(number));
        assert!(parse_destination(&format!("+{number}"), known).is_ok());
    }
    let shown = Dialling { country_code: "62", known: Some("81234567022") };
    let is_taken = |text: &str| parse_destination(text, shown).as_deref() == Ok("81234567022");
    assert!([" 81234567022 ", "81234567022@s.whatsapp.net", "81234567022@C.US"].into_iter().all(is_taken));
    assert!(!["81234567022.0", "812-3456-7022", "812 34567022", "'81234567022"].into_iter().any(is_taken));
    let known = Dialling { country_code: "62", known: Some("12345") };
    for other in ["12346", "12345.5", "12345,12345", "1.2345e4"] {
        assert!(parse_destination(other, known).is_err(), "{other}");
    }
}

#[test]
fn who_hides_his_number_is_written_to_by_his_hidden_id() {
    assert_eq!(outcome(" 99887766554433@lid "), "99887766554433@lid");
    for bad in ["@lid", "abc@lid", "9:1@lid", "9988 7766@lid", "+9988@lid", "1234567890123456789012345@lid"] {
        assert_eq!(dial(bad, "62"), Err(BadDestination::Hidden), "{bad}");
    }
    assert_eq!(parse_destination("99887766554433@lid", "62"), Err(BadDestination::Characters));
}

#[test]
fn a_group_is_known_by_its_suffix_or_because_it_is_said() {
    for (text, addressee, wanted) in [
        ("120363025246125486@g.us", Addressee::ByItsForm, "120363025246125486"),
        ("\u{202a}120363025246125486@G.US\u{202c}", Addressee::ByItsForm, "120363025246125486"),
        ("120363025246125486", Addressee::Group, "120363025246125486"),
        ("6281111-1600000000@g.us", Addressee::ByItsForm, "6281111-1600000000"),
        ("6281111-1600000000", Addressee::Group, "6281111-1600000000"),
    ] {
        assert_eq!(parse_recipient(text, addressee, "62"), Ok(Recipient::Group(wanted.into())), "{text}");
    }
    for text in ["", "@g.us", "abc@g.us", "1-2-3", "1-", "120363025246125486@s.whatsapp.net"] {
        assert!(parse_group(text).is_err(), "{text}");
    }
    assert!(parse_person("120363025246125486@g.us", "62").is_err());
}

/// Digits as they appear in a text, of whatever script the tests use.
fn digits_in(text: &str) -> String {
    text.chars()
        .filter_map(|c| char::to_digit(c, 10))
        .map(|digit| char::from_digit(digit, 10).expect("a digit"))
        .collect()
}

fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars().all(|c| whole.any(|other| other == c))
}

/// Texts that nearly are numbers.
fn nearly_numbers() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[0-9]{1,5}",
        1 => "[+]?(62|49|39|55|52|54|1|7|81)",
        1 => r"\(0\)|0|00|[-. /()+]|,0?|\.0|E\+11|@c\.us|x1",
    ];
    let pieces = proptest::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat());
    prop_oneof![
        2 => pieces,
        2 => r"\+?(62|0)[ -]?(\(0\))?[ -]?8[0-9]{2}[ -]?[0-9]{3,4}[ -]?[0-9]{3,4}(\.0{1,2})?",
        1 => r"(\+|00)?[1-9][0-9]{7,13}",
        1 => r"0[1-9][0-9]{6,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// An accepted number was written: it is a run of the text's digits, but for a country code in front and for a trunk prefix
    /// that was dropped behind it.
    #[test]
    fn no_digit_is_ever_invented(text in nearly_numbers(), country_code in "62|49|39|1|7|55|36|65") {
        if let Ok(number) = dial(&text, &country_code) {
            let written = digits_in(&text);
            let own = number.strip_prefix(country_code.as_str()).unwrap_or(&number);
            prop_assert!(is_subsequence(&number, &written) || is_subsequence(own, &written), "{text} -> {number}");
            // Nothing but a prefix, a trunk zero and a fraction of zeros is left out.
            let digits = written.len();
            prop_assert!(number.len() + 6 >= digits, "{text} -> {number}");
            let significant = number.trim_start_matches('0').len().min(own.len());
            prop_assert!(written.contains(&own[own.len() - significant.min(4)..]), "{text} -> {number}");
        }
    }

    #[test]
    fn the_plans_say_of_indonesian_mobiles_what_is_said_without_them(
        digits in "628[0-9]{6,13}",
        prefix in prop_oneof![Just(Prefix::Open), Just(Prefix::International)],
    ) {
        if plan::is_indonesian_mobile(&digits, "62") {
            let written = Written { prefix, digits: digits.clone(), marked_zero_at: None, begins_in_brackets: false };
            prop_assert_eq!(resolve_by_plans(&written, "62"), Ok(digits));
        }
    }

    #[test]
    fn no_text_makes_the_reading_of_a_number_panic(text in any::<String>(), country_code in "[0-9]{1,3}") {
        let _ = dial(&text, &country_code);
        let _ = parse_group(&text);
        let _ = as_stored(&text, &country_code);
        let _ = names_sender(&text, &country_code, "628111111111");
    }

    /// What was read is read as itself again, with its + or `@s.whatsapp.net`.
    #[test]
    fn a_number_that_was_read_is_read_again_as_itself(text in nearly_numbers()) {
        if let Ok(number) = dial(&text, "62") && !number.contains('@') {
            prop_assert_eq!(dial(&format!("+{number}"), "62"), Ok(number.clone()));
            prop_assert_eq!(dial(&format!("00{number}"), "62"), Ok(number));
        }
    }
}

#[test]
fn both_forms_of_a_number_are_one_line_and_other_recipients_are_their_own() {
    for (line, other) in [
        ("5511987654321", Some("551187654321")),
        ("5521998765432", Some("552198765432")),
        ("525512345678", Some("5215512345678")),
        ("541123456789", Some("5491123456789")),
        // A landline has no ninth digit, and an old mobile range none to give up.
        ("551133334444", None),
        ("5511912345678", None),
        ("6281234567890", None),
        ("14155550100", None),
        ("120363012345678901", None),
        ("5511987654321-1400000000", None),
        ("55118765@lid", None),
        ("", None),
    ] {
        let forms: Vec<&str> = std::iter::once(line).chain(other).collect();
        assert_eq!(forms_of(line), forms);
        let [first, end] = TWO_FORMED;
        assert!(other.is_none() || forms.iter().all(|form| (first..end).contains(form)), "{line}");
        for form in forms {
            assert_eq!(line_of(form), line);
        }
    }
}

#[test]
fn an_extension_is_said_to_be_one_however_it_is_written() {
    for text in [
        "tel:+62-21-5550100;ext=12",
        "+62215550100;ext=12",
        "+62215550100;EXT=12",
        "+62 21 5550100 ext. 12",
        "(021) 5550100 ext 123",
        "021-5550100, ext 12",
        "+62215550100 extension 1234",
        "+62215550100 ekst. 12",
        "+62215550100 pes. 12",
        "+62215550100x12",
        "+62215550100 #12",
        "+62215550100 (ext 12)",
    ] {
        assert_eq!(parse_destination(text, "62"), Err(BadDestination::Extension), "{text}");
    }
    // What is several numbers stays so, and another parameter of a link is no number.
    for text in ["081234567890;081234567891", "081234567890, 081234567891 ext 5", "081234567890\n081234567891"] {
        assert_eq!(parse_destination(text, "62"), Err(BadDestination::Several), "{text}");
    }
    let parameter = parse_destination("tel:081234567890;phone-context=+62", "62");
    assert!(matches!(parameter, Err(BadDestination::Behind(_) | BadDestination::Several)), "{parameter:?}");
}

#[test]
fn a_group_id_that_was_rounded_is_known_by_its_zeros_and_one_with_an_exponent_is_none() {
    for text in [
        "120363041234568000",
        " 120363041234568000 ",
        "120363041234568000.0",
        "120,363,041,234,568,000",
        "1203630412345680",
    ] {
        assert!(rounded(text).is_some(), "{text}");
    }
    for text in [
        "120363041234567891",
        "120363041234567000@g.us",
        "120363041234567",
        "6281234567890000",
        "12036304123456789000",
        "",
    ] {
        assert_eq!(rounded(text).is_some(), text == "6281234567890000" || text == "1203630412345680", "{text}");
    }
    for text in ["1.20363E+17", "1.20363041234568E+17", "1,20363E+17", "1.20363E+17@g.us"] {
        assert!(matches!(parse_recipient(text, Addressee::Group, "62"), Err(BadDestination::Exponent(_))), "{text}");
    }
}
