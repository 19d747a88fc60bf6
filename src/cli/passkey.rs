//! The passkey step of `wachat device link`, in a terminal: what to run in a browser, and the result, pasted as a line.

use std::io::BufRead as _;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Bench;
use super::link::{CANCELLED, removed};
use super::output::{Output, line};
use crate::clock::{Millis, rfc3339};
use crate::device::Device;
use crate::linking::{Cancelling, Links, Passkey, pairing};
use crate::passkey::{self, PasskeyAnswer, Status};

const ASKS: &str = "WhatsApp asks for the passkey of this account, which is saved on the phone or in its owner's Google or Apple account. \
                    Browsers hand it out on WhatsApp's own page only.";
const BY_EXTENSION: &str = "In a browser that has the gateway's extension, click its icon and paste this pairing link:";
const BY_HAND: &str = "Without it, on a computer open https://web.whatsapp.com in Chrome or Edge, press F12, choose Console, and paste \
                       this line there (a browser may want you to type \"allow pasting\" first):";
const PASTE: &str =
    "Choose the phone's passkey and unlock it. Then paste the line that was copied here, and press Enter:";
const COMPARE: &str = "Compare it with the code on the phone. Type yes if they are the same and no if they differ, and press Enter. \
                       The phone has to confirm it too. If it refused, WhatsApp may not say so here: press Ctrl-C, and begin again:";

/// So many typed lines wait to be read.
const LINES_MAX: usize = 16;

/// Follows the step until it ends.
pub(super) struct Step {
    output: Output,
    /// Where the gateway is reached.
    address: String,
    seen: Option<Passkey>,
    /// What is typed, once something is asked for.
    typed: Option<mpsc::Receiver<String>>,
}

impl Step {
    pub(super) fn new(output: Output, address: String) -> Self {
        Self { output, address, seen: None, typed: None }
    }

    /// Shows what is new, and passes on what a person typed meanwhile; gives until when WhatsApp waits, if it does.
    pub(super) async fn follow(
        &mut self,
        bench: &Bench,
        links: &Links,
        device: &Device,
    ) -> anyhow::Result<Option<Millis>> {
        let id = &device.id;
        let Some(step) = links.passkey(id).await?.filter(|step| step.status != Status::Failed) else { return Ok(None) };
        let until = step.expires_at;
        if self.seen.as_ref() != Some(&step) {
            // What was typed before answers something else.
            while self.typed.as_mut().is_some_and(|typed| typed.try_recv().is_ok()) {}
            self.show(links, id, &step)?;
            self.seen = Some(step.clone());
        }
        if !matches!(step.status, Status::Required | Status::Confirm) {
            return Ok(Some(until));
        }
        let typed = self.typed.get_or_insert_with(typed_lines).try_recv().ok();
        let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else { return Ok(Some(until)) };
        let answer = match step.status {
            Status::Confirm if typed.trim().eq_ignore_ascii_case("yes") => Ok(PasskeyAnswer::Confirm),
            Status::Confirm if typed.trim().eq_ignore_ascii_case("no") => {
                bench.recording(device.client_id, CANCELLED, id, links.cancel(id, Cancelling::CodesDiffer)).await?;
                let note = removed(bench, links, id).await?;
                anyhow::bail!("no account was linked: {}{note}", Cancelling::CodesDiffer.reason());
            }
            Status::Confirm => Err(COMPARE.to_owned()),
            _ => {
                let assertion = passkey::pasted(&typed);
                let checked = passkey::check(&assertion, &step.options);
                checked.map(PasskeyAnswer::Assertion).map_err(|bad| format!("{bad}\n{PASTE}"))
            }
        };
        match answer {
            Ok(answer) => {
                let action = match &answer {
                    PasskeyAnswer::Assertion(_) => "POST /devices/{device_id}/passkey",
                    PasskeyAnswer::Confirm => "POST /devices/{device_id}/passkey/confirm",
                };
                let answered = links.answer_passkey(id, &step, &answer);
                bench.recording(device.client_id, action, id, answered).await?;
            }
            Err(advice) => line(&advice)?,
        }
        Ok(Some(until))
    }

    fn show(&self, links: &Links, id: &str, step: &Passkey) -> anyhow::Result<()> {
        let link = links.pairing_token(id, step).map(|token| format!("{}{}{token}", self.address, pairing::PATH));
        if self.output == Output::Json {
            let options: Value = serde_json::from_str(&step.options).unwrap_or_default();
            let change = json!({"device_id": id, "passkey": step.status.name(), "options": options, "code": step.code,
                "pairing_link": link, "expires_at": rfc3339(step.expires_at)});
            return line(&change.to_string());
        }
        match step.status {
            Status::Required => {
                let until = rfc3339(step.expires_at);
                let (link, snippet) = (link.unwrap_or_default(), passkey::snippet(&step.options));
                line(&format!(
                    "{ASKS} {BY_EXTENSION}\n\n{link}\n\n{BY_HAND}\n\n{snippet}\n\n{PASTE} (WhatsApp waits until {until})"
                ))
            }
            Status::Confirm => {
                let (code, until) = (step.code.as_deref().unwrap_or_default(), rfc3339(step.expires_at));
                line(&format!("Code: {code} (WhatsApp waits until {until})\n{COMPARE}"))
            }
            Status::Sent if step.code.is_some() => {
                line("Passed on. If the phone still shows the code, confirm it there too; waiting for WhatsApp …")
            }
            Status::Sent => line("Passed on; waiting for WhatsApp …"),
            Status::Failed => Ok(()),
        }
    }
}

/// Lines of standard input, read by a thread of its own, which ends with the process: nobody has to press a key for that.
fn typed_lines() -> mpsc::Receiver<String> {
    let (lines, typed) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        // What is no text is not what was asked for, and said to be so as any other line is.
        while input.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            let typed = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            if lines.blocking_send(typed).is_err() {
                return;
            }
            line.clear();
        }
    });
    typed
}
