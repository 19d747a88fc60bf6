//! What a request to send may ask for one day and what is not available yet: a message that left without it would leave too early, or
//! would say something else, so the request is refused. Called wherever messages are taken in. Pure.

/// A field of a request to send, or a column of a file, that asks for what is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    SendAt,
    ReplyTo,
    Mentions,
}

impl Unavailable {
    pub const ALL: [Self; 3] = [Self::SendAt, Self::ReplyTo, Self::Mentions];

    pub fn name(self) -> &'static str {
        match self {
            Self::SendAt => "send_at",
            Self::ReplyTo => "reply_to",
            Self::Mentions => "mentions",
        }
    }

    /// What is not available, and what can be done.
    pub fn why(self) -> &'static str {
        match self {
            Self::SendAt => "scheduled sending is not available; leave this empty, and send when the message is due",
            Self::ReplyTo => "quoting another message is not available; leave this empty to send the message by itself",
            Self::Mentions => "mentioning people is not available; leave this empty to send the message without it",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}
