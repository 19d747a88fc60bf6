//! One bad row makes no other row wrong.

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
    for error in ["#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!"] {
        let refusal = format!("! message: the cell shows the error {error}");
        reads(format!("to,text\n{A},{error}\n").as_bytes(), &[(2, &refusal)]);
        let refusal = format!("! destination: the cell shows the error {error}");
        reads(format!("to,text\n{error},x\n").as_bytes(), &[(2, &refusal)]);
    }
    for formula in ["=A1", "=$B$3", "=B2&\" ok\"", "=SUM(A1:A3)", "=+AB12"] {
        let quoted = formula.replace('"', "\"\"");
        reads(format!("to,text\n{A},\"{quoted}\"\n").as_bytes(), &[(2, "! message: the cell has a formula")]);
    }
    for text in ["#promo", "=) Halo", "= B", "=1+1", "=Halo", "(#N/A)"] {
        reads(format!("to,text\n{A},{text}\n").as_bytes(), &[(2, &format!("{A}: {text}"))]);
    }
    reads(b"to,text\nhttps://shop.example/081234567890,x\n", &[(2, "! a phone number has digits only")]);
    let url = "https://shop.example/a b.jpg";
    reads(format!("to,media_url\n{A},{url}\n").as_bytes(), &[(2, "! media_url has a space in it")]);
}
