//! A page of ours that stands in for web.whatsapp.com: over TLS, with a certificate made for it. A browser is led here by its rules for
//! names, and told not to ask who certifies the page.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const HOST: &str = "web.whatsapp.com";
const PAGE: &str =
    "<!doctype html><title>A page for web.whatsapp.com</title><main>This stands in for WhatsApp Web.</main>";

/// Serves the page until the tests end.
pub struct WhatsAppWeb {
    pub address: SocketAddr,
    gate: Arc<Gate>,
}

/// Whether pages are given out, or asked for in vain until they are.
#[derive(Default)]
struct Gate {
    is_closed: Mutex<bool>,
    opened: Condvar,
}

impl WhatsAppWeb {
    pub fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions of TLS").with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key.into()).expect("a server"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let (address, gate) = (listener.local_addr().expect("an address"), Arc::new(Gate::default()));
        let its = Arc::clone(&gate);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, gate) = (Arc::clone(&config), Arc::clone(&its));
                // A browser that breaks off is none of the stories'.
                std::thread::spawn(move || serve(stream, config, &gate).ok());
            }
        });
        Self { address, gate }
    }

    /// Keeps pages back from now on.
    pub fn hold(&self) {
        *self.gate.is_closed.lock().expect("a lock") = true;
    }

    /// Gives out the pages that were kept back.
    pub fn release(&self) {
        *self.gate.is_closed.lock().expect("a lock") = false;
        self.gate.opened.notify_all();
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, gate: &Gate) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            length => head.extend_from_slice(&piece[..length]),
        }
    }
    let is_closed = gate.is_closed.lock().expect("a lock");
    drop(gate.opened.wait_while(is_closed, |is_closed| *is_closed).expect("a lock"));
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        PAGE.len()
    );
    stream.write_all(format!("{head}{PAGE}").as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
