//! Newsletters (channels): creating, publishing and following.

use std::sync::Arc;

use super::state::State;
use super::{Person, RequestError};
use crate::server::newsletters::{Newsletter, Role};
use crate::wire::stanza::Jid;

impl Person {
    /// Creates a newsletter.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if there are too many.
    pub fn create_newsletter(&self, name: &str, description: &str) -> Result<Arc<Newsletter>, RequestError> {
        let created = self.network().newsletters().create(self.account(), name, description);
        created.ok_or_else(|| RequestError::Conflict("there are as many newsletters as there may be".to_owned()))
    }

    /// Follows a newsletter: its messages are delivered to all of the person's devices.
    ///
    /// # Errors
    /// [`RequestError::NotFound`] if there is none with this JID.
    pub fn follow(&self, newsletter: &Jid) -> Result<(), RequestError> {
        self.newsletter(newsletter)?.follow(self.account());
        Ok(())
    }

    /// Publishes a text in the person's newsletter; returns the message id.
    ///
    /// # Errors
    /// [`RequestError::NotFound`] if the person has no such newsletter, [`RequestError::Conflict`] if the phone is
    /// offline, [`RequestError::Invalid`] for a text that is too long.
    pub async fn publish(&self, newsletter: &Jid, text: &str) -> Result<String, RequestError> {
        if self.newsletter(newsletter)?.role(self.account()) != Role::Owner {
            return Err(RequestError::NotFound(format!("{} is not the owner of {newsletter}", self.number())));
        }
        self.must_be_online().await?;
        let (newsletter, text) = (newsletter.clone(), text.to_owned());
        let act = move |state: &mut State, now_ms| match state.phone.publish(&newsletter, &text, now_ms) {
            Ok((id, actions)) => (Ok(id), actions),
            Err(error) => (Err(error), Vec::new()),
        };
        Ok(self.perform(act).await??)
    }

    fn newsletter(&self, jid: &Jid) -> Result<Arc<Newsletter>, RequestError> {
        let unknown = || RequestError::NotFound(format!("there is no newsletter {jid}; see the list of newsletters"));
        self.network().newsletters().find(jid).ok_or_else(unknown)
    }
}
