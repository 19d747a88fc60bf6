//! Workbooks with several sheets: which one is read is never guessed.

use super::*;

/// A workbook with a good first sheet, and those rows in its second.
fn two(second: &str, state: &str) -> Vec<u8> {
    let first = sheet_of(&format!(
        r#"{}<row r="2"><c r="A2"><v>628111111111</v></c>{}</row>"#,
        heading(&["to", "text"]),
        text("B2", "one")
    ));
    let book = BOOK.replacen("sheetId=\"2\"", &format!("sheetId=\"2\"{state}"), 1);
    archive(&[
        ("_rels/.rels", RELS.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", BOOK_RELS.as_bytes()),
        ("xl/styles.xml", STYLES.as_bytes()),
        ("xl/sharedStrings.xml", TEXTS.as_bytes()),
        ("xl/worksheets/sheet1.xml", first.as_bytes()),
        ("xl/worksheets/sheet2.xml", sheet_of(second).as_bytes()),
    ])
}

#[test]
fn of_two_sheets_with_recipients_somebody_says_which_is_read() {
    let row = |at: usize| {
        format!(r#"<row r="{at}"><c r="A{at}"><v>62811111111{at}</v></c>{}</row>"#, text(&format!("B{at}"), "two"))
    };
    let with_heading = format!("{}{}", heading(&["No HP", "Pesan"]), row(2));
    let without = format!("{}{}", row(1), row(2));
    let by_texts = format!("<row>{}</row><row>{}</row>", text("C1", "0812-3456-7890"), text("C2", "+6281234567891"));
    for (second, numbers) in [(&with_heading, 1), (&without, 2), (&by_texts, 2)] {
        let expected = BadFile::Sheets { first: "Pelanggan".into(), others: format!("Other ({numbers})") };
        assert_eq!(read(&two(second, ""), 9).err(), Some(expected), "{second}");
        let named = |name: &str| read_sheet(&two(second, ""), Some(name), 9).expect("a file").source;
        let source = named("pelanggan ");
        assert_eq!((source.sheet.as_deref(), source.other_sheets), (Some("Pelanggan"), vec!["Other".to_owned()]));
        // Nobody sees it.
        let hidden = read(&two(second, " state=\"hidden\""), 9).expect("a file").source;
        assert_eq!((hidden.sheet.as_deref(), hidden.other_sheets.len()), (Some("Pelanggan"), 0));
    }
    let file = read_sheet(&two(&with_heading, ""), Some("OTHER"), 9).expect("a file");
    assert_eq!(file.lines[0].row.as_ref().expect("a row").message, "two");
    let missing = BadFile::NoSheet { wanted: "Data".into(), found: "Pelanggan, Other".into() };
    assert_eq!(read_sheet(&two(&with_heading, ""), Some("Data"), 9).err(), Some(missing));
}

#[test]
fn a_sheet_without_recipients_is_named_and_nothing_more() {
    let note = format!("<row>{}</row>", text("A1", "Hubungi 081234567890 untuk info"));
    let one = r#"<row><c r="A1"><v>81234567890</v></c></row>"#.to_owned();
    let money = r#"<row><c r="A1" s="2"><v>1250000000</v></c></row><row><c r="A2" s="2"><v>1350000000</v></c></row>"#;
    let dates = r#"<row><c r="A1" s="1"><v>45000</v></c></row><row><c r="A2" s="1"><v>45001</v></c></row>"#;
    let errors = r##"<row><c r="A1" t="e"><v>#CALC!</v></c><c r="B1"><v>7</v></c></row>"##;
    for second in ["", &note, &one, money, dates, errors] {
        let source = read(&two(second, ""), 9).expect("a file").source;
        assert_eq!(
            (source.sheet.as_deref(), source.other_sheets),
            (Some("Pelanggan"), vec!["Other".to_owned()]),
            "{second}"
        );
    }
}

#[test]
fn the_gateways_own_columns_are_read_of_a_workbook_too() {
    let refused = Refused { place: 0, line: 7, destination: "12".into(), reason: "why".into() };
    let row = Row { destination: "12".into(), message: "x".into(), ..Row::default() };
    let written = Written { row, rest: Vec::new() };
    let csv = crate::campaign::refused_file("Promo?", vec![(refused.clone(), written.clone()), (refused, written)]);
    let cells = |line: &str| line.trim_matches('"').split("\",\"").map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = csv.trim_start_matches('\u{feff}').lines().map(cells).collect();
    let mut rows = heading(&lines[0].iter().map(String::as_str).collect::<Vec<_>>());
    for (at, line) in lines.iter().enumerate().skip(1) {
        let cells = line.iter().zip('A'..).map(|(cell, column)| {
            // As a spreadsheet shows it; somebody has corrected the second.
            let shown = if column == 'A' { ["12", "628111111111"][at - 1] } else { cell };
            text(&format!("{column}{}", at + 1), shown)
        });
        rows += &format!(r#"<row r="{}">{}</row>"#, at + 1, cells.collect::<String>());
    }
    let file = read(&workbook(&rows), 9).expect("a file");
    assert_eq!((file.source.continues.as_deref(), file.source.ignored.len()), (Some("Promo?"), 0));
    let unchanged = file.lines[0].row.as_ref().expect_err("it is as it was").to_string();
    assert!(unchanged.contains("as it was when it was rejected: why"), "{unchanged}");
    assert!(file.lines[1].row.is_ok(), "{:?}", file.lines[1]);
}

#[test]
fn a_row_that_is_to_be_sent_later_is_refused_whatever_its_cell_holds() {
    let names = heading(&["to", "text", "send_at"]);
    let row = |line: u8, cell: &str| {
        let [to, said] =
            [("A", "628111111111"), ("B", "x")].map(|(column, said)| text(&format!("{column}{line}"), said));
        format!(r#"<row r="{line}">{to}{said}{cell}</row>"#)
    };
    let date = r#"<c r="C2" s="1"><v>46388</v></c>"#;
    let rows = [row(2, date), row(3, &text("C3", "tomorrow")), row(4, r#"<c r="C4"/>"#), row(5, &text("C5", " "))];
    let file = read(&workbook(&format!("{names}{}", rows.concat())), 9).expect("a file");
    let good: Vec<bool> = file.lines.iter().map(|line| line.row.is_ok()).collect();
    assert_eq!((good, file.source.ignored.len()), (vec![false, false, true, true], 0));
    let why = file.lines[0].row.as_ref().expect_err("a date").to_string();
    assert!(why.starts_with("send_at: scheduled sending is not available"), "{why}");
}
