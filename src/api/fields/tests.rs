//! Bodies that are taken, and those that are refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The `(field, type)` of each fault.
fn faults<T>(checked: Result<T, Problem>) -> Vec<(String, &'static str)> {
    match checked {
        Ok(_) => Vec::new(),
        Err(Problem::Invalid(faults)) => faults
            .iter()
            .map(|fault| (fault.loc.last().and_then(Value::as_str).unwrap_or_default().to_owned(), fault.kind))
            .collect(),
        Err(other) => panic!("{other:?}"),
    }
}

fn media_of(rest: &Value) -> Result<MediaParams, Problem> {
    let mut body = json!({"destination": "628111111111"});
    body.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    media(body.to_string().as_bytes(), "62")
}

#[test]
fn a_file_is_given_by_its_address_or_whole_with_its_name() {
    let url = "https://example.com/a.png";
    let by_address = media_of(&json!({"media_url": format!(" {url} "), "media_base64": " "})).expect("media");
    assert_eq!((by_address.source, by_address.file_name), (Source::Url(url.into()), None));
    let whole = media_of(&json!({"media_base64": "aGVs\nbG8", "file_name": "../a b.png"})).expect("media");
    assert_eq!(whole.source, Source::Bytes(Bytes::from_static(b"hello")));
    assert_eq!(whole.file_name.as_deref(), Some("a b.png"));
    for (rest, wanted) in [
        (json!({}), &[("__root__", "value_error")][..]),
        (json!({"media_url": url, "media_base64": "aGVs", "file_name": "a"}), &[("__root__", "value_error")]),
        (
            json!({"media_url": url, "media_base64": "aGVs"}),
            &[("file_name", "value_error.missing"), ("__root__", "value_error")],
        ),
        (json!({"media_base64": "aGVs"}), &[("file_name", "value_error.missing")]),
        (json!({"media_base64": "aGVs", "file_name": null}), &[("file_name", "value_error.missing")]),
        (json!({"media_base64": "%", "media_url": url}), &[("media_base64", "value_error")]),
        (
            json!({"media_base64": "data:application/pdf;base64,", "file_name": "a.pdf"}),
            &[("media_base64", "value_error")],
        ),
    ] {
        let wanted: Vec<_> = wanted.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        assert_eq!(faults(media_of(&rest)), wanted, "{rest}");
    }
}

#[test]
fn what_names_no_file_is_no_name_and_is_not_said_to_be_absent() {
    for name in ["", " ", "/", ".", "..", "a/", "C:\\", "..\\.", "\u{200b}"] {
        let refused = media_of(&json!({"media_base64": "aGVs", "file_name": name}));
        let Err(Problem::Invalid(faults)) = refused else { panic!("{name:?}: {refused:?}") };
        let said = faults.iter().map(|fault| (fault.msg.as_str(), fault.kind)).collect::<Vec<_>>();
        let wanted = "this names no file; a file in media_base64 needs a name, such as photo.jpg";
        assert_eq!(said, [(wanted, "value_error")], "{name:?}");
        // The address has a name of its own.
        let by_address = media_of(&json!({"media_url": "https://example.com/a.png", "file_name": name}));
        assert_eq!(by_address.expect("media").file_name, None, "{name:?}");
    }
}

#[test]
fn a_blank_caption_is_none_beside_every_kind() {
    let sent = |caption: &str, kind: &str| {
        media_of(&json!({"media_base64": "aGVs", "file_name": "a", "caption": caption, "kind": kind}))
    };
    for kind in MediaKind::ALL {
        for caption in ["", " ", "\t\r\n ", "\u{a0}\u{3000}", "\\n", "\\u0020\\\\r", "\u{1c}"] {
            let params = sent(caption, kind.name()).unwrap_or_else(|bad| panic!("{caption:?} {kind:?}: {bad:?}"));
            assert_eq!((params.caption, params.kind), (None, Some(kind)), "{caption:?}");
        }
        let faults = if kind.shows_caption() { vec![] } else { vec![("kind".to_owned(), "value_error")] };
        assert_eq!(super::tests::faults(sent(" look ", kind.name())), faults, "{kind:?}");
    }
    assert_eq!(sent(" look ", "image").expect("media").caption.as_deref(), Some(" look "));
}

#[test]
fn a_group_is_never_a_phone_number_or_an_id_that_lost_digits() {
    let ask = |destination: Value| {
        let body = json!({"is_group": true, "message": "x", "destination": 0}).to_string();
        let body = body.replace("\"destination\":0", &format!("\"destination\":{}", destination.as_str().unwrap()));
        message(body.as_bytes(), "62")
    };
    // As they stand in the body.
    for (written, wanted) in [
        ("\"120363043211234567\"", "120363043211234567"),
        ("120363043211234567", "120363043211234567"),
        // A program that writes a text knows every digit.
        ("\"120363043211234560\"", "120363043211234560"),
        ("\"120363043211234567@g.us\"", "120363043211234567"),
        ("\"6281234567890-1600000000\"", "6281234567890-1600000000"),
    ] {
        assert_eq!(ask(json!(written)).expect("a message").destination, wanted, "{written}");
    }
    for (written, reason) in [
        // What JavaScript, Python, PHP and Java make of 120363043211234567 as a float.
        ("120363043211234560", "in quotes"),
        ("1.2036304321123456e17", "has lost digits"),
        ("1.2036304321123E+17", "has lost digits"),
        ("120363043211234560.0", "in quotes"),
        ("\"120363043211234567.0\"", "in quotes"),
        ("\"120363043211234000\"", "a spreadsheet rounded"),
        ("\"120,363,043,211,234,000\"", "a spreadsheet rounded"),
        ("\"1.20363E+17@g.us\"", "has lost digits"),
        ("6281234567890", "6281234567890 is no group id"),
        ("\"0812-3456-7890\"", "0812-3456-7890 is no group id"),
        ("\"+62 812-3456-7890\"", "is no group id"),
        ("6281234567890.0", "is no group id"),
        ("\"12036304321123456\"", "a group id has 18 digits"),
        ("\"1203630432112345678\"", "a group id has 18 digits"),
        ("\"6281234567890-160000000\"", "a group id has 18 digits"),
        ("\"12\"", "a group id has 18 digits"),
        ("true", "a group id has 18 digits"),
    ] {
        let refused = ask(json!(written));
        let Err(Problem::Invalid(faults)) = &refused else { panic!("{written}: {refused:?}") };
        assert!(faults.len() == 1 && faults[0].msg.contains(reason), "{written}: {}", faults[0].msg);
    }
}

#[test]
fn a_group_is_addressed_by_its_id_and_a_person_by_a_number() {
    let ask = |destination: &str, is_group: &str| {
        message(json!({"destination": destination, "is_group": is_group, "message": "x"}).to_string().as_bytes(), "62")
    };
    for (destination, is_group, wanted) in [
        (" 120363025246125486@g.us", "yes", "120363025246125486"),
        ("120363025246125486@g.us", "no", "120363025246125486"),
        ("6281111-1600000000", "true", "6281111-1600000000"),
        ("628111111111@c.us", "no", "628111111111"),
        ("0811 1111 111", "off", "628111111111"),
    ] {
        assert_eq!(ask(destination, is_group).expect("a message").destination, wanted);
    }
    for (destination, is_group) in
        [("120363025246125486", "no"), ("+62 811", "1"), ("", "0"), ("99887766@lid", "1"), ("x@lid", "0")]
    {
        assert_eq!(faults(ask(destination, is_group)), [("destination".to_owned(), "value_error")], "{destination}");
    }
    assert_eq!(faults(ask("neither", "perhaps")), [("is_group".to_owned(), "type_error.bool")]);
}

#[test]
fn a_body_that_no_text_could_be_is_a_bad_request() {
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let digits = format!("{{\"unknown\":{}}}", "1".repeat(python::INTEGER_DIGITS_MAX + 1));
    let too_deep = deep(limits::JSON_DEPTH_MAX + 1);
    for body in [b"\xff", &utf16[..], too_deep.as_bytes(), deep(1_000_000).as_bytes(), digits.as_bytes()] {
        assert!(matches!(message(body, "62"), Err(Problem::BadRequest(_))), "{:?}", &body[..body.len().min(9)]);
    }
    assert_eq!(faults(message(deep(limits::JSON_DEPTH_MAX).as_bytes(), "62"))[0].1, "type_error.dict");
}

/// Bodies, and what nearly is one.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let piece = r#"[{}\[\],:"]|"(destination|message|media_url|media_base64|file_name|timeout|is_group)":|"[^"]{0,9}",|\\u[0-9a-f]{0,4}|-?[0-9]{1,9}|[.eE+_-]|null|true|"https?://[^"]{0,9}",|\PC|."#;
    let text = proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![text, proptest::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #[test]
    fn no_bytes_make_the_checks_panic(body in bodies()) {
        let _ = message(&body, "62");
        let _ = media(&body, "62");
        let braced = [b"{", &body[..], b"\"message\":1}"].concat();
        let _ = message(&braced, "62");
        let _ = media(&braced, "62");
    }

    #[test]
    fn no_text_makes_the_check_of_a_field_panic(text in any::<String>(), head in "(https?://|data:;base64,)?") {
        let value = head + &text;
        for name in ["sender", "timeout", "is_group", "destination", "message", "caption", "media_url", "media_base64", "file_name"] {
            let body = json!({ name: value }).to_string();
            let _ = message(body.as_bytes(), "62");
            let _ = media(body.as_bytes(), "62");
        }
    }
}
