//! How WhatsApp is reached: the socket, and the media hosts.
//!
//! A build with the feature `simulated-network` does not check who certifies the server's key. It therefore speaks to a
//! simulated network on loopback, and to nothing else: the address is checked at start, at each connection, and for each
//! file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Connector, MaybeTlsStream, WebSocketStream};
use whatsapp_rust::anyhow::{self, Context as _, ensure};
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory};
use whatsapp_rust::wacore::net::StreamingHttpResponse;
use whatsapp_rust_tokio_transport::{default_tls_connector, from_websocket};
use whatsapp_rust_ureq_http_client::UreqHttpClient;

use super::gate::{Gate, Gated};
use crate::clock::Clock;
use crate::limits;

const HOST: &str = "web.whatsapp.com";
const PORT: u16 = 443;
const ORIGIN: &str = "https://web.whatsapp.com";
const PATH: &str = "/ws/chat";

/// Which network linked accounts are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    WhatsApp,
    /// A simulated one, at this address on loopback.
    Simulated(SocketAddr),
    /// None: this build speaks to a simulated network only, and was given none.
    Nowhere,
}

/// A setting that this build cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    #[error(
        "WACHAT_SIMULATED_NETWORK is set, but this build speaks to WhatsApp only; build with --features simulated-network"
    )]
    NotInThisBuild,
    #[error(
        "WACHAT_SIMULATED_NETWORK: '{0}' is not http:// with a loopback address and a port, such as http://127.0.0.1:8090"
    )]
    NotLoopback(String),
}

/// Its server cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this server cannot reach {address} ({why}); check its network, its name server and its firewall, then try again"
)]
pub struct Unreachable {
    address: String,
    why: String,
}

impl Network {
    /// The network of the setting; `None` where it is not set.
    ///
    /// # Errors
    /// [`BadNetwork`].
    pub fn of(simulated: Option<&str>) -> Result<Self, BadNetwork> {
        match (simulated, cfg!(feature = "simulated-network")) {
            (None, true) => Ok(Self::Nowhere),
            (None, false) => Ok(Self::WhatsApp),
            (Some(_), false) => Err(BadNetwork::NotInThisBuild),
            (Some(url), true) => on_loopback(url).map(Self::Simulated),
        }
    }

    /// The version of the client that is claimed; `None` to ask which is current.
    pub fn version(&self) -> Option<(u32, u32, u32)> {
        matches!(self, Self::Simulated(_)).then_some((2, 3000, 0))
    }

    /// Whether its server can be reached: opens a connection and closes it.
    ///
    /// # Errors
    /// [`Unreachable`], within [`limits::REACH_SECONDS_MAX`].
    pub async fn check(&self, clock: &Clock) -> Result<(), Unreachable> {
        let why = match clock.within(Duration::from_secs(limits::REACH_SECONDS_MAX), self.open()).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.root_cause().to_string(),
            Err(_) => "no answer".to_owned(),
        };
        let address = match self {
            Self::Simulated(address) => address.to_string(),
            Self::WhatsApp | Self::Nowhere => format!("{HOST}:{PORT}"),
        };
        Err(Unreachable { address, why })
    }

    async fn connect(&self) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        Ok(from_websocket(self.open().await?))
    }

    async fn open(&self) -> anyhow::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
        let (stream, connector, domain, url) = match self {
            Self::WhatsApp => {
                let stream = TcpStream::connect((HOST, PORT)).await.context("WhatsApp cannot be reached")?;
                (stream, default_tls_connector(), HOST.to_owned(), format!("wss://{HOST}{PATH}"))
            }
            Self::Simulated(address) => {
                ensure!(address.ip().is_loopback(), "{address} is not on loopback");
                let stream = TcpStream::connect(address).await.context("the simulated network cannot be reached")?;
                (stream, Connector::Plain, address.ip().to_string(), format!("ws://{address}{PATH}"))
            }
            Self::Nowhere => anyhow::bail!("this build was given no simulated network"),
        };
        // Stanzas are small: without this each waits for the acknowledgement of the one before.
        stream.set_nodelay(true)?;
        let stream = connector.wrap(&domain, stream).await?;
        let builder = ClientBuilder::new()
            .uri(&url)?
            .add_header("origin".parse().context("a header")?, ORIGIN.parse().context("a header")?)?;
        Ok(builder.connect_on(stream).await?.0)
    }
}

fn on_loopback(url: &str) -> Result<SocketAddr, BadNetwork> {
    let bad = || BadNetwork::NotLoopback(url.to_owned());
    let address = url.strip_prefix("http://").ok_or_else(bad)?.trim_end_matches('/');
    let address = address.strip_prefix("localhost:").map_or(address.to_owned(), |port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = address.parse().map_err(|_| bad())?;
    if address.ip().is_loopback() { Ok(address) } else { Err(bad()) }
}

/// Makes the client's sockets, each behind the gate.
pub struct Sockets {
    network: Network,
    gate: Arc<Gate>,
    /// Called for each connection but the first. Where WhatsApp ended the one before in order, the library says nothing of it.
    on_reconnect: Box<dyn Fn() + Send + Sync>,
    is_first: AtomicBool,
}

impl Sockets {
    pub fn new(network: Network, gate: Arc<Gate>, on_reconnect: impl Fn() + Send + Sync + 'static) -> Self {
        Self { network, gate, on_reconnect: Box::new(on_reconnect), is_first: AtomicBool::new(true) }
    }
}

#[async_trait::async_trait]
impl TransportFactory for Sockets {
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        if !self.is_first.swap(false, Ordering::Relaxed) {
            (self.on_reconnect)();
        }
        let (transport, events) = self.network.connect().await?;
        Ok((Arc::new(Gated { transport, gate: self.gate.clone() }), events))
    }
}

/// Has files from, and gives files to, the media hosts that the network names.
pub struct MediaHosts {
    network: Network,
    client: UreqHttpClient,
}

impl MediaHosts {
    pub fn new(network: Network) -> Self {
        Self { network, client: UreqHttpClient::new().with_max_body_bytes(limits::MEDIA_ANSWER_BYTES_MAX) }
    }

    /// A simulated network's files are had from its own address, without TLS: nobody certifies it.
    fn request(&self, mut request: HttpRequest) -> anyhow::Result<HttpRequest> {
        let Network::Simulated(address) = &self.network else { return Ok(request) };
        let mut url = url::Url::parse(&request.url)?;
        let is_its = url.host_str() == Some(&address.ip().to_string()) && url.port() == Some(address.port());
        ensure!(is_its, "only the simulated network may be reached, not {}", url.host_str().unwrap_or_default());
        let changed = url.set_scheme("http");
        ensure!(changed.is_ok(), "an address of another kind");
        request.url = url.into();
        Ok(request)
    }
}

#[async_trait::async_trait]
impl HttpClient for MediaHosts {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        self.client.execute(self.request(request)?).await
    }

    /// What is downloaded is written as it comes, so that its memory can be reserved.
    fn supports_streaming(&self) -> bool {
        true
    }

    fn execute_streaming(&self, request: HttpRequest) -> anyhow::Result<StreamingHttpResponse> {
        self.client.execute_streaming(self.request(request)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_network_is_on_loopback_or_refused() {
        for good in ["http://127.0.0.1:8090", "http://[::1]:8090/", "http://localhost:8090"] {
            assert!(on_loopback(good).is_ok_and(|address| address.ip().is_loopback()), "{good}");
        }
        for bad in ["", "127.0.0.1:8090", "http://10.0.0.1:8090", "https://127.0.0.1:1", "http://web.whatsapp.com:443"]
        {
            assert_eq!(on_loopback(bad), Err(BadNetwork::NotLoopback(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn each_build_follows_the_setting_that_is_its_own() {
        let set = Network::of(Some("http://127.0.0.1:8090"));
        let unset = Network::of(None);
        if cfg!(feature = "simulated-network") {
            assert_eq!((set.is_ok(), unset), (true, Ok(Network::Nowhere)));
            assert!(Network::of(Some("http://192.0.2.1:80")).is_err());
        } else {
            assert_eq!((set, unset), (Err(BadNetwork::NotInThisBuild), Ok(Network::WhatsApp)));
        }
    }

    #[tokio::test]
    async fn nothing_but_the_simulated_network_is_reached_by_who_is_on_it() {
        let network = Network::Simulated("127.0.0.1:9".parse().unwrap());
        let hosts = MediaHosts::new(network);
        for url in ["https://mmg.whatsapp.net/v/x", "https://web.whatsapp.com/", "https://127.0.0.1:10/v/x"] {
            let error = hosts.execute(HttpRequest::get(url)).await.unwrap_err();
            assert!(error.to_string().contains("only the simulated network"), "{error}");
        }
        let out = Network::Simulated("192.0.2.1:80".parse().unwrap()).connect().await;
        assert!(out.err().unwrap().to_string().contains("not on loopback"));
        assert!(Network::Nowhere.connect().await.is_err());
    }
}
