//! A client of any kind, as the common scenarios use it: it is linked, sends, receives, and reconnects.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use simulator::clock;
use simulator::phone::rng::hex;
use simulator::runtime::{Person, RequestError};
use simulator::server::device::Device;
use simulator::server::network::Network;
use simulator::wire::stanza::Jid;
use whatsapp_rust::media::{ImageOptions, image_message};
use whatsapp_rust::prelude::Event;
use whatsapp_rust::wacore::download::MediaType;

use crate::baileys::Baileys;
use crate::client::Client;
use crate::whatsmeow::Whatsmeow;
use crate::world::patiently;

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    WhatsappRust,
    Baileys,
    Whatsmeow,
}

pub enum Talker {
    WhatsappRust(Client),
    Baileys(Box<Baileys>),
    Whatsmeow(Box<Whatsmeow>),
}

impl Talker {
    /// A new client that this person links by scanning its code.
    pub async fn scanned(kind: Kind, network: &Network, by: &Person) -> Self {
        let mut talker = match kind {
            Kind::WhatsappRust => Self::WhatsappRust(Client::start(network).await),
            Kind::Baileys => Self::Baileys(connecting(network).await),
            Kind::Whatsmeow => Self::Whatsmeow(whatsmeow(network).await),
        };
        let qr = match &mut talker {
            Self::WhatsappRust(client) => client.qr().await,
            Self::Baileys(client) => client.qr().await,
            Self::Whatsmeow(client) => client.qr().await,
        };
        patiently("the link", by.scan(&qr)).await.unwrap();
        talker.is_connected(1).await;
        talker
    }

    /// A new client that this person links by typing its code.
    pub async fn typed(kind: Kind, network: &Network, by: &Person) -> Self {
        let (mut talker, code) = match kind {
            Kind::WhatsappRust => {
                let client = Client::start_with_code(network, by.number()).await;
                let code = client.code().await;
                (Self::WhatsappRust(client), code)
            }
            Kind::Baileys => {
                let mut client = connecting(network).await;
                client.qr().await;
                let asked = client.command("pair_by_code", json!({"phone": by.number()})).await;
                let code = asked["code"].as_str().unwrap().to_owned();
                (Self::Baileys(client), code)
            }
            Kind::Whatsmeow => {
                let mut client = whatsmeow(network).await;
                client.qr().await;
                let wanted = json!({"phone": by.number(), "display": "Chrome (Linux)"});
                let code = client.command("pair_by_code", wanted).await["code"].as_str().unwrap().to_owned();
                (Self::Whatsmeow(client), code)
            }
        };
        patiently("the link", typed_in_time(by, &code)).await.unwrap();
        talker.is_connected(1).await;
        talker
    }

    /// Waits until it is logged in, for the nth time since it was started.
    async fn is_connected(&mut self, times: usize) {
        match self {
            Self::WhatsappRust(client) => client.connected_times(times).await,
            // Each login is an event, which is removed.
            Self::Baileys(client) => client.opened().await,
            Self::Whatsmeow(client) => {
                client.opened().await;
                client.has_fetched_all().await;
            }
        }
    }

    /// Sends a text; returns its id.
    pub async fn writes(&mut self, to: &Jid, text: &str) -> String {
        match self {
            Self::WhatsappRust(client) => client.send(to, text).await,
            Self::Baileys(client) => client.send_text(&to.to_string(), text).await,
            Self::Whatsmeow(client) => client.send_text(&to.to_string(), text).await,
        }
    }

    /// Waits until it receives a text from somebody else; returns the message's id.
    pub async fn hears(&mut self, text: &str) -> String {
        match self {
            Self::WhatsappRust(client) => client.wait_for_message(text).await.id,
            Self::Baileys(client) => client.reads(text).await["id"].as_str().unwrap().to_owned(),
            Self::Whatsmeow(client) => client.reads(text).await["id"].as_str().unwrap().to_owned(),
        }
    }

    /// Waits until it knows that its message was delivered, or read: `status`.
    pub async fn learns(&mut self, id: &str, status: &str) {
        match self {
            Self::WhatsappRust(client) => drop(client.receipt(id, status).await),
            Self::Baileys(client) => drop(client.receipt(id, received_as(status)).await),
            Self::Whatsmeow(client) => drop(client.receipt(id, received_as(status)).await),
        }
    }

    /// Sends a read receipt for a message of this person.
    pub async fn reads(&mut self, from: &Jid, id: &str) {
        match self {
            Self::WhatsappRust(client) => client.client.mark_as_read(from, None, &[id]).await.unwrap(),
            Self::Baileys(client) => drop(client.command("read", json!({"ids": [id]})).await),
            Self::Whatsmeow(client) => {
                client.command("read", json!({"to": from.to_string(), "ids": [id]})).await;
            }
        }
    }

    /// Sends an image.
    pub async fn shows_image(&mut self, to: &Jid, image: &[u8]) {
        match self {
            Self::WhatsappRust(client) => {
                let upload = client.client.upload(image.to_vec(), MediaType::Image, Default::default()).await.unwrap();
                client.client.send_message(to, image_message(upload, ImageOptions::default())).await.unwrap();
            }
            Self::Baileys(client) => {
                let image = json!({"to": to.to_string(), "base64": STANDARD.encode(image)});
                client.command("send_image", image).await;
            }
            Self::Whatsmeow(client) => {
                let (to, image) = (to.to_string(), STANDARD.encode(image));
                let image = json!({"to": to, "kind": "image", "base64": image, "mime_type": "image/jpeg"});
                client.command("send_file", image).await;
            }
        }
    }

    /// Waits for the first image; returns the hash of its bytes, in hexadecimal.
    pub async fn sees_image(&mut self) -> String {
        match self {
            Self::WhatsappRust(client) => {
                let image = client
                    .event("an image", |event| match event {
                        Event::Messages(batch) => {
                            batch.messages.iter().find_map(|each| each.message.image_message.as_option().cloned())
                        }
                        _ => None,
                    })
                    .await;
                hash(&client.client.download(&image).await.unwrap())
            }
            Self::Baileys(client) => {
                let message = client.until("message", |message| message["kind"] == "image").await;
                message["sha256"].as_str().unwrap().to_owned()
            }
            Self::Whatsmeow(client) => {
                let message = client.until("message", |message| message["kind"] == "image").await;
                message["sha256"].as_str().unwrap().to_owned()
            }
        }
    }

    /// Its connection is cut, and it reconnects. Baileys leaves reconnecting to the program, and so does whatsmeow
    /// here.
    pub async fn returns_from_a_cut(&mut self, network: &Network) {
        match self {
            Self::WhatsappRust(client) => client.connected_times(2).await,
            Self::Baileys(client) => {
                client.ended_unasked().await;
                client.connect(network).await;
                client.opened().await;
            }
            Self::Whatsmeow(client) => {
                // Messages that were handled and not acked are sent again.
                for log in ["Error reading from websocket", "Failed to send", "Ignoring message"] {
                    client.may_log(log);
                }
                client.until("close", |_| true).await;
                client.connect(network).await;
                client.opened().await;
            }
        }
    }

    /// Stops it, and starts it again with its store after `meanwhile`.
    pub async fn stays_away(self, network: &Network, meanwhile: impl Future<Output = ()>) -> Self {
        match self {
            Self::WhatsappRust(client) => {
                let backend = client.stop().await;
                meanwhile.await;
                let client = Client::resume(network, backend).await;
                client.connected().await;
                Self::WhatsappRust(client)
            }
            Self::Baileys(client) => {
                let mut client = client.restart().await;
                meanwhile.await;
                client.connect(network).await;
                client.opened().await;
                Self::Baileys(Box::new(client))
            }
            Self::Whatsmeow(client) => {
                let mut client = client.restart().await;
                meanwhile.await;
                client.connect(network).await;
                client.opened().await;
                Self::Whatsmeow(Box::new(client))
            }
        }
    }
}

/// The programs' name for a delivery or read receipt.
fn received_as(status: &str) -> &'static str {
    if status == "read" { "read" } else { "delivery" }
}

/// A new Baileys client that asks to be linked.
async fn connecting(network: &Network) -> Box<Baileys> {
    let mut client = Box::new(Baileys::start().await);
    client.connect(network).await;
    client
}

/// A new whatsmeow client that asks to be linked.
async fn whatsmeow(network: &Network) -> Box<Whatsmeow> {
    let mut client = Box::new(Whatsmeow::start().await);
    client.connect(network).await;
    client
}

/// The hash of a file's bytes, in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Baileys reports its code once the request for it is written, not once the server has it: whoever types faster must
/// retry.
async fn typed_in_time(by: &Person, code: &str) -> Result<Arc<Device>, RequestError> {
    loop {
        match by.type_code(code).await {
            Err(RequestError::NotFound(_)) => clock::sleep(Duration::from_millis(5)).await,
            typed => return typed,
        }
    }
}
