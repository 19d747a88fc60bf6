//! The only HTTP client for addresses that customers choose: media URLs and Push URLs. It reaches public addresses
//! only, unless the operator opened a network; what counts is the very address that is connected to, so no name that
//! resolves to something else a moment later gets around it. It follows no redirects and uses no proxy.

mod certificates;
mod public;
mod resolver;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use reqwest::header::HeaderMap;

use crate::clock::{Clock, millis};
use crate::limits;
use crate::memory::{NoMemory, Reservation};
use crate::pace::{Pace, PaceMin, TooSlow};
use certificates::{BadCertificate, authorities};
use public::{is_public, may_reach};
use resolver::PublicResolver;

/// A client for customers' addresses. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    /// Apart from that which posts: names of dead servers that media is wanted from hold up no push.
    downloads: reqwest::Client,
    posts: reqwest::Client,
    allowed: Arc<[IpNet]>,
}

/// What went wrong, by what the caller can do. The texts are shown to customers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// It will never be reached: its address is private, or it is no http address.
    #[error("{0}")]
    Refused(String),
    /// In the same words whatever the cause, which is in the log: they must not tell what there is in the operator's network.
    #[error("could not be reached; it must have a public address, and answer")]
    Unreachable,
    #[error(transparent)]
    Untrusted(BadCertificate),
    #[error("did not answer in time")]
    TimedOut,
    #[error("broke off before its end")]
    BrokenOff,
    #[error("sends too slowly")]
    TooSlow,
    /// No fault of the address: there is no memory for its file.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
    #[error("is larger than {} MB", limit_bytes / (1024 * 1024))]
    TooLarge { limit_bytes: usize },
}

impl From<TooSlow> for EgressError {
    fn from(TooSlow: TooSlow) -> Self {
        Self::TooSlow
    }
}

/// No client could be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoClient(String);

/// What an address answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A form to be posted.
pub struct Form<'a> {
    pub body: String,
    pub headers: Vec<(&'static str, String)>,
    pub url: &'a str,
}

impl Egress {
    /// A client that reaches public addresses and those in `allowed`.
    ///
    /// # Errors
    /// When the system gives no TLS at all.
    pub fn new(allowed: Vec<IpNet>) -> Result<Self, NoClient> {
        Self::trusting(allowed, None)
    }

    /// As [`Egress::new`]; also trusts the certificate authorities in a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read, or the system gives no TLS at all.
    pub fn trusting(allowed: Vec<IpNet>, ca_file: Option<&Path>) -> Result<Self, NoClient> {
        provide_tls();
        let authorities = ca_file.map_or(Ok(Vec::new()), authorities)?;
        let allowed: Arc<[IpNet]> = allowed.into();
        let client = |lookups_max| client(Arc::clone(&allowed), authorities.clone(), lookups_max);
        let downloads = client(limits::DOWNLOAD_LOOKUPS_MAX)?;
        let posts = client(limits::POST_LOOKUPS_MAX)?;
        Ok(Self { downloads, posts, allowed })
    }

    /// Downloads a file of at most `limit_bytes`: within [`limits::MEDIA_FETCH_SECONDS_MAX`], the first byte and then each
    /// stretch of it in time. By `clock`, which tests hold. The file has its memory until the last of its bytes is dropped.
    /// `is_answering` is set when the server begins to answer.
    ///
    /// # Errors
    /// [`EgressError`]; an answer of any status is none.
    pub async fn download(
        &self,
        url: &str,
        limit_bytes: usize,
        clock: &Clock,
        memory: Reservation,
        is_answering: &AtomicBool,
    ) -> Result<Answer, EgressError> {
        let url = self.check(url)?;
        let whole = Duration::from_secs(limits::MEDIA_FETCH_SECONDS_MAX);
        let until = clock.now() + millis(whole);
        let request = self.downloads.get(url).timeout(whole).send();
        let answer_by = clock.now() + millis(Duration::from_secs(limits::MEDIA_ANSWER_SECONDS_MAX));
        let response = tokio::select! {
            response = request => response.map_err(|error| fault(&error))?,
            () = clock.sleep_until(answer_by) => return Err(EgressError::TimedOut),
        };
        is_answering.store(true, Ordering::Relaxed);
        if response.content_length().unwrap_or(0) > limit_bytes as u64 {
            return Err(EgressError::TooLarge { limit_bytes });
        }
        tokio::select! {
            read = read_steadily(response, limit_bytes, clock, memory) => read,
            () = clock.sleep_until(until) => Err(EgressError::TooSlow),
        }
    }

    /// Posts a form; gives the status and the beginning of the answer.
    ///
    /// # Errors
    /// [`EgressError`]; an answer of any status is none.
    pub async fn post(&self, form: Form<'_>, limit_time: Duration) -> Result<Answer, EgressError> {
        let url = self.check(form.url)?;
        let mut request = self.posts.post(url).timeout(limit_time).body(form.body);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in form.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| fault(&error))?;
        read_beginning(response, limits::PUSH_ANSWER_BYTES_MAX).await
    }

    /// Whether a text is an address at all: http or https, with a host.
    ///
    /// # Errors
    /// [`EgressError::Refused`] with the reason.
    pub fn check_shape(text: &str) -> Result<url::Url, EgressError> {
        let refused = |reason: &str| EgressError::Refused(reason.to_owned());
        if text.chars().count() > limits::URL_CHARS_MAX {
            return Err(EgressError::Refused(format!("is longer than {} characters", limits::URL_CHARS_MAX)));
        }
        let url = url::Url::parse(text).map_err(|_| refused("is no valid URL"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(refused("is no http or https address"));
        }
        if url.host().is_none() { Err(refused("has no host")) } else { Ok(url) }
    }

    /// Whether an address may be asked: its shape, and that it is no private address written out. Names are checked when
    /// they are resolved.
    ///
    /// # Errors
    /// [`EgressError::Refused`] with the reason; [`EgressError::Unreachable`] for an address of this machine.
    pub fn check(&self, url: &str) -> Result<url::Url, EgressError> {
        let url = Self::check_shape(url)?;
        // The parser turns every way to write an IPv4 address (0x7f.1, 2130706433) into this one.
        let literal = match url.host() {
            Some(url::Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(url::Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(url::Host::Domain(name)) => is_loopback_name(name).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            None => None,
        };
        match literal.map(|ip| (is_public(ip), may_reach(ip, &self.allowed))) {
            None | Some((_, true)) => Ok(url),
            Some((false, false)) => Err(EgressError::Refused(PRIVATE.to_owned())),
            // One of this machine.
            Some((true, false)) => Err(EgressError::Unreachable),
        }
    }
}

/// A client that reaches public addresses and those in `allowed`, and looks up at most `lookups_max` names at once.
fn client(
    allowed: Arc<[IpNet]>,
    authorities: Vec<reqwest::Certificate>,
    lookups_max: usize,
) -> Result<reqwest::Client, NoClient> {
    let resolver = Arc::new(PublicResolver::new(allowed, lookups_max));
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    let client = reqwest::Client::builder()
        .dns_resolver(resolver)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(limits::MEDIA_CONNECT_SECONDS_MAX))
        .pool_max_idle_per_host(4)
        .user_agent(concat!("wachat/", env!("CARGO_PKG_VERSION")))
        .tls_certs_merge(authorities)
        .build();
    client.map_err(|error| NoClient(error.to_string()))
}

/// Makes ring the cryptography of every TLS connection of this process. Whoever builds a client calls it first.
pub fn provide_tls() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

const PRIVATE: &str = "leads to a private address, which this gateway is not allowed to reach";

/// Reads the beginning of an answer. Whoever posts wants the status: the rest of one that breaks off is not missed.
async fn read_beginning(mut response: reqwest::Response, limit_bytes: usize) -> Result<Answer, EgressError> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = limit_bytes - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    Ok(Answer { status, headers, body: body.freeze() })
}

/// Reads an answer that must keep coming.
async fn read_steadily(
    mut response: reqwest::Response,
    limit_bytes: usize,
    clock: &Clock,
    mut memory: Reservation,
) -> Result<Answer, EgressError> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let stretch = Duration::from_secs(limits::MEDIA_STRETCH_SECONDS);
    let mut pace = Pace::new(clock, PaceMin { stretch, bytes: limits::MEDIA_STRETCH_BYTES_MIN });
    let length = response.content_length().and_then(|length| usize::try_from(length).ok());
    // The system gives memory only where it is written to.
    let mut body = Vec::with_capacity(length.unwrap_or_default().min(limit_bytes));
    while let Some(chunk) = pace.next(response.chunk()).await?.map_err(|error| broken_off(&error))? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(EgressError::TooLarge { limit_bytes });
        }
        pace.count(chunk.len());
        let begun_at = clock.now();
        memory.grow_to(body.len() + chunk.len()).await?;
        pace.excuse(clock.now() - begun_at);
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: memory.attach(body.into()) })
}

/// What a fault means to a customer. The log says what it was, without the address, which may hold a password.
fn fault(error: &reqwest::Error) -> EgressError {
    if error.is_timeout() && !error.is_connect() {
        return EgressError::TimedOut;
    }
    let host = error.url().and_then(url::Url::host_str).unwrap_or_default();
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut cause = String::new();
    while let Some(inner) = source {
        if let Some(bad) = BadCertificate::of(inner) {
            return EgressError::Untrusted(bad);
        }
        cause = inner.to_string();
        source = inner.source();
    }
    tracing::info!(host, cause, "an address that a customer gave could not be reached");
    EgressError::Unreachable
}

/// What a fault means to a customer once an address has begun to answer.
fn broken_off(error: &reqwest::Error) -> EgressError {
    match fault(error) {
        EgressError::Unreachable => EgressError::BrokenOff,
        other => other,
    }
}

/// Whether a name means this machine without being looked up (RFC 6761).
fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests;
