//! Why a text is refused that is to say whom a message goes to, in words for who sent it. Called by all of `phone/`.

/// Why a destination is refused, in words for who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    #[error("the number is empty; give a phone number in international form, such as 6281234567890")]
    Empty,
    #[error(
        "a phone number has digits only, and + - . ( ) or spaces between them; give it in international form, such as 6281234567890"
    )]
    Characters,
    #[error("it has the letter {letter} where the digit {digit} may be meant; write every digit as a digit")]
    Letter { letter: char, digit: char },
    #[error("these are several numbers; give one, a message goes to one recipient")]
    Several,
    #[error("an extension cannot be dialled on WhatsApp; give the number without it")]
    Extension,
    #[error(
        "{0} stands behind the number and may be no part of it; give the number alone, or write its digits together"
    )]
    Behind(String),
    #[error("a phone number has at most 15 digits; the id of a group ends in @g.us")]
    TooLong,
    #[error(
        "{0} has lost digits: it is a number rounded by a spreadsheet or a program; format the column as text and give every digit"
    )]
    Exponent(String),
    #[error(
        "{0} may be the id of a group that a spreadsheet rounded: it keeps 15 digits and writes zeros for the others; format the column as text \
         and give every digit, or write @g.us behind an id that does end in zeros"
    )]
    Rounded(String),
    #[error(
        "{0} has a fraction, so it may not be the number that was meant; give the digits of the phone number as a text"
    )]
    Fraction(String),
    #[error(
        "{number} can be read as +{first} or as +{second}; write the one that you mean with its + and country code"
    )]
    Ambiguous { number: String, first: String, second: String },
    #[error("{number} has no country code; if you mean +{candidate}, write it so")]
    NoCountryCode { number: String, candidate: String },
    #[error("{number} is not in the form in which it is dialled from abroad; if you mean +{candidate}, write it so")]
    OtherForm { number: String, candidate: String },
    #[error(
        "no numbering plan allows the phone number {0}; give it in international form with its country code, such as 6281234567890"
    )]
    NoSuchNumber(String),
    #[error("a hidden id is digits and @lid, as an inbound message shows it")]
    Hidden,
    #[error("{0} is a date; give a phone number in international form, such as 6281234567890")]
    Date(String),
    #[error("digits of {0} are hidden or left out; give every digit of the number")]
    Masked(String),
    #[error("a + stands only once, in front of the country code; write the number so, as in +6281234567890")]
    Plus,
    #[error("{0} stands before the number; give the number alone")]
    Before(String),
    #[error("this is an e-mail address; give a phone number in international form, such as 6281234567890")]
    Mail,
    #[error(
        "{0} is a channel, a status or a broadcast list, to which this gateway does not send; give a phone number, or the id of a group"
    )]
    Chat(String),
    #[error(
        "a group id has 18 digits, or is a phone number, a dash and 10 digits, as in 120363025246125486 and 6281234567890-1600000000; \
         @g.us may stand behind it"
    )]
    Group,
    #[error(
        "{0} is no group id, but has as many digits as a phone number; a group id has 18 digits, or is a phone number, a dash and 10 digits. \
         Give the id of the group, or do not call it a group if you mean a person"
    )]
    GroupOfNumber(String),
    #[error(
        "{0} may be the id of a group that a program rounded: a number keeps 15 digits for certain; send it as a text, in quotes, with \
         every digit"
    )]
    RoundedFloat(String),
}

impl BadDestination {
    /// The digits as they were written, where they may be those of somebody who has written to the client.
    pub fn digits(&self) -> Option<&str> {
        match self {
            Self::Ambiguous { number, .. }
            | Self::NoCountryCode { number, .. }
            | Self::OtherForm { number, .. }
            | Self::NoSuchNumber(number) => Some(number),
            _ => None,
        }
    }
}
