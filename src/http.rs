//! Serves HTTP/1.1 connections until it is told to stop. Called by `app.rs` alone.

mod connections;
mod headers;
mod proxies;
mod stalled;
mod unread;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use self::connections::{Admitted, Connections, Refused};
use self::proxies::Proxies;
use self::stalled::Unstalled;
use self::unread::Rest;
use crate::api::answer::Format;
use crate::api::problem::Problem;
use crate::clock::Clock;
use crate::limits;
use crate::supervisor::{Supervisor, caught};

/// What is served, and how.
#[derive(Clone)]
pub struct Served {
    pub router: Router,
    pub clock: Clock,
    pub supervisor: Supervisor,
    /// The reverse proxies whose word is taken for where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections may be open at once.
    pub connections_max: usize,
    /// Whether browsers reach the gateway over TLS alone.
    pub is_secure: bool,
}

/// Accepts connections until `stop`; then finishes the requests in hand, for a few seconds at the most. Connections outlive a fault
/// of the loop that accepts them.
pub async fn serve(listener: TcpListener, served: Served, stop: CancellationToken) {
    let Served { router, clock, supervisor, trusted_proxies, connections_max, is_secure } = served;
    let proxies = Arc::new(Proxies::new(trusted_proxies));
    let connections = Connections::new(connections_max, Arc::clone(&proxies));
    let site = Site { router, proxies, connections, clock: clock.clone(), tasks: TaskTracker::new(), is_secure };
    let graceful = GracefulShutdown::new();
    let accepting = supervisor
        .keep("http", clock.clone(), stop.clone(), || accept(&listener, &site, &clock, &graceful, stop.clone()));
    accepting.await;
    drop(listener);
    site.tasks.close();
    let limit = Duration::from_secs(limits::STOP_SECONDS_MAX / 2);
    if clock.within(limit, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way when the gateway stopped");
    }
}

/// What every connection is served with.
#[derive(Clone)]
struct Site {
    router: Router,
    proxies: Arc<Proxies>,
    connections: Connections,
    clock: Clock,
    tasks: TaskTracker,
    is_secure: bool,
}

async fn accept(
    listener: &TcpListener,
    site: &Site,
    clock: &Clock,
    graceful: &GracefulShutdown,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match site.connections.admit(peer.ip(), clock.now()) {
                Ok(admitted) => {
                    let served = serve_one(stream, peer, site.clone(), graceful.watcher());
                    site.tasks.spawn(async move {
                        let _admitted: Admitted = admitted;
                        served.await;
                    });
                }
                // It is closed at once: the client may come again.
                Err(Refused { to_tell: Some(refused) }) => {
                    let from = peer.ip();
                    tracing::warn!(refused, %from, "too many connections are open, in all or from one address; more are closed at once");
                }
                Err(Refused { to_tell: None }) => {}
            },
            Err(error) => {
                // Out of file descriptors, most likely: some will be free in a moment.
                tracing::warn!(%error, "a connection could not be accepted");
                clock.sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_one(stream: TcpStream, peer: SocketAddr, site: Site, watcher: hyper_util::server::graceful::Watcher) {
    // Small answers must not wait for Nagle's algorithm; where it cannot be turned off they are only later.
    let _ = stream.set_nodelay(true);
    let (clock, tasks, proxies) = (site.clock, site.tasks, site.proxies);
    let stream = Unstalled::new(stream, clock.clone());
    let service = site.router.map_request(move |mut request: Request| {
        // Who tries passwords is asked where, and who reads the metrics; a program's key says all there is to know of it.
        let path = request.uri().path();
        if path.starts_with("/console") || path.starts_with("/metrics") {
            let origin = proxies.origin(peer.ip(), request.headers());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(origin, peer.port())));
        }
        without_trailing_slash(request)
    });
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let (rest, clock, tasks) = (Rest::default(), clock.clone(), tasks.clone());
        let is_docs = request.uri().path().starts_with("/docs");
        let answer = service.clone().oneshot(rest.watch(request).map(axum::body::Body::new));
        async move {
            // A fault in one request is answered, and ends nothing but itself.
            let answer = caught(answer).await.unwrap_or_else(|panicked| {
                Ok(Problem::Internal(format!("a request: {panicked}")).response(Format::Json))
            });
            let Ok(mut response) = answer;
            rest.settle(&mut response, &clock, &tasks).await;
            headers::add(&mut response, is_docs, site.is_secure);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Who has sent all that is to be sent may say so and still wants the answer.
        .half_close(true)
        .header_read_timeout(Duration::from_secs(limits::REQUEST_READ_SECONDS_MAX))
        .max_headers(limits::HEADERS_MAX)
        .max_buf_size(limits::HEAD_BYTES_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// `/status/1/` means `/status/1`.
fn without_trailing_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    // The pages under /docs/ have relative links and need theirs.
    if path.len() < 2 || !path.ends_with('/') || path.starts_with("/docs") {
        return request;
    }
    let trimmed = match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    };
    let trimmed = match request.uri().query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    if let Ok(path) = PathAndQuery::try_from(trimmed) {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}
