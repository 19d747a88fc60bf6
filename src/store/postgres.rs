//! Sessions with a PostgreSQL server: what they are opened with, and how long they wait for an answer. What ails one node, or the server,
//! must end by itself. Called by `sql!` and where the store is opened.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres};

use super::StoreError;
use crate::clock::Clock;
use crate::limits;

/// What every session of ours asks of the server, whatever the server or a pooler has as its default.
pub(super) fn session(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        // What the server merely notes is no news for an operator.
        ("client_min_messages", "warning".to_owned()),
        ("idle_in_transaction_session_timeout", format!("{}s", limits::POSTGRES_IDLE_TRANSACTION_SECONDS_MAX)),
        ("lock_timeout", format!("{}s", limits::LOCK_WAIT_SECONDS)),
        ("statement_timeout", format!("{}s", limits::POSTGRES_STATEMENT_SECONDS_MAX)),
        ("tcp_keepalives_idle", limits::POSTGRES_KEEPALIVE_IDLE_SECONDS.to_string()),
        ("tcp_keepalives_interval", limits::POSTGRES_KEEPALIVE_SECONDS.to_string()),
        ("tcp_keepalives_count", limits::POSTGRES_KEEPALIVES.to_string()),
        ("tcp_user_timeout", limits::POSTGRES_UNACKNOWLEDGED_MS_MAX.to_string()),
    ])
}

/// Opens a few connections.
///
/// # Errors
/// Why the server cannot be used, or that it does not answer.
pub(super) async fn open(options: &PgConnectOptions) -> Result<PgPool, String> {
    let wait = Duration::from_secs(limits::LOCK_WAIT_SECONDS);
    let silent = |_| format!("it did not answer within {} seconds", wait.as_secs());
    // One connection on its own first: a pool says only that it timed out, and says it late.
    let first = async { PgConnection::connect_with(options).await?.close().await };
    Clock::system().within(wait, first).await.map_err(silent)?.map_err(|error| error.to_string())?;
    PgPoolOptions::new()
        .max_connections(limits::POSTGRES_CONNECTIONS_MAX)
        .acquire_timeout(wait)
        .connect_with(options.clone())
        .await
        .map_err(|error| error.to_string())
}

/// Lifts the bounds of statements and locks for the transaction that `conn` has begun: a migration takes as long as it takes, and
/// another node waits for it.
///
/// # Errors
/// What the server says.
pub(super) async fn take_time(conn: &mut PgConnection) -> Result<(), StoreError> {
    for text in ["SET LOCAL lock_timeout = 0", "SET LOCAL statement_timeout = 0"] {
        sqlx::query(text).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Waits for what the server answers, but not for one that is silent: it may have stopped without closing its connections.
///
/// # Errors
/// What it answers instead; [`StoreError::Unavailable`] where that is nothing.
pub(crate) async fn answered<T>(answer: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
    let limit = Duration::from_secs(limits::POSTGRES_ANSWER_SECONDS_MAX);
    match Clock::system().within(limit, answer).await {
        Ok(answer) => answer.map_err(StoreError::from),
        Err(_) => Err(StoreError::Unavailable("the database does not answer".into())),
    }
}

/// Gives up a connection that failed, without waiting for the server.
pub(super) async fn discard(conn: PoolConnection<Postgres>) {
    // That it is closed already, or cannot be, changes nothing.
    let _ = conn.detach().close_hard().await;
}
