//! Moving a customer in from another gateway, and going live: what is given is checked here, the store does each in one
//! transaction. Called by `api/manage/migrations.rs` (and so by the console) and `cli/migrate.rs`.

use crate::account::{self, ApiKey, KeySecret, check_name, check_userid};
use crate::clock::Clock;
use crate::device::{DeviceState, LinkWay, is_device_id};
use crate::egress::Egress;
use crate::phone;
use crate::store::{GoLive, Migrated, Migration, MigrationConflict, Store, StoreError, WarmUp, WentLive};

/// The country code of a client that is made on the way.
const COUNTRY_CODE: &str = "62";

/// What an operator knows of a customer, as it was typed.
#[derive(Debug, Clone, Default)]
pub struct Customer {
    pub api_key: String,
    pub device_id: String,
    pub sender: String,
    pub push_url: Option<String>,
    /// The name of a client, or the number of one that is here.
    pub client: Option<String>,
    pub userid: Option<String>,
}

/// What people are asked before a device goes live.
pub const USED_BEFORE: &str = "Has this number been used on WhatsApp for some weeks or longer? A number that has sends \
                               without a warm-up; a new one begins with few messages a day, so that WhatsApp does not ban it.";

/// Whether a number has been in use on WhatsApp for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberHistory {
    New,
    UsedBefore,
}

impl NumberHistory {
    pub fn warm_up(self) -> WarmUp {
        match self {
            Self::New => WarmUp::On,
            Self::UsedBefore => WarmUp::Off,
        }
    }
}

/// A device that an account is now linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Messages that waited in the sandbox.
    pub aborted: u64,
    pub stopped_imports: u64,
    /// Whether it was no sandbox any more: then its warm-up is what it was.
    pub was_live: bool,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// What was given cannot be used; the field is named as in the API.
    #[error("{reason}")]
    Field { field: &'static str, reason: String },
    #[error(transparent)]
    Conflict(#[from] MigrationConflict),
    #[error(
        "this device is live already: an account is linked to it, and its state is {state}; nothing was changed. Unlink it first to link \
         another account",
        state = .0.name()
    )]
    Live(DeviceState),
    /// This device does not go live; the text says what to do.
    #[error("{0}")]
    Refused(&'static str),
    #[error("there is no device with that id")]
    Missing,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Moves a customer in. Done again with the same, it changes nothing.
///
/// # Errors
/// [`MoveError`]; then nothing was stored.
pub async fn migrate(
    store: &Store,
    secret: &KeySecret,
    clock: &Clock,
    customer: Customer,
) -> Result<Migrated, MoveError> {
    let field = |field| move |reason: String| MoveError::Field { field, reason };
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let key = ApiKey::import(customer.api_key.trim()).map_err(|bad| field("api_key")(bad.to_string()))?;
    let device_id = customer.device_id.trim().to_owned();
    if !is_device_id(&device_id) {
        return Err(field("device_id")("a device id is a number, a dash and 15 digits".into()));
    }
    let (client, userid, push_url) = (given(customer.client), given(customer.userid), given(customer.push_url));
    let country_code = country_code_of(store, client.as_deref(), &device_id).await?;
    let sender = phone::parse_destination(&customer.sender, country_code.as_str())
        .map_err(|bad| field("sender")(bad.to_string()))?;
    client.as_deref().map_or(Ok(()), check_name).map_err(|bad| field("client")(bad.to_string()))?;
    userid.as_deref().map_or(Ok(()), check_userid).map_err(|bad| field("user")(bad.to_string()))?;
    if let Some(url) = &push_url {
        Egress::check_shape(url).map_err(|bad| field("push_url")(bad.to_string()))?;
    }
    let migration = Migration {
        client,
        userid,
        key_hash: secret.stored(&key.hash()),
        key_hint: key.hint(),
        device_id,
        sender,
        push_url,
        country_code: COUNTRY_CODE.into(),
        now: clock.now(),
    };
    Ok(store.migrate(migration).await??)
}

/// The country code of the client who moves in, if he is here.
async fn country_code_of(store: &Store, client: Option<&str>, device_id: &str) -> Result<String, StoreError> {
    let (device, clients) = (store.find_device(device_id).await?, store.list_clients().await?);
    let numbered = |id: i64| clients.iter().find(|one| one.id == id);
    let found = match (&device, client) {
        (Some(device), _) => numbered(device.client_id),
        // A number is that of a client before it is a name.
        (None, Some(name)) => {
            let id = name.parse().ok().and_then(numbered);
            id.or_else(|| account::called(&clients, name).first().copied())
        }
        (None, None) => None,
    };
    Ok(found.map_or_else(|| COUNTRY_CODE.to_owned(), |client| client.country_code.clone()))
}

/// Ends a device's trial: from now on it is a web device, to which an account is being linked. Done again, it goes on with the linking;
/// what was said of the number stays.
///
/// # Errors
/// [`MoveError`]; then nothing was stored.
pub async fn go_live(
    store: &Store,
    clock: &Clock,
    device_id: &str,
    history: Option<NumberHistory>,
    way: LinkWay,
) -> Result<Live, MoveError> {
    let step =
        GoLive { device_id: device_id.to_owned(), warm_up: history.map(NumberHistory::warm_up), way, now: clock.now() };
    match store.go_live(step).await? {
        WentLive::Linking { aborted, stopped_imports } => Ok(Live { aborted, stopped_imports, was_live: false }),
        WentLive::StillLinking => Ok(Live { aborted: 0, stopped_imports: 0, was_live: true }),
        WentLive::Missing => Err(MoveError::Missing),
        WentLive::AlreadyLive(state) => Err(MoveError::Live(state)),
        WentLive::Unanswered => Err(MoveError::Field {
            field: "used_before",
            reason: "say whether the number has been used on WhatsApp for some weeks or longer".into(),
        }),
        WentLive::Example => Err(MoveError::Refused(
            "this is the sandbox of the first start, whose number is nobody's: it stays a sandbox; add a device of the kind web and \
             link that",
        )),
        WentLive::OtherKind => Err(MoveError::Refused("only a sandbox goes live, or a web device without an account")),
    }
}
