//! Bodies of requests that were answered before they were read to their end. What little is left is read, so that the connection serves
//! the next request; otherwise the answer says that the connection closes. A client that is cut off while it sends cannot tell whether
//! its request was accepted.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::limits;

/// The rest of a request's body, once whoever answered it has dropped it.
#[derive(Clone, Default)]
pub(super) struct Rest(Arc<Mutex<Option<Unread>>>);

struct Unread {
    body: Incoming,
    /// The client sends it only when it is asked for (`Expect: 100-continue`), which reading it would do.
    is_held_back: bool,
}

/// A body that leaves its rest.
pub(super) struct Watched {
    body: Option<Unread>,
    rest: Rest,
}

impl Rest {
    /// The body of a request, watched.
    pub(super) fn watch(&self, request: Request<Incoming>) -> Request<Watched> {
        let is_held_back = request.headers().contains_key(header::EXPECT);
        request.map(|body| Watched { body: Some(Unread { body, is_held_back }), rest: self.clone() })
    }

    fn take(&self) -> Option<Unread> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes the answer fit what was left of the body.
    pub(super) async fn settle(&self, response: &mut Response, clock: &Clock, tasks: &TaskTracker) {
        let Some(Unread { body: mut rest, is_held_back }) = self.take() else { return };
        let limit = Duration::from_millis(limits::UNREAD_BODY_MS_MAX);
        let is_read = !is_held_back && {
            let small = drain(&mut rest, limits::UNREAD_BODY_BYTES_MAX);
            clock.within(limit, small).await.is_ok_and(|is_all| is_all)
        };
        if is_read {
            return;
        }
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        if is_held_back {
            return;
        }
        // What a client still sends is taken for a while: a reset would take the answer from it.
        let clock = clock.clone();
        tasks.spawn(async move {
            let limit = Duration::from_secs(limits::LINGER_SECONDS_MAX);
            let _ = clock.within(limit, drain(&mut rest, limits::LINGER_BYTES_MAX)).await;
        });
    }
}

/// Reads up to `bytes_max` for nothing. Whether that was all.
async fn drain(body: &mut Incoming, bytes_max: usize) -> bool {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.ok().and_then(|frame| Some(frame.into_data().ok()?.len())).unwrap_or(usize::MAX / 2);
        if read > bytes_max {
            return false;
        }
    }
    true
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(unread) = self.body.take().filter(|unread| !unread.body.is_end_stream()) {
            *self.rest.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(unread);
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(unread) = self.body.as_mut() else { return Poll::Ready(None) };
        unread.is_held_back = false;
        let frame = Pin::new(&mut unread.body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = &frame {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|unread| unread.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(|unread| unread.body.size_hint()).unwrap_or_default()
    }
}
