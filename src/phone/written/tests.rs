//! What is no number, not one, or could be two.

use crate::phone::BadDestination;
use crate::phone::tests::{check, dial};

#[test]
fn a_number_with_two_readings_is_refused_and_both_are_named() {
    let bad = dial("81234567022", "62").expect_err("two readings");
    assert_eq!(bad.digits(), Some("81234567022"));
    let said = bad.to_string();
    assert!(said.contains("6281234567022") && said.contains("+81234567022"), "{said}");
    check(&[
        ("81234567022.0", "Ambiguous"),
        ("812-3456-7022", "Ambiguous"),
        ("81234567022@c.us", "Ambiguous"),
        ("85291234567", "Ambiguous"),
        // Taken literally.
        ("+81234567022", "81234567022"),
        ("0081234567022", "81234567022"),
        ("081234567022", "6281234567022"),
        ("6281234567022", "6281234567022"),
        // The country code may be there twice.
        ("062812345678", "Ambiguous"),
        ("6262812345678", "Ambiguous"),
        ("62062812345678", "Ambiguous"),
        // Also a landline whose zero a spreadsheet dropped.
        ("6591234567", "Ambiguous"),
        ("352471614", "Ambiguous"),
        ("+6591234567", "6591234567"),
        ("60123456789", "60123456789"),
        // One reading, but no country code: never guessed.
        ("8134567890123", "NoSuchNumber"),
        ("83834567890", "NoCountryCode"),
    ]);
    assert_eq!(
        dial("4155552671", "1"),
        Err(BadDestination::NoCountryCode { number: "4155552671".into(), candidate: "14155552671".into() })
    );
    // An area code in brackets, and mobiles whose first digits are the client's country code or that of another country.
    for (text, country_code) in [
        ("(47) 4143-4454", "55"),
        ("(45) 3223-1234", "55"),
        ("(65) 3222-1234", "55"),
        ("381 15 345-6789", "54"),
        ("53336453", "53"),
        ("95274328", "95"),
        ("846930084", "84"),
    ] {
        assert!(
            matches!(dial(text, country_code), Err(BadDestination::Ambiguous { .. })),
            "{text}: {:?}",
            dial(text, country_code)
        );
    }
    assert_eq!(dial("1 415 555 2671", "1").as_deref(), Ok("14155552671"));
    assert!(matches!(dial("9876543210", "91"), Err(BadDestination::NoCountryCode { .. })));
    assert_eq!(dial("919876543210", "91").as_deref(), Ok("919876543210"));
}

#[test]
fn several_numbers_are_never_joined() {
    check(&[
        ("08123456789/08123456790", "Several"),
        ("081234567/089", "Several"),
        ("0812345678/79", "Several"),
        ("0812345678/679", "Several"),
        ("0812-345-678, 0812-345-679", "Several"),
        ("0812345678,9", "Fraction"),
        ("0812345678.000", "Fraction"),
        ("0812345678,0000", "Fraction"),
        ("0812345678;0812345679", "Several"),
        ("0812345678\n0812345679", "Several"),
        ("0812345678\t1", "Several"),
        ("0812345678 & 0812345679", "Several"),
        ("0812345678 +62812345679", "Several"),
        ("08123456789 08123456790", "Several"),
        ("0812-3456-7890 0813-1111-2222", "Several"),
        ("0812-3456-7890 atau 0813-1111-2222", "Several"),
        ("+6281234567890 (+6281311112222)", "Several"),
        ("628111111111,628111111112", "Several"),
        ("081234567890 ext 12", "Extension"),
        ("081234567890x12", "Extension"),
        ("081234567890#12", "Extension"),
        ("tel:+6281234567890;ext=12", "Extension"),
    ]);
}

#[test]
fn what_stands_behind_a_number_is_not_joined_to_it() {
    check(&[
        ("0812-3456-789 (2)", "Behind"),
        ("08123456789 [2]", "Behind"),
        ("08123456789(rumah)", "Behind"),
        ("0812-3456-7890 / WA", "Behind"),
        ("081234567890/WA", "Behind"),
        ("0812 3456 7890 WA", "Behind"),
        ("081234567890 Budi", "Behind"),
        ("O812-3456-7890", "Letter"),
        ("0812-3456-789o", "Letter"),
        ("08I2 3456 7890", "Letter"),
        ("62O81234567890", "Letter"),
        ("Ola", "Characters"),
        ("08123456789 - 2", "Behind"),
        ("0812345678 2", "Behind"),
        ("0812345678-79", "Behind"),
        ("(0361) 472123 - 24", "Behind"),
        ("0812-3456-789.00", "Fraction"),
        ("+62 812-3456-789.00", "Fraction"),
        ("+62 812 345 678.00", "Fraction"),
        ("62812345678 .00", "Fraction"),
        ("(62812345678.00)", "Fraction"),
        ("62812345678.00.", "Fraction"),
        ("0812.345.678.00", "Fraction"),
        ("62 812345678.25", "Fraction"),
        ("62 812345678.000", "Fraction"),
        ("62812345678. 5", "Fraction"),
        ("0812345678 https://wa.me/6281299999999", "Several"),
        ("lama: 081234567890, baru: https://wa.me/6281299999999", "Several"),
        ("wa.me/6281234567890 & 6281299999999", "Several"),
        ("wa.me/6281234567890&6281299999999", "Several"),
        ("http://notwa.me/6281234567890", "Characters"),
        ("https://example.com/?x=wa.me/6281234567890", "Characters"),
        ("https://www.wa.me/6281234567890/", "6281234567890"),
        ("(0)0812-3456-7022", "NoSuchNumber"),
        ("0-0812-3456-7022", "NoSuchNumber"),
        ("0 (0) 812 3456 7022", "NoSuchNumber"),
        // As numbers are grouped in other countries.
        ("+33 6 12 34 56 78", "33612345678"),
        ("+41 44 668 18 00", "41446681800"),
        ("+49 30 123456-78", "493012345678"),
        ("+1 (415) 555-2671", "14155552671"),
        ("+598 (2) 345 6789", "59823456789"),
    ]);
    for (text, country_code) in [("0171 1234567 (2)", "49"), ("(415) 555-2671 (2)", "1")] {
        assert!(matches!(dial(text, country_code), Err(BadDestination::Behind(_))), "{text}");
    }
    for text in ["089 1234 / 089 1235", "089 1234 089 1235", "0662 840 - 0662 841"] {
        assert_eq!(dial(text, "49"), Err(BadDestination::Several), "{text}");
    }
}

#[test]
fn what_no_numbering_plan_allows_is_refused() {
    check(&[
        ("", "Empty"),
        ("   ", "Empty"),
        ("\u{200b}", "Empty"),
        ("@c.us", "Empty"),
        ("+", "Characters"),
        ("62", "NoSuchNumber"),
        ("628", "NoSuchNumber"),
        ("12345", "NoSuchNumber"),
        ("999999999999", "NoSuchNumber"),
        ("62811111111111111111", "TooLong"),
        ("120363025246125486", "TooLong"),
        ("0811x", "Characters"),
        ("abc", "Characters"),
        ("６２８", "NoSuchNumber"),
        ("1 2 3", "NoSuchNumber"),
        ("00", "NoSuchNumber"),
        ("status@broadcast", "Chat"),
    ]);
    assert!(dial(&"1".repeat(1_000_000), "62").is_err());
}

#[test]
fn a_landline_is_a_second_reading_unless_it_begins_with_the_clients_own_country_code() {
    for (text, country_code, at_home, abroad) in [
        ("35 24 26 76", "47", "4735242676", "35242676"),
        ("252158087", "351", "351252158087", "252158087"),
        ("2036205754", "44", "442036205754", "2036205754"),
        ("4366137872", "90", "904366137872", "4366137872"),
        ("6591004417", "92", "926591004417", "6591004417"),
    ] {
        let (number, first, second) = (text.replace(' ', ""), at_home.to_owned(), abroad.to_owned());
        assert_eq!(dial(text, country_code), Err(BadDestination::Ambiguous { number, first, second }), "{text}");
        for certain in [at_home, abroad] {
            assert_eq!(dial(&format!("+{certain}"), country_code).as_deref(), Ok(certain));
        }
    }
    // The plans of Germany and Austria have a landline for nearly any digits.
    for (text, country_code) in [("4915112345678", "49"), ("436641234567", "43"), ("6281234567890", "62")] {
        assert_eq!(dial(text, country_code).as_deref(), Ok(text));
    }
}
