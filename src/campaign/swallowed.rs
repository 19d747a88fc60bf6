//! Rows that a text swallowed whose quote was closed too late: which lines of a text in quotes look like rows of the file. Pure; called
//! by `table.rs`.

use super::delimited;
use super::table::as_dialled;
use crate::phone;

/// Digits of the shortest text without letters that is taken for a number which lacks some.
const NUMBER_DIGITS_MIN: usize = 4;
/// So many lines with the fields of a row are rows, whatever their numbers are.
const ROWS_ALIKE: usize = 2;
/// Digits of a number that is complete in some country, or lacks few: one line with it and the fields of a row is a row.
const WHOLE_DIGITS_MIN: usize = 8;

/// How the rows of a file look.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub separator: char,
    /// Fields of the first line.
    pub width: usize,
    /// Which of them is the number.
    pub destination: usize,
    /// Whether spaces follow the separators, as they do in prose.
    pub is_spaced: bool,
    /// Whether the quotes of the row are known to be wrong.
    pub is_faulty: bool,
}

/// Whether a text in quotes, which begins in the field at `place`, holds what looks like further rows.
pub fn holds_rows(text: &str, place: usize, shape: Shape) -> bool {
    if !text.contains('\n') {
        return false;
    }
    let mut alike = 0;
    text.split('\n').enumerate().any(|(at, line)| {
        // The first line of the text is the rest of its own row.
        let before = if at == 0 { place } else { 0 };
        let fields = delimited::fields(line, shape.separator);
        if fields.len() < 2 {
            return false;
        }
        alike += usize::from(at > 0 && is_alike(&fields, shape));
        alike == ROWS_ALIKE || at > 0 && is_whole(&fields, shape) || is_row(&fields, before, shape)
    })
}

/// Whether a line has a number in its place, and is separated as a row.
fn is_row(fields: &[String], before: usize, shape: Shape) -> bool {
    let from_start = shape.destination.checked_sub(before).filter(|place| before == 0 || *place > 0);
    // A text before it may hold separators too.
    let from_end = (fields.len() + shape.destination).checked_sub(shape.width).filter(|place| *place > 0);
    [from_start, from_end].into_iter().flatten().any(|place| {
        let is_number = fields.get(place).is_some_and(|field| phone::is_like_an_address(as_dialled(field)));
        is_number && (shape.is_faulty || !is_prose(fields, before, place, shape))
    })
}

/// Whether a line with a number reads as a sentence: a space stands next to the number's separators, or only figures follow it,
/// more than a row has.
fn is_prose(fields: &[String], before: usize, place: usize, shape: Shape) -> bool {
    let is_spaced = |place: usize| fields.get(place).is_some_and(|field| field.starts_with(' '));
    let has_spaces = place > 0 && is_spaced(place) || is_spaced(place + 1);
    let is_long = fields.len() + before > shape.width;
    let behind = fields.get(place + 1..).unwrap_or_default();
    let are_figures = !behind.is_empty() && behind.iter().all(|field| !field.contains(char::is_alphabetic));
    has_spaces && !shape.is_spaced || is_long && are_figures
}

/// What people write before a number.
const LABELS: [&str; 8] = ["wa", "hp", "no", "nomor", "tel", "telp", "tlp", "phone"];

/// A number without what people write before it, and without quotes.
fn without_label(number: &str) -> &str {
    let is_mark = |c: char| c.is_whitespace() || ":.'`\u{2018}\u{2019}\"".contains(c);
    let number = number.trim_matches(is_mark);
    let label = number.find(|c: char| !c.is_alphabetic()).map_or("", |end| &number[..end]);
    match LABELS.contains(&label.to_lowercase().as_str()) {
        true => number[label.len()..].trim_start_matches(is_mark),
        false => number,
    }
}

/// Whether a line has as many fields as a row, and a number in its place that may be whole, though badly written: no date, no amount.
fn is_whole(fields: &[String], shape: Shape) -> bool {
    let Some(number) = fields.get(shape.destination).map(|field| without_label(as_dialled(field))) else {
        return false;
    };
    let runs: Vec<usize> =
        number.split(|c: char| !c.is_ascii_digit()).map(str::len).filter(|length| *length > 0).collect();
    let is_date = matches!(runs[..], [1 | 2, 1 | 2, 2 | 4] | [4, 1 | 2, 1 | 2]);
    let is_amount = number.contains(['.', ',']) && runs.iter().skip(1).all(|length| *length == 3);
    fields.len() == shape.width
        && runs.iter().sum::<usize>() >= WHOLE_DIGITS_MIN
        && number.chars().all(|c| c.is_ascii_digit() || "+-. ()/OoIil".contains(c))
        && !is_date
        && !is_amount
        && (shape.is_faulty || !is_prose(fields, 0, shape.destination, shape))
}

/// Whether a line has as many fields as a row, and a number in its place that is too short, or none.
fn is_alike(fields: &[String], shape: Shape) -> bool {
    let number = fields.get(shape.destination).map(|field| as_dialled(field)).unwrap_or_default();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    fields.len() == shape.width
        && !number.contains(char::is_alphabetic)
        && (number.is_empty() || digits >= NUMBER_DIGITS_MIN)
}

#[cfg(test)]
mod tests {
    use crate::campaign::tests::{A, B, B_X, reads, said};

    #[test]
    fn a_text_that_swallows_rows_is_not_sent() {
        let c = "628111111113";
        for rows in [
            format!(
                "destination,message\n{A},\"Dear Budi, your code is 1\n{B},Dear Siti, your code is 2\n{c},Dear Ani, code 3\""
            ),
            format!("destination,message\n{A},\"Hello Budi\n{B}, your code is 1\n{c}, your code is 2\""),
            format!("destination,message\n{A}, \"Hello Budi\n{B}, Hello Siti, your code is 1\n{c}, Hello Ani\""),
            format!("destination, message\n{A}, \"Hello Budi\n{B}, Hello Siti, your code is 1\""),
            format!("destination;message\n{A};\"Kode 1\n{B}; Kode 2\n{c}; Kode 3\""),
            format!("destination\tmessage\n{A}\t\"Kode 1\n{B}\tKode 2, ya\""),
            format!("destination,message\n{A},\"Kode 1\n0812345,Kode 2\n08-77,Kode 3\""),
            format!("destination,message\n{A},\"Kode 1\n65550123,Kode 2\n81234567,Kode 3\""),
            format!("destination,message\n{A},\"Kode 1\n,Kode 2\n,Kode 3\""),
            // One row with a number that is short, or whole in a small country.
            format!("destination,message\n{A},\"Kode 1\n65550123,Kode 2\""),
            format!("destination,message\n{A},\"Kode 1\n6555-0123,Kode 2\nTerima kasih\""),
            // However badly the number is written.
            format!("destination,message\n{A},\"Kode 1\nO812-0009-8002,Kode 2\""),
            format!("destination,message\n{A},\"Kode 1\nWA 081200098002,Kode 2\""),
            format!("destination,message\n{A},\"Kode 1\nHp: 081200098002,Kode 2\""),
            format!("destination,message\n{A},\"Kode 1\n`081200098002`,Kode 2\""),
            format!("destination,message\n{A},\"Kode 1\n62 8120 0098 002 / 0812,Kode 2\""),
            format!("destination;name;message\n{A};Budi;\"Kode 1\n65550123;Siti;Kode 2\""),
            format!("destination, message\n{A}, \"Kode 1\n65550123, Kode 2\""),
            format!("destination,name,message\n{A},Budi,\"Dear Budi\n{B},Siti\n{c},Ani\""),
            format!("destination,message,name\n{A},\"Dear Budi\n{B},Dear Siti, hello,Siti\n\",Budi"),
            format!("text,to\n\"Hello\nWorld, my friend,{B}\nBye\",{c}"),
        ] {
            let said = said(format!("{rows}\n{B},x\n").as_bytes());
            let is_refused = said[0].0 == 2 && said[0].1.contains("what looks like further rows");
            assert!(said.len() == 2 && is_refused, "{rows}: {said:?}");
        }
    }

    #[test]
    fn a_text_with_lines_and_separators_is_sent() {
        for text in [
            "Pesanan:\nKopi,2\nTeh,3",
            "Rincian:\nKopi, 2, 30000\nTeh, 3, 45000",
            "CS:\n081299998888, Budi",
            "Rekening:\n12345678, BCA",
            "Rincian:\nKopi,20000000\nTotal 12345678,00",
            "Nomor resi\n1234567,Kopi",
            "Agenda:\n12/05/2026,Rapat",
            "Agenda:\n12-05-2026,Rapat",
            "Agenda:\n2026-05-12,Rapat",
            "Jam:\n08:00-10:00,Rapat",
            "Harga:\n12.500.000,Kopi",
            "081299998888,2,3,4\n1,2",
            "Jl. Merdeka 1, Jakarta\nIndonesia, 12345",
            "Halo, Budi\n\nTotal: 1,500,000\nTerima kasih, Toko",
        ] {
            let lines = i64::try_from(text.lines().count()).expect("few");
            let sent = format!("{A}: {text}");
            reads(format!("to,text\n{A},\"{text}\"\n{B},x\n").as_bytes(), &[(2, &sent), (lines + 2, B_X)]);
        }
    }
}
