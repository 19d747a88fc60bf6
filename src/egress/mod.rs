//! The only HTTP client for addresses that customers choose: media URLs and Push URLs. It reaches public addresses
//! only, unless the operator opened a network; what counts is the very address that is connected to, so no name that
//! resolves to something else a moment later gets around it. It follows no redirects and uses no proxy.

mod public;
mod resolver;

use std::net::IpAddr;
use std::sync::{Arc, Once};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use reqwest::header::HeaderMap;

use crate::clock::{Clock, millis};
use crate::limits;
use crate::memory::{NoMemory, Reservation};
use crate::pace::{Pace, PaceMin, TooSlow};
use public::may_reach;
use resolver::{OnlyPrivate, PublicResolver};

/// A client for customers' addresses. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    client: reqwest::Client,
    allowed: Arc<[IpNet]>,
}

/// What went wrong, by what the caller can do. The texts are shown to customers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// It will never be reached: its address is private, or it is no http address.
    #[error("{0}")]
    Refused(String),
    #[error("could not be reached: {0}")]
    Unreachable(String),
    #[error("did not answer in time")]
    TimedOut,
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
    pub fn new(allowed: Vec<IpNet>) -> Result<Self, EgressError> {
        provide_tls();
        let allowed: Arc<[IpNet]> = allowed.into();
        let resolver = Arc::new(PublicResolver::new(Arc::clone(&allowed)));
        #[allow(clippy::disallowed_methods, reason = "this is the door")]
        let client = reqwest::Client::builder()
            .dns_resolver(resolver)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(limits::MEDIA_CONNECT_SECONDS_MAX))
            .pool_max_idle_per_host(4)
            .user_agent(concat!("wachat/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| EgressError::Unreachable(error.to_string()))?;
        Ok(Self { client, allowed })
    }

    /// Downloads a file of at most `limit_bytes`: within [`limits::MEDIA_FETCH_SECONDS_MAX`], the first byte and then each
    /// stretch of it in time. By `clock`, which tests hold. The file has its memory until the last of its bytes is dropped.
    ///
    /// # Errors
    /// [`EgressError`]; an answer of any status is none.
    pub async fn download(
        &self,
        url: &str,
        limit_bytes: usize,
        clock: &Clock,
        memory: Reservation,
    ) -> Result<Answer, EgressError> {
        let url = self.check(url)?;
        let whole = Duration::from_secs(limits::MEDIA_FETCH_SECONDS_MAX);
        let until = clock.now() + millis(whole);
        let request = self.client.get(url).timeout(whole).send();
        let answer_by = clock.now() + millis(Duration::from_secs(limits::MEDIA_ANSWER_SECONDS_MAX));
        let response = tokio::select! {
            response = request => response.map_err(|error| fault(&error))?,
            () = clock.sleep_until(answer_by) => return Err(EgressError::TimedOut),
        };
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
        let mut request = self.client.post(url).timeout(limit_time).body(form.body);
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
    /// [`EgressError::Refused`] with the reason.
    pub fn check(&self, url: &str) -> Result<url::Url, EgressError> {
        let url = Self::check_shape(url)?;
        // The parser turns every way to write an IPv4 address (0x7f.1, 2130706433) into this one.
        let literal = match url.host() {
            Some(url::Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(url::Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(url::Host::Domain(_)) | None => None,
        };
        match literal {
            Some(ip) if !may_reach(ip, &self.allowed) => Err(EgressError::Refused(PRIVATE.to_owned())),
            _ => Ok(url),
        }
    }
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
    while let Some(chunk) = pace.next(response.chunk()).await?.map_err(|error| fault(&error))? {
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

/// A fault without the URL, which may hold a password.
fn fault(error: &reqwest::Error) -> EgressError {
    if error.is_timeout() {
        return EgressError::TimedOut;
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::from("the connection failed");
    while let Some(inner) = source {
        if inner.is::<OnlyPrivate>() {
            return EgressError::Refused(PRIVATE.to_owned());
        }
        last = inner.to_string();
        source = inner.source();
    }
    EgressError::Unreachable(last)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::memory::FileMemory;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn a_private_address_is_refused_however_it_is_written() {
        let egress = Egress::new(Vec::new()).unwrap();
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://user:secret@10.0.0.1/",
            "ftp://1.1.1.1/",
            "file:///etc/passwd",
            "http://169.254.169.254/latest/meta-data",
            "gopher://1.1.1.1",
            "",
            "http://",
        ] {
            let refused = egress.check(url).unwrap_err();
            assert!(matches!(refused, EgressError::Refused(_)), "{url}");
            assert!(!refused.to_string().contains("secret"));
        }
        assert!(egress.check("https://example.com/a.png").is_ok());
    }

    /// A server that answers every connection with `answer`.
    async fn server(answer: &'static str) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        #[allow(clippy::disallowed_methods, reason = "ends with the test")]
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 2048];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    let _ = stream.read(&mut request).await;
                }
            }
        });
        address
    }

    fn memory() -> Reservation {
        FileMemory::new(Clock::system()).begin(1)
    }

    fn open() -> Egress {
        Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap()
    }

    #[tokio::test]
    async fn a_name_that_leads_to_loopback_is_refused_at_connect_and_reached_when_allowed() {
        let address = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        let url = format!("http://localhost:{}/", address.port());
        let closed = Egress::new(Vec::new()).unwrap();
        assert_eq!(
            closed.download(&url, 10, &Clock::system(), memory()).await.unwrap_err(),
            EgressError::Refused(PRIVATE.into())
        );
        assert_eq!(open().download(&url, 10, &Clock::system(), memory()).await.unwrap().body, "hi");
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let address =
            server("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(
            open().download(&format!("http://{address}/"), 10, &Clock::system(), memory()).await.unwrap().status,
            302
        );
    }

    #[tokio::test]
    async fn a_file_over_the_limit_is_not_read_on() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello hello hello",
        ] {
            let address = server(answer).await;
            let got = open().download(&format!("http://{address}/"), 10, &Clock::system(), memory()).await;
            assert_eq!(got.unwrap_err(), EgressError::TooLarge { limit_bytes: 10 });
        }
    }

    /// Downloads by a clock that moves on a second at a time; gives the outcome and after how many seconds it came.
    async fn timed(url: &str) -> (Result<Answer, EgressError>, u64) {
        let (clock, egress) = (Clock::held(1_790_000_000_000), open());
        let downloading = egress.download(url, 1_000_000, &clock, FileMemory::new(clock.clone()).begin(1));
        tokio::pin!(downloading);
        for second in 0.. {
            tokio::select! {
                biased;
                ended = &mut downloading => return (ended, second),
                () = real_pause() => clock.advance(Duration::from_secs(1)),
            }
        }
        unreachable!("a download ends")
    }

    #[allow(clippy::disallowed_methods, reason = "gives the socket time, while the held clock stands")]
    async fn real_pause() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_given_up() {
        let address = server("").await;
        let (ended, seconds) = timed(&format!("http://{address}/")).await;
        assert_eq!((ended.unwrap_err(), seconds), (EgressError::TimedOut, limits::MEDIA_ANSWER_SECONDS_MAX));
    }

    #[tokio::test]
    async fn a_server_that_sends_drop_by_drop_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        #[allow(clippy::disallowed_methods, reason = "ends with the test")]
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 2048];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                real_pause().await;
            }
        });
        let (ended, seconds) = timed(&url).await;
        assert_eq!(ended.unwrap_err(), EgressError::TooSlow);
        assert!(seconds <= 2 * limits::MEDIA_STRETCH_SECONDS, "{seconds}");
    }
}
