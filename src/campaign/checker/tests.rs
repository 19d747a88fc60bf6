//! A row is queued once, whatever becomes of its file and of the rows around it.

use std::collections::HashSet;

use super::super::tests::{A, B, checked, keys};
use sha2::{Digest, Sha256};

use crate::account::hex_upper;

#[test]
fn a_row_is_the_same_whatever_becomes_of_the_others() {
    let row = |recipient: &str, text: &str| format!("{recipient},{text}\n");
    let [a, b, c] = [row(A, "one"), row(B, "two"), row(A, "three")];
    let keys = |rows: &[&str]| keys(&format!("to,text\n{}", rows.concat()), "a");
    let all = keys(&[&a, &b, &c, &b]);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 4, "rows that say the same are each queued");
    for (rows, expected) in [
        (&[&*a, &c, &b][..], vec![0, 2, 1]),
        (&[&c, &b, &b], vec![2, 1, 3]),
        (&[&b], vec![1]),
        (&[&c, &a, &b, &b], vec![2, 0, 1, 3]),
    ] {
        let expected: Vec<&String> = expected.into_iter().map(|at| &all[at]).collect();
        assert_eq!(keys(rows).iter().collect::<Vec<_>>(), expected);
    }
    let with_others = keys(&[&row(B, "new"), &a, &row(A, "newer"), &b, &c, &b]);
    let is_known = |key: &&String| all.contains(key);
    assert_eq!(with_others.iter().filter(is_known).count(), 4);
}

#[test]
fn a_row_is_known_by_its_campaign_and_what_it_says() {
    let text = "destination,message\n628111111111,1\n628111111111,1\n";
    let (first, other) = (keys(text, "a"), keys(text, "b"));
    assert_eq!(first, keys(text, "a"));
    assert!(first[0] != first[1] && first[0] != other[0]);
    let changed = keys(&text.replace(",1\n6", ",2\n6"), "a");
    assert!(!first.contains(&changed[0]) && changed[1] == first[0], "the other row stays known");
    // By what earlier versions recognized rows.
    let mut hash = Sha256::new_with_prefix("1\0a\x000");
    for field in ["628111111111", "1"] {
        hash.update([0]);
        hash.update(field);
    }
    let former = checked(text.as_bytes(), "a").expect("a file").remove(0).expect("a good row").former_keys;
    assert_eq!(former[0], format!("import:{}", hex_upper(&hash.finalize())));
    let mut hash = Sha256::new_with_prefix("row");
    for field in ["1", "a", A, "", "1", "", "", "", "", "", "", "0"] {
        hash.update([0]);
        hash.update(field);
    }
    assert_eq!(former[1], format!("import:{}", hex_upper(&hash.finalize())));
    // What the last version queued under the name that it derived from the file's.
    let mut hash = Sha256::new_with_prefix("said");
    for field in ["1", "a (100)", A, "", "text", "1", "0"] {
        hash.update([0]);
        hash.update(field);
    }
    let copy = checked(text.as_bytes(), "a (100).csv").expect("a file").remove(0).expect("a good row");
    assert!(copy.key == first[0] && copy.former_keys.contains(&format!("import:{}", hex_upper(&hash.finalize()))));
    for name in ["A", " a ", "A.csv", r"C:\data\a (1).XLSX", "a.csv.csv", "a - Copy (2).csv"] {
        assert_eq!(keys(text, name), first, "{name}");
    }
}

#[test]
fn a_password_in_an_address_is_nothing_that_a_row_is_known_by() {
    let text =
        "destination,media_url\n628111111111,https://u:secret@host/a.png\n628111111111,https://u:secret@host/a.png\n";
    let first = keys(text, "a");
    assert_eq!(keys(&text.replace("secret", "changed"), "a"), first);
    assert_ne!(keys(&text.replace("u:", "v:"), "a")[0], first[0]);
    // The last version recognized it by its password too.
    for (at, before) in ["0", "1"].into_iter().enumerate() {
        let mut hash = Sha256::new_with_prefix("said");
        for field in ["1", "a", A, "", "media", "", "https://u:secret@host/a.png", "", "", before] {
            hash.update([0]);
            hash.update(field);
        }
        let row = checked(text.as_bytes(), "a").expect("a file").remove(at).expect("a good row");
        assert!(row.former_keys.contains(&format!("import:{}", hex_upper(&hash.finalize()))), "{at}");
    }
}

#[test]
fn a_row_is_the_same_however_its_file_is_written() {
    let first = keys("destination,message\n628111111111,\"one\ntwo\"\n628111111112,x\n", "a");
    for text in [
        "message,destination\n\"one\ntwo\",628111111111\nx,628111111112\n",
        "sep=;\r\nPESAN;No HP\r\n\"one\r\ntwo\";+62 811-1111-111\r\n\r\nx;0811 1111 112\r\n",
        "name,destination,message,city,timeout,is_group\nBudi,628111111111,\"one\ntwo\",Solo,,\nSiti,628111111112,x,Yogya,,\n",
        "destination,message\r628111111111,\"one\rtwo\"\r,\r628111111112,\"x\"",
    ] {
        assert_eq!(keys(text, "a"), first, "{text:?}");
    }
    let with_all = |timeout: &str, is_group: &str, priority: &str, kind: &str| {
        let row = format!("{A},x,https://shop.example/a.png,{timeout},{is_group},{priority},{kind}");
        keys(&format!("to,text,media_url,timeout,is_group,priority,kind\n{row}\n"), "a").remove(0)
    };
    // As spreadsheets and people change them.
    assert_eq!(with_all("300", "false", "high", "image"), with_all("0300", "FALSE", "High", "IMAGE"));
    assert_eq!(with_all("", "", "", ""), with_all("86400", "no", "", ""));
    for (timeout, is_group) in [("86400.0", "n"), ("86400.00", "f"), ("", "Off")] {
        assert_eq!(with_all("", "", "", ""), with_all(timeout, is_group, "", ""));
    }
    for yes in ["y", "T", "on"] {
        assert_eq!(
            checked(format!("to,text,is_group\n120363025246125486,x,{yes}\n").as_bytes(), "")
                .expect("a file")
                .remove(0)
                .expect("a group")
                .recipient,
            "120363025246125486"
        );
    }
    // Neither how urgent it is nor how long it may wait is what the recipient sees; as what a file is sent, is.
    assert_eq!(with_all("", "", "", ""), with_all("60", "", "bulk", ""));
    assert_ne!(with_all("", "", "", ""), with_all("", "", "", "document"));
    let names = "destination,message,timeout,priority,tag,kind,file_name";
    for row in ["\"one\r\ntwo\",60,high,june,,", "one\\ntwo,,bulk,,image,", "one\\U0000000Atwo,86400,,,voice,"] {
        assert_eq!(keys(&format!("{names}\n{A},{row}\n"), "a")[0], first[0], "{row}");
    }
}

#[test]
fn a_row_is_the_same_once_what_is_broken_before_it_was_mended() {
    let behind = |text: &str| {
        let rows = checked(text.as_bytes(), "a").expect("a file");
        let good: Vec<String> = rows.into_iter().flatten().map(|row| row.key).collect();
        good[good.len() - 2..].to_vec()
    };
    let rest = format!("{A},one\n{B},two\n");
    for (broken, mended) in [
        (format!("{A},Dear Budi\nyour order\nis ready\n"), format!("{A},\"Dear Budi\nyour order\nis ready\"\n")),
        (format!("{A},\"Hello Budi\n{B},Hello Siti\"\n"), format!("{A},Hello Budi\n{B},Hello Siti\n")),
        (format!("{A},x\n12345,y\n"), format!("{A},x\n{B},y\n")),
    ] {
        let [broken, mended] =
            [broken, mended].map(|rows| behind(&format!("destination,message\n{A},zero\n{rows}{rest}")));
        assert_eq!(broken, mended);
    }
}

#[test]
fn a_row_below_the_table_says_that_it_is_no_number() {
    use crate::campaign::tests::{A, reads};
    let note = "is no phone number; if it is a note or a total";
    for (cell, reason) in [
        ("Total", note),
        ("Catatan: kirim sebelum 12.00", note),
        ("\"Total: 1,500\"", note),
        ("Dibuat oleh Budi & Siti", note),
        ("3", "'3' is too short for a phone number; it seems to be a count"),
        ("1500", "'1500' is too short"),
        ("12345", "no numbering plan allows the phone number 12345"),
        ("O812-3456-7890", "it has the letter O where the digit 0 may be meant"),
        ("0812-3456-7890 / WA", "WA stands behind the number"),
        ("0812-3456-7890 0813-1111-2222", "these are several numbers"),
        ("https://shop.example/x", "a phone number has digits only"),
    ] {
        let text = format!("no hp,pesan\n{A},x\n{cell},y\n");
        reads(text.as_bytes(), &[(2, &format!("{A}: x")), (3, &format!("! {reason}"))]);
    }
}

#[test]
fn a_column_that_only_counts_the_rows_is_not_taken_for_numbers() {
    use crate::campaign::{BadFile, read};
    let file = |name: &str, first: u64| {
        let rows: String = (first..first + 5).map(|at| format!("{at},Budi,x\n")).collect();
        read(format!("{name},nama,pesan\n{rows}").as_bytes(), 99)
    };
    for first in [1, 7, 99_998] {
        assert_eq!(file("No", first).err(), Some(BadFile::Counts { column: "No".into() }), "{first}");
    }
    assert!(file("No", 628_111_111_111).is_ok(), "numbers in a row");
    assert!(file("WA", 1).is_ok(), "its rows say what is wrong");
}
