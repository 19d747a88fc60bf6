//! One port for everything: HTTP and WebSocket, plain or TLS, told apart by the first byte of a connection.

use std::time::Duration;

use axum::extract::{State, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::network::Network;
use super::{media, tls, websocket};
use crate::clock;
use crate::limits::{ACCEPT_PAUSE_MS, CONNECTIONS_MAX, FIRST_BYTE_WAIT_SECONDS, FRAME_BYTES_MAX, HEADER_WAIT_SECONDS};

/// Accepts connections until stopped.
pub async fn serve(network: Network, listener: TcpListener, control: Router, stop: CancellationToken) {
    let router = router(network.clone(), control, stop.clone());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) if network.inner.tasks.len() < CONNECTIONS_MAX => {
                let work = connection_of(network.clone(), stream, router.clone());
                let stop = stop.clone();
                network.inner.tasks.spawn(async move {
                    tokio::select! {
                        () = work => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
            Ok(_) => tracing::warn!(CONNECTIONS_MAX, "a connection was refused: there are as many as there may be"),
            // Probably out of file descriptors: other connections will end and free some.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

fn router(network: Network, control: Router, stop: CancellationToken) -> Router {
    Router::new()
        .route("/ws/chat", get(move |network, socket| upgrade(network, socket, stop)))
        .route("/mms/{kind}/{token}", post(media::upload))
        .route("/v/{*path}", any(media::download))
        .with_state(network)
        .nest("/control", control)
}

/// Closes the TCP connection of a request without a response.
#[derive(Clone, Default)]
pub struct HangUp(pub CancellationToken);

async fn upgrade(State(network): State<Network>, upgrade: WebSocketUpgrade, stop: CancellationToken) -> Response {
    let tasks = network.inner.tasks.clone();
    upgrade
        .max_message_size(FRAME_BYTES_MAX * 2)
        .max_frame_size(FRAME_BYTES_MAX * 2)
        .on_upgrade(move |socket| tasks.track_future(websocket::serve(network, socket, stop)))
}

/// Serves one TCP connection until it closes.
async fn connection_of(network: Network, stream: TcpStream, router: Router) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut first = [0];
    let wait = Duration::from_secs(FIRST_BYTE_WAIT_SECONDS);
    let Some(Ok(1)) = clock::within(wait, stream.peek(&mut first)).await else { return };
    let hang_up = HangUp::default();
    let router = router.layer(Extension(hang_up.clone()));
    tokio::select! {
        () = speak(&network, stream, first, router) => {}
        () = hang_up.0.cancelled() => {}
    }
}

async fn speak(network: &Network, stream: TcpStream, first: [u8; 1], router: Router) {
    if first[0] == tls::FIRST_BYTE {
        let handshake = network.inner.tls.accept(stream);
        match clock::within(Duration::from_secs(HEADER_WAIT_SECONDS), handshake).await {
            Some(Ok(stream)) => http(stream, router).await,
            Some(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            None => {}
        }
    } else {
        http(stream, router).await;
    }
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let outcome = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADER_WAIT_SECONDS))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades()
        .await;
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended");
    }
}
