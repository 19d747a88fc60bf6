//! The bounds of what the gateway asks of a PostgreSQL server.

pub const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// Batches that go to PostgreSQL at once, and questions about single messages.
pub const POSTGRES_WRITERS: usize = 4;
pub const POSTGRES_LOOKUPS: usize = 2;
/// How long a transaction of ours may be idle before the server ends it: a node that is frozen must not keep its locks. Shorter
/// than others wait for them.
pub const POSTGRES_IDLE_TRANSACTION_SECONDS_MAX: u64 = 5;
/// How long one statement may take; migrations may take longer. The server ends it then, and a little later the gateway gives
/// up a server that does not answer at all.
pub const POSTGRES_STATEMENT_SECONDS_MAX: u64 = 30;
pub const POSTGRES_ANSWER_SECONDS_MAX: u64 = POSTGRES_STATEMENT_SECONDS_MAX + 5;
/// After so long without a sign of life the server asks a connection for one, so often, with so long between, and it ends one whose
/// other end has acknowledged nothing for so long.
pub const POSTGRES_KEEPALIVE_IDLE_SECONDS: u64 = 30;
pub const POSTGRES_KEEPALIVE_SECONDS: u64 = 10;
pub const POSTGRES_KEEPALIVES: u64 = 3;
pub const POSTGRES_UNACKNOWLEDGED_MS_MAX: u64 = 60_000;
