//! What is reached, refused and given up.

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

fn answering() -> AtomicBool {
    AtomicBool::default()
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
    let refused = closed.download(&url, 10, &Clock::system(), memory(), &answering()).await.unwrap_err();
    assert_eq!(refused, EgressError::Refused(PRIVATE.into()));
    assert_eq!(open().download(&url, 10, &Clock::system(), memory(), &answering()).await.unwrap().body, "hi");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let address = server("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(
        open()
            .download(&format!("http://{address}/"), 10, &Clock::system(), memory(), &answering())
            .await
            .unwrap()
            .status,
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
        let got = open().download(&format!("http://{address}/"), 10, &Clock::system(), memory(), &answering()).await;
        assert_eq!(got.unwrap_err(), EgressError::TooLarge { limit_bytes: 10 });
    }
}

/// Downloads by a clock that moves on a second at a time; gives the outcome and after how many seconds it came.
async fn timed(url: &str) -> (Result<Answer, EgressError>, u64) {
    let (clock, egress) = (Clock::held(1_790_000_000_000), open());
    let is_answering = answering();
    let downloading = egress.download(url, 1_000_000, &clock, FileMemory::new(clock.clone()).begin(1), &is_answering);
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

/// Gives the socket time, while the held clock stands.
async fn real_pause() {
    Clock::system().sleep(Duration::from_millis(2)).await;
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

/// A server over TLS that shows the certificate of this name; gives its port.
fn tls_server(name: &str) -> u16 {
    use std::io::{Read, Write};

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    provide_tls();
    let folder = tls_folder();
    let chain = CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key.pem"))).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key).unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            if stream.read(&mut [0; 2048]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
            }
        }
    });
    port
}

fn tls_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/files/tls")
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_the_operator_says_so_and_else_named_as_the_fault() {
    let allowed = || vec!["127.0.0.0/8".parse().unwrap()];
    let ca = tls_folder().join("ca.pem");
    let trusting = Egress::trusting(allowed(), Some(&ca)).unwrap();
    let (good, other) = (tls_server("localhost"), tls_server("other"));
    let (clock, url) = (Clock::system(), |port: u16| format!("https://localhost:{port}/"));
    assert_eq!(trusting.download(&url(good), 10, &clock, memory(), &answering()).await.unwrap().body, "hi");
    let refused = open().download(&url(good), 10, &clock, memory(), &answering()).await.unwrap_err();
    assert_eq!(refused, EgressError::Untrusted(BadCertificate::UnknownAuthority));
    let refused = trusting.download(&url(other), 10, &clock, memory(), &answering()).await.unwrap_err();
    assert_eq!(refused, EgressError::Untrusted(BadCertificate::WrongName));
    for bad in ["localhost.key.pem", "nothing.pem"] {
        assert!(Egress::trusting(allowed(), Some(&tls_folder().join(bad))).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn whatever_cannot_be_reached_is_said_in_the_same_words() {
    let closed = Egress::new(Vec::new()).unwrap();
    let free_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let clock = Clock::system();
    for (egress, url) in [
        (open(), format!("http://127.0.0.1:{free_port}/")),
        (open(), "http://no-such-name.invalid/".to_owned()),
        // A name of this machine that has its private addresses only.
        (closed, format!("http://{}:{free_port}/", own_name())),
    ] {
        let error = egress.download(&url, 10, &clock, memory(), &answering()).await.unwrap_err();
        assert_eq!(error, EgressError::Unreachable, "{url}");
    }
}

/// A name that is looked up and leads to a private address: this machine's.
fn own_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    name.trim().to_owned()
}
