//! One bad row makes no other row wrong.

use crate::campaign::BadFile;
use crate::campaign::tests::{A, B, B_X, checked, reads, said};

#[test]
fn a_row_without_a_number_is_refused_alone() {
    let prose =
        ["belum ada", "Total", "0812345678 ext 12", "# komentar", "", "-", "tidak ada nomor", "Total: 2 pelanggan"];
    for number in prose {
        for (names, [one, bad, two]) in [
            ("to,text", [format!("{A},a"), format!("{number},b"), format!("{B},x")]),
            ("to,text", [format!("{A},a"), format!("{number},"), format!("{B},x")]),
            ("\"to\",\"text\"", [format!("\"{A}\",\"a\""), format!("\"{number}\",\"b, c\""), format!("\"{B}\",\"x\"")]),
            ("to;text;city", [format!("{A};a;Solo"), format!("{number};b;Solo"), format!("{B};x;Solo")]),
            ("name;to;text", [format!("Budi;{A};a"), format!("Ani;{number};b"), format!("Siti;{B};x")]),
            ("text;to", [format!("a;{A}"), format!("b;{number}"), format!("x;{B}")]),
            ("name;text;to", [format!("Budi;a;{A}"), format!("Ani;b;{number}"), format!("Siti;x;{B}")]),
        ] {
            let text = format!("{names}\n{one}\n{bad}\n{two}\n");
            if bad == "," {
                continue;
            }
            let rows = said(text.as_bytes());
            let said: Vec<&str> = rows.iter().map(|(_, said)| said.as_str()).collect();
            assert!(matches!(said[..], ["628111111111: a", bad, B_X] if bad.starts_with("! ")), "{text}: {said:?}");
            assert!(!said[1].contains("seems to"), "{text}: {said:?}");
        }
    }
    // A text in quotes has ended, and so has one before a row of separators.
    reads(format!("to,text\n{A},\"a\"\nTotal\n").as_bytes(), &[(2, "628111111111: a"), (3, "!")]);
    reads(format!("to;text\n{A};a\n;\nTotal\n").as_bytes(), &[(2, "628111111111: a"), (4, "!")]);
    reads(
        format!("name,to,text\nBudi,{A},a\nDewi, Sp.OG,{A},b\nSiti,{B},x\n").as_bytes(),
        &[(2, "628111111111: a"), (3, "! it has 4 fields"), (4, B_X)],
    );
    // What is refused is shown as it is written.
    let rows = checked(format!("to,text\nbelum ada,x\n{A},a,b\n{A},\"b\"c\n").as_bytes(), "").expect("a file");
    let written: Vec<String> = rows.into_iter().map(|row| row.expect_err("a bad row").destination).collect();
    assert_eq!(written, ["belum ada", A, A]);
}

#[test]
fn a_row_with_a_bad_number_is_refused_alone() {
    for (text, expected) in [
        (format!("to,text,tag\n{A},a\n12345,b\n{B},x,t\n"), vec![(2, A_A), (3, "! no numbering plan"), (4, B_X)]),
        (
            format!("to,text,name,city\n{A},a\n{B},x,Siti\n0812,b\n{A},a,Ani,Solo\n"),
            vec![(2, A_A), (3, B_X), (4, "! 0812"), (5, A_A)],
        ),
        (format!("to,text\n{A}, a\n12345, b\n{B}, x\n"), vec![(2, A_A), (3, "! no numbering plan"), (4, B_X)]),
        (format!("to,text\n{A}, a\nbelum ada, b\n{B}, x\n"), vec![(2, A_A), (3, "!"), (4, B_X)]),
        (format!("to,text,name\n{A}, a, Budi\n{B}, x, Siti\n"), vec![(2, A_A), (3, B_X)]),
        (format!("No,Nama,No HP,Pesan\n1,Budi,{A},a\n2a,Siti,{B},x\nTotal,,,\n"), vec![(2, A_A), (3, B_X), (4, "!")]),
    ] {
        reads(text.as_bytes(), &expected);
    }
}

const A_A: &str = "628111111111: a";

#[test]
fn a_quoted_text_may_hold_lines_with_numbers() {
    for lines in [
        "Transfer ke:\n1234567890, BCA a.n. Toko\nTerima kasih",
        "Hubungi CS:\n081299998888, Budi",
        "081299998888\n081299998889, Ani",
        "Total:\n628111111112, 2, 3",
    ] {
        reads(
            format!("to,text\n{A},\"{lines}\"\n{B},x\n").as_bytes(),
            &[(2, &format!("{A}: {lines}")), (i64::try_from(lines.lines().count()).expect("few") + 2, B_X)],
        );
    }
    let lines = "Pesanan:\n081299998888,2,3,4";
    reads(format!("to,text\n{A},\"{lines}\"\n").as_bytes(), &[(2, &format!("{A}: {lines}"))]);
}

#[test]
fn an_error_of_a_spreadsheet_is_no_message() {
    for error in ["#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#SPILL!", "#CALC!", "Err:508", "########"] {
        let refusal = format!("! message: the cell shows the error {error}");
        reads(format!("to,text\n{A},{error}\n").as_bytes(), &[(2, &refusal)]);
        let refusal = format!("! destination: the cell shows the error {error}");
        reads(format!("to,text\n{error},x\n").as_bytes(), &[(2, &refusal)]);
    }
    for nothing in ["NULL", "\\N", "nan"] {
        let refusal = format!("! message: the cell shows the error {nothing}");
        reads(format!("to,text\n{A},{nothing}\n").as_bytes(), &[(2, &refusal)]);
        reads(format!("to,text,tag\n{A},x,{nothing}\n").as_bytes(), &[(2, "628111111111: x")]);
    }
    for formula in [
        "=A1",
        "=$B$3",
        "=B2&\" ok\"",
        "=SUM(A1:A3)",
        "=+AB12",
        "=HYPERLINK(\"http://x\";\"y\")",
        "=Halo!A1",
        "='Sheet 1'!A1",
        "=CONCATENATE(\"a\";B2)",
    ] {
        let quoted = formula.replace('"', "\"\"");
        reads(format!("to,text\n{A},\"{quoted}\"\n").as_bytes(), &[(2, "! message: the cell has a formula")]);
    }
    for text in
        ["#promo", "=) Halo", "= B", "=1+1", "=Halo", "(#N/A)", "=Halo! Budi", "=(a)", "###", "Err: 5", "nan hijau"]
    {
        reads(format!("to,text\n{A},{text}\n").as_bytes(), &[(2, &format!("{A}: {text}"))]);
    }
    reads(b"to,text\nhttps://shop.example/081234567890,x\n", &[(2, "! a phone number has digits only")]);
    let url = "https://shop.example/a b.jpg";
    reads(format!("to,media_url\n{A},{url}\n").as_bytes(), &[(2, "! media_url has a space in it")]);
}

#[test]
fn a_column_with_a_vague_name_is_not_read_where_another_has_phone_numbers() {
    let unsure = |first: &str, second: &str| Some(BadFile::Unsure { first: first.into(), second: second.into() });
    for (text, expected) in [
        ("Number,Name,Phone of client,Message\n14155552671,Budi,081234567890,x\n", unsure("Number", "Phone of client")),
        (
            "Nomor,Tel. rumah,Pesan\n541123456789,0812 3456 7890,x\n523312345678,,y\n5,081234567891,z\n",
            unsure("Nomor", "Tel. rumah"),
        ),
        // Customers have numbers too, and those of accounts and identity cards are longer.
        ("Nomor,NIK,Pesan\n081234567890,3174012345678901,x\n", None),
        ("No HP,ID,Pesan\n081234567890,541123456789,x\n", None),
        ("Nomor,Kota,Pesan\n081234567890,Solo,x\n081234567891,081234567891,x\n", None),
    ] {
        assert_eq!(crate::campaign::read(text.as_bytes(), 9).err(), expected, "{text}");
    }
    for name in ["No. Tlp", "No. Telpon", "Kontak"] {
        let rows = "541123456789,Budi,081234567890,x\n523312345678,Siti,081234567891,x\n";
        reads(
            format!("Nomor Pelanggan,Nama,{name},Pesan\n{rows}").as_bytes(),
            &[(2, "6281234567890: x"), (3, "6281234567891: x")],
        );
    }
}
