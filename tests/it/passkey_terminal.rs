//! The passkey step of `wachat device link`: what the terminal shows, and what a person types.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::passkey_crashes::Office;
use crate::process::{Serving, Typed};
use crate::stage::OWNER;
use crate::world::stories;

/// A terminal that links the device, when the phone has just scanned its code.
async fn scanned(office: &Office, serving: &Serving) -> (String, Typed) {
    let id = office.device.trim_start_matches("/devices/").to_owned();
    let terminal = Typed::start(office.place.command(&["device", "link", &id]));
    let link = office.until(&serving.client, "/link", |link| link["code"].is_string()).await;
    office.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": link["code"]})).await;
    (id, terminal)
}

/// A terminal that shows the code to be compared with the phone's.
pub async fn compares(office: &Office, serving: &Serving) -> Typed {
    let (_, mut terminal) = scanned(office, serving).await;
    let step = office.until(&serving.client, "/passkey", |step| step["status"] == "required").await;
    let options = json!({"options": step["options"]});
    let assertion = office.network.post(&format!("/people/{OWNER}/passkey/assertion"), options).await;
    terminal.until("Then paste the line that was copied here").await;
    terminal.enter(&assertion.to_string());
    terminal.until("Compare it with the code on the phone").await;
    terminal
}

stories! {
    async fn a_terminal_guides_through_the_passkey_step(database: Database) {
        let office = Office::new(database).await;
        let serving = office.serve().await;
        let (id, mut terminal) = scanned(&office, &serving).await;

        terminal.until("Then paste the line that was copied here").await;
        let said = terminal.said();
        let step = office.until(&serving.client, "/passkey", |step| step["status"] == "required").await;
        for part in [
            "WhatsApp asks for the passkey of this account",
            "https://web.whatsapp.com",
            &format!("http://{}/console/pair/", serving.client.address),
            step["options"]["challenge"].as_str().expect("a challenge"),
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        // What somebody in a hurry pastes says what is wrong with it, and nothing is lost.
        terminal.enter("");
        terminal.enter("undefined");
        terminal.until("this is not the whole result of the line").await;
        // Nor does a line of another alphabet end the reading.
        for line in [&b"\xff\xfe{"[..], b"{\"id\": \"\xe9\"}"] {
            let said = terminal.said().matches("this is not the whole result of the line").count();
            terminal.enter_bytes(line);
            crate::world::eventually("it says what is wrong", async || {
                let now = terminal.said().matches("this is not the whole result of the line").count();
                if now > said { Ok(()) } else { Err(terminal.said()) }
            })
            .await;
        }
        let options = json!({"options": step["options"]});
        let mut assertion = office.network.post(&format!("/people/{OWNER}/passkey/assertion"), options).await;
        let good = assertion.to_string();
        let of_another_request = r#"{"type":"webauthn.get","challenge":"AAAA","origin":"https://web.whatsapp.com"}"#;
        assertion["response"]["clientDataJSON"] = json!(URL_SAFE_NO_PAD.encode(of_another_request));
        terminal.enter(&assertion.to_string());
        terminal.until("it answers another request of WhatsApp").await;
        terminal.enter(&format!("  {good} "));

        terminal.until("Passed on; waiting for WhatsApp").await;
        terminal.until("Code: ").await;
        assert!(terminal.said().contains("WhatsApp waits until"), "{}", terminal.said());
        let phone = office.network.get(&format!("/people/{OWNER}/passkey")).await;
        let code = format!("Code: {}", phone["code"].as_str().expect("a code"));
        assert!(terminal.said().contains(&code), "{code}: {}", terminal.said());
        office.network.post(&format!("/people/{OWNER}/passkey/confirm"), json!({})).await;
        let asked = terminal.said().matches("Compare it with the code on the phone").count();
        terminal.enter("maybe");
        crate::world::eventually("it asks again", async || {
            let now = terminal.said().matches("Compare it with the code on the phone").count();
            if now > asked { Ok(()) } else { Err(terminal.said()) }
        })
        .await;
        terminal.enter("Yes");
        let (status, said) = terminal.end().await;
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains(&format!("linked: device {id} sends from {OWNER}")), "{said}");
        assert!(serving.terminate().await.success());
    }

    async fn ctrl_c_cancels_what_the_terminal_has_begun(database: Database) {
        let office = Office::new(database).await;
        let serving = office.serve().await;
        let (_, terminal) = scanned(&office, &serving).await;
        terminal.until("Then paste the line that was copied here").await;
        terminal.interrupt();
        let (status, said) = terminal.end().await;
        assert!(status == Some(1) && said.contains("interrupted; linking was cancelled"), "{said}");
        let link = office.until(&serving.client, "/link", |link| link["status"] == "failed").await;
        assert_eq!(link["reason_code"], "cancelled");
        office.until(&serving.client, "/passkey", |step| step["status"] != "required").await;
        assert!(serving.terminate().await.success());
    }

    async fn what_the_phone_may_list_is_said_when_the_command_ends(database: Database) {
        let office = Office::new(database).await;
        let serving = office.serve().await;
        // The phone has what it needs to link the gateway, which WhatsApp never says.
        office.network.fault(json!({"kind": "passkey_not_continued"}), json!({"account": OWNER})).await;
        let note = "linking was cancelled; WhatsApp did not confirm that the link ended: look under Linked devices on the phone";
        for is_interrupted in [true, false] {
            let (_, mut terminal) = scanned(&office, &serving).await;
            let step = office.until(&serving.client, "/passkey", |step| step["status"] == "required").await;
            let options = json!({"options": step["options"]});
            let assertion = office.network.post(&format!("/people/{OWNER}/passkey/assertion"), options).await;
            terminal.until("Then paste the line that was copied here").await;
            terminal.enter(&assertion.to_string());
            crate::world::eventually("WhatsApp has it", async || {
                let phone = office.network.get(&format!("/people/{OWNER}/passkey")).await;
                if phone["state"] == "pairing" { Ok(()) } else { Err(phone.to_string()) }
            })
            .await;
            // By whoever waits for the command, or by somebody else.
            if is_interrupted {
                terminal.interrupt();
            } else {
                assert_eq!(serving.client.manage("DELETE", &format!("{}/link", office.device), None).await.status, 202);
            }
            let (status, said) = terminal.end().await;
            let said = said.replace("linking was cancelled, and what was shown links nothing any more;", "linking was cancelled;");
            assert!(status == Some(1) && said.contains(note), "{said}");
            let link = office.until(&serving.client, "/link", |link| link["status"] == "failed").await;
            assert!(link["reason"].as_str().is_some_and(|reason| reason.starts_with(note)), "{link}");
        }
        assert!(serving.terminate().await.success());
    }

    async fn a_device_that_is_removed_in_the_step_is_off_the_phone_and_leaves_a_clean_log(database: Database) {
        let office = Office::new(database).await;
        let serving = office.serve().await;
        let terminal = compares(&office, &serving).await;
        assert_eq!(serving.client.manage("DELETE", &office.device, None).await.status, 200);
        let (status, said) = terminal.end().await;
        assert!(status == Some(1) && said.contains("no device"), "{said}");
        let log = serving.log();
        assert!(serving.terminate().await.success());
        let is_bad = |line: &&str| !line.contains("SIMULATED") && (line.contains(" WARN ") || line.contains(" ERROR "));
        assert_eq!(log.lines().filter(is_bad).collect::<Vec<_>>(), Vec::<&str>::new(), "{log}");
        assert_eq!(office.network.get(&format!("/people/{OWNER}")).await["devices"].as_array().map(Vec::len), Some(1));
    }

    async fn codes_that_differ_end_the_attempt_at_once(database: Database) {
        let office = Office::new(database).await;
        let serving = office.serve().await;
        let mut terminal = compares(&office, &serving).await;
        terminal.enter("No");
        let (status, said) = terminal.end().await;
        assert!(status == Some(1) && said.contains("the codes differ, so linking was cancelled"), "{said}");
        let link = office.until(&serving.client, "/link", |link| link["status"] == "failed").await;
        assert_eq!(link["reason_code"], "codes_differ", "{link}");
        assert!(said.contains(link["reason"].as_str().expect("a reason")), "{link} {said}");
        office.until(&serving.client, "", |device| device["state"] == "unlinked").await;
        assert!(serving.terminate().await.success());
    }
}
