//! What people, phones and spreadsheets put where a number belongs, and what is said of it.

use crate::phone::BadDestination;
use crate::phone::tests::{check, dial};

#[test]
fn what_is_no_number_is_said_to_be_what_it_is() {
    check(&[
        // A day.
        ("2026-11-30", "Date"),
        ("30/11/2026", "Date"),
        ("11/30/2026", "Date"),
        ("30.11.2026", "Date"),
        ("1-2-2026", "Date"),
        ("30/11/26", "Date"),
        ("2026-11-30 08:00", "Date"),
        ("2026-11-30T08:00:00Z", "Date"),
        ("30 Nov 2026", "Characters"),
        // Digits that are not shown.
        ("0812xxxx789", "Masked"),
        ("0812XXXX7890", "Masked"),
        ("0812****789", "Masked"),
        ("+62 812-****-7890", "Masked"),
        ("0812\u{2022}\u{2022}\u{2022}\u{2022}7890", "Masked"),
        ("08123456xxx", "Masked"),
        ("08123456##", "Masked"),
        ("0812...7890", "Masked"),
        ("0812\u{2026}7890", "Masked"),
        // Other addresses.
        ("120363025246125486@newsletter", "Chat"),
        ("628123456789-1600000000@broadcast", "Chat"),
        ("status@broadcast", "Chat"),
        ("Status@Broadcast", "Chat"),
        ("budi@example.com", "Mail"),
        ("budi.081234567890@mail.example.co.id", "Mail"),
        ("@budi", "Characters"),
        ("https://wa.me/message/ABC123DEF4567", "Characters"),
        // What spreadsheets and programs write.
        ("#N/A", "Characters"),
        ("E0", "Characters"),
        ("1E+11", "Exponent"),
        ("1e11", "Exponent"),
        ("-", "Characters"),
        ("n/a", "Characters"),
        ("null", "Characters"),
        ("none", "Characters"),
        ("?", "Characters"),
        ("Budi Santoso", "Characters"),
        ("0", "NoSuchNumber"),
        ("00", "NoSuchNumber"),
        ("000", "NoSuchNumber"),
        // A comma groups no phone number: it may divide three of them.
        ("6,281,234,567,890", "Characters"),
        ("110,112,911", "Characters"),
        ("0812/3456/7890", "Characters"),
    ]);
    let said = dial("00", "62").expect_err("no number").to_string();
    assert!(said.contains("the phone number 00;"), "{said}");
}

#[test]
fn what_stands_around_a_number_is_named() {
    check(&[
        ("++6281234567890", "Plus"),
        ("+62+81234567890", "Plus"),
        ("0812+34567890", "Plus"),
        ("6281234567890+", "Plus"),
        ("081234567890 +6281311112222", "Several"),
        ("081234567890p123", "Extension"),
        ("081234567890 w 12", "Extension"),
        ("WA: 081234567890", "Before"),
        ("HP. 0812-3456-7890", "Before"),
        ("Budi, 081234567890", "Before"),
        ("TEL;TYPE=CELL:+6281234567890", "Before"),
        ("TEL;waid=6281234567890:+62 812-3456-7890", "Before"),
        ("=081234567890", "Before"),
        ("081234567890x", "Behind"),
        ("081234567890 ?", "Behind"),
        ("081234567890 ext", "Behind"),
        ("081234567890\nBudi", "Behind"),
        ("081234567890\n2", "Several"),
        ("081234567890, 081311112222", "Several"),
        ("081234567890;081311112222;", "Several"),
        ("081234567890|081311112222", "Several"),
    ]);
    for (text, behind) in [
        ("+62 21 5550100,123", "123"),
        ("+62 21 5550100,,12#", "12#"),
        ("081234567890;123", "123"),
        ("081234567890, Budi", "Budi"),
        ("081234567890, Jl. Merdeka 12, Bandung", "Jl. Merdeka 12, Bandung"),
    ] {
        assert_eq!(dial(text, "62"), Err(BadDestination::Behind(behind.into())), "{text}");
    }
    for (text, before) in [
        ("WA: 0812-3456-7890", "WA:"),
        ("Budi (081234567890)", "Budi"),
        ("TEL;TYPE=CELL:+6281234567890", "TEL;TYPE=CELL:"),
    ] {
        assert_eq!(dial(text, "62"), Err(BadDestination::Before(before.into())), "{text}");
    }
}

#[test]
fn a_separator_that_nothing_follows_divides_nothing() {
    for text in ["081234567890;", "081234567890,", "0812-3456-7890 ; ", "+62 812 3456 7890,;", "081234567890."] {
        assert_eq!(dial(text, "62").as_deref(), Ok("6281234567890"), "{text}");
    }
    check(&[
        (";", "Characters"),
        (",081234567890", "Before"),
        ("6281234567890.5;", "Fraction"),
        ("6281234567890,25;", "Fraction"),
        ("12;", "NoSuchNumber"),
    ]);
}

#[test]
fn the_prefixes_that_mexico_gave_up_are_part_of_no_number() {
    for (text, country_code) in [
        ("+52 01 55 1234 5678", "62"),
        ("0052 01 55 1234 5678", "62"),
        ("52 044 55 1234 5678", "62"),
        ("+52 (045) 55 1234 5678", "62"),
        ("01 55 1234 5678", "52"),
        ("044 55 1234 5678", "52"),
        ("0455512345678", "52"),
    ] {
        let refused = dial(text, country_code);
        let Err(BadDestination::OtherForm { candidate, .. }) = &refused else { panic!("{text}: {refused:?}") };
        assert_eq!(candidate, "525512345678", "{text}");
    }
    // The 1 of a mobile in WhatsApp's form is not that of 01, and without a prefix both readings are named.
    check(&[
        ("+52 1 55 1234 5678", "5215512345678"),
        ("+52 55 1234 5678", "525512345678"),
        ("+52 0 55 1234 5678", "NoSuchNumber"),
    ]);
    assert_eq!(
        dial("1 55 1234 5678", "52"),
        Err(BadDestination::Ambiguous {
            number: "15512345678".into(),
            first: "5215512345678".into(),
            second: "15512345678".into()
        })
    );
}
