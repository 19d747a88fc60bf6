//! `wachat key`: API keys, made or taken over.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::lookup::{Called, Given};
use super::{Bench, done, user};
use crate::account::{ApiKey, Role, check_userid};
use crate::limits;
use crate::store::{NewKey, NewPerson, StoreError};

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// List a client's keys; the keys themselves are not kept
    List {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Make a key for a person; it is shown once
    Create {
        /// The client's number or name [default: the person's client, else the only one]
        #[arg(long)]
        client: Option<Called>,
        /// The person it belongs to; made, as a sender without a password, when there is none
        #[arg(long)]
        user: String,
        /// What the key is for
        #[arg(long, default_value = "")]
        name: String,
        /// Days until it expires
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=limits::KEY_DAYS_MAX))]
        expires_in: Option<i64>,
    },
    /// Take over a key that is in a customer's programs already
    Import {
        key: String,
        /// The client's number or name [default: the person's client, else the only one]
        #[arg(long)]
        client: Option<Called>,
        /// The person it belongs to; made, as a sender without a password, when there is none
        #[arg(long)]
        user: String,
        #[arg(long, default_value = "imported")]
        name: String,
    },
    /// End a key
    Revoke {
        /// Its number in the list
        id: i64,
        /// The client's number or name [default: the key's client]
        #[arg(long)]
        client: Option<Called>,
    },
}

pub(super) async fn run(bench: &Bench, command: KeyCommand) -> anyhow::Result<ExitCode> {
    let store = &bench.app.store;
    match command {
        KeyCommand::List { client } => {
            let client = bench.client_for(client, None).await?.id;
            let columns = ["id", "person_id", "name", "hint", "expires_at", "revoked_at", "last_used_at"];
            bench.output.rows(&store.list_keys(client).await?, &columns)?;
        }
        KeyCommand::Create { client, user, name, expires_in } => {
            let expires_at = expires_in.map(|days| bench.app.clock.now() + days * 86_400_000);
            let key = ApiKey::generate(&bench.app.clock);
            let client = client_of(bench, client, &user).await?;
            let id = add(bench, client, &user, name, &key, expires_at).await?;
            let thing = json!({"id": id, "api_key": key.reveal(), "client_id": client, "userid": user});
            bench.output.one(&thing, &format!("API key {} (shown once)", key.reveal()))?;
        }
        KeyCommand::Import { key, client, user, name } => {
            let key = ApiKey::import(&key)?;
            let client = client_of(bench, client, &user).await?;
            let id = add(bench, client, &user, name, &key, None).await?;
            let thing = json!({"id": id, "client_id": client, "userid": user});
            bench.output.one(&thing, &format!("the key {}… now belongs to {user}", key.hint()))?;
        }
        KeyCommand::Revoke { id, client } => {
            let client = bench.client_for(client, Some(Given::Key(id))).await?.id;
            let (action, subject) = ("DELETE /clients/{client_id}/keys/{key_id}", format!("{client} {id}"));
            let revoked = store.revoke_key(client, id, bench.app.clock.now());
            let revoked = bench.recording(client, action, &subject, revoked).await?;
            anyhow::ensure!(revoked, "client {client} has no key {id}; `wachat key list` shows those it has");
            bench.output.one(&json!({"id": id, "revoked": true}), &format!("key {id} is revoked"))?;
        }
    }
    done()
}

/// The client of a key that is made: the one that is named, else the one that has a person of that name, else the only one.
async fn client_of(bench: &Bench, client: Option<Called>, userid: &str) -> anyhow::Result<i64> {
    let client = match client {
        Some(client) => Some(client),
        None => user::owner(bench, userid).await?.map(Called::from),
    };
    Ok(bench.client_for(client, None).await?.id)
}

async fn add(
    bench: &Bench,
    client: i64,
    userid: &str,
    name: String,
    key: &ApiKey,
    expires_at: Option<i64>,
) -> anyhow::Result<i64> {
    let now = bench.app.clock.now();
    if bench.app.store.find_person(client, userid).await?.is_none() {
        check_userid(userid).context("--user")?;
        let person = NewPerson {
            client_id: client,
            userid: userid.to_owned(),
            role: Role::Sender,
            password_hash: None,
            created_at: now,
        };
        let (action, subject) = ("POST /clients/{client_id}/persons", format!("{client} {userid}"));
        bench.recording(client, action, &subject, bench.app.store.add_person(person)).await?;
    }
    let person = user::find(bench, Some(client.into()), userid).await?;
    let new = NewKey {
        client_id: client,
        person_id: person.id,
        name,
        hash: bench.app.key_secret.stored(&key.hash()),
        hint: key.hint(),
        created_at: now,
        expires_at,
    };
    let added = bench.app.store.add_key(new);
    match bench.recording(client, "POST /clients/{client_id}/keys", &client.to_string(), added).await {
        Err(StoreError::Exists) => Err(StoreError::Exists).context("this key is known to the gateway"),
        other => Ok(other?),
    }
}
