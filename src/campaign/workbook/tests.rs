//! Workbooks, made here: an archive of XML as spreadsheet programs write it, and as nobody should.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::tests::{checked, keys, reads};
use super::super::*;

mod bounds;
mod sheets;
mod totals;

const RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const BOOK_RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet2.xml"/></Relationships>"#;
const BOOK: &str = r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Pelanggan" sheetId="1" r:id="rId1"/><sheet name="Other" sheetId="2" r:id="rId2"/></sheets></workbook>"#;
/// Formats by their places: general, a date, money, five digits, text, a phone number with its plus.
const STYLES: &str = r##"<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="3"><numFmt numFmtId="164" formatCode="&quot;Rp&quot;#,##0"/><numFmt numFmtId="165" formatCode="00000"/><numFmt numFmtId="166" formatCode="&quot;+&quot;0"/></numFmts><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders><cellXfs count="6"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="49"/><xf numFmtId="166"/></cellXfs></styleSheet>"##;
const TEXTS: &str = r#"<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="2" uniqueCount="2"><si><t>shared &amp; text</t></si><si><r><t xml:space="preserve">rich </t></r><r><t>text</t></r></si></sst>"#;

/// An archive of files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default()).expect("a file");
        archive.write_all(bytes).expect("memory");
    }
    archive.finish().expect("an archive").into_inner()
}

fn workbook_of(sheet: &str, texts: &str, styles: &str, book: &str) -> Vec<u8> {
    let other = sheet_of(&format!(r#"{}<row r="2">{}</row>"#, heading(&["to", "text"]), text("B2", "x")));
    archive(&[
        ("_rels/.rels", RELS.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", BOOK_RELS.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
        ("xl/sharedStrings.xml", texts.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ("xl/worksheets/sheet2.xml", other.as_bytes()),
    ])
}

fn sheet_of(rows: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"#
    )
}

fn workbook(rows: &str) -> Vec<u8> {
    workbook_of(&sheet_of(rows), TEXTS, STYLES, BOOK)
}

fn text(at: &str, text: &str) -> String {
    format!(r#"<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>"#)
}

fn heading(names: &[&str]) -> String {
    let cells = names.iter().zip('A'..).map(|(name, column)| text(&format!("{column}1"), name));
    format!(r#"<row r="1">{}</row>"#, cells.collect::<String>())
}

/// A workbook with a number and a text in its second row.
fn row(number: &str, message: &str) -> Vec<u8> {
    workbook(&format!(r#"{}<row r="2">{number}{message}</row>"#, heading(&["No HP", "Pesan"])))
}

#[test]
fn cells_are_read_as_what_they_hold() {
    let message = text("B2", "x");
    for (cell, expected) in [
        (r#"<c r="A2"><v>628120000002</v></c>"#, "628120000002: x"),
        (r#"<c r="A2"><v>628120000002.0</v></c>"#, "628120000002: x"),
        (r#"<c r="A2"><v>6.28120000002E11</v></c>"#, "628120000002: x"),
        (r#"<c r="A2" s="5"><v>628120000002</v></c>"#, "628120000002: x"),
        (r#"<c r="A2" s="2"><v>628120000002</v></c>"#, "! destination: the cell shows a number in the format"),
        (r#"<c r="A2" s="4" t="str"><v>0812 0000 002</v></c>"#, "628120000002: x"),
        (r#"<c r="A2" t="str"><f>"62"&amp;B9</f><v>628120000002</v></c>"#, "628120000002: x"),
        (r#"<c r="A2"><v>628120000002.5</v></c>"#, "! destination: the cell holds a number with a fraction"),
        (r#"<c r="A2"><v>9007199254740993</v></c>"#, "! destination: the cell holds a number of more digits"),
        (r#"<c r="A2"><v>3174012345678900</v></c>"#, "! destination: the cell holds a number of more digits"),
        (r#"<c r="A2"><v>-0</v></c>"#, "! destination: the cell holds a number below zero"),
        (r#"<c r="A2"><v>1E300</v></c>"#, "! destination: the cell holds a number of more digits"),
        (r#"<c r="A2" s="1"><v>45000</v></c>"#, "! destination: the cell holds a date"),
        (r#"<c r="A2" t="d"><v>2026-11-28</v></c>"#, "! destination: the cell holds a date"),
        (r##"<c r="A2" t="e"><v>#N/A</v></c>"##, "! destination: the cell shows the error #N/A"),
        (r##"<c r="A2" t="e"><v>#CALC!</v></c>"##, "! destination: the cell shows the error #CALC!"),
        (r#"<c r="A2" t="b"><v>1</v></c>"#, "!"),
        (r#"<c r="A2"><v>-628120000002</v></c>"#, "!"),
        (r#"<c r="A2"><f>B9</f></c>"#, "! destination: the cell has a formula without a stored value"),
    ] {
        reads(&row(cell, &message), &[(2, expected)]);
    }
    let number = r#"<c r="A2"><v>628120000002</v></c>"#;
    for (cell, expected) in [
        (r#"<c r="B2" t="s"><v>0</v></c>"#, "628120000002: shared & text"),
        (r#"<c r="B2" t="s"><v>1</v></c>"#, "628120000002: rich text"),
        (r#"<c r="B2" t="inlineStr"><is><t>one&#10;two</t></is></c>"#, "628120000002: one\ntwo"),
        (r#"<c r="B2"><v>150000</v></c>"#, "628120000002: 150000"),
        (r#"<c r="B2" s="3"><v>123</v></c>"#, "628120000002: 00123"),
        (r##"<c r="B2" t="e"><v>#SPILL!</v></c>"##, "! message: the cell shows the error #SPILL!"),
        (r##"<c r="B2" t="e"><f>A1</f><v>#BLOCKED!</v></c>"##, "! message: the cell shows the error #BLOCKED!"),
        (r#"<c r="B2" s="2"><v>150000</v></c>"#, "! message: the cell shows a number in the format"),
        (r#"<c r="B2" s="1"><v>45000</v></c>"#, "! message: the cell holds a date"),
        (r#"<c r="B2"><v>0.5</v></c>"#, "! message: the cell holds a number with a fraction, 0.5"),
        (r#"<c r="B2" t="b"><v>1</v></c>"#, "628120000002: TRUE"),
        // Cells have bounds of their own: nothing in them is a further row.
        (r#"<c r="B2" t="inlineStr"><is><t>a&#10;628111111112,b "</t></is></c>"#, "628120000002: a\n628111111112,b \""),
    ] {
        reads(&row(number, cell), &[(2, expected)]);
    }
}

#[test]
fn rows_are_those_of_the_first_sheet_that_is_shown() {
    let names = format!(r#"<row r="3">{}{}{}</row>"#, text("B3", "Nama"), text("C3", "WhatsApp"), text("D3", "PESAN"));
    let one = format!(r#"<row r="5">{}<c r="C5"><v>628111111111</v></c>{}</row>"#, text("B5", "Budi"), text("D5", "a"));
    let empty = r#"<row r="6"><c r="B6"/><c r="C6" s="1"/></row>"#;
    let two =
        format!(r#"<row r="9"><c r="C9"><v>628111111112</v></c>{}{}</row>"#, text("D9", "b"), text("H9", "a note"));
    let book = workbook(&format!("{names}{one}{empty}{two}"));
    reads(&book, &[(5, "628111111111: a"), (9, "628111111112: b")]);
    let source = read(&book, 9).expect("a file").source;
    let expected = Source {
        format: "xlsx".into(),
        encoding: None,
        separator: None,
        sheet: Some("Pelanggan".into()),
        other_sheets: vec!["Other".into()],
        ignored: vec!["Nama".into()],
        continues: None,
    };
    assert_eq!(source, expected);
    let hidden = BOOK.replacen("sheetId=\"1\"", "sheetId=\"1\" state=\"hidden\"", 1);
    let hidden = workbook_of(&sheet_of("<row/>"), TEXTS, STYLES, &hidden);
    assert_eq!(read(&hidden, 9).expect("a file").source.sheet.as_deref(), Some("Other"));
    assert_eq!(read(&workbook(""), 9).err(), Some(BadFile::Empty));
    assert!(matches!(read(&workbook(&heading(&["a"])), 9), Err(BadFile::NoDestination { .. })));
    let three = format!(
        "{}{}",
        heading(&["to", "text"]),
        (2..5).map(|row| format!(r#"<row r="{row}"><c r="A{row}"><v>1</v></c></row>"#)).collect::<String>()
    );
    assert_eq!(read(&workbook(&three), 2).err(), Some(BadFile::TooMany { most: 2 }));
}

#[test]
fn a_workbook_row_is_the_same_as_that_of_a_text() {
    let known = keys("destination,message\n628120000002,x\n", "a");
    let sheet = checked(&row(r#"<c r="A2"><v>628120000002</v></c>"#, &text("B2", "x")), "a");
    assert_eq!(sheet.expect("a file")[0].as_ref().expect("a row").key, known[0]);
}

#[test]
fn a_hostile_workbook_costs_nothing() {
    let good = heading(&["to", "text"]);
    let far = format!(
        r#"{good}<row r="1048576"><c r="A1048576"><v>628111111111</v></c><c r="XFD1048576"><v>1</v></c></row>"#
    );
    reads(&workbook(&far), &[(1_048_576, "! message: it is empty")]);
    let declared = sheet_of(&good).replace("<sheetData>", r#"<dimension ref="A1:XFD1048576"/><sheetData>"#);
    assert_eq!(read(&workbook_of(&declared, TEXTS, STYLES, BOOK), 9).err(), Some(BadFile::NoRows));
    let backwards = sheet_of(&good).replace("<sheetData>", r#"<dimension ref="C9:A1"/><sheetData>"#);
    let _ = read(&workbook_of(&backwards, TEXTS, STYLES, BOOK), 9);

    let many = TEXTS.replace("uniqueCount=\"2\"", "uniqueCount = '99999999999'");
    let wide: Vec<u8> = many.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bomb = " ".repeat(usize::try_from(limits::WORKBOOK_PART_BYTES_MAX).expect("a size") + 1);
    let styles = STYLES.replace("<xf numFmtId=\"0\"/>", &"<xf/>".repeat(limits::WORKBOOK_PART_ELEMENTS_MAX));
    let texts = "<si/>".repeat(limits::WORKBOOK_TEXT_ELEMENTS_MAX + 1);
    for (what, bytes) in [
        ("a count of texts", workbook_of(&sheet_of(&good), &many, STYLES, BOOK)),
        ("texts", workbook_of(&sheet_of(&good), &texts, STYLES, BOOK)),
        ("styles", workbook_of(&sheet_of(&good), TEXTS, &styles, BOOK)),
        ("a large part", workbook_of(&sheet_of(&good), TEXTS, STYLES, &format!("{BOOK}{bomb}"))),
        ("a count in UTF-16", archive(&[("xl/workbook.xml", b""), ("xl/sharedStrings.xml", &wide)])),
    ] {
        assert!(bytes.len() < 1_000_000, "{what}");
        assert_eq!(read(&bytes, 9).err(), Some(BadFile::TooLarge), "{what}");
    }
    // Sheets too are bounded as a whole.
    let sheet = vec![b' '; usize::try_from(limits::WORKBOOK_BYTES_MAX / 2).expect("a size")];
    let bomb = archive(&[
        ("xl/workbook.xml", b""),
        ("xl/worksheets/a.xml", &sheet),
        ("xl/worksheets/b.xml", &sheet),
        ("c", b"c"),
    ]);
    assert_eq!(read(&bomb, 9).err(), Some(BadFile::TooLarge));

    for rows in [
        r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>"#,
        r#"<row r="1"><c r="A99999999999"><v>1</v></c></row>"#,
        r#"<row r="1"><c r="A1" t="s"><v>7</v></c></row>"#,
        r#"<row r="1"><c r="A1" t="?"><v>7</v></c></row>"#,
        r#"<row r="1"><c r="A1"><v>7</c></row>"#,
    ] {
        assert!(
            matches!(read(&workbook(rows), 9), Err(BadFile::Workbook(_) | BadFile::NoDestination { .. })),
            "{rows}"
        );
    }
}

#[test]
fn an_archive_that_is_no_workbook_says_what_it_is() {
    for (files, told) in [
        (&[("mimetype", &b"x"[..]), ("content.xml", b"")][..], "it is an OpenDocument file"),
        (&[("xl/workbook.bin", b"")], "it is a binary .xlsb workbook"),
        (&[("word/document.xml", b"")], "it is a text document"),
        (&[("a.csv", b"to,text")], "it is an archive"),
    ] {
        let bad = read(&archive(files), 9).expect_err("no workbook").to_string();
        assert!(bad.starts_with(told), "{bad}");
    }
    let good = row(r#"<c r="A2"><v>628120000002</v></c>"#, &text("B2", "x"));
    for end in (0..good.len()).step_by(97) {
        assert!(read(&good[..end], 9).is_err(), "the first {end} bytes");
    }
}

proptest::proptest! {
    #[test]
    fn no_broken_workbook_makes_the_reading_panic(places in proptest::collection::vec((0_usize..4_000, proptest::num::u8::ANY), 1..9)) {
        let mut bytes = row(r#"<c r="A2"><v>628120000002</v></c>"#, &text("B2", "x"));
        for (place, byte) in places {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let _ = read(&bytes, 9);
    }
}

#[test]
fn a_hidden_column_that_would_be_read_is_refused() {
    let rows = heading(&["Nama", "HP", "Pesan"])
        + "<row r=\"2\">"
        + &text("A2", "Budi")
        + &text("B2", "628111111111")
        + &text("C2", "x")
        + "</row>";
    let book = |columns: &str| {
        let sheet = sheet_of(&rows).replace("<sheetData>", &format!("<cols>{columns}</cols><sheetData>"));
        read(&workbook_of(&sheet, TEXTS, STYLES, BOOK), 9).map(|file| file.lines.len())
    };
    for (columns, hidden) in [
        (r#"<col min="2" max="2" width="9" hidden="1"/>"#, Some("HP")),
        (r#"<col min="1" max="2" width="0" customWidth="1"/>"#, Some("HP")),
        (r#"<col min="3" max="16384" hidden="true"/>"#, Some("Pesan")),
        (r#"<col min="1" max="1" hidden="1"/><col min="2" max="3" width="9" hidden="0"/>"#, None),
        (r#"<col min="x" max="2" hidden="1"/>"#, None),
    ] {
        let wanted = hidden.map_or(Ok(1), |name| Err(BadFile::HiddenColumn(name.to_owned())));
        assert_eq!(book(columns), wanted, "{columns}");
    }
}

#[test]
fn rows_that_are_hidden_are_refused() {
    let row = |number: u32, attributes: &str| {
        let cells = text(&format!("A{number}"), &format!("62811111111{number}")) + &text(&format!("B{number}"), "x");
        format!(r#"<row r="{number}"{attributes}>{cells}</row>"#)
    };
    let rows = [
        heading(&["No HP", "Pesan"]),
        row(2, ""),
        row(3, r#" hidden="1""#),
        row(4, r#" hidden="0" ht="15""#),
        row(5, r#" spans="1:2" hidden="true""#),
        row(6, r#" ht="0" customHeight="1""#),
        r#"<row r="7" hidden="1"><c r="A7"/></row>"#.to_owned(),
        row(8, ""),
    ];
    let book = workbook(&rows.concat());
    let refused = "! the row is hidden in the sheet";
    let good = [2, 4, 8].map(|number| format!("62811111111{number}: x"));
    let as_others = sheet_of(&rows.concat()).replace("<sheetData>", r#"<sheetFormatPr zeroHeight="1"/><sheetData>"#);
    let as_others = workbook_of(&as_others, TEXTS, STYLES, BOOK);
    // Where rows are hidden that say nothing of themselves, only those are shown that say so.
    reads(&as_others, &[(2, refused), (3, refused), (4, &good[1]), (5, refused), (6, refused), (8, refused)]);
    reads(&book, &[(2, &good[0]), (3, refused), (4, &good[1]), (5, refused), (6, refused), (8, &good[2])]);
    // Of another sheet it does not matter.
    let from_root = BOOK_RELS.replace("worksheets/sheet1.xml", "/xl/worksheets/sheet1.xml");
    let hidden = sheet_of(&rows.concat());
    let alone = BOOK.replacen("sheetId=\"2\"", "sheetId=\"2\" state=\"hidden\"", 1);
    let book = |shown: &str, other: &str| {
        archive(&[
            ("_rels/.rels", RELS.as_bytes()),
            ("xl/workbook.xml", alone.as_bytes()),
            ("xl/_rels/workbook.xml.rels", from_root.as_bytes()),
            ("xl/styles.xml", STYLES.as_bytes()),
            ("xl/worksheets/sheet1.xml", shown.as_bytes()),
            ("xl/worksheets/sheet2.xml", other.as_bytes()),
        ])
    };
    let shown = sheet_of(&(heading(&["No HP", "Pesan"]) + &row(2, "")));
    reads(&book(&shown, &hidden), &[(2, &good[0])]);
    assert_eq!(checked(&book(&hidden, &shown), "").expect("a file").into_iter().filter(Result::is_err).count(), 3);
}

#[test]
fn a_number_is_sent_as_its_cell_shows_it() {
    let styles = |id: u32, code: &str| {
        let code = code.replace('"', "&quot;").replace('<', "&lt;");
        format!(
            r#"<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="170" formatCode="{code}"/></numFmts><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="{id}"/></cellXfs></styleSheet>"#
        )
    };
    let shown = "! destination: the cell shows a number in the format";
    // By the numbers of the formats that every spreadsheet has, and by codes.
    for (id, code, number, expected) in [
        (1, "", "6281234567890", "6281234567890: x"),
        (2, "", "6281234567890", "6281234567890: x"),
        (3, "", "6281234567890", "6281234567890: x"),
        (49, "", "6281234567890", "6281234567890: x"),
        (9, "", "6281234567890", shown),
        (11, "", "6281234567890", shown),
        (11, "", "628000000000", "! destination: the cell holds 6.28E11, a number that has lost digits"),
        (12, "", "6281234567890", shown),
        (44, "", "6281234567890", shown),
        (48, "", "6281234567890", shown),
        (170, "\\+00 000-0000-0000", "6281234567890", "6281234567890: x"),
        (170, "\"+1 \"000-000-0000", "4795551234", shown),
        (170, "\"+62 \"0", "81234567022", shown),
        (170, "0,", "6281234567890", shown),
        (170, "0%", "6281234567890", shown),
        (170, ";;;", "6281234567890", shown),
        (170, "[<1]0;\"+62\"0", "81234567890", shown),
    ] {
        let cells = format!(r#"<c r="A2" s="1"><v>{number}</v></c>{}"#, text("B2", "x"));
        let sheet = sheet_of(&format!(r#"{}<row r="2">{cells}</row>"#, heading(&["No HP", "Pesan"])));
        let book = workbook_of(&sheet, TEXTS, &styles(id, code), BOOK);
        reads(&book, &[(2, expected)]);
    }
    for (code, expected) in
        [("0", "628111111111: x"), ("#,##0", "628111111111: x"), ("0\" h\"", "! timeout: the cell shows")]
    {
        let cells = format!(r#"{}{}<c r="C2" s="1"><v>5</v></c>"#, text("A2", "628111111111"), text("B2", "x"));
        let sheet = sheet_of(&format!(r#"{}<row r="2">{cells}</row>"#, heading(&["to", "text", "timeout"])));
        reads(&workbook_of(&sheet, TEXTS, &styles(170, code), BOOK), &[(2, expected)]);
    }
}

#[test]
fn hidden_rows_are_found_wherever_the_workbook_is() {
    let row = |at: u32, hidden: &str| {
        format!(
            r#"<row r="{at}"{hidden}>{}{}</row>"#,
            text(&format!("A{at}"), "628111111111"),
            text(&format!("B{at}"), "x")
        )
    };
    let sheet = sheet_of(&format!("{}{}{}", heading(&["to", "text"]), row(2, r#" hidden="1""#), row(3, "")));
    for (folder, root) in [
        ("xl/", "xl/workbook.xml"),
        ("book/", "/book/workbook.xml"),
        ("", "workbook.xml"),
        ("a/b/", "a/b/workbook.xml"),
    ] {
        let rels = RELS.replace("xl/workbook.xml", root);
        for target in ["worksheets/sheet1.xml", "./worksheets/sheet1.xml"] {
            let book_rels = BOOK_RELS.replace("worksheets/sheet1.xml", target);
            let part = |name: &str| format!("{folder}{name}");
            let names = [
                part("workbook.xml"),
                part("_rels/workbook.xml.rels"),
                part("styles.xml"),
                part("worksheets/sheet1.xml"),
            ];
            let book = archive(&[
                ("_rels/.rels", rels.as_bytes()),
                (&names[0], BOOK.as_bytes()),
                (&names[1], book_rels.as_bytes()),
                (&names[2], STYLES.as_bytes()),
                (&names[3], sheet.as_bytes()),
            ]);
            // Where the library does not find the cells, nothing is read at all.
            if let Ok(rows) = checked(&book, "") {
                let told: Vec<_> =
                    rows.iter().map(|row| row.as_ref().map_err(|bad| bad.line).map(|good| good.line)).collect();
                assert_eq!(told, [Err(2), Ok(3)], "{root} {target}");
            } else {
                assert!(folder != "xl/" || target.starts_with('.'), "{target}");
            }
        }
    }
    assert_eq!(
        read(b"PK\x03\x04 nothing", 9).expect_err("no archive").to_string(),
        "the workbook cannot be read: it is damaged or not complete; save it again, or send it again"
    );
}
