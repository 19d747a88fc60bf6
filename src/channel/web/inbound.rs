//! Messages that come in. The library holds back WhatsApp's receipt until [`Inbox::on_messages`] has returned, which is
//! when the message is on our disk: a crash before lets it come again.

use std::sync::Arc;

use tokio::sync::oneshot;
use whatsapp_rust::anyhow::{self, Context as _};
use whatsapp_rust::types::durability_hook::InboundMessage;
use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::{Client, InboundDurabilityHook, Server};

use super::keys::Keys;
use super::news::{hidden, person};
use super::read::{self, FileRef};
use crate::channel::{Event, Events, Inbound, InboundFile};

/// Takes messages in for one device.
pub struct Inbox {
    pub events: Events,
    pub keys: Keys,
}

#[async_trait::async_trait]
impl InboundDurabilityHook for Inbox {
    async fn on_messages(&self, client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        let mut waiting = Vec::new();
        for InboundMessage { message, info, .. } in batch {
            let Some(said) = read::read(message).filter(|_| is_told(info)) else { continue };
            let file = said.file.as_ref().map(|file| self.file(file)).transpose()?;
            let inbound = Inbound {
                whatsapp_id: info.id.clone(),
                originator: number_of(&client, info).await?,
                name: Some(info.push_name.clone()).filter(|name| !name.is_empty()),
                group_id: (info.source.chat.server == Server::Group).then(|| info.source.chat.user.to_string()),
                kind: said.kind.to_owned(),
                text: said.text,
                file,
                about: said.about,
                sent_at: info.timestamp.timestamp_millis(),
            };
            let (stored, is_stored) = oneshot::channel();
            let event = Event::Inbound { message: Box::new(inbound), stored };
            self.events.send(event).await.context("the gateway is stopping")?;
            waiting.push(is_stored);
        }
        for is_stored in waiting {
            is_stored.await.context("the message was not stored; WhatsApp keeps it")?;
        }
        Ok(())
    }
}

impl Inbox {
    /// How the file is had later, sealed.
    fn file(&self, file: &FileRef) -> anyhow::Result<InboundFile> {
        let reference = self.keys.seal_reference(&serde_json::to_vec(file)?);
        Ok(InboundFile::There { reference, file_name: file.name.clone() })
    }
}

/// Whether a message is one that somebody wrote to this account: what its owner typed on his phone is not, nor is what
/// people show to everybody.
fn is_told(info: &MessageInfo) -> bool {
    let is_chat = matches!(info.source.chat.server, Server::Pn | Server::Lid | Server::Group);
    is_chat && !info.source.is_from_me
}

/// The phone number of who wrote it, if there is any way to know it.
async fn number_of(client: &Client, info: &MessageInfo) -> anyhow::Result<String> {
    let named = person(&info.source);
    if !named.contains('@') {
        return Ok(named);
    }
    let known = client.get_lid_pn_entry(&info.source.sender).await?;
    Ok(known.map_or_else(|| hidden(&info.source.sender), |entry| entry.phone_number.to_string()))
}
