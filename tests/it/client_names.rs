//! A client as the command line names it: by its number, which comes before every name, or by its name.

use serde_json::{Value, json};

use crate::process::{Place, text};
use crate::world::{ALICE, stories};

/// Commands with a `--client` of their own, as the sources have them, and `migrate`, whose client may be a new one.
fn commands() -> usize {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let sources = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let texts = sources.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).expect("a text"));
    let fields =
        |text: String| text.matches("client: Option<Called>,\n").count() + text.matches(" client: Called,\n").count();
    texts.map(fields).sum::<usize>() + 1
}

/// What a client has, as far as commands change it.
async fn of(place: &Place, client: &str) -> Value {
    let list = async |what: &[&str]| place.json(&[what, &["--client", client, "--json"]].concat()).await;
    let clients = place.json(&["client", "list", "--json"]).await;
    let id: i64 = client.parse().expect("a number");
    let own = clients.as_array().expect("a list").iter().find(|one| one["id"] == id);
    let (users, keys) = (list(&["user", "list"]).await, list(&["key", "list"]).await);
    let (devices, pushes) = (list(&["device", "list"]).await, list(&["push", "list"]).await);
    json!([own, users, keys, devices.as_array().map(Vec::len), pushes])
}

stories! {
    async fn a_number_is_that_of_a_client_before_it_is_the_name_of_another_in_every_command(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        // Client 2 is called 3: whoever says 3 means Toko.
        for name in ["3", "Toko"] {
            place.json(&["client", "add", "--name", name, "--json"]).await;
        }
        place.json(&["device", "add", "--client", "2", "--kind", "sandbox", "--sender", "628110000032", "--device-id", "2-000000000000032", "--json"]).await;
        place.json(&["client", "set", "--client", "2", "--country-code", "49", "--json"]).await;
        let before = of(&place, "2").await;
        let file = place.folder.path().join("june.csv");
        std::fs::write(&file, format!("destination,message\n{ALICE},hello\n")).expect("written");
        let file = file.display().to_string();
        let (id, legacy) = ("3-000000000000033", "11055-legacy-key-of-a-customer");
        let mut run = 0;
        let mut ask = async |words: &[&str]| {
            run += 1;
            place.json(&[words, &["--client", "3", "--json"]].concat()).await
        };

        assert_eq!(ask(&["client", "set", "--country-code", "65"]).await["name"], "Toko");
        ask(&["user", "add", "ann", "--role", "owner"]).await;
        ask(&["user", "disable", "ann"]).await;
        ask(&["user", "enable", "ann"]).await;
        ask(&["user", "set-password", "ann"]).await;
        ask(&["user", "set-role", "ann", "sender"]).await;
        assert_eq!(ask(&["user", "list"]).await[0]["userid"], "ann");
        let key = ask(&["key", "create", "--user", "ann"]).await;
        assert_eq!(key["client_id"], 3);
        ask(&["key", "import", legacy, "--user", "ann"]).await;
        assert_eq!(ask(&["key", "list"]).await.as_array().map(Vec::len), Some(2));
        ask(&["key", "revoke", &key["id"].to_string()]).await;
        // Its number is written as Toko's country writes it.
        let added = ask(&["device", "add", "--kind", "sandbox", "--sender", "0 9123 4567", "--device-id", id]).await;
        assert_eq!(added["sender"], "6591234567");
        assert_eq!(ask(&["device", "list"]).await[0]["device_id"], id);
        let moved = ask(&["migrate", "--key", legacy, "--device-id", "3-000000000000034", "--sender", "0 9123 4568"]).await;
        assert_eq!((&moved["client_id"], &moved["sender"], &moved["created"]), (&json!(3), &json!("6591234568"), &json!(["device"])));
        let sent = ask(&["send", "--to", ALICE, "--text", "x"]).await;
        let ref_no = sent["ref_no"].as_str().expect("a ref_no").to_owned();
        assert_eq!(sent["queue"], id);
        assert_eq!(ask(&["status", &ref_no]).await["ref_no"], ref_no.as_str());
        place.json(&["device", "pause", id, "--json"]).await;
        let waits = place.json(&["send", "--device", id, "--to", ALICE, "--text", "x", "--json"]).await;
        assert_eq!(ask(&["cancel", waits["ref_no"].as_str().expect("a ref_no")]).await["status"], "A");
        assert_eq!(ask(&["import", &file]).await["accepted"], 1);
        assert_eq!(ask(&["sandbox", "receive", "--from", ALICE, "--text", "x"]).await["device_id"], id);
        let url = "https://example.com/hook";
        assert_eq!(ask(&["push", "set", "--url", url]).await["url"], url);
        assert_eq!(ask(&["push", "show"]).await["url"], url);
        for words in [&["push", "pause"][..], &["push", "resume"], &["push", "rotate-secret"], &["push", "replay"], &["push", "list"]] {
            ask(words).await;
        }
        ask(&["push", "remove"]).await;

        assert_eq!(run, commands(), "a command with --client is missing here");
        assert_eq!(of(&place, "2").await, before, "nothing of the other client has changed");
        assert!(serving.terminate().await.success());
    }

    async fn a_name_of_digits_is_found_where_no_client_has_that_number(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        for name in ["007", "4711"] {
            place.json(&["client", "add", "--name", name, "--json"]).await;
        }
        for (called, name) in [("007", "007"), ("4711", "4711"), ("2", "007"), ("3", "4711"), ("03", "4711")] {
            let set = place.json(&["client", "set", "--client", called, "--disabled", "false", "--json"]).await;
            assert_eq!(set["name"], name, "{called}");
        }
        let said = text(&place.run(&["client", "set", "--client", "08", "--disabled", "false"]).await.stderr);
        assert!(said.contains("there is no client '08'"), "{said}");
        assert!(serving.terminate().await.success());
    }
}
