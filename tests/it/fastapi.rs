//! The checks of a body against what they stand for: FastAPI with pydantic v1 itself, in `oracle/oracle.py`. Both are
//! asked about each body of `fastapi/corpus.rs`, and must say the same of it.

mod chosen;
mod corpus;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wachat::api::fields::{self, Fault, MediaParams, MessageParams, Source};
use wachat::api::problem::Problem;
use wachat::media::kind::MediaKind;
use wachat::{limits, phone};

use corpus::Case;

const COUNTRY_CODE: &str = "62";
/// How many differences are shown.
const SHOWN_MAX: usize = 20;
/// In the order of the documentation, which is the order of the faults.
const FIELDS: [&str; 14] = [
    "sender",
    "queue",
    "timeout",
    "is_group",
    "destination",
    "priority",
    "tag",
    "message",
    "caption",
    "media_url",
    "media_base64",
    "file_name",
    "kind",
    "__root__",
];

/// Where we answer otherwise than pydantic could be told to; the rest of what the contract adds to it stands in the
/// oracle's models, each step under its sentence.
struct Departure {
    /// The sentence of the contract, or the limit, that it comes from.
    source: &'static str,
    /// Makes the oracle's answer the one that is wanted of us.
    apply: fn(&Case, &mut Value),
}

const DEPARTURES: [Departure; 3] = [
    Departure {
        source: "A number that no numbering plan allows is 422. With `is_group: true` it is a group id, with or \
            without `@g.us`.",
        apply: judge_destination,
    },
    Departure { source: "`media_url` must be an http(s) URL with a host", apply: name_the_host },
    Departure { source: "limits.rs: how deep JSON may nest", apply: refuse_depth },
];

#[test]
fn every_body_is_judged_as_fastapi_with_pydantic_judges_it() {
    let cases = corpus::cases();
    assert!(cases.len() >= 2_000, "{} cases", cases.len());
    let answers = ask_oracle(&cases);
    let mut departed = [0_usize; DEPARTURES.len()];
    let mut differences = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let mut wanted = answer.clone();
        for (departure, count) in DEPARTURES.iter().zip(&mut departed) {
            let before = wanted.clone();
            (departure.apply)(case, &mut wanted);
            *count += usize::from(wanted != before);
        }
        wanted.as_object_mut().expect("an object").remove("destination");
        let ours = ask_us(case);
        if ours != wanted {
            let body = String::from_utf8_lossy(&case.body);
            let shown: String = body.chars().take(300).collect();
            differences.push(format!(
                "{} {shown}\n  the oracle: {answer}\n  wanted:     {wanted}\n  ours:       {ours}",
                case.path
            ));
        }
    }
    let mut report = String::new();
    for difference in differences.iter().take(SHOWN_MAX) {
        writeln!(report, "{difference}").expect("a string takes it");
    }
    assert!(differences.is_empty(), "{} of {} bodies are judged otherwise:\n{report}", differences.len(), cases.len());
    for (departure, count) in DEPARTURES.iter().zip(departed) {
        assert!(count > 0, "no body needs this departure: {}", departure.source);
    }
}

fn ask_oracle(cases: &[Case]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/tools/python/bin/python");
    assert!(python.exists(), "run `cargo xtask test`, which installs what this needs");
    let mut oracle = Command::new(python)
        .arg("-I")
        .arg(root.join("tests/it/oracle/oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = oracle.stdin.take().expect("a pipe");
    let mut lines = String::new();
    for case in cases {
        let line = json!({"path": case.path, "body_base64": STANDARD.encode(&case.body)});
        writeln!(lines, "{line}").expect("a string takes it");
    }
    let output = std::thread::scope(|scope| {
        // A broken pipe means that the oracle stopped, of which its exit status says more.
        scope.spawn(move || stdin.write_all(lines.as_bytes()));
        oracle.wait_with_output().expect("the oracle is heard")
    });
    assert!(output.status.success(), "the oracle stopped with {}", output.status);
    let answers: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect();
    assert_eq!(answers.len(), cases.len());
    answers
}

fn ask_us(case: &Case) -> Value {
    let values = match case.path {
        "message" => fields::message(&case.body, COUNTRY_CODE).map(|params| message_values(&params)),
        _ => fields::media(&case.body, COUNTRY_CODE).map(|params| media_values(&params)),
    };
    match values {
        Ok(values) => json!({"status": 200, "values": values}),
        Err(Problem::BadRequest(_)) => json!({"status": 400}),
        Err(Problem::Invalid(faults)) => {
            json!({"status": 422, "detail": faults.iter().map(fault_value).collect::<Vec<_>>()})
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn fault_value(fault: &Fault) -> Value {
    json!({"loc": fault.loc, "msg": fault.msg, "type": fault.kind})
}

fn message_values(params: &MessageParams) -> Value {
    json!({
        "sender": params.sender, "queue": params.queue, "timeout": params.timeout_seconds, "is_group": params.is_group,
        "destination": params.destination, "priority": params.priority.name(), "tag": params.tag, "message": params.message,
    })
}

fn media_values(params: &MediaParams) -> Value {
    let (url, base64) = match &params.source {
        Source::Url(url) => (Some(url), None),
        Source::Bytes(bytes) => (None, Some(STANDARD.encode(bytes))),
    };
    json!({
        "sender": params.sender, "queue": params.queue, "timeout": params.timeout_seconds, "is_group": params.is_group,
        "destination": params.destination, "priority": params.priority.name(), "tag": params.tag, "caption": params.caption, "media_url": url, "media_base64": base64,
        "file_name": params.file_name, "kind": params.kind.map(MediaKind::name),
    })
}

/// pydantic takes any text; `phone.rs` says which are numbers and groups.
fn judge_destination(_: &Case, answer: &mut Value) {
    let Some(text) = answer["destination"]["text"].as_str().map(str::to_owned) else { return };
    let parsed = match answer["destination"]["is_group"] == true {
        true => phone::parse_group(&text),
        false => phone::parse_recipient(&text, COUNTRY_CODE),
    };
    match parsed {
        Ok(destination) if answer["status"] == 200 => answer["values"]["destination"] = destination.into(),
        Ok(_) => {}
        Err(bad) => {
            let mut faults = answer["detail"].as_array().cloned().unwrap_or_default();
            let place = |fault: &Value| FIELDS.iter().position(|name| fault["loc"][1] == *name);
            let fault = json!({"loc": ["body", "destination"], "msg": bad.to_string(), "type": "value_error"});
            let at = faults.iter().take_while(|other| place(other) < place(&fault)).count();
            faults.insert(at, fault);
            *answer = json!({"status": 422, "detail": faults});
        }
    }
}

/// A host that the domain name system cannot be asked for is none; pydantic lets Python's codec say so in its own words.
fn name_the_host(_: &Case, answer: &mut Value) {
    for fault in answer.get_mut("detail").and_then(Value::as_array_mut).into_iter().flatten() {
        if fault["type"].as_str().is_some_and(|kind| kind.starts_with("value_error.unicode")) {
            *fault = json!({"loc": ["body", "media_url"], "msg": "URL host invalid", "type": "value_error.url.host"});
        }
    }
}

/// Python goes some hundreds of levels deeper, then answers 400 too.
fn refuse_depth(case: &Case, answer: &mut Value) {
    let (mut depth, mut deepest, mut is_text) = (0_usize, 0, false);
    for (at, byte) in case.body.iter().enumerate() {
        match byte {
            b'"' if at == 0 || case.body[at - 1] != b'\\' => is_text = !is_text,
            b'[' | b'{' if !is_text => depth += 1,
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > limits::JSON_DEPTH_MAX {
        *answer = json!({"status": 400});
    }
}
