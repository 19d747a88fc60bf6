//! Refused rows as a file that can be corrected and imported again as it is: every text is in quotes, and no spreadsheet takes one for
//! a formula or loses the digits of a number. Pure.

use sha2::{Digest, Sha256};

use super::columns::Column;
use super::inert::{harmless, unguarded};
use super::{Name, Refused, Row, beginning};
use crate::account::{check_name, hex_upper};

/// Why the row was refused.
pub const REASON: &str = "reason";
/// By what a row is recognized that nobody has corrected.
pub const MARK: &str = "mark";
/// Whose refused rows they are, so that they go on with their campaign whatever their file is called by then.
pub const CAMPAIGN: &str = "campaign";
/// Behind the columns of a row; they are no part of it when the file is imported.
pub const OURS: [&str; 4] = ["line", REASON, MARK, CAMPAIGN];
/// Before what is hexadecimal, which a spreadsheet could take for a number.
const HEX: char = 'M';

/// What stands in a row that is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    pub row: Row,
    /// Cells behind those of the columns that have names.
    pub rest: Vec<String>,
}

impl Written {
    /// What is known of a row whose file is gone.
    pub fn of(refused: &Refused) -> Self {
        Self { row: Row { destination: refused.destination.clone(), ..Row::default() }, rest: Vec::new() }
    }
}

/// A CSV file of the refused rows of a campaign.
pub fn file(campaign: &str, mut rows: Vec<(Refused, Written)>) -> String {
    let mut columns = vec![Column::Destination, Column::Message];
    let others = Column::ALL.into_iter().filter(|column| !columns.contains(column)).collect::<Vec<_>>();
    for column in others {
        if rows.iter_mut().any(|(_, written)| !written.row.field(column).is_empty()) {
            columns.push(column);
        }
    }
    // Excel takes a file without this mark for one in the machine's own encoding.
    let mut text = "\u{feff}".to_owned();
    let names = columns.iter().map(|column| column.name()).chain(OURS);
    end_line(&mut text, names.map(str::to_owned));
    let campaign = harmless(&campaign_cell(campaign));
    for (refused, Written { row, rest }) in &mut rows {
        let cells: Vec<String> = columns.iter().map(|column| cell(*column, row.field(*column))).collect();
        let ours = [refused.line.to_string(), harmless(&beginning(&refused.reason)), mark(row), campaign.clone()];
        end_line(&mut text, cells.into_iter().chain(ours).chain(rest.iter().map(|text| harmless(text))));
    }
    text
}

/// Whether a row is as it was when it was given that mark.
pub fn is_marked(row: &mut Row, given: &str) -> bool {
    let mark = mark(row);
    // Earlier versions wrote the digits alone.
    given == mark || given == mark.trim_start_matches(HEX)
}

/// What stands in the column of the campaign: its name, for people, and by what it is known to be whole. A name alone could be a date
/// or a number to a spreadsheet.
fn campaign_cell(name: &str) -> String {
    format!("{name} [{}]", check_of(name))
}

/// The campaign that such a cell names; `None` when the cell is not as it was written.
pub fn campaign_of(cell: &str) -> Option<String> {
    let cell = unguarded(cell).unwrap_or_else(|| cell.to_owned());
    let (name, check) = cell.trim().strip_suffix(']')?.rsplit_once(" [")?;
    (check.eq_ignore_ascii_case(&check_of(name)) && check_name(name).is_ok()).then(|| name.to_owned())
}

/// The same for names that are one campaign.
fn check_of(name: &str) -> String {
    let key = Name { shown: name.to_owned(), ..Name::default() }.key();
    short(Sha256::new_with_prefix("campaign\0").chain_update(key))
}

/// The mark of a row: it is another when the row is. What a spreadsheet changes by itself does not count.
fn mark(row: &mut Row) -> String {
    let mut hash = Sha256::new();
    for column in Column::ALL {
        let text = row.field(column).replace("\r\n", "\n").replace('\r', "\n");
        let text = match column {
            Column::Destination => text.chars().filter(|c| c.is_alphanumeric()).collect(),
            _ => text.trim().to_owned(),
        };
        hash.update(text);
        hash.update([0]);
    }
    short(hash)
}

fn short(hash: Sha256) -> String {
    format!("{HEX}{}", hex_upper(&hash.finalize()[..5]))
}

fn end_line(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// A cell that is read as it was.
fn cell(column: Column, text: &str) -> String {
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "+-. ()/".contains(c));
    match column {
        // So Excel keeps every digit, and its zero.
        Column::Destination if !text.is_empty() && is_number(text) => format!("=\"{text}\""),
        _ => harmless(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{BadFile, Line, read};

    fn again(text: &str) -> Vec<Line> {
        let mut rows: Vec<(Refused, Written)> = Vec::new();
        for line in read(text.as_bytes(), 99).expect("a file").lines {
            let refused = Refused { place: 0, line: 9, destination: line.destination.clone(), reason: "=x".into() };
            let row = line.row.ok().map(|row| Written { row, rest: Vec::new() });
            rows.push((refused, row.or(line.written.map(|written| *written)).expect("what stands there")));
        }
        let marks: Vec<String> = rows.iter_mut().map(|(_, written)| mark(&mut written.row)).collect();
        let text = file("=promo", rows);
        let unchanged = read(text.as_bytes(), 99).expect("the same file").lines;
        assert!(unchanged.iter().all(|line| line.row.is_err()), "what nobody corrected stays refused: {unchanged:?}");
        // Whoever empties the mark wants the row as it is.
        let text = marks.iter().fold(text, |text, mark| text.replace(&format!("\"{mark}\""), "\"\""));
        read(text.as_bytes(), 99).expect("the same file").lines
    }

    #[test]
    fn only_a_row_that_was_corrected_is_sent() {
        let text = "destination,message\n628111111111,=A1\n12345,bad\n628111111113,\"a\" b\n";
        let lines = read(text.as_bytes(), 99).expect("a file").lines;
        let refused = lines.into_iter().map(|line| {
            let why = Refused { place: 0, line: 2, destination: line.destination.clone(), reason: "why".into() };
            let row = line.row.ok().map(|row| Written { row, rest: Vec::new() });
            (why, row.or(line.written.map(|written| *written)).expect("what stands there"))
        });
        let text = file("promo", refused.collect()).replace("12345", "628111111112").replace('\u{feff}', "");
        // As Excel writes it, too.
        for text in
            [text.clone(), text.replace("\"=\"\"628111111112\"\"\"", "628111111112"), text.replace("\",\"", "\";\"")]
        {
            let found = read(text.as_bytes(), 99).expect("a file").lines;
            let good: Vec<&str> =
                found.iter().filter_map(|line| Some(line.row.as_ref().ok()?.message.as_str())).collect();
            assert_eq!((good, found.len()), (vec!["bad"], 3), "{text}");
            let why = found[0].row.as_ref().expect_err("it is as it was").to_string();
            assert!(why.starts_with("it is as it was when it was rejected: why; correct it"), "{why}");
        }
    }

    /// A file of one refused row of each of these campaigns, corrected.
    fn of_campaigns(campaigns: &[&str]) -> String {
        let refused = Refused { place: 0, line: 2, destination: "12".into(), reason: "why".into() };
        let row = Row { destination: "12".into(), message: "x".into(), ..Row::default() };
        let files = campaigns
            .iter()
            .map(|name| file(name, vec![(refused.clone(), Written { row: row.clone(), rest: vec![] })]));
        let mut files = files.map(|text| text.replace("=\"\"12\"\"", "628111111111"));
        let first = files.next().expect("one");
        files.fold(first, |all, next| all + next.lines().nth(1).expect("a row") + "\r\n")
    }

    #[test]
    fn a_file_of_refused_rows_says_whose_they_are() {
        let long = "\u{1f600}".repeat(200);
        for name in
            ["juli", "Promo: \"July\"?", "=1+1", "'=x", "Juli 2026", "0012", "a [b]", "x]", "Cafe\u{301}", &long]
        {
            let text = of_campaigns(&[name, name]);
            let continues = |text: &str| read(text.as_bytes(), 9).expect("a file").source.continues;
            assert_eq!(continues(&text).as_deref(), Some(name));
            let source = read(text.as_bytes(), 9).expect("a file").source;
            assert!(source.ignored.is_empty(), "{source:?}");
            // A column or two that somebody has deleted change nothing, nor does a row that somebody has added.
            for gone in ["line", "reason", "mark"] {
                assert_eq!(continues(&text.replacen(gone, "gone", 1)).as_deref(), Some(name), "{gone}");
            }
            let added = format!("{text}628111111112,added\r\n628111111113,too,9,,,\r\n");
            assert_eq!(continues(&added).as_deref(), Some(name));
        }
        let same = read(of_campaigns(&["Juli", "JULI", "juli"]).as_bytes(), 9).expect("a file");
        assert_eq!((same.lines.len(), same.source.continues.as_deref()), (3, Some("Juli")));
    }

    #[test]
    fn whose_rows_they_are_is_not_guessed() {
        let bad = |text: &str| read(text.as_bytes(), 9).expect_err("nobody knows");
        let (first, second) = ("a".to_owned(), "b".to_owned());
        assert_eq!(bad(&of_campaigns(&["a", "b"])), BadFile::Campaigns { first, second });
        let text = of_campaigns(&["promo", "promo"]);
        let cell = campaign_cell("promo");
        for other in
            ["promo", "promi [M0123456789]", &cell.replace("promo", "promi"), "Jul-26", &cell[..cell.len() - 1]]
        {
            let changed = text.replacen(&cell, other, 1);
            assert_eq!(bad(&changed), BadFile::Campaign { line: 2 }, "{other}");
            // In a file that is not the gateway's, it is a column of somebody else's.
            let theirs = format!("destination,message,campaign\n628111111111,x,{other}\n");
            let theirs = read(theirs.as_bytes(), 9).expect("a file").source;
            assert_eq!((theirs.continues, theirs.ignored), (None, vec!["campaign".to_owned()]));
        }
        // Nobody names a campaign in it that could not be one.
        let forged = campaign_cell(&"x".repeat(201));
        assert_eq!(bad(&text.replace(&cell, &forged)), BadFile::Campaign { line: 2 });
    }

    #[test]
    fn a_mark_is_no_number_and_one_of_an_earlier_version_holds() {
        let mut row = Row { destination: "12".into(), message: "x".into(), ..Row::default() };
        let marked = mark(&mut row);
        assert!(marked.starts_with(HEX) && is_marked(&mut row, &marked) && is_marked(&mut row, &marked[1..]));
        row.message.push('y');
        assert!(!is_marked(&mut row, &marked) && !is_marked(&mut row, &marked[1..]));
    }

    #[test]
    fn refused_rows_are_read_again_as_they_were() {
        let text = "nama,no hp,pesan,tag\nBudi,0812,\"Halo, \"\"Budi\"\"\nbaris\",a\nSiti,12345,-50% untuk \\n Siti,\n\
                    Ani,+62 812,@ani,\nEka,=A1,x,\nUma,081234567890 Uma,'=x,\n";
        let expected = read(text.as_bytes(), 99).expect("a file").lines;
        let found = again(text);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let content = |line: &Line| {
                line.row.as_ref().ok().map(|row| (row.destination.clone(), row.tag.clone(), row.content().ok()))
            };
            assert!(expected.row.is_err() || content(found) == content(expected), "{found:?}");
        }
    }

    #[test]
    fn what_begins_as_a_formula_is_read_again_as_it_was_however_often() {
        let text = "destination,message,media_url,file_name,tag\n12,a,https://a.example/b,=x.pdf,-50%\n\
                    13,'tis,https://a.example/b,'+c.pdf,''@d\n14,'=e,https://a.example/b,'f.pdf,@g\n";
        let rows = |text: &str| -> Vec<Row> {
            let file = read(text.as_bytes(), 99).expect("a file");
            file.lines.into_iter().map(|line| line.row.expect("it can be read")).collect()
        };
        let expected = rows(text);
        let mut file_of = text.to_owned();
        for _ in 0..3 {
            let again = rows(&file_of).into_iter().map(|row| {
                let refused = Refused { place: 0, line: 9, destination: row.destination.clone(), reason: "why".into() };
                (refused, Written { row, rest: Vec::new() })
            });
            let mut again: Vec<(Refused, Written)> = again.collect();
            let marks: Vec<String> = again.iter_mut().map(|(_, written)| mark(&mut written.row)).collect();
            file_of = marks.iter().fold(file("promo", again), |text, mark| text.replace(mark, ""));
            let found = rows(&file_of);
            for (found, expected) in found.iter().zip(&expected) {
                let said = |row: &Row| (row.content().ok(), row.tag.clone());
                assert_eq!(said(found), said(expected), "{file_of}");
            }
            assert_eq!(found.len(), expected.len());
        }
        // In somebody else's file what a person typed stays.
        assert_eq!(rows(text)[1].tag, "''@d");
    }

    #[test]
    fn a_row_that_cannot_be_read_keeps_every_text() {
        let text = "to,text\n628111111111,a,b,c\n628111111112,\"x\"y\n628111111113,Halo\nlagi\n628111111114,ok\n";
        let mut rows: Vec<(Refused, Written)> = Vec::new();
        for line in read(text.as_bytes(), 99).expect("a file").lines {
            let refused = Refused { place: 0, line: 9, destination: String::new(), reason: "why".into() };
            rows.extend(line.written.map(|written| (refused, *written)));
        }
        let written = file("promo", rows);
        for part in ["\"b\",\"c\"", "\"x\"\"y\"", "\"Halo\""] {
            assert!(written.contains(part), "{part}: {written}");
        }
        assert!(!written.contains("ok"), "{written}");
    }
}
