//! The API as its OpenAPI document says it is: Schemathesis makes thousands of requests of the document, good ones and bad
//! ones, and compares what is answered with it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::imports;
use crate::operations::text;
use crate::world::{Database, KEY, Other, World};

/// Requests of each operation, beside those that each value of its schema gives: about 5,000 in all. `SCHEMATHESIS_EXAMPLES` in the
/// environment is a number for a longer run.
const EXAMPLES: &str = "40";
/// The same requests each time, unless `SCHEMATHESIS_SEED` gives others.
const SEED: &str = "20261130";
/// What is compared with the document.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// What the requests name, as `schemathesis/hooks.py` reads it.
async fn things(world: &World, subject: &Other) -> Value {
    let (client, id) = (&subject.client, subject.client_id);
    let made = async |method: &str, path: &str, body: Value| {
        let reply = client.manage(method, path, Some(body)).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.text);
        reply.body["data"].clone()
    };
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = json!({"person_id": subject.person_id});
        keys.push(made("POST", &format!("/clients/{id}/keys"), key).await["id"].clone());
    }
    let mut devices = Vec::new();
    for _ in 0..3 {
        devices.push(made("POST", "/devices", json!({"kind": "web"})).await["device_id"].clone());
    }
    let mut files = Vec::new();
    for name in ["kept", "removed"] {
        let file = "destination,message\n628111119871,hello\nnonsense,hello\n";
        let given = imports::give(client, file, &format!("?campaign={name}")).await;
        files.push(given.body["data"]["id"].clone());
    }
    let person = json!({"userid": "subject", "role": "sender"});
    let person = made("POST", &format!("/clients/{id}/persons"), person).await["id"].clone();
    let message = json!({"from": "628111119872", "text": "hello"});
    let inbound = made("POST", &format!("/devices/{}/receive", subject.device_id), message).await["id"].clone();
    let message = json!({"destination": "628111119871", "message": "hello"});
    let sent = text(&client.post("/message", &message).await.body["data"]["ref_no"]);
    let own = world.send("628111119871", "hello").await;
    json!({
        "client_id": [id],
        "person_id": [person],
        "key_id": [keys[0]],
        "device_id": [subject.device_id, devices[0]],
        "queue": [subject.device_id],
        "import_id": [files[0]],
        "ref_no": [sent],
        "message_ref_no": [own],
        "id": [inbound],
        "chat": ["628111119872"],
        "originator": ["628111119872"],
        "destination": ["628111119871"],
        "sender": [world.sender],
        "spare": {"device_id": devices[1..], "key_id": [keys[1]], "import_id": [files[1]]},
    })
}

#[allow(clippy::disallowed_methods, reason = "of this story alone")]
fn run(world: &World, things: &Value) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/tools/schemathesis/bin/st");
    assert!(program.exists(), "run `cargo xtask test`, which installs what this needs");
    let of_environment = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let (examples, seed) =
        (of_environment("SCHEMATHESIS_EXAMPLES", EXAMPLES), of_environment("SCHEMATHESIS_SEED", SEED));
    let mut command = Command::new(program);
    command.args(["run", &format!("http://{}/openapi.json", world.address), "--header", &format!("APIKey: {KEY}")]);
    command.args(["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", &examples, "--seed", &seed]);
    // One worker: requests come in the same order each time, and Python 3.11 parses in one thread only.
    command.args(["--workers", "1", "--continue-on-failure", "--no-shrink", "--request-timeout", "60"]);
    command.args(["--generation-database", "none", "--warnings", "off", "--output-sanitize", "false", "--no-color"]);
    command.env("WACHAT_THINGS", things.to_string()).env("SCHEMATHESIS_HOOKS", "hooks");
    command.env("PYTHONPATH", root.join("tests/it/schemathesis")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.current_dir(world.folder()).stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout, reason = "with --nocapture it says how many requests it made")]
async fn what_is_answered_is_what_the_document_says() {
    let world = World::new(Database::Sqlite).await;
    let subject = world.add_client("subject", "628110007001").await;
    let mut command = run(&world, &things(&world, &subject).await);
    let output: Output =
        tokio::task::spawn_blocking(move || command.output().expect("Schemathesis starts")).await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let counted = said.lines().find_map(|line| line.trim().split_once(" generated")?.0.parse::<usize>().ok());
    assert!(counted.is_some_and(|count| count >= 4_000), "{counted:?} requests: {said}");
    println!("{} requests, all answered as documented", counted.unwrap_or_default());
    // The key that asked is good still, and the gateway well.
    assert_eq!(world.client.get("/auth/api_key").await.status, 200);
    world.stop().await;
}
