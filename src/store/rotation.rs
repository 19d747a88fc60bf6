//! Another master key: what is sealed in the store is sealed anew, in one transaction. Called by `wachat master-key rotate`.

use super::audit::Done;
use super::row::row;
use super::sessions::{FILE_REFERENCE, place};
use super::{Conn, Store, StoreError, key_hashes, sql, url_passwords};
use crate::clock::{Clock, Millis};
use crate::limits;
use crate::seal::DoesNotOpen;
use crate::secrets::MasterKey;

/// The name of the fingerprint of the master key that the store was sealed with.
const FINGERPRINT: &str = "master_key";

/// Under which name it is noted of each node until when it serves the store.
const NODE: &str = "node/";
const COUNT_NODES: &str = "SELECT COUNT(*) FROM meta WHERE name LIKE 'node/%' AND value > $1";

/// What was sealed anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rotated {
    /// What linked accounts keep.
    pub session_keys: u64,
    /// How files are had that came in and are not there yet.
    pub file_references: u64,
    /// Secrets that pushes are signed with; they stay what they are.
    pub push_secrets: u64,
    /// Passwords in media URLs and Push URLs.
    pub url_passwords: u64,
    /// Codes that were shown to link an account; new ones are shown after the next start.
    pub dropped_link_codes: u64,
    /// Passkey steps, which do not outlive a stop of the gateway.
    pub ended_passkeys: u64,
}

/// A sealed value with what it is sealed for.
#[derive(Debug, Clone, Default)]
struct Sealed {
    device_id: String,
    client_id: i64,
    kind: String,
    owner: String,
    name: String,
    value: Vec<u8>,
}

row!(Sealed { device_id, client_id, kind, owner, name, value });

struct PushSecret {
    id: i64,
    push_secret_version: i64,
    push_secret: Option<Vec<u8>>,
}

row!(PushSecret { id, push_secret_version, push_secret });

impl Store {
    /// The fingerprint of the master key that this store is sealed with; `None` when no gateway has made it yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_fingerprint(&self) -> Result<Option<String>, StoreError> {
        let mut conn = self.reader().await?;
        let found = sql!(&mut conn, optional as (String,), "SELECT value FROM meta WHERE name = $1", FINGERPRINT)?;
        Ok(found.map(|(fingerprint,)| fingerprint))
    }

    /// Notes that a node serves this store until `until`. `false` when the store is sealed with another master key than the node's: then the
    /// node must not serve it.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn register_node(&self, node: &str, fingerprint: String, until: Millis) -> Result<bool, StoreError> {
        let name = format!("{NODE}{node}");
        self.write(move |conn| {
            Box::pin(async move {
                // Locks the row that a rotation changes: it comes before this, or sees the node.
                let same = "UPDATE meta SET value = value WHERE name = $1 AND value = $2";
                if sql!(&mut *conn, execute, same, FINGERPRINT, &fingerprint)? == 0 {
                    return Ok(false);
                }
                sql!(
                    conn,
                    execute,
                    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    &name,
                    moment(until),
                )?;
                Ok(true)
            })
        })
        .await
    }

    /// How many nodes serve this store at this moment. An embedded one has a lock for that.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_nodes(&self, now: Millis) -> Result<i64, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, scalar as i64, COUNT_NODES, moment(now))
    }

    /// Notes that a node serves this store no more.
    ///
    /// # Errors
    /// When it could not be stored: then that is known once its time has run out.
    pub async fn deregister_node(&self, node: &str) -> Result<(), StoreError> {
        let name = format!("{NODE}{node}");
        self.write(move |conn| {
            Box::pin(async move { sql!(conn, execute, "DELETE FROM meta WHERE name = $1", &name).map(drop) })
        })
        .await
    }

    /// Seals everything anew that `old` sealed. All of it, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when something is not sealed with `old`, or a node serves the store; else when it could not be stored.
    pub async fn rotate_master_key(&self, old: MasterKey, new: MasterKey, clock: Clock) -> Result<Rotated, StoreError> {
        let rotated = self
            .act(move |conn| {
                Box::pin(async move {
                    let moved = sql!(
                        &mut *conn,
                        execute,
                        "UPDATE meta SET value = $3 WHERE name = $1 AND value = $2",
                        FINGERPRINT,
                        old.fingerprint(),
                        new.fingerprint(),
                    )?;
                    if moved == 0 {
                        return Err(StoreError::Refused("it is sealed with another master key".into()));
                    }
                    // Asked behind that lock: a node that starts now finds the other key.
                    if sql!(&mut *conn, scalar as i64, COUNT_NODES, moment(clock.now()))? > 0 {
                        return Err(StoreError::Refused("a node has begun to serve it; stop every node first".into()));
                    }
                    let session_keys = seal_sessions(conn, &old, &new, &clock).await?;
                    let file_references = seal_file_references(conn, &old, &new, &clock).await?;
                    let push_secrets = keep_push_secrets(conn, &old, &new, &clock).await?;
                    let url_passwords = url_passwords::seal_again(conn, &old, &new, &clock).await?;
                    key_hashes::keep(conn, &old, &new, &clock).await?;
                    let dropped_link_codes = sql!(
                        &mut *conn,
                        execute,
                        "UPDATE device_links SET code = NULL, expires_at = NULL, \
                     status = CASE WHEN status = 'shown' THEN 'waiting' ELSE status END WHERE code IS NOT NULL",
                    )?;
                    let ended_passkeys = sql!(
                        conn,
                        execute,
                        "UPDATE passkeys SET status = 'failed', code = NULL, answer = NULL WHERE status <> 'failed'",
                    )?;
                    Ok(Done(Rotated {
                        session_keys,
                        file_references,
                        push_secrets,
                        url_passwords,
                        dropped_link_codes,
                        ended_passkeys,
                    }))
                })
            })
            .await;
        let Done(rotated) = rotated?;
        // What the former key opens is gone from the rows, and must be from the file.
        self.overwrite_freed_pages().await?;
        Ok(rotated)
    }
}

/// A moment as a text, of two of which the later is the greater.
fn moment(at: Millis) -> String {
    format!("{:020}", at.max(0))
}

/// Goes through all rows in their order, a few at a time.
async fn seal_sessions(conn: &mut Conn, old: &MasterKey, new: &MasterKey, clock: &Clock) -> Result<u64, StoreError> {
    let (old, new) = (old.sealers("sessions"), new.sealers("sessions"));
    let (mut last, mut count) = (Sealed::default(), 0);
    loop {
        let rows = sql!(
            &mut *conn,
            all as Sealed,
            "SELECT device_id, client_id, session_keys.kind, owner, session_keys.name, value FROM session_keys \
             JOIN devices ON devices.id = device_id WHERE value IS NOT NULL \
             AND (device_id, session_keys.kind, owner, session_keys.name) > ($1, $2, $3, $4) \
             ORDER BY device_id, session_keys.kind, owner, session_keys.name LIMIT $5",
            &last.device_id,
            &last.kind,
            &last.owner,
            &last.name,
            limits::PAGE_ROWS_MAX,
        )?;
        for row in &rows {
            let place = place(row.client_id, &row.device_id, &row.kind, &row.owner, &row.name);
            let plain = old.part(&row.device_id).open(&place, &row.value).map_err(refused)?;
            sql!(
                &mut *conn,
                execute,
                "UPDATE session_keys SET value = $5 WHERE device_id = $1 AND kind = $2 AND owner = $3 AND name = $4",
                &row.device_id,
                &row.kind,
                &row.owner,
                &row.name,
                new.part(&row.device_id).seal(clock, &place, &plain),
            )?;
            count += 1;
        }
        match rows.into_iter().next_back() {
            Some(row) => last = row,
            None => return Ok(count),
        }
    }
}

struct FileReference {
    seq: i64,
    client_id: i64,
    device_id: String,
    file_ref: Vec<u8>,
}

row!(FileReference { seq, client_id, device_id, file_ref });

async fn seal_file_references(
    conn: &mut Conn,
    old: &MasterKey,
    new: &MasterKey,
    clock: &Clock,
) -> Result<u64, StoreError> {
    let (old, new) = (old.sealers("sessions"), new.sealers("sessions"));
    let (mut last, mut count) = (0, 0);
    loop {
        let rows = sql!(
            &mut *conn,
            all as FileReference,
            "SELECT seq, client_id, device_id, file_ref FROM inbound WHERE file_ref IS NOT NULL AND seq > $1 \
             ORDER BY seq LIMIT $2",
            last,
            limits::PAGE_ROWS_MAX,
        )?;
        let Some(end) = rows.last().map(|row| row.seq) else { return Ok(count) };
        for row in rows {
            let place = place(row.client_id, &row.device_id, FILE_REFERENCE, "", "");
            let plain = old.part(&row.device_id).open(&place, &row.file_ref).map_err(refused)?;
            let sealed = new.part(&row.device_id).seal(clock, &place, &plain);
            sql!(&mut *conn, execute, "UPDATE inbound SET file_ref = $2 WHERE seq = $1", row.seq, sealed)?;
            count += 1;
        }
        last = end;
    }
}

/// Customers have these secrets: they must not change with the master key that they followed from.
async fn keep_push_secrets(
    conn: &mut Conn,
    old: &MasterKey,
    new: &MasterKey,
    clock: &Clock,
) -> Result<u64, StoreError> {
    let clients = sql!(&mut *conn, all as PushSecret, "SELECT id, push_secret_version, push_secret FROM clients")?;
    let mut count = 0;
    for PushSecret { id, push_secret_version, push_secret } in clients {
        let secret = old.push_secret(id, push_secret_version, push_secret.as_deref()).map_err(refused)?;
        // Back under the key that it followed from, it need not be kept.
        let follows = new.push_secret(id, push_secret_version, None) == Ok(secret);
        let kept = (!follows).then(|| new.keep_push_secret(clock, id, push_secret_version, &secret));
        sql!(&mut *conn, execute, "UPDATE clients SET push_secret = $2 WHERE id = $1", id, &kept)?;
        count += 1;
    }
    Ok(count)
}

fn refused(error: DoesNotOpen) -> StoreError {
    StoreError::Refused(error.to_string())
}
