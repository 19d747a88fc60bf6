//! `wachat user`: the persons who work for a client.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::lookup::Given;
use super::{Bench, done};
use crate::account::{Person, Role, check_userid};
use crate::password;
use crate::store::{NewPassword, NewPerson, PersonPatch};

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// List a client's persons
    List {
        /// The client's number [default: the only client]
        #[arg(long)]
        client: Option<i64>,
    },
    /// Add a person; a password is made and shown once, or read with --password-stdin
    Add {
        userid: String,
        /// The client's number [default: the only client]
        #[arg(long)]
        client: Option<i64>,
        /// sender, owner or administrator
        #[arg(long, default_value = "sender")]
        role: Role,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a person a new password
    SetPassword {
        userid: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a person another role
    SetRole {
        userid: String,
        /// sender, owner or administrator
        role: Role,
    },
    /// Refuse a person's keys and sign-in
    Disable { userid: String },
    /// Allow them again
    Enable { userid: String },
}

pub(super) async fn run(bench: &Bench, command: UserCommand) -> anyhow::Result<ExitCode> {
    let store = &bench.app.store;
    match command {
        UserCommand::List { client } => {
            let client = bench.client_for(client, None).await?.id;
            bench.output.rows(&store.list_persons(client).await?, &["id", "userid", "role", "disabled"])?;
        }
        UserCommand::Add { userid, client, role, password_stdin } => {
            let client = bench.client_for(client, None).await?.id;
            check_userid(&userid)?;
            let (password, shown) = choose_password(bench, password_stdin)?;
            let person = NewPerson {
                client_id: client,
                userid: userid.clone(),
                role,
                password_hash: Some(password::hash(&password, &bench.app.clock)?),
                created_at: bench.app.clock.now(),
            };
            let (action, subject) = ("POST /clients/{client_id}/persons", format!("{client} {userid}"));
            let added = bench.recording(client, action, &subject, store.add_person(person)).await;
            let id = added.with_context(|| format!("the person {userid} was not added"))?;
            let thing =
                json!({"id": id, "userid": userid, "client_id": client, "role": role.name(), "password": shown});
            bench.output.one(&thing, &said(&userid, "was added", shown.as_deref()))?;
        }
        UserCommand::SetPassword { userid, password_stdin } => {
            let (password, shown) = choose_password(bench, password_stdin)?;
            let patch = PersonPatch {
                password: Some(NewPassword::Given(password::hash(&password, &bench.app.clock)?)),
                ..PersonPatch::default()
            };
            let person = change(bench, &userid, patch).await?;
            let thing = json!({"id": person.id, "userid": userid, "password": shown});
            bench.output.one(&thing, &said(&userid, "has a new password", shown.as_deref()))?;
        }
        UserCommand::SetRole { userid, role } => {
            change(bench, &userid, PersonPatch { role: Some(role), ..PersonPatch::default() }).await?;
            let thing = json!({"userid": userid, "role": role.name()});
            bench.output.one(&thing, &format!("{userid} is {} now", role.name()))?;
        }
        UserCommand::Disable { userid } => {
            change(bench, &userid, PersonPatch { disabled: Some(true), ..PersonPatch::default() }).await?;
            bench.output.one(&json!({"userid": userid, "disabled": true}), &format!("{userid} is disabled"))?;
        }
        UserCommand::Enable { userid } => {
            change(bench, &userid, PersonPatch { disabled: Some(false), ..PersonPatch::default() }).await?;
            bench.output.one(&json!({"userid": userid, "disabled": false}), &format!("{userid} is enabled"))?;
        }
    }
    done()
}

async fn change(bench: &Bench, userid: &str, patch: PersonPatch) -> anyhow::Result<Person> {
    let person = find(bench, userid).await?;
    let changed = bench.app.store.update_person(person.client_id, person.id, patch, bench.app.clock.now());
    let (action, subject) =
        ("PATCH /clients/{client_id}/persons/{person_id}", format!("{} {}", person.client_id, person.id));
    bench.recording(person.client_id, action, &subject, changed).await?;
    Ok(person)
}

/// The person of that name.
pub(super) async fn find(bench: &Bench, userid: &str) -> anyhow::Result<Person> {
    let found = bench.app.store.find_person(userid).await?;
    found.ok_or_else(|| bench.missing(Given::User(userid)))
}

/// The password to use, and what to show of it: one that was read is not repeated.
fn choose_password(bench: &Bench, from_stdin: bool) -> anyhow::Result<(String, Option<String>)> {
    if !from_stdin {
        let password = password::generate(&bench.app.clock);
        return Ok((password.clone(), Some(password)));
    }
    let mut text = String::new();
    std::io::stdin().take(1_024).read_to_string(&mut text).context("no password could be read")?;
    Ok((text.trim_end_matches(['\r', '\n']).to_owned(), None))
}

fn said(userid: &str, what: &str, password: Option<&str>) -> String {
    match password {
        Some(password) => format!("{userid} {what}: {password} (shown once)"),
        None => format!("{userid} {what}"),
    }
}
