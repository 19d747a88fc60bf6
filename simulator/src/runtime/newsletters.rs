//! Newsletters (channels): a person makes one, writes in it, or follows another's.

use std::sync::Arc;

use super::desk::Desk;
use super::{Person, Refusal};
use crate::server::newsletters::{Newsletter, Role};
use crate::wire::stanza::Jid;

impl Person {
    /// Makes a newsletter.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if there are too many.
    pub fn create_newsletter(&self, name: &str, description: &str) -> Result<Arc<Newsletter>, Refusal> {
        let created = self.network().newsletters().create(self.account(), name, description);
        created.ok_or_else(|| Refusal::Conflict("there are as many newsletters as there may be".to_owned()))
    }

    /// Follows a newsletter: its messages come to all of the person's devices.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if there is none with this address.
    pub fn follow(&self, newsletter: &Jid) -> Result<(), Refusal> {
        self.newsletter(newsletter)?.follow(self.account());
        Ok(())
    }

    /// Writes a text in the person's newsletter; gives the message's id.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if the person has no such newsletter, [`Refusal::Conflict`] if the phone is offline,
    /// [`Refusal::Invalid`] for a text that is too long.
    pub async fn publish(&self, newsletter: &Jid, text: &str) -> Result<String, Refusal> {
        if self.newsletter(newsletter)?.role(self.account()) != Role::Owner {
            return Err(Refusal::Unknown(format!("{} is not the owner of {newsletter}", self.number())));
        }
        self.must_be_online().await?;
        let (newsletter, text) = (newsletter.clone(), text.to_owned());
        let act = move |desk: &mut Desk, now_ms| match desk.phone.publish(&newsletter, &text, now_ms) {
            Ok((id, actions)) => (Ok(id), actions),
            Err(error) => (Err(error), Vec::new()),
        };
        Ok(self.perform(act).await??)
    }

    fn newsletter(&self, jid: &Jid) -> Result<Arc<Newsletter>, Refusal> {
        let unknown = || Refusal::Unknown(format!("there is no newsletter {jid}; see the list of newsletters"));
        self.network().newsletters().find(jid).ok_or_else(unknown)
    }
}
