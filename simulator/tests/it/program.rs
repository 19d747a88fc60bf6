//! A client in another language, run as a separate program: commands are JSON lines on its standard input, events on
//! its standard output.

use std::collections::VecDeque;
use std::process::Stdio;

use serde_json::{Value, json};
use simulator::clock;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::world::{PATIENCE, patiently};

/// A running program, killed on drop.
pub struct Program {
    child: Child,
    commands: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    /// Events that have arrived and that nobody has waited for yet.
    waiting: VecDeque<Value>,
    /// Substrings of lines that its library may log.
    expected_logs: Vec<&'static str>,
    last: u64,
}

impl Program {
    /// Starts a program, and waits until it accepts commands.
    pub async fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the client can be started; Baileys needs Node.js 20 or later");
        let commands = child.stdin.take().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        let (waiting, expected_logs) = (VecDeque::new(), Vec::new());
        let mut program = Self { child, commands, events, waiting, expected_logs, last: 0 };
        program.until("ready", |_| true).await;
        program
    }

    /// Allows the library to log lines with this substring from now on.
    pub fn may_log(&mut self, part: &'static str) {
        self.expected_logs.push(part);
    }

    pub fn may_no_longer_log(&mut self, part: &str) {
        self.expected_logs.retain(|expected| *expected != part);
    }

    /// The substrings allowed with [`Self::may_log`].
    pub fn expected_logs(&self) -> &[&'static str] {
        &self.expected_logs
    }

    /// Runs a command; returns its result.
    pub async fn command(&mut self, name: &str, fields: Value) -> Value {
        match self.try_command(name, fields).await {
            Ok(result) => result,
            Err(why) => panic!("{name} failed: {why}; events that nobody waited for: {:#?}", self.waiting),
        }
    }

    /// Runs a command that may fail; the error is the library's.
    pub async fn try_command(&mut self, name: &str, fields: Value) -> Result<Value, String> {
        let number = self.order(name, fields).await;
        self.outcome(name, number).await
    }

    /// Sends a command without waiting for its outcome.
    async fn order(&mut self, name: &str, mut fields: Value) -> u64 {
        self.last += 1;
        fields["number"] = json!(self.last);
        fields["do"] = json!(name);
        self.commands.write_all(format!("{fields}\n").as_bytes()).await.unwrap();
        self.last
    }

    /// Waits for the outcome of a command.
    async fn outcome(&mut self, name: &str, number: u64) -> Result<Value, String> {
        let answers = |event: &Value| event["number"] == number;
        let answer = self.wait(name, |event| ["done", "failed"].contains(&name_of(event)) && answers(event)).await;
        match name_of(&answer) {
            "done" => Ok(answer["result"].clone()),
            _ => Err(answer["why"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// Waits for an event with this name that matches, and removes it. Others stay for later.
    pub async fn until(&mut self, event: &str, is_match: impl Fn(&Value) -> bool) -> Value {
        self.wait(event, |seen| name_of(seen) == event && is_match(seen)).await
    }

    /// Sends a text; returns its id. whatsmeow waits for the server's ack, Baileys does not.
    pub async fn send_text(&mut self, to: &str, text: &str) -> String {
        let sent = self.command("send_text", json!({"to": to, "text": text})).await;
        sent["id"].as_str().unwrap().to_owned()
    }

    /// Waits for a message with this text.
    pub async fn reads(&mut self, text: &str) -> Value {
        self.until("message", |message| message["text"] == text).await
    }

    /// Waits for a receipt of a message: `delivery`, `read`, or another type.
    pub async fn receipt(&mut self, id: &str, kind: &str) -> Value {
        let is_about = |event: &Value| event["ids"].as_array().is_some_and(|ids| ids.contains(&json!(id)));
        self.until("receipt", |event| event["type"] == kind && is_about(event)).await
    }

    /// Events with this name that have arrived and that nobody has waited for.
    pub fn unexpected(&self, event: &str) -> Vec<&Value> {
        self.waiting.iter().filter(|seen| name_of(seen) == event).collect()
    }

    /// Makes the program exit, and waits for it.
    pub async fn quit(&mut self) {
        self.command("quit", json!({})).await;
        while let Some(line) = patiently("the client's last word", self.events.next_line()).await.unwrap() {
            self.check_log(&serde_json::from_str(&line).unwrap());
        }
        patiently("the end of the client", self.child.wait()).await.unwrap();
    }

    /// Fails for an unexpected line in the library's log.
    fn check_log(&self, event: &Value) {
        if name_of(event) == "log" {
            let text = event["text"].as_str().unwrap_or_default();
            let is_expected = self.expected_logs.iter().any(|part| text.contains(part));
            assert!(is_expected, "the client logs {event}; events that nobody waited for: {:#?}", self.waiting);
        }
    }

    async fn wait(&mut self, what: &str, is_match: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.waiting.iter().position(&is_match) {
            return self.waiting.remove(place).unwrap();
        }
        loop {
            let Some(line) = clock::within(PATIENCE, self.events.next_line()).await else {
                panic!("waited in vain for {what}; nobody waited for {:#?}", self.waiting);
            };
            let line = line.unwrap();
            let line = line.unwrap_or_else(|| panic!("the client has ended; nobody waited for {:#?}", self.waiting));
            let event: Value = serde_json::from_str(&line).unwrap();
            tracing::debug!(%event, "a client's event");
            self.check_log(&event);
            if is_match(&event) {
                return event;
            }
            self.waiting.push_back(event);
        }
    }
}

fn name_of(event: &Value) -> &str {
    event["event"].as_str().unwrap_or_default()
}
