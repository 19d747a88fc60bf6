//! Files as customers give them: each is read as it is meant, or rejected with what is wrong and where.

use super::*;
use crate::message::kind::MediaKind;

fn campaign(name: &str) -> Campaign {
    Campaign { client_id: 1, name: Name::of(Some(name), ""), country_code: "62".into(), known: HashSet::new() }
}

pub(super) fn checked(bytes: &[u8], name: &str) -> Result<Vec<Checked>, BadFile> {
    let (lines, mut checker) = (read(bytes, 1_000)?.lines, Checker::new(campaign(name)));
    Ok(lines.into_iter().map(|line| checker.check(line)).collect())
}

/// The line of each row, whom it goes to and what it says, or `!` and why it does not.
pub(super) fn said(bytes: &[u8]) -> Vec<(i64, String)> {
    let said = |row: Checked| match row {
        Ok(Ready { line, recipient, content: Content::Text(text), .. }) => (line, format!("{recipient}: {text}")),
        Ok(Ready { line, recipient, content, .. }) => (line, format!("{recipient}: {content:?}")),
        Err(refused) => (refused.line, format!("! {}", refused.reason)),
    };
    checked(bytes, "").expect("a file").into_iter().map(said).collect()
}

/// Compares what is read with what is expected, of which reasons need only be the beginning.
#[track_caller]
pub(super) fn reads(bytes: &[u8], expected: &[(i64, &str)]) {
    let said = said(bytes);
    let fits = |(one, (line, text)): (&(i64, String), &(i64, &str))| {
        one.0 == *line && (one.1 == *text || (text.starts_with('!') && one.1.contains(text.trim_start_matches("! "))))
    };
    assert!(said.len() == expected.len() && said.iter().zip(expected).all(fits), "{said:?}\nexpected: {expected:?}");
}

pub(super) fn keys(text: &str, name: &str) -> Vec<String> {
    checked(text.as_bytes(), name).expect("a file").into_iter().map(|row| row.expect("a good row").key).collect()
}

pub(super) const A: &str = "628111111111";
pub(super) const B: &str = "628111111112";
pub(super) const B_X: &str = "628111111112: x";

#[test]
fn rows_are_read_and_refused_by_their_lines() {
    let text = "\u{feff}destination,message,timeout,is_group\n0811-1111-111,\"two\nlines\",,\n12345,x,,\n\
         628111111111,,,\n628111111111,x,0,\n120363025246125486@g.us,x,60,yes\n628111111111,x,,perhaps\n\
         628111111111,a,b,c,d\n628111111111,\"a\",,,,\n";
    reads(
        text.as_bytes(),
        &[
            (2, "628111111111: two\nlines"),
            (4, "! no numbering"),
            (5, "! message: it is empty"),
            (6, "! timeout: '0'"),
            (7, "120363025246125486: x"),
            (8, "! is_group: 'perhaps'"),
            (9, "! it has 5 fields, the first line names 4"),
            (10, "628111111111: a"),
        ],
    );
}

#[test]
fn a_file_that_cannot_be_read_as_a_whole_says_why_and_where() {
    for (bytes, told) in [
        (&b""[..], "it is empty"),
        (b"\n\r\n\n", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"name,text\n1,2\n", "it has: name, text;"),
        (b"628111111111,Hello\n628111111112,Hi\n", "it has: 628111111111, Hello;"),
        (b"Phone,Text,WA\n", "'Phone' and 'WA'"),
        (b"to,text,Pesan\n1,2,3\n", "'text' and 'Pesan'"),
        (b"No,HP,Text\n628111111111,628111111112,x\n", "'No' and 'HP'"),
        (b"to,text\n628111111111,\"Hello\n628111111112,Hi\n", "opens on line 2"),
        (b"to,text\r\n\r\n628111111111,x\r\n628111111111,\"Hello\r\n628111111112,Hi\r\n", "opens on line 4"),
        (b"to,\"text\n628111111111,x\n", "opens on line 1"),
        (b"to,text,\"note\n628111111111,x,\n628111111112,\"y\",\n", "opens on line 1 among the names"),
        (b"to,text\n1,\xcf\xf0\xe8\xe2\xe5\xf2\n", "line 2 cannot be read"),
        (b"%PDF-1.7", "it is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old .xls workbook"),
        (b"  <HTML><table>", "a web page"),
        (b"PK\x03\x04 nothing", "the workbook cannot be read"),
    ] {
        let bad = read(bytes, 9).expect_err("no file").to_string();
        assert!(bad.contains(told), "{bad}\nexpected: {told}");
    }
    assert_eq!(read(b"to,text\n1,a\n2,b\n3,c\n", 2).err(), Some(BadFile::TooMany { most: 2 }));
    for alone in ["to,text\n", "to,text", "to,text\n\n,\n"] {
        assert_eq!(read(alone.as_bytes(), 9).err(), Some(BadFile::NoRows), "{alone:?}");
    }
    let wide =
        |columns: usize| format!("to,text{}\n{A},x\n{A},x{}\n", ",".repeat(columns - 2), ",\"\"".repeat(columns - 2));
    let most = limits::IMPORT_COLUMNS_MAX;
    assert!(read(wide(most).as_bytes(), 9).is_ok());
    assert_eq!(read(wide(most + 1).as_bytes(), 9).err(), Some(BadFile::TooWide { line: 1, most }));
    let behind = format!("to,text\n{A},x\n{A},x{}\n", ",\"\"".repeat(300_000));
    assert_eq!(read(behind.as_bytes(), 9).err(), Some(BadFile::TooWide { line: 3, most }));
    assert_eq!(read(b"phone,city\n1,a\n", 9).err(), Some(BadFile::NoMessage { found: "phone, city".into() }));
}

#[test]
fn separators_are_known_by_the_first_line() {
    let rows = |separator: char| format!("Nomor{separator}Pesan\n{A}{separator}\"a{separator}b, c; d\"\n");
    for separator in [',', ';', '\t', '|'] {
        let text = rows(separator);
        reads(text.as_bytes(), &[(2, &format!("{A}: a{separator}b, c; d"))]);
        let source = read(text.as_bytes(), 9).expect("a file").source;
        assert_eq!((source.separator, source.encoding), (Some(separator), Some(Encoding::Utf8)));
    }
    reads(format!("sep=;\r\nnomor;pesan\r\n{A};a,b\r\n").as_bytes(), &[(3, "628111111111: a,b")]);
    reads(format!("sep=|\nnomor|pesan, singkat|isi\n{A}||a\n").as_bytes(), &[(3, "628111111111: a")]);
    // A heading in quotes may hold another separator.
    reads(format!("\"hp, aktif\";\"no hp\";isi\n1;{A};a\n").as_bytes(), &[(2, "628111111111: a")]);
}

#[test]
fn lines_are_those_of_a_text_editor() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["sep=,", "", "to,text", "", &format!("{A},\"a"), "", "b\""]
            .into_iter()
            .chain(["", &format!("{B},"), ",", "  ", &format!("{B},c")])
            .collect::<Vec<_>>()
            .join(end);
        reads(text.as_bytes(), &[(5, "628111111111: a\n\nb"), (9, "! message: it is empty"), (12, "628111111112: c")]);
    }
    reads(
        format!("to,text\r{A},a\r\n\n{A},b\n\r{A},c").as_bytes(),
        &[(2, "628111111111: a"), (4, "628111111111: b"), (6, "628111111111: c")],
    );
}

#[test]
fn no_row_swallows_those_behind_it() {
    for (text, expected) in [
        // The quote of the first row is closed by that of a later one, at its beginning, at its end or between.
        (
            format!("to,text\n{A},\"Hello\n{B},\"World\"\n{A},c\n"),
            vec![(2, "! quote that opens on line 2 is closed by a later row"), (4, "628111111111: c")],
        ),
        (format!("to,text\n{A},\"Hello\n{B},World\n{A},c\"\n"), vec![(2, "! opens on line 2")]),
        (format!("to,text\n{A},\"Hello\n{B},\"\n{A},c\n"), vec![(2, "! opens on line 2"), (4, "628111111111: c")]),
        (format!("to,text\n{A},\"Hello\n{B},\"\"World\"\"\"\n"), vec![(2, "! opens on line 2")]),
        (format!("to;text\n{A};\"Hello\r\n+62 811-1111-112;World, friend\"\n"), vec![(2, "! opens on line 2")]),
        (format!("text,to\n\"Hello,{A}\nWorld,{B}\n\",{A}\n"), vec![(2, "! opens on line 2")]),
        (format!("text,to\n\"Hello,{A}\n\"\"World\"\",{B}\n"), vec![]),
        (format!("text,to,tag\nx,{A},\"a\n\nHello,{B},b\"\n"), vec![(2, "! opens on line 2")]),
        // More in quotes than the quotes hold.
        (format!("to,text\n{A},\"Hello\" world\n{B},\"x\"\n"), vec![(2, "! behind the quote"), (3, "628111111112: x")]),
        (format!("to,text\n{A},Hello \"world\n{B},x\n"), vec![(2, "! one quotation mark"), (3, "628111111112: x")]),
        (format!("to,text,tag\n{A},Hello \"a, b\"\n"), vec![(2, "! one quotation mark")]),
    ] {
        match expected.is_empty() {
            true => assert_eq!(read(text.as_bytes(), 9).err(), Some(BadFile::Unclosed { line: 2 }), "{text}"),
            false => reads(text.as_bytes(), &expected),
        }
    }
    // What is meant so.
    for text in [
        "Hubungi:\n08123456789\n0812-3456-7890",
        "1, 2\n3, 4",
        "Budi, 08123456789\nSiti, 08123456780",
        "Total: 1,500,000\n2026-11-28, 10:00",
        "6281,x\n12345,y",
    ] {
        reads(format!("to,text\n{A},\"{text}\"\n").as_bytes(), &[(2, &format!("{A}: {text}"))]);
    }
    reads(
        format!("text,to\n\"Halo\nBudi, apa kabar\",{A}\n").as_bytes(),
        &[(2, "628111111111: Halo\nBudi, apa kabar")],
    );
    reads(format!("to,text\n{A},TV 5\" x 3\"\n").as_bytes(), &[(2, "628111111111: TV 5\" x 3\"")]);
}

#[test]
fn a_text_without_quotes_is_not_sent_in_part() {
    for (text, expected) in [
        // Without its end.
        (format!("to,text\n{A},Hello\nWorld\n{B},x\n"), vec![(2, "! on line 3"), (3, "!"), (4, "628111111112: x")]),
        (format!("to,text,tag\n{A},Hello\n\nWorld,x\n"), vec![(2, "! on line 4"), (4, "!")]),
        (
            format!("to,text\n{A},Hello\nyour order, number 5\n{B},x\n"),
            vec![(2, "! go on, on line 3"), (3, "!"), (4, B_X)],
        ),
        (format!("to,text\n{A},Hello\nBudi, your order\n{B},x\n"), vec![(2, "! go on, on line 3"), (3, "!"), (4, B_X)]),
        (format!("to;text\n{A};Hello\nyour order\n{B};x\n"), vec![(2, "! go on, on line 3"), (3, "!"), (4, B_X)]),
        (
            format!("to,text,name\n{A},Hello\n1. tea,2. milk,3. rice\n{B},x,Siti\n"),
            vec![(2, "! go on, on line 3"), (3, "!"), (4, B_X)],
        ),
        (format!("to,text\n{A},Hello\nBudi,x\n{B},x\n"), vec![(2, "628111111111: Hello"), (3, "!"), (4, B_X)]),
        // Without its beginning.
        (format!("text,to\nHello\nWorld,{A}\nx,{B}\n"), vec![(2, "!"), (3, "! begin on line 2"), (4, B_X)]),
        (format!("text,to\na\nb\nc,{A}\nx,{B}\n"), vec![(2, "!"), (3, "!"), (4, "! begin on line 2"), (5, B_X)]),
        (format!("text,to\nHello, my friend\nWorld,{A}\nx,{B}\n"), vec![(2, "!"), (3, "! begin on line 2"), (4, B_X)]),
        // A separator in a text without quotes, where the row has room for one more field.
        (
            format!("to,text,name\n{A},Hello Budi, your bill\n{B},x,Siti\n"),
            vec![(2, "! behind the separator"), (3, B_X)],
        ),
        (format!("to,text,tag\n{A},Hello Budi, your bill\n{B},x\n"), vec![(2, "! behind the separator"), (3, B_X)]),
        (format!("to,text,name\n{A},Total Rp1,500\n{B},x\n"), vec![(2, "! behind the separator"), (3, B_X)]),
        (format!("to,text,name,city\n{A},Total Rp1,500,000\n{B},x\n"), vec![(2, "! behind the separator"), (3, B_X)]),
        (format!("to;text;name\n{A};Hi; there\n{B};x\n"), vec![(2, "! behind the separator"), (3, B_X)]),
        (format!("to,text,tag\n{A},Total Rp 1500,50\n{B},x\n"), vec![(2, "! behind the separator"), (3, B_X)]),
        (
            format!("to, text, name\n{A},Hello Budi, your code is 1\n{B},x,Siti\n"),
            vec![(2, "! behind the separator"), (3, B_X)],
        ),
        (
            format!("to, text\n{A},Hello\nDear Budi, your order\n{B},x\n"),
            vec![(2, "! go on, on line 3"), (3, "!"), (4, B_X)],
        ),
        (
            format!("to,text,file_name\n{A},Hello Budi,your order is ready\n{B},x,\n"),
            vec![(2, "! file_name: there is no media_url"), (3, B_X)],
        ),
        (
            format!("to,text,tag\n{A},Hello Budi,your order is ready\n{B},x\n"),
            vec![(2, "! behind the separator"), (3, B_X)],
        ),
    ] {
        reads(text.as_bytes(), &expected);
    }
    // What is meant so.
    for (names, row) in [
        ("to, text, name", " x, Budi"),
        ("to,text,name", " x, Budi"),
        ("to,text,name", "\"x\", Budi"),
        ("to,text,name", "x,Budi Santoso"),
        ("to,text,timeout", "x 12,300"),
        ("to,text,name", "x 1234,500"),
        ("to,text,name", "x,"),
        ("to,text,tag", "x 7,june 2026"),
        ("to,text,tag", "x 7,2026"),
        ("to,text,tag", "\"x 7\",50"),
        ("to|text|name", "x| Budi"),
    ] {
        let separator = if names.contains('|') { '|' } else { ',' };
        let said = said(format!("{names}\n{A}{separator}{row}\n").as_bytes());
        assert!(said[0].1.starts_with("628111111111: x"), "{names} {row}: {said:?}");
    }
}

#[test]
fn cells_are_what_a_spreadsheet_shows() {
    for (cell, expected) in [
        ("'0811-1111-111", "628111111111: x"),
        ("'+62 811 1111 111", "628111111111: x"),
        ("\"=\"\"08111111111\"\"\"", "628111111111: x"),
        ("=\"08111111111\"", "628111111111: x"),
        ("6.28E+11", "!"),
        ("\"6,28E+11\"", "!"),
        ("=A1", "!"),
        ("628111111111\0", "! destination: it holds a zero byte"),
    ] {
        reads(format!("to,text\n{cell},x\n").as_bytes(), &[(2, expected)]);
    }
    for (cell, expected) in
        [("=1+1", "=1+1"), ("+62 off", "+62 off"), ("'quoted'", "'quoted'"), ("\"=\"\"00123\"\"\"", "00123")]
    {
        reads(format!("to,text\n{A},{cell}\n").as_bytes(), &[(2, &format!("{A}: {expected}"))]);
    }
    let long = "é".repeat(limits::TEXT_CHARS_MAX);
    assert_eq!(said(format!("to,text\n{A},{long}\n").as_bytes())[0].1, format!("{A}: {long}"));
    reads(format!("to,text\n{A},{long}é\n").as_bytes(), &[(2, "! a text has at most")]);
}

#[test]
fn a_row_may_have_a_priority_and_a_tag_of_its_own() {
    let text = format!("to,text,Priority,Tag\n{A},x,HIGH,order 7\n{A},y,,\n{A},z,urgent,\n{A},z,,{}\n", "x".repeat(65));
    let rows = checked(text.as_bytes(), "").expect("a file");
    let first = rows[0].as_ref().expect("a row");
    assert_eq!((first.priority, first.tag.as_deref()), (Some(crate::message::Priority::High), Some("order 7")));
    let second = rows[1].as_ref().expect("a row");
    assert_eq!((&second.priority, &second.tag), (&None, &None));
    let reasons: Vec<&str> = rows[2..].iter().map(|row| row.as_ref().expect_err("a bad row").reason.as_str()).collect();
    assert_eq!(reasons, ["priority: 'urgent' is not high, normal or bulk", "tag: it has more than 64 characters"]);
}

#[test]
fn columns_that_are_not_read_are_named_and_one_that_counts_rows_is_one_of_them() {
    let source = |text: &str| read(text.as_bytes(), 9).expect("a file").source;
    let text = format!("No,Nama,No HP,Kota,,Pesan\n1,Budi,{A},Solo,,a\n2.,Siti,{B},Solo,,b\n");
    assert_eq!(source(&text).ignored, ["No", "Nama", "Kota"]);
    reads(text.as_bytes(), &[(2, "628111111111: a"), (3, "628111111112: b")]);
    reads(format!("No,Pesan\n{A},a\n").as_bytes(), &[(2, "628111111111: a")]);
}

#[test]
fn rows_in_a_text_are_seen_however_their_numbers_are_written() {
    for number in [
        "https://wa.me/628111111111",
        "wa.me/628111111111",
        "tel:+628111111111",
        "\u{ff16}\u{ff12}\u{ff18}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}",
        "0811/1111111",
        "[0811]1111111",
        "0811\u{2013}1111\u{2013}111",
        "\u{202a}+62 811 1111 111\u{202c}",
        "628111111111@c.us",
        "120363025246125486@g.us",
    ] {
        let text = format!("destination,message\n{number},\"Hello Budi\n{number},Hello Siti\"\n");
        reads(text.as_bytes(), &[(2, "! what looks like further rows")]);
    }
    let text = "destination;message\n628111111111,00;\"Hello Budi\n628111111112,00;Hello Siti\"\n";
    reads(text.as_bytes(), &[(2, "! what looks like further rows")]);
}

#[test]
fn a_row_may_say_as_what_its_file_is_sent() {
    let url = "https://shop.example/a.ogg";
    let text = format!(
        "destination,message,media_url,Kind\n{A},,{url},voice\n{A},,{url},Audio\n{A},,{url},\n{A},hi,,voice\n{A},hi,,gold\n{A},hi,{url},document\n\
         {A},hi,{url},voice\n{A},,{url},gif\n{A},\\\\n \\\\t,{url},voice\n"
    );
    let outcome = |row: &Checked| match row {
        Ok(Ready { content: Content::Media { kind, .. }, .. }) => {
            kind.map_or("by its bytes", MediaKind::name).to_owned()
        }
        Ok(_) => "a text".to_owned(),
        Err(refused) => refused.reason.clone(),
    };
    let rows: Vec<_> = checked(text.as_bytes(), "").expect("a file").iter().map(outcome).collect();
    assert_eq!(
        rows,
        [
            "voice",
            "audio",
            "by its bytes",
            "a text",
            "kind: 'gold' is not image, video, audio, voice, document, sticker or video_note",
            "document",
            "kind voice shows no caption; send the text as a message of its own, or use kind document",
            "kind: 'gif' is not image, video, audio, voice, document, sticker or video_note",
            // A blank caption is none.
            "voice",
        ]
    );
    assert!(MediaKind::ALL.iter().all(|kind| rows[7].contains(kind.name())), "{rows:?}");
    let key = |kind: &str, url: &str| keys(&format!("destination,message,media_url,kind\n{A},hi,{url},{kind}\n"), "a");
    assert_ne!(key("document", url), key("image", url), "another kind makes another row");
    assert_eq!(key("image", ""), key("", ""), "a row without a file has no kind");
}

#[test]
fn rows_to_one_recipient_are_offered_one_after_another() {
    let text = "destination,message\n628111111111,1\n628111111112,2\nnobody,x\n0811-1111-111,3\n628111111113,4\n";
    let mut rows = checked(text.as_bytes(), "").expect("a file").into_iter().peekable();
    let mut batches = Vec::new();
    loop {
        let batch = next_batch(&mut rows);
        if batch.is_empty() {
            break;
        }
        let line = |row: &Checked| row.as_ref().map_or_else(|refused| refused.line, |ready| ready.line);
        batches.push(batch.iter().map(line).collect::<Vec<_>>());
    }
    assert_eq!(batches, [vec![2, 3, 4], vec![5, 6]]);
    let many = (0..2 * limits::IMPORT_ROWS_AT_ONCE).map(|at| {
        Err(Refused { place: 0, line: i64::try_from(at).unwrap(), destination: String::new(), reason: String::new() })
    });
    assert_eq!(next_batch(&mut many.peekable()).len(), limits::IMPORT_ROWS_AT_ONCE);
}

#[test]
fn what_is_kept_of_a_row_is_short() {
    let long = format!("destination,message\n{},x\n", "é".repeat(9_999));
    let refused = checked(long.as_bytes(), "").expect("a file").remove(0).expect_err("a bad row");
    let most = limits::IMPORT_WORDS_CHARS_MAX + 1;
    assert_eq!(refused.destination.chars().count(), most);
    assert!(refused.reason.chars().count() <= most);
    assert_eq!(beginning("a\0b"), "ab");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reading_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = read(&bytes, 99);
    }

    #[test]
    fn no_text_is_sent_that_is_not_in_the_file(
        pieces in proptest::collection::vec("to,text|\n|\r|\"|,|;|628111111111|a|\"\"| |sep=;", 0..40)
    ) {
        let text = format!("to,text\n{}", pieces.concat());
        if let Ok(rows) = checked(text.as_bytes(), "") {
            for ready in rows.into_iter().flatten() {
                let Content::Text(said) = ready.content else { continue };
                let plain = |text: &str| text.replace(['"', '\r', '\n'], "");
                proptest::prop_assert!(plain(&text).contains(&plain(&said)));
            }
        }
    }
}
