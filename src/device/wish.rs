//! What a person wants done with a device's link: a row that the device's loop reads. Called through `device.rs`.

/// What a person wants done with a device's link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    Link(LinkWay),
    Unlink,
    /// To end the attempt to link that is under way; the device keeps its number.
    Cancel,
    /// To try again what waits for a person's word.
    Connect,
}

/// How an account is linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkWay {
    /// A phone scans a code.
    Qr,
    /// A person types a code into the phone with this number.
    Code { phone: String },
}

impl LinkWay {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::Code { .. } => "code",
        }
    }
}

impl Wish {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Link(way) => way.name(),
            Self::Unlink => "unlink",
            Self::Cancel => "cancel",
            Self::Connect => "connect",
        }
    }
}
