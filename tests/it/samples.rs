//! Every sample program of the documentation, run as its reader would run it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use wachat::clock::Clock;

use crate::client::Client;
use crate::console::{Visitor, gateway};
use crate::process::{Place, Serving, text};
use crate::world::{ALICE, Database, KEY, eventually};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn samples() -> PathBuf {
    root().join("docs/samples")
}

fn python() -> PathBuf {
    let python = root().join("target/tools/python/bin/python");
    assert!(python.exists(), "{}: run `cargo xtask test`, which makes it", python.display());
    python
}

/// The program of a language for an endpoint.
fn sample(language: &str, endpoint: &str) -> Command {
    let folder = samples().join(language);
    let with = |program: &Path, ending: &str| {
        let mut command = Command::new(program);
        command.arg(format!("{endpoint}.{ending}"));
        command
    };
    let mut command = match language {
        "curl" => with(Path::new("sh"), "sh"),
        "python" => with(&python(), "py"),
        "php" => with(Path::new("php"), "php"),
        "node" => with(Path::new("node"), "js"),
        "ruby" => with(Path::new("ruby"), "rb"),
        "go" => {
            let mut command = Command::new("go");
            command.args(["run", &format!("./{endpoint}")]);
            command
        }
        other => panic!("{other} is no language of the samples"),
    };
    command.current_dir(folder);
    command
}

/// Runs the five samples of a language against a gateway.
async fn run_language(language: &'static str) {
    let place = Place::new(Database::Sqlite).await;
    let serving = place.serve().await;
    let device = place.json(&["device", "list", "--json"]).await[0].clone();
    let mut ref_no = String::new();
    for endpoint in ["auth", "sender", "message", "media", "status"] {
        let mut command = sample(language, endpoint);
        command
            .env("WACHAT_URL", format!("http://{}", serving.client.address))
            .env("WACHAT_API_KEY", KEY)
            .env("WACHAT_DEVICE_ID", device["device_id"].as_str().expect("an id"))
            .env("WACHAT_SENDER", device["sender"].as_str().expect("a sender"))
            .env("WACHAT_DESTINATION", ALICE)
            .env("WACHAT_REF_NO", &ref_no);
        let output = run(command).await;
        let named = format!("{language}/{endpoint}");
        assert!(output.status.success(), "{named}: {}", text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{named}: {output:?}"));
        assert_eq!(answer["error"], false, "{named}: {answer}");
        let data = &answer["data"];
        match endpoint {
            "auth" => assert_eq!(data["userid"], "admin"),
            "sender" => assert_eq!(data["name"], "Sandbox"),
            "status" => assert_eq!(data["ref_no"], ref_no.as_str()),
            _ => {
                assert_eq!(data["destination"], ALICE, "{named}: {answer}");
                ref_no = data["ref_no"].as_str().expect("a ref_no").to_owned();
                until_read(&serving, &ref_no).await;
            }
        }
    }
    // What goes wrong is told on standard error, and by the exit status.
    let mut command = sample(language, "auth");
    command.env("WACHAT_URL", format!("http://{}", serving.client.address)).env("WACHAT_API_KEY", "NOBODYS");
    let output = run(command).await;
    assert!(!output.status.success() && text(&output.stderr).contains("unknown"), "{language}: {output:?}");
    assert!(serving.terminate().await.success());
}

async fn run(mut command: Command) -> std::process::Output {
    tokio::task::spawn_blocking(move || command.output()).await.expect("it ran").expect("it started")
}

async fn until_read(serving: &Serving, ref_no: &str) {
    eventually("it is read", async || {
        let status = serving.client.get(&format!("/status/{ref_no}")).await;
        if status.body["data"]["status"] == "R" { Ok(()) } else { Err(status.text) }
    })
    .await;
}

/// A receiver; ended when it is dropped.
struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plays two inbound messages, one of them twice, to a receiver of the samples.
async fn run_receiver(mut command: Command, port: u16) {
    let place = Place::new(Database::Sqlite).await;
    let serving = place.serve().await;
    let url = format!("http://127.0.0.1:{port}/inbox");
    let secret = place.json(&["push", "set", "--url", &url, "--json"]).await["secret"].clone();
    let inbox = place.folder.path().join("inbox.jsonl");
    command.env("WACHAT_PUSH_SECRET", secret.as_str().expect("a secret")).env("WACHAT_INBOX", &inbox);
    command.current_dir(samples().join("push")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _listening = Listening(command.spawn().expect("it starts"));
    eventually("the receiver listens", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| error.to_string())
    })
    .await;
    let lines = || -> Vec<Value> {
        let written = std::fs::read_to_string(&inbox).unwrap_or_default();
        written.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    };
    let mut ids = Vec::new();
    for words in ["Halo & 😀", "again"] {
        let received = place.json(&["sandbox", "receive", "--from", ALICE, "--text", words, "--json"]).await;
        ids.push(received["id"].as_str().expect("an id").to_owned());
        eventually(
            "it is written",
            async || {
                if lines().len() == ids.len() { Ok(()) } else { Err(format!("{:?}", lines())) }
            },
        )
        .await;
    }
    let written = lines();
    for field in [
        "id",
        "gateway_number",
        "originator",
        "receive_date",
        "msg",
        "type",
        "media_url",
        "file_name",
        "is_group",
        "group_id",
        "name",
        "about",
        "sent_date",
        "media_pending",
    ] {
        assert!(written[0].get(field).is_some(), "{field} is kept: {}", written[0]);
    }
    assert_eq!((&written[0]["msg"], &written[0]["originator"]), (&Value::from("Halo & 😀"), &Value::from(ALICE)));
    place.json(&["push", "replay", "--id", &ids[0], "--json"]).await;
    eventually("the replay is done", async || {
        let pushes = place.json(&["push", "list", "--status", "due", "--json"]).await;
        if pushes.as_array().is_some_and(Vec::is_empty) { Ok(()) } else { Err(pushes.to_string()) }
    })
    .await;
    assert_eq!(lines().len(), 2, "a repeated message is not written twice");
    let stranger = Client::new(([127, 0, 0, 1], port).into(), "");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("webhook-id", "x"),
        ("webhook-timestamp", "1790000000"),
        ("webhook-signature", "v1,AAAA"),
    ];
    assert_eq!(stranger.ask("POST", "/inbox", &headers, Some(b"id=x&msg=forged".to_vec())).await.status, 401);
    assert_eq!(lines().len(), 2);
    // A message whose file comes later is pushed again under its id; a late try of the first push changes nothing.
    let mut kept = 2;
    for (pending, link) in [("true", ""), ("false", "http://a/media/b"), ("true", "")] {
        let body = format!("id=late&type=image&msg=look&media_pending={pending}&media_url={link}");
        let headers = signed(&secret, &body);
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let reply = stranger.ask("POST", "/inbox", &headers, Some(body.into_bytes())).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        kept = (kept + 1).min(4);
        assert_eq!(lines().len(), kept, "{pending}");
    }
    let last = lines().pop().expect("a line");
    assert_eq!((&last["media_pending"], &last["media_url"]), (&Value::from("false"), &Value::from("http://a/media/b")));
    assert!(serving.terminate().await.success());
}

/// The headers of a push with this body, signed now.
fn signed(secret: &Value, body: &str) -> [(&'static str, String); 4] {
    let key = STANDARD
        .decode(secret.as_str().and_then(|text| text.strip_prefix("whsec_")).expect("a secret"))
        .expect("base64");
    let now = (Clock::system().now() / 1_000).to_string();
    let mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key").chain_update(format!("late.{now}.{body}"));
    [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("webhook-id", "late".to_owned()),
        ("webhook-timestamp", now),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))),
    ]
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn the_curl_samples_work() {
    run_language("curl").await;
}

#[tokio::test]
async fn the_python_samples_work() {
    run_language("python").await;
}

#[tokio::test]
async fn the_php_samples_work() {
    run_language("php").await;
}

#[tokio::test]
async fn the_node_samples_work() {
    run_language("node").await;
}

#[tokio::test]
async fn the_go_samples_work() {
    run_language("go").await;
}

#[tokio::test]
async fn the_ruby_samples_work() {
    run_language("ruby").await;
}

/// What a browser shows for a piece of HTML without elements.
fn shown(html: &str) -> String {
    let mut parts = html.split('&');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (name, behind) = part.split_once(';').expect("an escape has an end");
        let number =
            name.strip_prefix('#').map(|digits| digits.strip_prefix('x').map_or((digits, 10), |hex| (hex, 16)));
        let character = match (name, number) {
            (_, Some((digits, radix))) => u32::from_str_radix(digits, radix).ok().and_then(char::from_u32),
            ("amp", _) => Some('&'),
            ("lt", _) => Some('<'),
            ("gt", _) => Some('>'),
            ("quot", _) => Some('"'),
            _ => None,
        };
        format!("{text}{}{behind}", character.unwrap_or_else(|| panic!("&{name}; is no escape")))
    })
}

/// The programs on the console's page, copied from there, with the key put in, each alone in a folder.
#[tokio::test]
async fn the_samples_of_the_console_work_as_they_are_copied() {
    let world = gateway(Database::Sqlite).await;
    let page = Visitor::administrator(&world).await.get("/console/api").await;
    let samples: Vec<&str> = page.text.split("<summary>").skip(1).collect();
    assert_eq!(samples.len(), 6);
    for sample in samples {
        let between = |before: &str, after: &str| {
            shown(sample.split_once(before).expect("it").1.split_once(after).expect("it").0)
        };
        let (language, run_with) = (between("", "</summary>"), between("Run it with <code>", "</code>"));
        let (element, text) =
            sample.split_once("<code id=\"sample-").and_then(|(_, code)| code.split_once("\">")).expect("a sample");
        let text = shown(text.split_once("</code>").expect("its end").0);
        assert!(sample.contains(&format!("data-copy=\"sample-{element}\"")), "{language}");
        assert_eq!(text.matches("YOUR_API_KEY").count(), 1, "{language}");
        let folder = tempfile::tempdir().expect("a folder");
        let words: Vec<&str> = run_with.split(' ').collect();
        std::fs::write(folder.path().join(words.last().expect("a file")), text.replace("YOUR_API_KEY", KEY))
            .expect("written");
        let program = match words[0] {
            "python3" => python(),
            "node" => {
                // What `npm install` would put there.
                std::os::unix::fs::symlink(
                    self::samples().join("node/node_modules"),
                    folder.path().join("node_modules"),
                )
                .expect("a link");
                PathBuf::from("node")
            }
            other => PathBuf::from(other),
        };
        let mut command = Command::new(program);
        command.args(&words[1..]).current_dir(folder.path());
        for name in ["WACHAT_URL", "WACHAT_API_KEY", "WACHAT_DEVICE_ID", "WACHAT_DESTINATION"] {
            command.env_remove(name);
        }
        let output = run(command).await;
        assert!(output.status.success(), "{language}: {}", self::text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{language}: {output:?}"));
        assert_eq!(answer["data"]["destination"], "6281234567890", "{language}: {answer}");
        let message = world.until(answer["data"]["ref_no"].as_str().expect("a ref_no"), "R").await;
        assert_eq!(message["message"], "Hello from wachat 👋\nThis is the second line.", "{language}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_flask_receiver_works() {
    let port = free_port();
    let mut command = Command::new(python());
    command.arg("receiver.py").env("PORT", port.to_string());
    run_receiver(command, port).await;
}

#[tokio::test]
async fn the_php_receiver_works() {
    let port = free_port();
    let mut command = Command::new("php");
    command.args(["-S", &format!("127.0.0.1:{port}"), "receiver.php"]);
    run_receiver(command, port).await;
}

/// The controller runs in a harness that stands in for the parts of Laravel that it uses.
#[tokio::test]
async fn the_laravel_receiver_works() {
    let folder = samples().join("push/laravel");
    for file in ["WachatController.php", "WachatSignature.php", "routes.php", "create_wachat_inbox_table.php"] {
        let mut command = Command::new("php");
        command.arg("-l").arg(folder.join(file));
        let output = run(command).await;
        assert!(output.status.success(), "{file}: {}{}", text(&output.stdout), text(&output.stderr));
    }
    let port = free_port();
    let mut command = Command::new("php");
    let harness = root().join("tests/it/laravel/harness.php");
    command.args(["-S", &format!("127.0.0.1:{port}")]).arg(harness);
    run_receiver(command, port).await;
}
