//! The command line: a file a command. Every command but `serve` and `master-key` works beside a running server, on the same database.

mod client;
mod device;
mod import;
mod key;
mod link;
mod lookup;
mod master_key;
mod message;
mod migrate;
mod output;
mod passkey;
mod push;
mod sandbox;
mod serve;
mod share;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::api::routes;
use crate::app::App;
use crate::clock::{Clock, Millis};
use crate::process;
use crate::settings::{Flags, Settings};
use crate::store::{AuditWay, NewAuditEntry, Store, StoreError, audit};
use crate::telemetry;
use output::Output;

/// A self-hosted WhatsApp gateway: a durable queue behind the WAChat API v1.0.
///
/// Without a command it serves. Settings come from flags, then WACHAT_… variables, then wachat.toml.
#[derive(Parser)]
#[command(name = "wachat", version, subcommand_required = false)]
struct Line {
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    serve: serve::ServeFlags,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Clone)]
struct Shared {
    /// Folder of the database, the media and the master key [default: ./wachat-data] [env: WACHAT_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// sqlite:PATH or postgres://… [default: wachat.db in the data folder] [env: WACHAT_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// A settings file [default: wachat.toml here, else /etc/wachat/wachat.toml, if it is there] [env: WACHAT_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, send what waits, deliver pushes (the default)
    Serve(serve::ServeFlags),
    /// Clients: the paying customers
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Persons who work for a client
    #[command(subcommand)]
    User(user::UserCommand),
    /// API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Gateways: the WhatsApp accounts that send
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Move a customer in from another WAChat gateway, and go live
    Migrate(migrate::Migrate),
    /// Where inbound messages are pushed to
    #[command(subcommand)]
    Push(push::PushCommand),
    /// The master key, which everything sealed hangs on
    #[command(subcommand)]
    MasterKey(master_key::MasterKeyCommand),
    /// Send one message
    Send(message::Send),
    /// Show a message's state
    Status(message::Status),
    /// Give up a message that waits
    Cancel(message::Cancel),
    /// Queue a campaign from a CSV file or an .xlsx workbook
    Import(import::Import),
    /// Play what a sandbox device receives
    #[command(subcommand)]
    Sandbox(sandbox::SandboxCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let line = Line::parse();
    match run(line) {
        Ok(code) => {
            telemetry::say_last(None);
            code
        }
        Err(error) => {
            telemetry::say_last(Some(&format!("wachat: {error:#}\n")));
            ExitCode::FAILURE
        }
    }
}

fn run(line: Line) -> anyhow::Result<ExitCode> {
    process::keep_files_private();
    let shared = line.shared;
    let command = line.command.unwrap_or(Command::Serve(serve::ServeFlags::default()));
    match command {
        Command::Openapi => output::line(&crate::api::openapi::text(&routes::document()))?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Line::command(), "wachat", &mut script);
            output::line(String::from_utf8_lossy(&script).trim_end())?;
        }
        Command::Serve(flags) => return serve::run(&shared, flags.over(line.serve)),
        other => {
            anyhow::ensure!(line.serve.is_empty(), "only `serve` takes the flags before the command");
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            return match other {
                Command::MasterKey(command) => runtime.block_on(master_key::run(&shared, command)),
                other => runtime.block_on(run_beside(&shared, other)),
            };
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command on the store, beside a server or without one.
async fn run_beside(shared: &Shared, command: Command) -> anyhow::Result<ExitCode> {
    let settings = shared.settings(Flags::new())?;
    let bench = Bench { app: App::open_existing(settings, Clock::system()).await?, output: shared.output() };
    let outcome = match command {
        Command::Client(command) => client::run(&bench, command).await,
        Command::User(command) => user::run(&bench, command).await,
        Command::Key(command) => key::run(&bench, command).await,
        Command::Device(command) => device::run(&bench, command).await,
        Command::Migrate(migrate) => migrate::run(&bench, migrate).await,
        Command::Push(command) => push::run(&bench, command).await,
        Command::Send(send) => message::send(&bench, send).await,
        Command::Status(status) => message::status(&bench, status).await,
        Command::Cancel(cancel) => message::cancel(&bench, cancel).await,
        Command::Import(import) => import::run(&bench, import).await,
        Command::Sandbox(command) => sandbox::run(&bench, command).await,
        Command::Serve(_) | Command::MasterKey(_) | Command::Openapi | Command::Completions { .. } => {
            Ok(ExitCode::SUCCESS)
        }
    };
    bench.app.store.close().await;
    outcome
}

impl Shared {
    fn settings(&self, mut flags: Flags) -> anyhow::Result<Settings> {
        let own = [("data_dir", &self.data_dir), ("database_url", &self.database_url)];
        flags.extend(own.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        let settings = Settings::load(&flags, self.config.as_deref())?;
        telemetry::start_logs(&settings.log, settings.log_json).map_err(anyhow::Error::msg)?;
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        Ok(settings)
    }

    fn output(&self) -> Output {
        if self.json { Output::Json } else { Output::Table }
    }
}

/// Who an operator at the command line is in the audit log.
const OPERATOR: &str = "operator";

/// What a command works with.
struct Bench {
    app: App,
    output: Output,
}

/// A command that did what it was asked.
fn done() -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}

impl Bench {
    /// The client in whose log is what concerns none in particular: the first, which is the operator's own.
    async fn operator(&self) -> Result<i64, StoreError> {
        operator(&self.app.store).await
    }

    /// Changes something, which is recorded in the audit log under the name that the API has for it.
    async fn recording<T>(&self, client_id: i64, action: &str, subject: &str, change: impl Future<Output = T>) -> T {
        audit::recording(entry(self.app.clock.now(), client_id, action, subject), change).await
    }
}

async fn operator(store: &Store) -> Result<i64, StoreError> {
    Ok(store.list_clients().await?.first().map_or(1, |client| client.id))
}

/// What an operator does at the command line.
fn entry(at: Millis, client_id: i64, action: &str, subject: &str) -> NewAuditEntry {
    let (way, userid) = (AuditWay::CommandLine, OPERATOR.into());
    NewAuditEntry { at, client_id, userid, way, action: action.into(), subject: subject.into() }
}
