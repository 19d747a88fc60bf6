//! Brings a database to this program's schema, or says why it cannot. Called by `Store::open` only.

use sqlx::AssertSqlSafe;

use super::{Conn, StoreError, postgres, sql, userids};

/// Every migration, in order; its number is its place in this list, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_gateway.sql"),
    include_str!("../../migrations/0002_web.sql"),
    include_str!("../../migrations/0003_sessions.sql"),
    include_str!("../../migrations/0004_pacing.sql"),
    include_str!("../../migrations/0005_inbound.sql"),
    include_str!("../../migrations/0006_console.sql"),
    include_str!("../../migrations/0007_listing.sql"),
    include_str!("../../migrations/0008_imports.sql"),
    include_str!("../../migrations/0009_slower.sql"),
    include_str!("../../migrations/0010_device_listing.sql"),
    include_str!("../../migrations/0011_priority.sql"),
    include_str!("../../migrations/0012_sandbox.sql"),
    include_str!("../../migrations/0013_media.sql"),
    include_str!("../../migrations/0014_inbound.sql"),
    include_str!("../../migrations/0015_faults.sql"),
    include_str!("../../migrations/0016_moving.sql"),
    include_str!("../../migrations/0017_reasons.sql"),
    include_str!("../../migrations/0018_blocked.sql"),
    include_str!("../../migrations/0019_passkeys.sql"),
    include_str!("../../migrations/0020_link_shares.sql"),
    include_str!("../../migrations/0021_waiting.sql"),
    include_str!("../../migrations/0022_share_keys.sql"),
    include_str!("../../migrations/0023_campaign_names.sql"),
    include_str!("../../migrations/0024_sent_before.sql"),
    include_str!("../../migrations/0025_shared_files.sql"),
    include_str!("../../migrations/0026_userids.sql"),
    include_str!("../../migrations/0027_quotas.sql"),
    include_str!("../../migrations/0028_sent.sql"),
    include_str!("../../migrations/0029_key_hashes.sql"),
    include_str!("../../migrations/0030_url_passwords.sql"),
    include_str!("../../migrations/0031_client_quotas.sql"),
    include_str!("../../migrations/0032_import_batches.sql"),
];

/// Any number would do, as long as every program that migrates this database uses it.
const POSTGRES_LOCK: i64 = 0x7761_6368_6174;

/// Runs what is missing, in one transaction.
///
/// # Errors
/// [`StoreError::Newer`] when a later program has been here; else what the database says.
pub(super) async fn run(conn: &mut Conn) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(_) => sql!(conn, execute, "BEGIN IMMEDIATE").map(drop)?,
        Conn::Postgres(conn) => {
            sqlx::query("BEGIN").execute(&mut **conn).await?;
            postgres::take_time(conn).await?;
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(POSTGRES_LOCK);
            lock.execute(&mut **conn).await.map(drop)?;
        }
    }
    let outcome = run_missing(conn).await;
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    sql!(conn, execute, end)?;
    outcome
}

async fn run_missing(conn: &mut Conn) -> Result<(), StoreError> {
    sql!(conn, execute, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let stored = sql!(conn, scalar as Option<i64>, "SELECT MAX(version) FROM schema_version")?.unwrap_or(0);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if stored > known {
        return Err(StoreError::Newer { stored, known });
    }
    for (version, text) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > stored) {
        let text = in_dialect(text, matches!(conn, Conn::Sqlite(_)));
        match conn {
            Conn::Sqlite(conn) => conn.batch(&text)?,
            Conn::Postgres(conn) => sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut **conn).await.map(|_| ())?,
        }
        if version == userids::MIGRATION {
            userids::fold_all(conn).await?;
        }
        sql!(conn, execute, "INSERT INTO schema_version (version) VALUES ($1)", version)?;
    }
    Ok(())
}

fn in_dialect(text: &str, sqlite: bool) -> String {
    if sqlite {
        text.replace("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY").replace("BYTEA", "BLOB")
    } else {
        text.to_owned()
    }
}
