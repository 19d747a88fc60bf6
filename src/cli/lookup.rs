//! Whose thing a command is about: the client that is named, the one that has what was given, or the only one. This is for
//! an operator, who may see every client; the API keeps clients apart.

use super::{Bench, user};
use crate::account::{self, Client};
use crate::device::Device;
use crate::message::RefNo;
use crate::phone;
use crate::store::{Location, Owned};

/// Something that a command was given and that belongs to a client.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    Message(&'a RefNo),
    Inbound(&'a str),
    Device(&'a str),
    Sender(&'a str),
    User(&'a str),
    Key(i64),
}

/// A client as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Called {
    /// As it was written too: where there is no such client, it may be a name, such as `007`.
    Number(i64, String),
    Name(String),
}

impl From<i64> for Called {
    fn from(id: i64) -> Self {
        Self::Number(id, id.to_string())
    }
}

impl std::str::FromStr for Called {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        Ok(text.parse().map_or_else(|_| Self::Name(text.to_owned()), |id| Self::Number(id, text.to_owned())))
    }
}

impl std::fmt::Display for Given<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(ref_no) => write!(out, "message {ref_no}"),
            Self::Inbound(id) => write!(out, "inbound message {id}"),
            Self::Device(id) => write!(out, "device {id}"),
            Self::Sender(sender) => write!(out, "device with the sender {sender}"),
            Self::User(userid) => write!(out, "person {userid}"),
            Self::Key(id) => write!(out, "key {id}"),
        }
    }
}

impl Given<'_> {
    /// How to see what there is.
    fn hint(&self) -> &'static str {
        match self {
            Self::Message(_) | Self::Inbound(_) => "",
            Self::Device(_) | Self::Sender(_) => "; `wachat device list` shows those there are",
            Self::User(_) => "; `wachat user list` shows those there are",
            Self::Key(_) => "; `wachat key list` shows those there are",
        }
    }
}

impl Bench {
    /// Where this command looks: the database, without its password.
    pub(super) fn place(&self) -> String {
        Location::parse(&self.app.settings.database_url).map_or_else(|_| "the database".into(), |place| place.shown())
    }

    /// That something is not there, and where it was looked for.
    pub(super) fn missing(&self, given: Given<'_>) -> anyhow::Error {
        anyhow::anyhow!("there is no {given} in {}{}", self.place(), given.hint())
    }

    /// The client that a command is about.
    pub(super) async fn client_for(&self, named: Option<Called>, given: Option<Given<'_>>) -> anyhow::Result<Client> {
        let named = self.number_of(named).await?;
        let owner = match given {
            Some(given) => Some(self.owner(given).await?.ok_or_else(|| self.missing(given))?),
            None => None,
        };
        match (named, owner, given) {
            (Some(named), Some(owner), Some(given)) if named != owner => {
                let (named, owner) = (self.client(named).await?, self.client(owner).await?);
                anyhow::bail!(
                    "the {given} belongs to client {} ({}), not to client {} ({})",
                    owner.id,
                    owner.name,
                    named.id,
                    named.name
                )
            }
            (Some(id), ..) | (None, Some(id), _) => self.client(id).await,
            (None, None, _) => self.only_client().await,
        }
    }

    /// The client, where there is one only.
    async fn only_client(&self) -> anyhow::Result<Client> {
        let clients = self.app.store.list_clients().await?;
        match <[Client; 1]>::try_from(clients) {
            Ok([client]) => Ok(client),
            Err(clients) => {
                let named: Vec<_> = clients.iter().map(|client| format!("{} ({})", client.id, client.name)).collect();
                anyhow::bail!("there are several clients; say which one with --client: {}", named.join(", "))
            }
        }
    }

    async fn owner(&self, given: Given<'_>) -> anyhow::Result<Option<i64>> {
        let store = &self.app.store;
        Ok(match given {
            Given::Message(ref_no) => store.find_owner(Owned::Message(ref_no.as_str())).await?,
            Given::Inbound(id) => store.find_owner(Owned::Inbound(id)).await?,
            Given::Key(id) => store.find_owner(Owned::Key(id)).await?,
            Given::Device(id) => store.find_device(id).await?.map(|device| device.client_id),
            Given::User(userid) => user::owner(self, userid).await?,
            Given::Sender(sender) => self.sending_as(sender).await?.map(|device| device.client_id),
        })
    }

    /// The device with a number, which is written as its client writes numbers.
    async fn sending_as(&self, sender: &str) -> anyhow::Result<Option<Device>> {
        let clients = self.app.store.list_clients().await?;
        let is_it = |device: &Device| {
            let client = clients.iter().find(|client| client.id == device.client_id);
            client.is_some_and(|client| phone::names_sender(sender, &client.country_code, &device.sender))
        };
        Ok(self.app.store.list_devices(None).await?.into_iter().find(is_it))
    }

    pub(super) async fn client(&self, called: impl Into<Called>) -> anyhow::Result<Client> {
        let hint = "`wachat client list` shows those there are";
        let name = match called.into() {
            Called::Number(id, written) => match self.app.store.find_client(id).await? {
                Some(client) => return Ok(client),
                None => written,
            },
            Called::Name(name) => name,
        };
        let clients = self.app.store.list_clients().await?;
        match account::called(&clients, &name)[..] {
            [one] => Ok(one.clone()),
            [] => anyhow::bail!("there is no client '{name}' in {}; {hint}", self.place()),
            ref several => {
                let named: Vec<_> = several.iter().map(|client| format!("{} ({})", client.id, client.name)).collect();
                anyhow::bail!(
                    "several clients are called '{name}'; give the number of the one that is meant: {}",
                    named.join(", ")
                )
            }
        }
    }

    /// The number of the client that is named, if one is.
    pub(super) async fn number_of(&self, called: Option<Called>) -> anyhow::Result<Option<i64>> {
        Ok(match called {
            Some(called) => Some(self.client(called).await?.id),
            None => None,
        })
    }

    pub(super) async fn device(&self, id: &str) -> anyhow::Result<Device> {
        let found = self.app.store.find_device(id).await?;
        found.ok_or_else(|| self.missing(Given::Device(id)))
    }
}

/// What names the device that sends: its id, else its number.
pub(super) fn of_device<'a>(device: Option<&'a str>, sender: Option<&'a str>) -> Option<Given<'a>> {
    device.map(Given::Device).or(sender.map(Given::Sender))
}
