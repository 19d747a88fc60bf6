//! `wachat user`: the persons who work for a client.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::lookup::{Called, Given};
use super::{Bench, done};
use crate::account::{Person, Role, check_userid};
use crate::password;
use crate::store::{NewPassword, NewPerson, PersonPatch};

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// List a client's persons
    List {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Add a person; a password is made and shown once, or read with --password-stdin
    Add {
        userid: String,
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
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
        /// The client's number or name [default: the only client that has a person of this name]
        #[arg(long)]
        client: Option<Called>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a person another role
    SetRole {
        userid: String,
        /// The client's number or name [default: the only client that has a person of this name]
        #[arg(long)]
        client: Option<Called>,
        /// sender, owner or administrator
        role: Role,
    },
    /// Refuse a person's keys and sign-in
    Disable {
        userid: String,
        /// The client's number or name [default: the only client that has a person of this name]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Allow them again
    Enable {
        userid: String,
        /// The client's number or name [default: the only client that has a person of this name]
        #[arg(long)]
        client: Option<Called>,
    },
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
            let password_hash = Some(hash(bench, &userid, &password).await?);
            let person = NewPerson {
                client_id: client,
                userid: userid.clone(),
                role,
                password_hash,
                created_at: bench.app.clock.now(),
            };
            let (action, subject) = ("POST /clients/{client_id}/persons", format!("{client} {userid}"));
            let added = bench.recording(client, action, &subject, store.add_person(person)).await;
            let id = added.with_context(|| format!("the person {userid} was not added"))?;
            let thing =
                json!({"id": id, "userid": userid, "client_id": client, "role": role.name(), "password": shown});
            bench.output.one(&thing, &said(&userid, "was added", shown.as_deref()))?;
        }
        UserCommand::SetPassword { userid, client, password_stdin } => {
            let (password, shown) = choose_password(bench, password_stdin)?;
            let hash = hash(bench, &userid, &password).await?;
            let patch = PersonPatch { password: Some(NewPassword::Given(hash)), ..PersonPatch::default() };
            let person = change(bench, client, &userid, patch).await?;
            let thing = json!({"id": person.id, "userid": userid, "password": shown});
            bench.output.one(&thing, &said(&userid, "has a new password", shown.as_deref()))?;
        }
        UserCommand::SetRole { userid, client, role } => {
            change(bench, client, &userid, PersonPatch { role: Some(role), ..PersonPatch::default() }).await?;
            let thing = json!({"userid": userid, "role": role.name()});
            bench.output.one(&thing, &format!("{userid} is {} now", role.name()))?;
        }
        UserCommand::Disable { userid, client } => {
            change(bench, client, &userid, PersonPatch { disabled: Some(true), ..PersonPatch::default() }).await?;
            bench.output.one(&json!({"userid": userid, "disabled": true}), &format!("{userid} is disabled"))?;
        }
        UserCommand::Enable { userid, client } => {
            change(bench, client, &userid, PersonPatch { disabled: Some(false), ..PersonPatch::default() }).await?;
            bench.output.one(&json!({"userid": userid, "disabled": false}), &format!("{userid} is enabled"))?;
        }
    }
    done()
}

async fn change(bench: &Bench, client: Option<Called>, userid: &str, patch: PersonPatch) -> anyhow::Result<Person> {
    let person = find(bench, client, userid).await?;
    let changed = bench.app.store.update_person(person.client_id, person.id, patch, bench.app.clock.now());
    let (action, subject) =
        ("PATCH /clients/{client_id}/persons/{person_id}", format!("{} {}", person.client_id, person.id));
    bench.recording(person.client_id, action, &subject, changed).await?;
    Ok(person)
}

/// The person of that name, however it is written: of the client that is named, else of the only one that has such a person.
pub(super) async fn find(bench: &Bench, client: Option<Called>, userid: &str) -> anyhow::Result<Person> {
    let client = match client {
        Some(client) => bench.client(client).await?.id,
        None => owner(bench, userid).await?.ok_or_else(|| bench.missing(Given::User(userid)))?,
    };
    let found = bench.app.store.find_person(client, userid).await?;
    found.ok_or_else(|| bench.missing(Given::User(userid)))
}

/// The client that has a person of that name, if one has.
pub(super) async fn owner(bench: &Bench, userid: &str) -> anyhow::Result<Option<i64>> {
    let persons = bench.app.store.find_persons_named(userid).await?;
    let mut clients: Vec<i64> = persons.into_iter().map(|person| person.client_id).collect();
    clients.sort_unstable();
    clients.dedup();
    anyhow::ensure!(
        clients.len() <= 1,
        "several clients have a person {userid}; say which one with --client: {}",
        clients.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    );
    Ok(clients.first().copied())
}

/// The hash of a new password of somebody of that name.
async fn hash(bench: &Bench, userid: &str, password: &str) -> anyhow::Result<String> {
    let like = bench.app.store.find_hash_of_name(userid).await?;
    Ok(password::hash_like(password, like.as_deref(), &bench.app.clock)?)
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
