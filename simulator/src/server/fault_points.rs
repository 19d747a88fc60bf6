//! The one place where everything passes that a fault may change: stanzas up and down, logins, media requests and
//! the bytes of connections.
//!
//! Each question is asked once for each thing that passes, by the code that would carry it on, and the answer is
//! carried out there. Now every answer is that all is well.

use std::time::Duration;

use super::line::Pace;
use crate::wire::stanza::{Jid, Node};

/// A stanza on its way between the server and a device.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'a> {
    /// The device, by its phone number.
    pub device: &'a Jid,
    /// The phone: its link is inside this process.
    pub is_phone: bool,
    pub node: &'a Node,
}

/// What becomes of a stanza.
#[derive(Debug)]
pub enum Fate {
    Pass,
    Drop,
    /// It passes later; what comes after it does not wait.
    Delay(Duration),
    /// These pass in its place: changed, doubled, or something else.
    Replace(Vec<Node>),
    /// These are written, and the connection is closed. A stanza on its way down is kept for the next one.
    Close(Vec<Node>),
}

/// What becomes of a login.
#[derive(Debug)]
pub enum LoginFate {
    Accept,
    /// This is written (`<failure …/>`), and the connection is closed.
    Refuse(Node),
}

/// What becomes of a request to the media host.
#[derive(Debug, Clone, Copy)]
pub enum MediaFate {
    Serve,
    /// It is served later.
    Delay(Duration),
    /// It is answered with this HTTP status.
    Refuse(u16),
}

/// Which media request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaRequest {
    Upload,
    Download,
}

/// Asks whoever decides on faults.
#[derive(Default)]
pub struct FaultPoints {}

impl FaultPoints {
    /// Before the server acts on a stanza.
    pub fn up(&self, _passing: &Passing<'_>) -> Fate {
        Fate::Pass
    }

    /// Before a stanza goes to a device, or into its mailbox.
    pub fn down(&self, _passing: &Passing<'_>) -> Fate {
        Fate::Pass
    }

    /// Before a companion whose keys are right is let in.
    pub fn login(&self, _device: &Jid) -> LoginFate {
        LoginFate::Accept
    }

    /// How the connection of a companion that was let in carries bytes from here on.
    pub fn pace(&self, _device: &Jid) -> Pace {
        Pace::default()
    }

    /// Before the media host answers.
    pub fn media(&self, _request: MediaRequest) -> MediaFate {
        MediaFate::Serve
    }
}
