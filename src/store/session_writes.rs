//! How what the client library keeps is changed. Every statement names the lease it is written under: a node that lost the
//! device writes nothing more, and is told so.

use std::collections::BTreeMap;

use super::changes::check_owner;
use super::sessions::{KeyKind, KeyRow};
use super::{Conn, Lease, Store, StoreError, sql};

/// A change of what a device keeps.
#[derive(Debug, Clone)]
pub enum KeyChange {
    /// Stores rows, in place of those of the same names.
    Put { kind: KeyKind, rows: Vec<KeyRow> },
    /// Stores secrets of messages. A time until which one is kept only grows, and 0 is for ever; a known time of its message
    /// is not forgotten.
    PutSecrets { rows: Vec<KeyRow> },
    /// Stores which number a hidden id stands for; it stands for no other any more.
    PutLids { rows: Vec<KeyRow> },
    /// Stores a token that came, unless a later one is there. When we gave ours stays as it is.
    Receive { row: KeyRow },
    /// Notes that we gave our token, if not a later time is noted. A token that is there stays as it is.
    Touch { row: KeyRow },
    /// Notes that WhatsApp has one-time keys, of those that are still there.
    MarkUploaded { names: Vec<String> },
    /// Takes rows away, by owner and name.
    Forget { kind: KeyKind, places: Vec<(String, String)> },
    /// Takes every row of an owner away.
    ForgetOwner { kind: KeyKind, owner: String },
    /// Takes every row of a kind away.
    ForgetKind { kind: KeyKind },
    /// Takes away what says that these devices have our keys of groups.
    ForgetSharing { devices: Vec<String> },
    /// Takes every row away whose time is before this one.
    ForgetBefore { kind: KeyKind, before: i64 },
    /// Takes tokens away that came before `token`, or never, when ours was given before `sender`, or never.
    ForgetTokens { token: i64, sender: i64 },
    /// Takes everything away.
    Wipe,
}

/// The part of every statement that names the lease: `$1` is the device, `$2` the epoch.
macro_rules! owned {
    () => {
        "EXISTS (SELECT 1 FROM devices WHERE id = $1 AND lease_epoch = $2 AND removed_at IS NULL)"
    };
}

/// One row, `$3` to `$8`, with what is done when there is one of that name.
macro_rules! put {
    ($meeting:literal) => {
        concat!(
            "INSERT INTO session_keys (device_id, kind, owner, name, value, at, also) SELECT $1, $3, $4, $5, $6, $7, $8 WHERE ",
            owned!(),
            " ON CONFLICT (device_id, kind, owner, name) DO UPDATE SET ",
            $meeting
        )
    };
}

/// Many rows for PostgreSQL: `$4` to `$8` are lists.
macro_rules! put_all {
    ($meeting:literal) => {
        concat!(
            "INSERT INTO session_keys (device_id, kind, owner, name, value, at, also) SELECT $1, $3, r.* FROM ",
            "UNNEST($4::text[], $5::text[], $6::bytea[], $7::bigint[], $8::bigint[]) AS r WHERE ",
            owned!(),
            " ON CONFLICT (device_id, kind, owner, name) DO UPDATE SET ",
            $meeting
        )
    };
}

/// The two forms of one way to put rows.
struct Texts {
    one: &'static str,
    all: &'static str,
}

macro_rules! texts {
    ($meeting:literal) => {
        Texts { one: put!($meeting), all: put_all!($meeting) }
    };
}

const REPLACE: Texts = texts!("value = excluded.value, at = excluded.at, also = excluded.also");
const SECRETS: Texts = texts!(
    "value = excluded.value, at = CASE WHEN session_keys.at = 0 OR excluded.at = 0 THEN 0 \
     WHEN session_keys.at > excluded.at THEN session_keys.at ELSE excluded.at END, \
     also = CASE WHEN session_keys.also > excluded.also THEN session_keys.also ELSE excluded.also END"
);
const RECEIVE: Texts = texts!(
    "value = excluded.value, at = excluded.at WHERE session_keys.value IS NULL OR excluded.at >= session_keys.at"
);
const TOUCH: Texts =
    texts!("also = excluded.also WHERE session_keys.also IS NULL OR excluded.also > session_keys.also");

/// A deletion of the device's rows for which a condition holds.
macro_rules! forget {
    ($conn:expr, $lease:expr, $only:literal $(, $bind:expr)* $(,)?) => {
        sql!(
            &mut *$conn,
            execute,
            concat!("DELETE FROM session_keys WHERE device_id = $1 AND ", $only, " AND ", owned!()),
            &$lease.device_id,
            $lease.epoch,
            $($bind),*
        )
    };
}

impl Store {
    /// Changes what a device keeps: all of it, or nothing. Gives how many rows were changed.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when another node has the device, or nobody any more; else when it could not be stored.
    pub async fn change_keys(&self, lease: &Lease, changes: Vec<KeyChange>) -> Result<u64, StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let mut changed = 0;
                for change in changes {
                    changed += run(conn, &lease, change).await?;
                }
                // What changed something was written under the lease; only who changed nothing must ask.
                if changed == 0 {
                    check_owner(conn, &lease).await?;
                }
                Ok(changed)
            })
        })
        .await
    }
}

async fn run(conn: &mut Conn, lease: &Lease, change: KeyChange) -> Result<u64, StoreError> {
    match change {
        KeyChange::Put { kind, rows } => put(conn, lease, kind, rows, &REPLACE).await,
        KeyChange::PutSecrets { rows } => put(conn, lease, KeyKind::Secret, rows, &SECRETS).await,
        KeyChange::PutLids { rows } => put_lids(conn, lease, rows).await,
        KeyChange::Receive { row } => put(conn, lease, KeyKind::TcToken, vec![row], &RECEIVE).await,
        KeyChange::Touch { row } => put(conn, lease, KeyKind::TcToken, vec![row], &TOUCH).await,
        KeyChange::MarkUploaded { names } => mark_uploaded(conn, lease, &names).await,
        KeyChange::Forget { kind, places } => {
            let mut gone = 0;
            for (owner, name) in places {
                gone += forget!(conn, lease, "kind = $3 AND owner = $4 AND name = $5", kind.name(), &owner, &name)?;
            }
            Ok(gone)
        }
        KeyChange::ForgetOwner { kind, owner } => {
            forget!(conn, lease, "kind = $3 AND owner = $4", kind.name(), &owner)
        }
        KeyChange::ForgetKind { kind } => forget!(conn, lease, "kind = $3", kind.name()),
        KeyChange::ForgetSharing { devices } => {
            let mut gone = 0;
            for device in devices {
                gone += forget!(conn, lease, "kind = 'sender_key_device' AND name = $3", &device)?;
            }
            Ok(gone)
        }
        KeyChange::ForgetBefore { kind, before } => {
            forget!(conn, lease, "kind = $3 AND at <> 0 AND at < $4", kind.name(), before)
        }
        KeyChange::ForgetTokens { token, sender } => forget!(
            conn,
            lease,
            "kind = 'tc_token' AND (value IS NULL OR at < $3) AND (also IS NULL OR also < $4)",
            token,
            sender,
        ),
        KeyChange::Wipe => forget!(conn, lease, "kind <> ''"),
    }
}

/// Puts rows; of two of one name the later one. PostgreSQL is asked once.
async fn put(
    conn: &mut Conn,
    lease: &Lease,
    kind: KeyKind,
    rows: Vec<KeyRow>,
    texts: &Texts,
) -> Result<u64, StoreError> {
    match conn {
        Conn::Postgres(conn) if rows.len() > 1 => {
            // One statement must not meet a row twice; and rows are locked in one order, so that nobody waits in a circle.
            let mut by_name: BTreeMap<(String, String), KeyRow> = BTreeMap::new();
            for row in rows {
                by_name.insert((row.owner.clone(), row.name.clone()), row);
            }
            let rows: Vec<KeyRow> = by_name.into_values().collect();
            let done = sqlx::query(texts.all)
                .bind(&lease.device_id)
                .bind(lease.epoch)
                .bind(kind.name())
                .bind(rows.iter().map(|row| row.owner.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.value.as_deref()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.at).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.also).collect::<Vec<_>>())
                .execute(&mut **conn)
                .await?;
            Ok(done.rows_affected())
        }
        conn => {
            let mut put = 0;
            for row in rows {
                put += put_one(conn, lease, kind, &row, texts).await?;
            }
            Ok(put)
        }
    }
}

async fn put_one(
    conn: &mut Conn,
    lease: &Lease,
    kind: KeyKind,
    row: &KeyRow,
    texts: &Texts,
) -> Result<u64, StoreError> {
    sql!(
        conn,
        execute,
        texts.one,
        &lease.device_id,
        lease.epoch,
        kind.name(),
        &row.owner,
        &row.name,
        &row.value,
        row.at,
        row.also,
    )
}

/// One statement more for each: an id whose number changed leaves no row under the former one.
async fn put_lids(conn: &mut Conn, lease: &Lease, rows: Vec<KeyRow>) -> Result<u64, StoreError> {
    // Of two numbers for one id the later one.
    let by_lid: BTreeMap<String, KeyRow> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
    let rows: Vec<KeyRow> = by_lid.into_values().collect();
    for row in &rows {
        forget!(conn, lease, "kind = 'lid' AND name = $3 AND owner <> $4", &row.name, &row.owner)?;
    }
    put(conn, lease, KeyKind::Lid, rows, &REPLACE).await
}

async fn mark_uploaded(conn: &mut Conn, lease: &Lease, names: &[String]) -> Result<u64, StoreError> {
    let mut marked = 0;
    for name in names {
        marked += sql!(
            &mut *conn,
            execute,
            concat!(
                "UPDATE session_keys SET also = 1 WHERE device_id = $1 AND kind = 'pre_key' AND owner = '' AND name = $3 AND ",
                owned!()
            ),
            &lease.device_id,
            lease.epoch,
            name,
        )?;
    }
    Ok(marked)
}

impl Store {
    /// Takes away once more what a device kept that was removed: a write may have met its removal.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn forget_removed(&self, device_id: &str) -> Result<(), StoreError> {
        let device_id = device_id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "DELETE FROM session_keys WHERE device_id = $1 \
                     AND EXISTS (SELECT 1 FROM devices WHERE id = $1 AND removed_at IS NOT NULL)",
                    &device_id,
                )
                .map(drop)
            })
        })
        .await
    }
}

/// Takes away all that a device kept; for who takes the device away in the same transaction.
pub(super) async fn forget_device(conn: &mut Conn, device_id: &str) -> Result<(), StoreError> {
    sql!(conn, execute, "DELETE FROM session_keys WHERE device_id = $1", device_id).map(drop)
}
