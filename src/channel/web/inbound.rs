//! Messages that come in. The library holds back WhatsApp's receipt until [`Inbox::on_messages`] has returned, which is
//! when the message is on our disk: a crash before lets it come again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use whatsapp_rust::anyhow::{self, Context as _};
use whatsapp_rust::types::durability_hook::InboundMessage;
use whatsapp_rust::types::message::{MessageInfo, MessageSource};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::{Client, InboundDurabilityHook, Jid, Server};

use super::answers;
use super::download::Reference;
use super::keys::{Keys, Question};
use super::news::{hidden, person};
use super::read::{self, FileRef, Said};
use crate::channel::{Event, Events, Inbound, InboundFile};
use crate::clock::Clock;

/// How long a group may be asked for the numbers of its members.
const MEMBERS: Duration = Duration::from_secs(5);

/// Takes messages in for one device.
pub struct Inbox {
    pub events: Events,
    pub keys: Keys,
    pub clock: Clock,
}

#[async_trait::async_trait]
impl InboundDurabilityHook for Inbox {
    async fn on_messages(&self, client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        let mut waiting = Vec::new();
        for InboundMessage { message, info, .. } in batch {
            self.remember(&client, message, info).await?;
            if !is_told(info) {
                continue;
            }
            let (stored, is_stored) = oneshot::channel();
            let event = match said(message, info) {
                Some(said) => {
                    let message = Box::new(self.inbound(&client, info, said).await?);
                    Event::Inbound { message, stored }
                }
                None => Event::Silent {
                    whatsapp_id: info.id.clone(),
                    originator: self.number_of(&client, &info.source).await?,
                    hidden: hidden_of(&info.source),
                    stored,
                },
            };
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
    async fn inbound(&self, client: &Client, info: &MessageInfo, mut said: Said) -> anyhow::Result<Inbound> {
        if let Some(sealed) = said.sealed.take()
            && let Some(text) = answers::open(&self.keys, client, &info.source, &sealed).await?
        {
            said.text = text;
        }
        Ok(Inbound {
            whatsapp_id: info.id.clone(),
            originator: self.number_of(client, &info.source).await?,
            hidden: hidden_of(&info.source),
            name: Some(info.push_name.clone()).filter(|name| !name.is_empty()),
            group_id: (info.source.chat.server == Server::Group).then(|| info.source.chat.user.to_string()),
            kind: said.kind.to_owned(),
            text: said.text,
            file: said.file.map(|file| self.file(file, info)).transpose()?,
            about: said.about,
            sent_at: info.timestamp.timestamp_millis(),
        })
    }

    /// Keeps what later messages need: the timer of the chat, and what is asked in it. What the account's owner does on the
    /// phone counts too.
    async fn remember(&self, client: &Client, message: &wa::Message, info: &MessageInfo) -> anyhow::Result<()> {
        let source = &info.source;
        if !matches!(source.chat.server, Server::Pn | Server::Lid | Server::Group) {
            return Ok(());
        }
        if let Some(timer) = read::timer(message) {
            let chat = self.chat_of(client, source).await?;
            let now = info.timestamp.timestamp();
            // A clock that is ahead must not hold its setting for good.
            let set_at = timer.set_at.map(|at| at.min(now));
            self.keys.set_chat_timer(&chat, timer.seconds, set_at, now).await?;
        }
        if let Some(asked) = read::asked(message) {
            let chat = self.chat_of(client, source).await?;
            let creators = names(Some(&source.sender).into_iter().chain(source.sender_alt.as_ref()));
            let question = Question { creators, secret: asked.secret, options: asked.options };
            self.keys.keep_question(&chat, &info.id, &question).await?;
        }
        Ok(())
    }

    /// A chat as messages to it are addressed: a number, a hidden id, or a group with its server.
    async fn chat_of(&self, client: &Client, source: &MessageSource) -> anyhow::Result<String> {
        chat_of(client, source).await
    }

    /// The phone number of who wrote it, if there is any way to know it.
    async fn number_of(&self, client: &Client, source: &MessageSource) -> anyhow::Result<String> {
        let named = person(source);
        if !named.contains('@') {
            return Ok(named);
        }
        if let Some(known) = client.get_lid_pn_entry(&source.sender).await? {
            return Ok(known.phone_number.to_string());
        }
        // A group's members are told with their numbers where WhatsApp shows them.
        if source.chat.server == Server::Group {
            let groups = client.groups();
            if matches!(self.clock.within(MEMBERS, groups.query_info(&source.chat)).await, Ok(Ok(_)))
                && let Some(known) = client.get_lid_pn_entry(&source.sender).await?
            {
                return Ok(known.phone_number.to_string());
            }
        }
        Ok(hidden(&source.sender))
    }

    /// How the file is had later, sealed.
    fn file(&self, file: FileRef, info: &MessageInfo) -> anyhow::Result<InboundFile> {
        let file_name = file.name.clone();
        let reference = self.keys.seal_reference(&serde_json::to_vec(&Reference::new(file, info))?);
        Ok(InboundFile::There { reference, file_name })
    }
}

/// What a message says. Of a comment that the library opened, what it is about stands beside it.
fn said(message: &wa::Message, info: &MessageInfo) -> Option<Said> {
    let said = read::read(message)?;
    let Some(target) = &info.comment_target else { return Some(said) };
    Some(Said { kind: "comment", about: target.id.clone().filter(|id| !id.is_empty()), ..said })
}

/// Whether a message is one that somebody wrote to this account: what its owner typed on his phone is not, nor is what
/// people show to everybody.
pub fn is_told(info: &MessageInfo) -> bool {
    let is_chat = matches!(info.source.chat.server, Server::Pn | Server::Lid | Server::Group);
    is_chat && !info.source.is_from_me
}

/// The hidden id of who wrote it, where it is told.
pub fn hidden_of(source: &MessageSource) -> Option<String> {
    let named = [Some(&source.sender), source.sender_alt.as_ref()];
    named.into_iter().flatten().find(|jid| jid.server == Server::Lid).map(hidden)
}

/// A chat as messages to it are addressed.
pub async fn chat_of(client: &Client, source: &MessageSource) -> anyhow::Result<String> {
    let chat = &source.chat;
    if chat.server != Server::Lid {
        let is_group = chat.server == Server::Group;
        return Ok(if is_group { chat.to_non_ad().to_string() } else { chat.user.to_string() });
    }
    let other = if source.is_from_me { source.recipient_alt.as_ref() } else { source.sender_alt.as_ref() };
    if let Some(number) = other.filter(|jid| jid.server == Server::Pn) {
        return Ok(number.user.to_string());
    }
    let known = client.get_lid_pn_entry(chat).await?;
    Ok(known.map_or_else(|| hidden(chat), |entry| entry.phone_number.to_string()))
}

/// The names of one person, without their devices.
pub fn names<'a>(jids: impl IntoIterator<Item = &'a Jid>) -> Vec<String> {
    let mut names: Vec<String> = jids.into_iter().map(hidden).collect();
    names.dedup();
    names
}
