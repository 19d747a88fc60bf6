//! Files that are imported: each is read as it is meant, and shown as it was read, or queues nothing.

use serde_json::{Value, json};

use crate::imports::{begin, texts, until};
use crate::world::{ALICE, BOB, World, stories};

/// A workbook as programs write it: numbers in its first column, texts in its second.
fn workbook(rows: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| format!("<c t=\"inlineStr\"><is><t>{}</t></is></c>", text.replace('&', "&amp;"));
    let row = |(number, said): &(&str, &str)| format!("<row><c><v>{number}</v></c>{}</row>", text(said));
    let rows: String = rows.iter().map(row).collect();
    let sheet =
        format!("<worksheet><sheetData><row>{}{}</row>{rows}</sheetData></worksheet>", text("Phone"), text("Message"));
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let target = |kind_of: &str, target: &str| {
        format!(
            "<Relationships><Relationship Id=\"rId1\" Type=\"{kind}/{kind_of}\" Target=\"{target}\"/></Relationships>"
        )
    };
    let book = format!(
        "<workbook xmlns:r=\"{kind}\"><sheets><sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [
        ("_rels/.rels", target("officeDocument", "xl/workbook.xml")),
        ("xl/workbook.xml", book),
        ("xl/_rels/workbook.xml.rels", target("worksheet", "worksheets/sheet1.xml")),
        ("xl/worksheets/sheet1.xml", sheet),
    ] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("a file");
        std::io::Write::write_all(&mut archive, text.as_bytes()).expect("memory");
    }
    archive.finish().expect("an archive").into_inner()
}

stories! {
    async fn a_group_whose_id_a_spreadsheet_rounded_is_never_sent_to(database: Database) {
        let world = World::new(database).await;
        let group = "120363041234567891";
        let text = format!(
            "destination,message,is_group\n1.20363E+17,a,yes\n1.20363041234568E+17,b,true\n120363041234568000,c,yes\n120363041234568000,d,\n\
             120363041234568000.0,e,yes\n\"120,363,041,234,568,000\",f,yes\n1.20363E+17@g.us,g,\n{group},h,yes\n{group}@g.us,i,\n120363041234560000@g.us,j,\n"
        );
        let sheet = workbook(&[("120363041234567891", "a"), ("1.2036304123456789E+17", "b"), ("120363041234568000", "c"), ("1203630412345670", "d")]);
        for (bytes, refused, sent) in [(text.into_bytes(), 7, vec![group, group, "120363041234560000"]), (sheet, 4, vec![])] {
            let given = world.client.ask("POST", "/manage/1.0/imports?file_name=a", &[], Some(bytes)).await;
            assert_eq!(given.status, 201, "{}", given.text);
            let import = &given.body["data"];
            assert_eq!((&import["refused_count"], &import["valid_count"]), (&json!(refused), &json!(sent.len())), "{import}");
            let id = import["id"].as_str().expect("an id");
            let items = world.client.manage("GET", &format!("/imports/{id}/refused"), None).await.body["data"]["items"].clone();
            for item in items.as_array().expect("rows") {
                let reason = item["reason"].as_str().unwrap_or_default();
                let says = ["rounded", "lost digits", "more digits than a spreadsheet keeps"].iter().any(|said| reason.contains(said));
                assert!(says && reason.contains("as text"), "{item}");
            }
            if !sent.is_empty() {
                world.client.manage("POST", &format!("/imports/{id}/begin"), None).await;
                until(&world.client, id, "done").await;
                let page = world.client.manage("GET", "/messages?limit=9", None).await;
                let mut to: Vec<_> = page.body["data"]["items"].as_array().expect("items").iter().map(|item| item["destination"].as_str().unwrap_or_default().to_owned()).collect();
                to.sort();
                let mut expected: Vec<String> = sent.iter().map(|id| (*id).to_owned()).collect();
                expected.sort();
                assert_eq!(to, expected, "{}", page.text);
            }
        }
        world.stop().await;
    }

    async fn a_file_is_shown_as_it_was_read_and_its_sums_hold(database: Database) {
        let world = World::new(database).await;
        let file = "sep=;\r\nNo;Nama;No HP;Pesan;Prioritas;Tag\r\n\r\n1;Budi;0811 1111 111;\"Halo\r\nBudi\";high;order 7\r\n\
                    2;Siti;+1 415-555-2671;Caf\u{e9};;\r\n3;Ani;12;x;;\r\n4;Budi;628111111111;\"Halo\nBudi\";;\r\n\
                    5;Ayu;99887766554433@lid;x;;\r\n";
        // As Excel saves it in Western Europe.
        let bytes: Vec<u8> = file.chars().map(|c| u8::try_from(c).expect("Latin")).collect();
        let given = world.client.ask("POST", "/manage/1.0/imports?file_name=a.csv&tag=june", &[], Some(bytes)).await;
        assert_eq!(given.status, 201, "{}", given.text);
        let import = &given.body["data"];
        for (key, expected) in [
            ("format", json!("csv")),
            ("encoding", json!("Windows-1252")),
            ("separator", json!(";")),
            ("sheet", Value::Null),
            ("ignored_columns", json!(["No", "Nama"])),
            ("row_count", json!(5)),
            ("valid_count", json!(4)),
            ("refused_count", json!(1)),
            ("countries", json!([{"country": "ID", "name": "Indonesia", "count": 2}, {"country": "US", "name": "United States", "count": 1}])),
            ("group_count", json!(0)),
            ("hidden_count", json!(1)),
            ("repeated_count", json!(1)),
            ("priority", json!("bulk")),
        ] {
            assert_eq!(import[key], expected, "{key}: {import}");
        }
        let first: Vec<_> = import["first_rows"].as_array().expect("rows").iter().map(|row| (&row["line"], &row["destination"], &row["written"])).collect();
        assert_eq!(first[..2], [
            (&json!(4), &json!("628111111111"), &json!("0811 1111 111")),
            (&json!(6), &json!("14155552671"), &json!("+1 415-555-2671")),
        ]);
        let id = import["id"].as_str().expect("an id");
        let refused = world.client.manage("GET", &format!("/imports/{id}/refused"), None).await;
        assert_eq!(refused.body["data"]["items"][0]["line"], 7, "{}", refused.text);
        world.client.manage("POST", &format!("/imports/{id}/begin"), None).await;
        let import = until(&world.client, id, "done").await;
        assert_eq!((&import["accepted_count"], &import["valid_count"]), (&json!(4), &json!(4)), "{import}");
        let page = world.client.manage("GET", "/messages?limit=9", None).await;
        let mut sent: Vec<_> = page.body["data"]["items"].as_array().expect("items").iter().map(|item| {
            let of = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
            (of("destination"), of("message"), of("priority"), of("tag"))
        }).collect();
        sent.sort();
        let expected = [
            ("14155552671", "Café", "bulk", "june"),
            ("628111111111", "Halo\nBudi", "bulk", "june"),
            ("628111111111", "Halo\nBudi", "high", "order 7"),
            ("99887766554433@lid", "x", "bulk", "june"),
        ];
        assert_eq!(sent, expected.map(|(a, b, c, d)| (a.into(), b.into(), c.into(), d.into())));
        world.stop().await;
    }

    async fn a_file_that_is_not_certain_queues_nothing(database: Database) {
        let world = World::new(database).await;
        for (file, told) in [
            (&b"destination,message\n628111111111,\"Hello\n628111111112,Hi\n"[..], "a quote that opens on line 2 is never closed"),
            (b"phone,whatsapp,text\n1,2,3\n", "'phone' and 'whatsapp'"),
            (b"phone,text\n1,\xcf\xf0\xe8\xe2\xe5\xf2\n", "line 2 cannot be read for certain"),
            (b"%PDF-1.7", "it is a PDF; save it as .xlsx or as CSV UTF-8"),
            (b"PK\x03\x04", "the workbook cannot be read"),
        ] {
            let given = world.client.ask("POST", "/manage/1.0/imports", &[], Some(file.to_vec())).await;
            assert_eq!(given.status, 422, "{}", given.text);
            let said = given.body["detail"][0]["msg"].as_str().expect("a reason");
            assert!(said.contains(told), "{said}");
        }
        let listed = world.client.manage("GET", "/imports", None).await;
        assert_eq!(listed.body["data"]["items"], json!([]), "{}", listed.text);
        // A quote that a later row closes takes its own row along, and no other.
        let file = format!("destination,message\n{ALICE},\"Hello\n{BOB},\"secret\"\n{BOB},Hi\n");
        let id = begin(&world.client, &file, "").await;
        let import = until(&world.client, &id, "done").await;
        assert_eq!((&import["accepted_count"], &import["refused_count"]), (&json!(1), &json!(1)), "{import}");
        assert_eq!(texts(&world.client).await.into_keys().collect::<Vec<_>>(), ["Hi"]);
        world.stop().await;
    }

    async fn a_workbook_is_imported_and_the_same_rows_as_a_text_are_known(database: Database) {
        let world = World::new(database).await;
        let book = workbook(&[(ALICE, "Hello"), (BOB, "Hi & bye"), ("0.5", "nobody")]);
        let given = world.client.ask("POST", "/manage/1.0/imports?file_name=a.xlsx&campaign=june", &[], Some(book)).await;
        assert_eq!(given.status, 201, "{}", given.text);
        let import = &given.body["data"];
        assert_eq!(
            (&import["format"], &import["sheet"], &import["encoding"], &import["valid_count"], &import["refused_count"]),
            (&json!("xlsx"), &json!("Sheet1"), &Value::Null, &json!(2), &json!(1)),
            "{import}"
        );
        let id = import["id"].as_str().expect("an id");
        let refused = world.client.manage("GET", &format!("/imports/{id}/refused"), None).await;
        let row = &refused.body["data"]["items"][0];
        assert_eq!(row["line"], 4, "{row}");
        assert!(row["reason"].as_str().expect("a reason").starts_with("destination: the cell holds a number with a fraction"), "{row}");
        world.client.manage("POST", &format!("/imports/{id}/begin"), None).await;
        assert_eq!(until(&world.client, id, "done").await["accepted_count"], 2);
        let file = format!("Pesan;Nama;Nomor\nHello;Budi;{ALICE}\nHi & bye;Siti;{BOB}\n");
        let id = begin(&world.client, &file, "?campaign=june").await;
        let import = until(&world.client, &id, "done").await;
        assert_eq!((&import["accepted_count"], &import["known_count"]), (&json!(0), &json!(2)), "{import}");
        assert_eq!(texts(&world.client).await.len(), 2);
        world.stop().await;
    }
}
