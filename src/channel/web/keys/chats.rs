//! What the gateway itself remembers of a linked account's chats: how long their messages are shown, and the polls and events
//! whose answers it is to read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use whatsapp_rust::wacore::store::error::Result;

use super::{Keys, failed, from_json, plain, to_json};
use crate::limits;
use crate::store::{KeyKind, KeyRow};

/// A poll or an event, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who asked: a number or a hidden id, as WhatsApp names them.
    pub creators: Vec<String>,
    /// Opens the answers.
    pub secret: Vec<u8>,
    /// What can be chosen; empty for an event.
    pub options: Vec<String>,
}

/// A chat's timer, and when it was set; both in seconds. A timer of 0 is one that was switched off.
pub type ChatTimer = (u32, i64);

/// The timers of one account, read once from the store.
#[derive(Default)]
pub struct Timers(OnceCell<Mutex<HashMap<String, ChatTimer>>>);

impl Keys {
    /// How long messages of a chat are shown, and when that was set. A chat is named as messages to it are addressed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn chat_timer(&self, chat: &str) -> Result<Option<ChatTimer>> {
        let timers = self.timers().await?;
        Ok(timers.lock().unwrap_or_else(PoisonError::into_inner).get(chat).copied())
    }

    /// Remembers a chat's timer, unless one that was set later is known. `set_at` is `None` where only that it holds now is known.
    ///
    /// # Errors
    /// When it could not be stored, or the lease is lost.
    pub async fn set_chat_timer(&self, chat: &str, seconds: u32, set_at: Option<i64>, now: i64) -> Result<()> {
        let known = self.chat_timer(chat).await?;
        let new = (seconds, set_at.unwrap_or(now));
        let is_news = match known {
            // Most chats have none, and say so again and again.
            None => seconds != 0,
            Some((same, _)) if set_at.is_none() => same != seconds && known.is_some_and(|(_, at)| at <= new.1),
            Some((_, at)) => at <= new.1 && known != Some(new),
        };
        if !is_news {
            return Ok(());
        }
        let row = KeyRow { also: Some(new.1), ..self.row(KeyKind::Timer, "", chat, &seconds.to_be_bytes()) };
        self.put_rows(KeyKind::Timer, vec![row]).await?;
        self.keep_timer(chat, new).await
    }

    /// Remembers until the end of this process that a chat has no timer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn keep_no_timer(&self, chat: &str) -> Result<()> {
        self.keep_timer(chat, (0, 0)).await
    }

    /// The account is gone, and with it what was known of its chats.
    pub(super) fn forget_timers(&self) {
        if let Some(timers) = self.timers.0.get() {
            timers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    async fn keep_timer(&self, chat: &str, timer: ChatTimer) -> Result<()> {
        let timers = self.timers().await?;
        timers.lock().unwrap_or_else(PoisonError::into_inner).insert(chat.to_owned(), timer);
        Ok(())
    }

    async fn timers(&self) -> Result<&Mutex<HashMap<String, ChatTimer>>> {
        let read = async {
            let rows =
                self.ring.store.list_keys_of_kind(&self.lease.device_id, KeyKind::Timer).await.map_err(failed)?;
            let mut timers = HashMap::with_capacity(rows.len());
            for row in rows {
                let seconds = self.open(KeyKind::Timer, &row)?;
                let seconds = <[u8; 4]>::try_from(seconds.as_slice()).map_or(0, u32::from_be_bytes);
                timers.insert(plain(&row.name), (seconds, row.also.unwrap_or(0)));
            }
            Ok(Mutex::new(timers))
        };
        self.timers.0.get_or_try_init(|| read).await
    }

    /// Remembers a poll or an event.
    ///
    /// # Errors
    /// When it could not be stored, or the lease is lost.
    pub async fn keep_question(&self, chat: &str, id: &str, question: &Question) -> Result<()> {
        let until = self.now_seconds() + limits::POLL_DAYS * 86_400;
        let row = KeyRow { at: until, ..self.row(KeyKind::Asked, chat, id, &to_json(question)?) };
        self.put_rows(KeyKind::Asked, vec![row]).await
    }

    /// A poll or an event that was remembered.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_question(&self, chat: &str, id: &str) -> Result<Option<Question>> {
        self.get(KeyKind::Asked, chat, id).await?.map(|json| from_json(&json)).transpose()
    }
}

/// As every clone of one account's keys has it.
pub type SharedTimers = Arc<Timers>;
