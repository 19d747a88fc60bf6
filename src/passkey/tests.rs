//! What browsers create is passed on; what people get wrong says what to do.

use super::*;

const OPTIONS: &str = r#"{"challenge":"AAECAwQFBgc","timeout":600000,"rpId":"whatsapp.com","allowCredentials":[],"userVerification":"required","extensions":{"uvm":true}}"#;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn client_data(origin: &str, challenge: &str, kind: &str) -> String {
    encode(json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false}).to_string())
}

fn authenticator_data(rp_id: &str, flags: u8) -> String {
    let mut data = Sha256::digest(rp_id).to_vec();
    data.extend([flags, 0, 0, 0, 1]);
    encode(data)
}

/// As a browser gives it, with what browsers add.
fn assertion() -> Value {
    json!({
        "id": encode(b"credential"),
        "rawId": encode(b"credential"),
        "type": "public-key",
        "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": client_data(ORIGIN, "AAECAwQFBgc", "webauthn.get"),
            "authenticatorData": authenticator_data("whatsapp.com", 0b1_1101),
            "signature": encode(b"signature"),
            "userHandle": null,
        },
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Result<Assertion, BadAssertion> {
    let mut changed = assertion();
    change(&mut changed);
    check(&changed, OPTIONS)
}

#[test]
fn an_assertion_is_passed_on_without_what_browsers_add() {
    let checked = check(&assertion(), OPTIONS).expect("an assertion");
    assert_eq!(checked.credential_id, b"credential");
    let mut expected = assertion();
    let members = expected.as_object_mut().expect("an object");
    members.remove("authenticatorAttachment");
    members.remove("clientExtensionResults");
    assert_eq!(serde_json::from_str::<Value>(&checked.json).expect("JSON"), expected);
    // With padding and in the other alphabet, as some libraries write it.
    let padded = with(|one| one["rawId"] = "Y3JlZGVudGlhbA==".into()).expect("an assertion");
    assert_eq!(padded, checked);
    for answer in [PasskeyAnswer::Assertion(checked), PasskeyAnswer::Confirm] {
        assert_eq!(PasskeyAnswer::from_bytes(answer.to_bytes()), Some(answer));
    }
    assert_eq!(PasskeyAnswer::from_bytes(b"x".to_vec()), None);
}

#[test]
fn what_is_wrong_with_an_assertion_is_said() {
    let client = |origin: &str, challenge: &str, kind: &str| {
        let data = client_data(origin, challenge, kind);
        with(|one| one["response"]["clientDataJSON"] = data.into())
    };
    let data = |rp_id: &str, flags: u8| {
        let data = authenticator_data(rp_id, flags);
        with(|one| one["response"]["authenticatorData"] = data.into())
    };
    let shape = |result: Result<Assertion, BadAssertion>| matches!(result, Err(BadAssertion::Shape(_)));
    assert_eq!(
        client("https://gateway.example", "AAECAwQFBgc", "webauthn.get"),
        Err(BadAssertion::Origin("https://gateway.example".into()))
    );
    for other in ["AAECAwQFBgg", "AAECAwQFBgc=", "", "*"] {
        assert_eq!(client(ORIGIN, other, "webauthn.get"), Err(BadAssertion::Challenge), "{other}");
    }
    assert!(shape(client(ORIGIN, "AAECAwQFBgc", "webauthn.create")));
    assert_eq!(data("web.whatsapp.com", 0b101), Err(BadAssertion::RelyingParty("whatsapp.com".into())));
    for flags in [0b001, 0b100, 0] {
        assert_eq!(data("whatsapp.com", flags), Err(BadAssertion::UserVerification), "{flags:b}");
    }
    // Whatever its request says of it.
    for other in ["preferred", "discouraged", ""] {
        let options = OPTIONS.replace("\"required\"", &json!(other).to_string());
        let mut unverified = assertion();
        unverified["response"]["authenticatorData"] = authenticator_data("whatsapp.com", 0b001).into();
        assert_eq!(check(&unverified, &options), Err(BadAssertion::UserVerification), "{other}");
        assert!(check(&assertion(), &options).is_ok(), "{other}");
    }
    for bad in [json!(null), json!([]), json!("x"), json!({}), json!({"error": "NotAllowedError"}), json!(1)] {
        assert!(shape(check(&bad, OPTIONS)), "{bad}");
    }
    for member in ["id", "rawId", "type", "response"] {
        assert!(shape(with(|one| drop(one.as_object_mut().expect("an object").remove(member)))), "{member}");
        assert!(shape(with(|one| one[member] = "other".into())), "{member}");
    }
    for member in ["clientDataJSON", "authenticatorData", "signature"] {
        for bad in [json!(null), json!("*"), json!("")] {
            assert!(shape(with(|one| one["response"][member] = bad.clone())), "{member} {bad}");
        }
    }
    // Bytes of the relying party's hash, flags and counter: one too few are no other relying party.
    for length in 0..37 {
        let short = encode(&[0; 37][..length]);
        let refused = with(|one| one["response"]["authenticatorData"] = short.into());
        assert_eq!(refused, Err(BadAssertion::Shape("authenticatorData is too short".into())), "{length}");
    }
    let long = with(|one| one["response"]["signature"] = "x".repeat(limits::ASSERTION_BYTES_MAX).into());
    assert_eq!(long, Err(BadAssertion::Shape("it is too long".into())));
    let allowed = |id: &[u8]| {
        let options = OPTIONS.replace("[]", &json!([{"id": encode(id), "type": "public-key"}]).to_string());
        check(&assertion(), &options)
    };
    assert!(allowed(b"credential").is_ok());
    assert_eq!(allowed(b"another"), Err(BadAssertion::Credential));
}

#[test]
fn a_user_handle_is_passed_on_as_browsers_write_it_or_refused() {
    let handle = |given: Value| with(|one| one["response"]["userHandle"] = given);
    let passed_on = |given: Value| {
        let checked = handle(given.clone()).unwrap_or_else(|error| panic!("{given}: {error}"));
        serde_json::from_str::<Value>(&checked.json).expect("JSON")["response"]["userHandle"].clone()
    };
    assert_eq!(passed_on(json!("-_8")), "-_8");
    for same in ["+/8=", "-_8=", "+/8", "-_8=="] {
        assert_eq!(passed_on(json!(same)), "-_8", "{same}");
    }
    for none in [json!(null), json!(""), json!("=")] {
        assert_eq!(passed_on(none), Value::Null);
    }
    let without = with(|one| drop(one["response"].as_object_mut().expect("an object").remove("userHandle")));
    assert_eq!(without, check(&assertion(), OPTIONS));
    assert_eq!(passed_on(json!(encode([7; 64]))), encode([7; 64]));
    for (bad, says) in [
        (json!("%%%"), "userHandle is not base64url"),
        (json!("a b"), "userHandle is not base64url"),
        (json!("A"), "userHandle is not base64url"),
        (json!(encode([7; 65])), "userHandle is too long"),
        (json!("A".repeat(9_000)), "userHandle is too long"),
        (json!(7), "userHandle is not a text"),
    ] {
        assert_eq!(handle(bad.clone()), Err(BadAssertion::Shape(says.into())), "{bad}");
    }
}

#[test]
fn what_is_no_assertion_is_refused_in_plain_words_and_not_repeated() {
    let why = |text: &str| match check(&pasted(text), OPTIONS) {
        Err(BadAssertion::Shape(why)) => why,
        other => panic!("{text}: {other:?}"),
    };
    let without = |name: &str| {
        let mut changed = assertion();
        changed["response"].as_object_mut().expect("an object").remove(name);
        changed.to_string()
    };
    for (text, expected) in [
        ("hello", "it is not JSON"),
        ("", "it is not JSON"),
        ("undefined", "it is not JSON"),
        ("\"hello\"", "it is not JSON"),
        ("\"\\\"hello\\\"\"", "it is not a JSON object"),
        ("null", "it is not a JSON object"),
        ("[1]", "it is not a JSON object"),
        ("{}", "id is missing"),
        (r#"{"id": "AQ", "rawId": 7, "type": "public-key"}"#, "rawId is not a text"),
        (r#"{"id": "AQ", "rawId": "AQ", "type": "public-key", "response": "a secret"}"#, "clientDataJSON is missing"),
        (&without("signature"), "signature is missing"),
    ] {
        assert_eq!(why(text), expected, "{text}");
    }
    let odd = with(|one| one["response"]["userHandle"] = json!(["a secret"]));
    assert_eq!(odd, Err(BadAssertion::Shape("userHandle is not a text".into())));
}

#[test]
fn an_assertion_that_was_copied_with_its_quotes_is_unwrapped_once() {
    let plain = assertion().to_string();
    let checked = check(&assertion(), OPTIONS);
    assert!(checked.is_ok());
    for text in
        [plain.clone(), format!(" {plain}\n"), json!(plain).to_string(), format!("'{plain}'"), format!("`{plain}`")]
    {
        assert_eq!(check(&pasted(&text), OPTIONS), checked, "{text}");
    }
    assert!(check(&pasted(&json!(json!(plain).to_string()).to_string()), OPTIONS).is_err(), "once");
}

#[test]
fn whatsapp_says_how_long_it_waits() {
    assert_eq!(timeout_ms(OPTIONS), 600_000);
    assert_eq!(timeout_ms(&OPTIONS.replace("600000", "60000")), 60_000);
    assert_eq!(timeout_ms(&OPTIONS.replace("600000", "60000.5")), 60_000);
    let float = OPTIONS.replace("600000", "60000.0");
    assert!(check(&assertion(), &float).is_ok(), "a timeout that is not whole leaves the rest readable");
    for odd in ["", "{}", r#"{"challenge":"AA"}"#, r#"{"challenge":"AA","timeout":99999999}"#] {
        assert_eq!(timeout_ms(odd), 600_000, "{odd}");
    }
}

#[test]
fn a_snippet_holds_the_request_as_whatsapp_made_it() {
    let request: Value = serde_json::from_str(OPTIONS).expect("JSON");
    assert!(snippet(OPTIONS).contains(&format!("parseRequestOptionsFromJSON({request})")));
    assert_eq!(snippet("alert(1)"), "");
}
