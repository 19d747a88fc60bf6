//! Small workbooks that would take much memory or time.

use super::*;
use crate::campaign::tests::A;

#[test]
fn what_is_copied_of_a_workbook_is_bounded() {
    let long = "0".repeat(200_000);
    let formats = |style: &str, count: usize| {
        STYLES.replace("&quot;+&quot;0", &long).replace("<xf numFmtId=\"0\"/>", &style.repeat(count))
    };
    let fonts = formats("<xf fontId=\"0\"/>", 20_000).replace(&long, "0");
    let fonts = fonts.replace("<font/>", &format!("<font><name val=\"{long}\"/></font>"));
    let rows = format!(r#"{}<row r="2">{}{}</row>"#, heading(&["to", "text"]), text("A2", A), text("B2", "x"));
    for styles in [&formats("<xf numFmtId=\"166\"/>", 20_000), &fonts] {
        assert_eq!(read(&workbook_of(&sheet_of(&rows), TEXTS, styles, BOOK), 9).err(), Some(BadFile::TooLarge));
    }
    // As many styles as a spreadsheet program allows, with formats as long as it allows.
    let long = STYLES.replace("&quot;+&quot;0", &"#".repeat(255));
    let many = long.replace("<xf numFmtId=\"0\"/>", &"<xf numFmtId=\"166\"/>".repeat(65_490));
    reads(&workbook_of(&sheet_of(&rows), TEXTS, &many, BOOK), &[(2, "628111111111: x")]);

    // One text in many cells.
    let shared = |text: usize, rows: u32| {
        let texts = TEXTS.replace("shared &amp; text", &"a".repeat(text));
        let row = |at: u32| {
            format!(
                r#"<row r="{at}"><c r="A{at}"><v>{}</v></c><c r="B{at}" t="s"><v>0</v></c></row>"#,
                628_111_111_110_u64 + 1
            )
        };
        let rows: String = (2..rows + 2).map(row).collect();
        workbook_of(&sheet_of(&format!("{}{rows}", heading(&["to", "text"]))), &texts, STYLES, BOOK)
    };
    assert_eq!(read(&shared(60_000, 2_000), 9_999).err(), Some(BadFile::TooLarge));
    assert_eq!(read(&shared(60_000, 900), 9_999).expect("a file").lines.len(), 900);
    let reason = "! message: the cell holds far more text than a message may have";
    reads(&shared(1_000_000, 3), &[(2, reason), (3, reason), (4, reason)]);
    let far = format!("{}<row r=\"2\">{}</row>", heading(&["to", "text"]), text("B2", &"a".repeat(5_000_000)));
    assert_eq!(read(&workbook(&far), 9).err(), Some(BadFile::TooLarge));
}

/// No recipient is dropped because a row or a cell stands twice, or before an earlier one.
#[test]
fn rows_and_cells_that_stand_twice_or_out_of_order_are_refused() {
    let cells =
        |at: u32| format!(r#"<c r="A{at}"><v>{}</v></c>{}"#, 628_111_111_110_u64 + 1, text(&format!("B{at}"), "x"));
    let (names, good) = (heading(&["to", "text"]), format!(r#"<row r="2">{}</row>"#, cells(2)));
    let twice = format!(r#"<row r="2">{}{}</row>"#, cells(2), cells(2));
    for (rows, row) in [
        (format!("{names}{good}{good}"), "the row 2 or a cell of it stands twice"),
        (format!(r#"{names}<row r="3">{}</row>{good}"#, cells(3)), "the row 2 or a cell of it stands twice"),
        (format!(r#"{names}{good}<row r="2">{}</row>"#, text("C2", "y")), "the row 2 or a cell of it stands twice"),
        (format!(r#"{good}{names}"#), "the row 1 or a cell of it stands twice"),
        (format!(r#"{names}{good}<row r="1048577"/>"#), "far larger than its messages can be"),
        (format!("{names}{twice}"), "its cells are not in order"),
        (format!(r#"{names}<row r="2">{}</row><row r="3">{}</row>"#, cells(3), cells(2)), "its cells are not in order"),
        (format!(r#"{names}<row r="2">{}</row><row r="3">{}</row>"#, cells(2), cells(2)), "its cells are not in order"),
    ] {
        let reason = read(&workbook(&rows), 9).expect_err(&rows).to_string();
        assert!(reason.contains(row), "{reason}: {rows}");
    }
    // Rows and cells that say nothing of their places follow those before them.
    let unnumbered = format!(r#"{names}<row><c><v>{A}</v></c><c t="inlineStr"><is><t>x</t></is></c></row>"#);
    let both = format!(r#"{unnumbered}<row r="3">{}</row>"#, cells(3));
    reads(&workbook(&both), &[(2, "628111111111: x"), (3, "628111111111: x")]);
}

/// No digit of a number is lost because it is written in pieces, each way of which is XML.
#[test]
fn values_in_pieces_are_refused_where_only_their_first_piece_is_read() {
    let names = heading(&["to", "text"]);
    let row = |value: &str| format!(r#"{names}<row r="2"><c r="A2">{value}</c>{}</row>"#, text("B2", "x"));
    for value in [
        "<v>62812400001&#50;3</v>",
        "<v>62812400001<![CDATA[23]]></v>",
        "<v>62812400001<!-- x -->23</v>",
        "<v>62812400001<?x y?>23</v>",
        "<v>&#54;2812400001</v>",
        "<v>628111111111</v><v>628111111112</v>",
    ] {
        let reason = read(&workbook(&row(value)), 9).expect_err(value).to_string();
        assert!(reason.contains("the row 2 or a cell of it stands twice in the sheet, in pieces"), "{reason}: {value}");
    }
    let twice = format!("{}</sheetData><sheetData>{}", row("<v>628111111111</v>"), row("<v>628111111112</v>"));
    assert!(read(&workbook(&twice), 9).is_err());
    // Texts of formulas are read whole.
    let formula = format!(
        r#"{names}<row r="2"><c r="A2"><v>{A}</v></c><c r="B2" t="str"><f>A1</f><v>Tom &amp; Jerry</v></c></row>"#
    );
    reads(&workbook(&formula), &[(2, "628111111111: Tom & Jerry")]);
}

#[test]
fn cells_of_columns_that_are_not_read_are_not_kept() {
    let names = format!(r#"<row r="1">{}{}{}</row>"#, text("A1", "to"), text("B1", "text"), text("XFD1", "note"));
    let empty: String = (2..2_002).map(|at| format!(r#"<row r="{at}"><c r="XFD{at}"/></row>"#)).collect();
    let good = format!(r#"<row r="60000">{}{}{}</row>"#, text("A60000", A), text("B60000", "x"), text("XFD60000", "y"));
    let note = format!(r#"<row r="60001">{}</row>"#, text("XFD60001", "y"));
    let book = workbook(&format!("{names}{empty}{good}{note}"));
    reads(&book, &[(60_000, "628111111111: x"), (60_001, "! it has no phone number; if it is a total")]);
    assert_eq!(read(&book, 9).expect("a file").source.ignored, ["note"]);
}
