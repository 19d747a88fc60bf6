//! `wachat master-key`: another master key for what is there.
//!
//! Nothing is lost wherever it is killed. With the key in its file: the new key is on the disk as `master.key.next` before
//! the store is touched; the store is sealed again in one transaction; then the old key gets the name of its fingerprint, and the
//! new one its place. Before the transaction the old key opens everything, after it the new one, and both lie there: whoever
//! opens the store next, be it this command or the gateway, takes the one that fits. With the key in the settings nothing in
//! the folder changes: the operator has both keys, and only one transaction stands between them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use super::{Shared, done, entry, operator};
use crate::app::{App, StartError};
use crate::clock::Clock;
use crate::secrets::{KeyFiles, MasterKey};
use crate::settings::{Flags, Settings};
use crate::store::{Location, Rotated, Store, audit};

#[derive(Subcommand)]
pub(super) enum MasterKeyCommand {
    /// Seal everything with a new master key; the gateway must be stopped. Push secrets stay what they are
    Rotate {
        /// A file with the new key, 64 hexadecimal digits, instead of a random one
        #[arg(long, value_name = "PATH")]
        new_key_file: Option<PathBuf>,
    },
}

pub(super) async fn run(shared: &Shared, command: MasterKeyCommand) -> anyhow::Result<ExitCode> {
    let MasterKeyCommand::Rotate { new_key_file } = command;
    let settings = shared.settings(Flags::new())?;
    let location = Location::parse(&settings.database_url).map_err(StartError::DatabaseUrl)?;
    if matches!(&location, Location::Sqlite(path) if !path.exists()) {
        return Err(StartError::NoGateway { place: settings.data_dir }.into());
    }
    let _locks = App::lock(&settings)?;
    let store = Store::open(&location).await?;
    let outcome = rotate(shared, &settings, &store, new_key_file.as_deref()).await;
    store.close().await;
    outcome
}

async fn rotate(
    shared: &Shared,
    settings: &Settings,
    store: &Store,
    new_key_file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let place = settings.data_dir.clone();
    let fingerprint = store.find_fingerprint().await?.ok_or(StartError::NoGateway { place })?;
    if store.count_nodes(clock.now()).await? > 0 {
        anyhow::bail!("a node serves this database; stop every node first (one that died is gone after 20 seconds)");
    }
    let given = new_key_file.map(KeyFiles::read).transpose()?;
    let (old, new, files) = match &settings.master_key {
        Some(key) => {
            let new = given.context(
                "the master key comes from WACHAT_MASTER_KEY or the settings file: give the new one by --new-key-file",
            )?;
            (MasterKey::parse(&key.0)?, new, None)
        }
        None => {
            let files = KeyFiles::of(settings);
            let old = files.current()?.ok_or(StartError::OtherMasterKey)?;
            let new = files.prepare(given, &clock)?;
            (old, new, Some(files))
        }
    };
    // A former run may have come to an end in the store, and no further.
    let rotated = if fingerprint == new.fingerprint() && old.fingerprint() != fingerprint {
        Rotated::default()
    } else {
        anyhow::ensure!(old.fingerprint() == fingerprint, StartError::OtherMasterKey);
        anyhow::ensure!(new.fingerprint() != fingerprint, "the new master key is the one that the gateway has");
        let rotated = entry(clock.now(), operator(store).await?, "rotate master key", "");
        audit::recording(rotated, store.rotate_master_key(old.clone(), new.clone(), clock)).await?
    };
    let said = match files {
        Some(files) => {
            let kept = files.adopt(&old, &new)?;
            format!(
                "master.key is the new key. The old one is in {}: backups made until now need it. Copy master.key to every other node.",
                kept.display()
            )
        }
        None => "set WACHAT_MASTER_KEY (or master_key in the settings file) to the new key on every node before the next start; backups made until now need the old one"
            .to_owned(),
    };
    let Rotated { session_keys, push_secrets, url_passwords, .. } = rotated;
    let said = format!(
        "sealed again: {session_keys} keys of linked accounts, {push_secrets} push secrets, {url_passwords} passwords in URLs\n{said}"
    );
    shared.output().one(&rotated, &said)?;
    done()
}
