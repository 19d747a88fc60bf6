//! `wachat serve`: starts the gateway, greets a new operator, stops in order.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::output::show;
use crate::app::{App, Greeting};
use crate::clock::Clock;
use crate::limits;
use crate::process;
use crate::settings::{Flags, Settings};
use crate::telemetry;

#[derive(Args, Default, PartialEq)]
pub(super) struct ServeFlags {
    /// Address and port to serve on [default: 127.0.0.1:8080] [env: WACHAT_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Let media URLs and Push URLs reach this private network; repeatable [env: WACHAT_ALLOW_NETWORKS]
    #[arg(long = "allow-network", value_name = "CIDR")]
    allow_networks: Vec<String>,
    /// Take the word of this reverse proxy for where a request comes from; repeatable [env: WACHAT_TRUSTED_PROXIES]
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    trusted_proxies: Vec<String>,
    /// Trust the certificate authorities in this PEM file for media URLs and Push URLs [env: WACHAT_TRUSTED_CA]
    #[arg(long, value_name = "FILE")]
    trusted_ca: Option<String>,
    /// Requests a second for each API key, 0 for none [default: 100] [env: WACHAT_RATE_LIMIT]
    #[arg(long, value_name = "N")]
    rate_limit: Option<String>,
    /// What customers reach this gateway by [default: http:// and the listen address] [env: WACHAT_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Folder or s3://bucket/prefix for media [default: media in the data folder] [env: WACHAT_MEDIA_STORE]
    #[arg(long, value_name = "PLACE")]
    media_store: Option<String>,
    /// What is logged [default: info] [env: WACHAT_LOG]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// text or json [default: text] [env: WACHAT_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl ServeFlags {
    /// These flags, and where one is not given that of `others`.
    pub(super) fn over(self, others: Self) -> Self {
        Self {
            listen: self.listen.or(others.listen),
            allow_networks: if self.allow_networks.is_empty() { others.allow_networks } else { self.allow_networks },
            trusted_proxies: if self.trusted_proxies.is_empty() {
                others.trusted_proxies
            } else {
                self.trusted_proxies
            },
            trusted_ca: self.trusted_ca.or(others.trusted_ca),
            rate_limit: self.rate_limit.or(others.rate_limit),
            public_url: self.public_url.or(others.public_url),
            media_store: self.media_store.or(others.media_store),
            log: self.log.or(others.log),
            log_format: self.log_format.or(others.log_format),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn flags(self) -> Flags {
        let joined = |networks: Vec<String>| Some(networks.join(",")).filter(|networks| !networks.is_empty());
        let given = [
            ("listen", self.listen),
            ("allow_networks", joined(self.allow_networks)),
            ("trusted_proxies", joined(self.trusted_proxies)),
            ("trusted_ca", self.trusted_ca),
            ("rate_limit", self.rate_limit),
            ("public_url", self.public_url),
            ("media_store", self.media_store),
            ("log", self.log),
            ("log_format", self.log_format),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub(super) fn run(shared: &Shared, flags: ServeFlags) -> anyhow::Result<ExitCode> {
    let settings = shared.settings(flags.flags())?;
    allocator::keep_trimming();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(limits::BLOCKING_THREADS_MAX)
        .build()?;
    runtime.block_on(serve(settings))?;
    // Whatever did not stop in time is left behind; its rows are as they should be.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    // Before anything is said: whoever reads that it serves may stop it at once.
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("stopping");
    };
    tokio::pin!(asked);
    let _locks = App::lock(&settings)?;
    telemetry::start_metrics();
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another --listen", settings.listen))?;
    let connections = process::make_room_for_connections();
    // A database that does not answer must not keep it from being stopped. Until it serves, that is as good as a crash.
    let app = tokio::select! {
        app = open(settings.listening_on(listener.local_addr()?)) => app?,
        () = &mut asked => return Ok(()),
    };
    let stop = CancellationToken::new();
    let served = app.serve(listener, connections, stop.clone());
    tokio::pin!(served);
    tokio::select! {
        ended = &mut served => return Ok(ended?),
        () = &mut asked => {}
    }
    stop.cancel();
    served.await?;
    Ok(())
}

/// Opens the gateway, makes its first rows, and says how it is reached.
async fn open(settings: Settings) -> anyhow::Result<App> {
    let app = App::open(settings, Clock::system()).await?;
    let address = app.settings.public_url.clone();
    if let Some(network) = &app.settings.simulated_network {
        tracing::warn!(network, "accounts are linked on a SIMULATED network: nothing reaches WhatsApp");
    }
    let mut is_shown = false;
    let greeted = app.greet_by(|greeting| {
        is_shown = true;
        show(&credentials(&address, greeting))
    });
    let greeting = greeted.await?;
    // Nobody need read what comes now: that it cannot be printed is no reason not to serve.
    let rest = match &greeting {
        Some(greeting) => first_steps(&address, greeting),
        None if is_shown => {
            "another process created the gateway at the same moment: what is shown above is not valid".into()
        }
        None => format!("wachat serves {address} (API documentation: {address}/docs)"),
    };
    if let Err(reason) = show(&rest) {
        tracing::warn!(reason, address, "standard output cannot be written; wachat serves all the same");
    }
    if let Err(error) = app.store.note_address(address).await {
        tracing::warn!(%error, "where this server is reached could not be noted for the command line");
    }
    Ok(app)
}

/// Said once, on the first start, before anything is stored.
fn credentials(address: &str, greeting: &Greeting) -> String {
    let Greeting { userid, password, api_key, device_id, sender } = greeting;
    let key = api_key.reveal();
    format!(
        "\
wachat serves {address}

A new gateway, with a SANDBOX device: nothing it sends leaves this machine. These are shown once:

  Administrator   {userid}
  Password        {password}
  API key         {key}
  Device id       {device_id}   (the API's queue)
  Sender          {sender}
  Documentation   {address}/docs
  Console         {address}/console
"
    )
}

/// Said after it, when everything is stored.
fn first_steps(address: &str, greeting: &Greeting) -> String {
    let (key, device_id) = (greeting.api_key.reveal(), &greeting.device_id);
    format!(
        "\
Send a first message:

  curl -X POST {address}/wachat_api/1.0/message \\
    -H 'APIKey: {key}' -H 'Content-Type: application/json' \\
    -d '{{\"queue\": \"{device_id}\", \"destination\": \"628111111111\", \"message\": \"Hello\"}}'

Then follow it, with the ref_no of the answer:

  curl {address}/wachat_api/1.0/status/REF_NO -H 'APIKey: {key}'
"
    )
}
