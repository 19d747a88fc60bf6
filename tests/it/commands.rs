//! The command line, as an operator types it, beside a running server.

use serde_json::{Value, json};

use crate::process::{Place, holds, text};
use crate::receiver::{Answer, Receiver};
use crate::world::{ALICE, Database, KEY, eventually, stories};

stories! {
    async fn every_command_works_beside_a_running_server(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let devices = place.json(&["device", "list", "--json"]).await;
        let device = &devices[0];
        for name in ["device_id", "sender", "name", "kind", "state", "client_id", "counter", "limit"] {
            assert!(device.get(name).is_some(), "{name} in {device}");
        }
        assert_eq!((&device["kind"], &device["client_id"]), (&json!("sandbox"), &json!(1)));
        assert_eq!((&device["pacing"]["gap_ms"], &device["pacing"]["quiet_from"]), (&json!(0), &Value::Null));

        let key = place.json(&["key", "create", "--client", "1", "--user", "toko", "--json"]).await;
        let made = serving.client.with_key(key["api_key"].as_str().expect("a key")).get("/auth/api_key").await;
        assert_eq!(made.body["data"]["userid"], "toko");
        let legacy = "11055-legacy-key-of-a-customer";
        place.json(&["key", "import", legacy, "--client", "1", "--user", "toko", "--json"]).await;
        assert_eq!(serving.client.with_key(legacy).get("/auth/api_key").await.status, 200);

        let added = place
            .json(&["device", "add", "--client", "1", "--kind", "sandbox", "--sender", "628110000077", "--device-id", "11055-171379261223689", "--json"])
            .await;
        assert_eq!((&added["device_id"], &added["sender"]), (&json!("11055-171379261223689"), &json!("628110000077")));
        // The server hears of it from the store.
        let body = json!({"queue": "11055-171379261223689", "destination": ALICE, "message": "hello"});
        let accepted = eventually("the new device is known", async || {
            let reply = serving.client.with_key(legacy).post("/message", &body).await;
            if reply.status == 201 { Ok(reply.body["data"]["ref_no"].clone()) } else { Err(reply.text) }
        })
        .await;
        let watched = place.run(&["status", accepted.as_str().expect("a ref_no"), "--watch"]).await;
        assert!(watched.status.success() && text(&watched.stdout).contains("R READ"), "{}", text(&watched.stdout));

        let sent = place.json(&["send", "--to", ALICE, "--text", r"two\nlines", "--json"]).await;
        let ref_no = sent["ref_no"].as_str().expect("a ref_no");
        place.run(&["status", ref_no, "--watch"]).await;
        let status = serving.client.get(&format!("/status/{ref_no}")).await;
        assert_eq!((&status.body["data"]["status"], &status.body["data"]["message"]), (&json!("R"), &json!("two\nlines")));

        assert!(place.fails(&["cancel", ref_no]).await.contains("cannot be cancelled"));
        for words in [
            vec!["client", "add", "--name", "Second", "--json"],
            vec!["client", "set", "--client", "2", "--country-code", "60", "--json"],
            vec!["client", "list", "--json"],
            vec!["user", "add", "budi", "--client", "2", "--role", "owner", "--json"],
            vec!["user", "list", "--client", "2", "--json"],
            vec!["user", "disable", "budi", "--json"],
            vec!["user", "enable", "budi", "--json"],
            vec!["user", "set-password", "budi", "--json"],
            vec!["key", "list", "--client", "1", "--json"],
            vec!["device", "pause", "11055-171379261223689", "--json"],
            vec!["device", "resume", "11055-171379261223689", "--json"],
            vec!["device", "set", "11055-171379261223689", "--name", "Toko", "--gap-ms", "10", "--json"],
            vec!["device", "set", "11055-171379261223689", "--gap-jitter-ms", "5", "--quiet", "21:00-07:00", "--json"],
            vec!["device", "list", "--json"],
            vec!["device", "remove", "11055-171379261223689", "--json"],
            vec!["user", "set-role", "budi", "sender", "--json"],
            vec!["push", "show", "--client", "1", "--json"],
            vec!["push", "list", "--client", "1", "--json"],
        ] {
            place.json(&words).await;
            let table = place.run(&words[..words.len() - 1]).await;
            // What can be done once only may refuse the second time, in words.
            assert!(table.status.success() || text(&table.stderr).starts_with("wachat: "), "{words:?}");
        }
        assert_eq!(place.json(&["client", "list", "--json"]).await[1]["country_code"], "60");
        // A customer's device that was removed can be brought back under the id that is in his programs.
        let again = ["device", "add", "--client", "2", "--kind", "sandbox", "--sender", "628110000077", "--device-id"];
        place.json(&[&again[..], &["11055-171379261223689", "--json"]].concat()).await;
        assert!(place.fails(&[&again[..], &["11055-171379261223689"]].concat()).await.contains("is there already"));
        assert!(serving.terminate().await.success());
    }

    async fn a_terminal_says_why_a_message_waits_and_when_it_is_given_up(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let devices = place.json(&["device", "list", "--json"]).await;
        let device = devices[0]["device_id"].as_str().expect("an id").to_owned();
        place.json(&["device", "pause", &device, "--json"]).await;
        let sent = place.json(&["send", "--to", "628111111111", "--text", "wait", "--json"]).await;
        let ref_no = sent["ref_no"].as_str().expect("a ref_no").to_owned();
        let shown = place.json(&["status", &ref_no, "--json"]).await;
        assert_eq!((&shown["reason_code"], &shown["waits_until"]), (&"paused".into(), &Value::Null), "{shown}");
        let line = text(&place.run(&["status", &ref_no]).await.stdout);
        let (reason, expiry) = (shown["reason"].as_str().expect("a reason"), shown["expire_date"].as_str().expect("a date"));
        assert!(line.contains(&format!(": {reason}")) && line.contains(&format!(", expires {expiry}")), "{line}");
        assert!(line.trim_end().ends_with("[SANDBOX]"), "{line}");
        place.json(&["device", "resume", &device, "--json"]).await;
        let read = place.run(&["status", &ref_no, "--watch"]).await;
        let last = text(&read.stdout).lines().last().unwrap_or_default().to_owned();
        assert!(last.starts_with("R ") && !last.contains("expires"), "{last}");
        assert!(serving.terminate().await.success());
    }

    async fn an_inbound_message_played_by_hand_reaches_the_push_url(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        let set = place.json(&["push", "set", "--client", "1", "--url", &receiver.url("/in"), "--json"]).await;
        assert!(set["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
        let received = place.json(&["sandbox", "receive", "--from", "0812-3456-7890", "--text", "Halo", "--json"]).await;
        let asked = receiver.until(1).await.remove(0);
        assert_eq!((asked.field("id").as_deref(), asked.field("originator").as_deref()), (received["id"].as_str(), Some("6281234567890")));
        let replayed = place.json(&["push", "replay", "--hours", "1", "--json"]).await;
        assert_eq!(replayed["replayed"], 1);
        receiver.until(2).await;
        assert!(serving.terminate().await.success());
    }

    async fn a_campaign_is_queued_once_however_often_it_is_imported(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let file = place.folder.path().join("campaign.csv");
        let row = |at: usize| format!("62811200{:04},\"Hello {at}, \\nsecond line\"\n", 1_000 + at);
        let rows = |count: usize| (0..count).map(row).collect::<String>();
        let path = file.to_str().expect("a path").to_owned();
        // A break: the first run saw only the beginning of the file.
        std::fs::write(&file, format!("destination,message\n{}", rows(300))).expect("a file");
        let report = place.json(&["import", &path, "--json"]).await;
        assert_eq!((&report["accepted"], &report["known"]), (&json!(300), &json!(0)), "{report}");
        let bad = "12,too short\n628111111111,\n\"628111111111\",hello, unquoted\n628111111111,é\n";
        std::fs::write(&file, format!("destination,message\n{}{bad}", rows(500))).expect("a file");
        let dry = place.run(&["import", &path, "--dry-run"]).await;
        assert_eq!(dry.status.code(), Some(3), "{}", text(&dry.stderr));
        let printed = text(&dry.stdout);
        assert!(printed.starts_with("201 would be queued, 300 known already, 3 rejected"), "{printed}");
        for line in [
            "\nread as csv in UTF-8, separated by ','\n",
            "\nIndonesia                    501\n",
            "\nline 2: 628112001000 (known)\n",
        ] {
            assert!(printed.contains(line), "{line}: {printed}");
        }
        let output = place.run(&["import", &path, "--json"]).await;
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&report["accepted"], &report["known"]), (&json!(201), &json!(300)), "{report}");
        let lines: Vec<_> = report["refused"].as_array().expect("rows").iter().map(|row| row["line"].clone()).collect();
        assert_eq!(report["countries"], json!([{"country": "ID", "name": "Indonesia", "count": 501}]), "{report}");
        // A message with a line break in quotes counts as the lines it has; ours are escapes, so a row is a line.
        assert_eq!(lines, [json!(502), json!(503), json!(504)], "{report}");
        let again = place.run(&["import", &path]).await;
        assert!(text(&again.stdout).starts_with("0 queued, 501 known already, 3 rejected\nline 502: "), "{}", text(&again.stdout));
        let counts = serving.client.manage("GET", "/messages/counts", None).await;
        let all: i64 = counts.body["data"].as_object().expect("counts").values().filter_map(Value::as_i64).sum();
        assert_eq!(all, 501);
        let listed = serving.client.manage("GET", "/messages?text=Hello%20499&limit=1", None).await;
        assert_eq!(listed.body["data"]["items"][0]["message"], "Hello 499, \nsecond line");
        assert!(serving.terminate().await.success());
    }

    async fn commands_find_the_client_from_what_they_are_given(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let only = place.json(&["send", "--to", ALICE, "--text", "x", "--json"]).await;
        assert!(only["ref_no"].is_string(), "the only client needs no name");
        place.json(&["client", "add", "--name", "Toko Budi", "--json"]).await;
        let (id, sender) = ("11055-000000000000022", "628110000022");
        place.json(&["device", "add", "--client", "2", "--kind", "sandbox", "--sender", sender, "--device-id", id, "--json"]).await;
        place.json(&["key", "create", "--client", "2", "--user", "budi", "--json"]).await;
        // The id, the number, the person, the reference number and the inbound id lead to client 2.
        let sent = place.json(&["send", "--device", id, "--to", ALICE, "--text", "x", "--json"]).await;
        assert_eq!(sent["queue"], id);
        let sent = place.json(&["send", "--sender", sender, "--to", ALICE, "--text", "x", "--json"]).await;
        let ref_no = sent["ref_no"].as_str().expect("a ref_no");
        let watched = place.run(&["status", ref_no, "--watch"]).await;
        assert!(text(&watched.stdout).contains("R READ"), "{}", text(&watched.stderr));
        let key = place.json(&["key", "create", "--user", "budi", "--json"]).await;
        assert_eq!(key["client_id"], 2);
        place.json(&["key", "revoke", &key["id"].to_string(), "--json"]).await;
        let received = place.json(&["sandbox", "receive", "--device", id, "--from", ALICE, "--text", "x", "--json"]).await;
        let inbound = received["id"].as_str().expect("an id");
        assert_eq!(place.json(&["push", "replay", "--id", inbound, "--json"]).await["replayed"], 1);
        assert_eq!(place.json(&["sandbox", "receive", "--client", "2", "--from", ALICE, "--text", "x", "--json"]).await["device_id"], id);
        let file = place.folder.path().join("june.csv");
        std::fs::write(&file, format!("destination,message\n{ALICE},hello\n")).expect("written");
        let file = file.display().to_string();
        assert_eq!(place.json(&["import", &file, "--device", id, "--json"]).await["accepted"], 1);
        // Another client's waiting message is cancelled, and what has left is not.
        place.json(&["device", "pause", id, "--json"]).await;
        let waits = place.json(&["send", "--device", id, "--to", ALICE, "--text", "x", "--json"]).await;
        let waits = waits["ref_no"].as_str().expect("a ref_no");
        assert!(place.fails(&["cancel", waits, "--client", "1"]).await.contains("belongs to client 2 (Toko Budi), not to client 1"));
        place.json(&["cancel", waits, "--json"]).await;
        assert!(place.fails(&["cancel", waits]).await.contains("was aborted before"));
        assert!(place.fails(&["cancel", ref_no]).await.contains("it has left"));
        // What leads nowhere says where it was looked for; what is not clear lists the clients.
        for words in [
            vec!["status", "000000000000000000"],
            vec!["cancel", "000000000000000000"],
            vec!["send", "--device", "1-000000000000000", "--to", ALICE, "--text", "x"],
            vec!["send", "--sender", "628110000099", "--to", ALICE, "--text", "x"],
            vec!["import", &file, "--device", "1-000000000000000"],
            vec!["device", "pause", "1-000000000000000"],
            vec!["user", "disable", "nobody"],
            vec!["key", "revoke", "999"],
            vec!["push", "replay", "--id", "none"],
            vec!["push", "show", "--client", "9"],
            vec!["sandbox", "receive", "--device", "1-000000000000000", "--from", ALICE, "--text", "x"],
        ] {
            let printed = place.fails(&words).await;
            let place_name = if database == Database::Sqlite { "sqlite:" } else { "postgres://" };
            assert!(printed.contains(place_name), "{words:?} says where: {printed}");
        }
        for words in [
            vec!["send", "--to", ALICE, "--text", "x"],
            vec!["import", &file],
            vec!["push", "show"],
            vec!["push", "set", "--url", "https://shop.example/"],
            vec!["key", "list"],
            vec!["user", "list"],
            vec!["key", "create", "--user", "new"],
            vec!["sandbox", "receive", "--from", ALICE, "--text", "x"],
        ] {
            let printed = place.fails(&words).await;
            assert!(printed.contains("1 (First client), 2 (Toko Budi)"), "{words:?} lists the clients: {printed}");
        }
        assert!(serving.terminate().await.success());
    }

    async fn what_cannot_be_done_is_said_with_what_to_do(database: Database) {
        let place = Place::new(database).await;
        for words in [vec!["device", "list"], vec!["client", "add", "--name", "First"]] {
            let printed = place.fails(&words).await;
            assert!(printed.contains("there is no gateway in") && printed.contains("`wachat serve`"), "{printed}");
        }
        // On SQLite the question alone must not make a folder; PostgreSQL has to be asked.
        assert!(database == Database::Postgres || !place.data_dir().exists());
        place.serve().await.kill();
        let devices = place.json(&["device", "list", "--json"]).await;
        let sandbox = devices[0]["device_id"].as_str().expect("a device");
        let printed = place.fails(&["device", "set", sandbox, "--limit", "5"]).await;
        assert!(printed.contains("a sandbox has no daily limit"), "{printed}");
        place.json(&["device", "remove", sandbox, "--json"]).await;
        // A folder that is not the gateway's is given no key.
        let elsewhere = place.folder.path().join("elsewhere");
        let printed = place.fails(&["device", "list", "--data-dir", &elsewhere.display().to_string()]).await;
        assert!(printed.contains("there is no gateway in") && !elsewhere.exists(), "{printed}");
        let missing = place.folder.path().join("none.csv").display().to_string();
        for (words, said) in [
            (vec!["device", "pause", "1-000000000000000"], "`wachat device list`"),
            (vec!["device", "add", "--client", "9", "--kind", "sandbox", "--sender", "628110000001"], "`wachat client list`"),
            (vec!["device", "add", "--client", "1", "--kind", "sandbox"], "--sender"),
            (vec!["device", "add", "--client", "1", "--kind", "pigeon"], "sandbox, web"),
            (vec!["device", "add", "--client", "1", "--kind", "sandbox", "--sender", "12"], "--sender"),
            (vec!["key", "import", "short", "--client", "1", "--user", "x"], "16 to 128"),
            (vec!["key", "revoke", "99"], "`wachat key list`"),
            (vec!["send", "--to", ALICE, "--text", "x"], "`wachat device list`"),
            (vec!["status", "xyz"], "18 hexadecimal digits"),
            (vec!["user", "disable", "nobody"], "`wachat user list`"),
            (vec!["user", "add", "a b", "--client", "1"], "no spaces"),
            (vec!["client", "add", "--name", ""], "--name: a name has 1 to 200 characters"),
            (vec!["push", "replay", "--id", "none"], "no inbound message none"),
            (vec!["push", "list", "--status", "bogus"], "possible values: due, done, failed"),
            (vec!["--listen", "127.0.0.1:9", "device", "list"], "only `serve` takes the flags"),
            (vec!["push", "set", "--url", "ftp://x"], "http"),
            (vec!["sandbox", "receive", "--from", ALICE, "--text", "x"], "`wachat device add --kind sandbox`"),
            (vec!["import", &missing], "none.csv"),
            (vec!["nonsense"], "unrecognized subcommand"),
        ] {
            let printed = place.fails(&words).await;
            assert!(printed.contains(said), "{words:?} should say {said}: {printed}");
        }
    }
}

#[tokio::test]
async fn the_first_start_prints_what_is_needed_and_its_curl_line_works() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = place.command(&["--listen", "127.0.0.1:0"]);
    command.env_remove("WACHAT_API_KEY").env_remove("WACHAT_ADMIN_PASSWORD");
    let serving = crate::process::Serving::start(command).await;
    for name in ["SANDBOX", "Administrator", "Password", "API key", "Device id", "Sender", "/docs"] {
        assert!(serving.said.contains(name), "{name} in {}", serving.said);
    }
    let curl = &serving.said[serving.said.find("curl -X POST").expect("a curl line")..];
    let curl = &curl[..curl.find("\n\n").expect("its end")];
    let output = std::process::Command::new("sh").args(["-c", &format!("{curl} --silent")]).output().expect("a shell");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let ref_no = answer["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
    let key = serving.said.split("API key").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a key");
    let client = serving.client.with_key(key);
    eventually("it is read", async || {
        let status = client.get(&format!("/status/{ref_no}")).await;
        if status.body["data"]["status"] == "R" { Ok(()) } else { Err(status.text) }
    })
    .await;
    // Said once: a second start says where it serves and no secret.
    let secret = key.to_owned();
    assert!(serving.terminate().await.success());
    let again = place.serve().await;
    assert!(again.said.contains("API documentation") && !again.said.contains(&secret), "{}", again.said);
    again.kill();
}

#[tokio::test]
async fn help_completions_and_the_openapi_document_need_no_store() {
    let place = Place::new(Database::Sqlite).await;
    let help = text(&place.run(&["--help"]).await.stdout);
    let commands = help.split("Options:").next().and_then(|help| help.split("Commands:").nth(1)).expect("commands");
    assert!(commands.contains("  migrate "), "{help}");
    assert!(
        include_str!("../../docs/cli.md").contains(commands.trim_end()),
        "docs/cli.md lists the commands: {commands}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell]).await;
        assert!(script.status.success() && text(&script.stdout).contains("sandbox"), "{shell}");
    }
    let document = place.json(&["openapi"]).await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert!(!place.data_dir().exists());
}

#[tokio::test]
async fn a_bad_setting_is_named_with_the_place_it_came_from() {
    let place = Place::new(Database::Sqlite).await;
    let run = |words: &[&str], variable: Option<(&str, &str)>| {
        let mut command = place.command(words);
        command.envs(variable);
        command.output().expect("it runs")
    };
    for (words, variable, said) in [
        (vec!["--listen", "nowhere"], None, "--listen: 'nowhere'"),
        (vec![], Some(("WACHAT_LISTEN", "nowhere")), "WACHAT_LISTEN: 'nowhere'"),
        (vec!["--allow-network", "home"], None, "--allow-network: 'home'"),
        (vec!["--database-url", "mysql://x"], None, "sqlite: or postgres://"),
        (
            vec!["--database-url", "postgres://nobody:secret@127.0.0.1:1/x"],
            None,
            "cannot open the database postgres://127.0.0.1:1/x",
        ),
        (vec![], Some(("WACHAT_MASTER_KEY", "abc")), "64 hexadecimal digits"),
        (vec![], Some(("WACHAT_API_KEY", "short")), "WACHAT_API_KEY"),
        (vec![], Some(("WACHAT_ADMIN_PASSWORD", "short")), "WACHAT_ADMIN_PASSWORD"),
        (vec!["--config", "/nowhere/wachat.toml"], None, "/nowhere/wachat.toml"),
        (vec!["--data-dir", "/proc/nowhere"], None, "/proc/nowhere"),
        (vec!["--log", "[["], None, "the log filter"),
    ] {
        let output = run(&words, variable);
        let printed = text(&output.stderr);
        assert!(
            !output.status.success() && printed.contains(said),
            "{words:?} {variable:?} should say {said}: {printed}"
        );
        assert!(!printed.contains("secret"), "{printed}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(&["--listen", &address], None);
    assert!(text(&output.stderr).contains("choose another --listen"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn secrets_are_in_no_file_and_no_log() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = place.command(&["--listen", "127.0.0.1:0", "--log", "trace", "--log-format", "json"]);
    command.env("WACHAT_API_KEY", KEY);
    let serving = crate::process::Serving::start(command).await;
    let body = json!({"destination": ALICE, "message": "the code is 4711-0815"});
    let reply = serving.client.post("/message", &body).await;
    let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
    place.run(&["status", &ref_no, "--watch"]).await;
    let metrics = serving.client.ask("GET", "/metrics", &[], None).await;
    let log = serving.log();
    assert!(serving.terminate().await.success());
    let secret = place.json(&["push", "show", "--json"]).await["secret"].as_str().expect("a secret").to_owned();
    for needle in [KEY, crate::process::PASSWORD, "4711-0815"] {
        assert!(!log.contains(needle), "{needle} in the log");
        assert!(!metrics.text.contains(needle), "{needle} in the metrics");
    }
    // What is there is found: the looks below are into the right log and the right file.
    assert!(log.contains("device state"), "{log}");
    assert!(holds(&place.data_dir().join("wachat.db"), "4711-0815"));
    for file in ["wachat.db", "wachat.db-wal"] {
        for needle in [KEY, crate::process::PASSWORD, &secret] {
            assert!(!holds(&place.data_dir().join(file), needle), "{needle} in {file}");
        }
    }
}
