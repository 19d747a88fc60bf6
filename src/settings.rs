//! Every setting: its default, its name in the environment and in `wachat.toml`, and what it means.
//!
//! A flag wins over the environment, the environment over the file, the file over the default. A bad value is refused
//! with the place it came from.

mod file;
mod names;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use crate::limits;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name in `wachat.toml`; its flag has dashes instead of underscores.
    pub name: &'static str,
    pub environment: &'static str,
    pub default: &'static str,
    pub meaning: &'static str,
}

const fn setting(
    name: &'static str,
    environment: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, environment, default, meaning }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    setting("listen", "WACHAT_LISTEN", "127.0.0.1:8080", "address and port to serve on"),
    setting("data_dir", "WACHAT_DATA_DIR", "./wachat-data", "folder of the database, the media and the master key"),
    setting(
        "database_url",
        "WACHAT_DATABASE_URL",
        "",
        "sqlite:PATH or postgres://…; default: wachat.db in the data folder",
    ),
    setting("media_store", "WACHAT_MEDIA_STORE", "", "folder or s3://bucket/prefix; default: media in the data folder"),
    setting(
        "public_url",
        "WACHAT_PUBLIC_URL",
        "",
        "what customers reach this gateway by; default: http:// and the listen address",
    ),
    setting(
        "allow_networks",
        "WACHAT_ALLOW_NETWORKS",
        "",
        "private networks that media URLs and Push URLs may reach, as CIDR, comma-separated",
    ),
    setting(
        "trusted_proxies",
        "WACHAT_TRUSTED_PROXIES",
        "",
        "reverse proxies whose word is taken for where a request comes from, as CIDR, comma-separated",
    ),
    setting(
        "trusted_ca",
        "WACHAT_TRUSTED_CA",
        "",
        "PEM file of private certificate authorities that media URLs and Push URLs may have their certificates from",
    ),
    setting("rate_limit", "WACHAT_RATE_LIMIT", "100", "requests a second for each API key; 0 for none"),
    setting(
        "waiting_quota",
        "WACHAT_WAITING_QUOTA",
        "1000000",
        "messages of each client that may wait at the same time; 0 for any number",
    ),
    setting(
        "files_quota_mb",
        "WACHAT_FILES_QUOTA_MB",
        "100000",
        "megabytes that the files of each client may take; 0 for any number",
    ),
    setting(
        "free_space_floor_mb",
        "WACHAT_FREE_SPACE_FLOOR_MB",
        "512",
        "megabytes that new messages and files leave free for what comes in; 0 for none",
    ),
    setting(
        "metrics_token",
        "WACHAT_METRICS_TOKEN",
        "",
        "who sends this as Authorization: Bearer may read /metrics from anywhere; without it only this machine may",
    ),
    setting("metrics_open", "WACHAT_METRICS_OPEN", "false", "true lets everyone read /metrics"),
    setting(
        "master_key",
        "WACHAT_MASTER_KEY",
        "",
        "64 hexadecimal digits that all stored secrets hang on; default: master.key in the data folder",
    ),
    setting(
        "admin_password",
        "WACHAT_ADMIN_PASSWORD",
        "",
        "the first administrator's password, used on an empty store only; default: random",
    ),
    setting("api_key", "WACHAT_API_KEY", "", "the first API key, used on an empty store only; default: random"),
    setting(
        "simulated_network",
        "WACHAT_SIMULATED_NETWORK",
        "",
        "http:// and the loopback address of a simulated WhatsApp network, for builds with that feature",
    ),
    setting(
        "log",
        "WACHAT_LOG",
        "info",
        "what is logged: error, warn, info, debug, trace, or filters such as wachat=debug",
    ),
    setting("log_format", "WACHAT_LOG_FORMAT", "text", "text or json"),
];

/// The files that are looked for when none is named: the first that is there is read, by every command.
const FILES_DEFAULT: [&str; 2] = ["wachat.toml", "/etc/wachat/wachat.toml"];
const FILE_ENVIRONMENT: &str = "WACHAT_CONFIG";
/// How keys of the file begin that are passed on to the S3 client, as its environment variables are called in small letters.
const BUCKET_PREFIX: &str = "aws_";

/// The settings of this process.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub database_url: String,
    pub media_store: String,
    pub public_url: String,
    pub allow_networks: Vec<IpNet>,
    pub trusted_proxies: Vec<IpNet>,
    pub trusted_ca: Option<PathBuf>,
    pub rate_limit: u32,
    pub waiting_quota: u32,
    pub files_quota_mb: u32,
    pub free_space_floor_mb: u32,
    pub metrics_token: Option<Hidden>,
    pub metrics_open: bool,
    pub master_key: Option<Hidden>,
    pub admin_password: Option<Hidden>,
    pub api_key: Option<Hidden>,
    pub simulated_network: Option<String>,
    pub log: String,
    pub log_json: bool,
    /// Keys of the file for the S3 client, where the environment does not say them.
    pub bucket: Vec<(String, Hidden)>,
    /// What an operator should know of his settings.
    pub warnings: Vec<String>,
}

/// A secret on its way from the settings to where it is used; `Debug` does not show it.
#[derive(Clone)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// A value that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {reason}")]
pub struct BadSetting {
    /// Where it stands: a flag, a variable, or a line's key in a file.
    pub source_name: String,
    pub reason: String,
}

/// What was given on the command line, by setting name.
pub type Flags = BTreeMap<&'static str, String>;

struct Found {
    value: String,
    source_name: String,
}

impl Settings {
    /// Reads flags, environment and file (`file`, else `WACHAT_CONFIG`, else `wachat.toml` of the current folder, else
    /// `/etc/wachat/wachat.toml`, if one of them is there).
    ///
    /// # Errors
    /// The first value that cannot be used, with the place it stands in.
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub fn load(flags: &Flags, file: Option<&Path>) -> Result<Self, BadSetting> {
        let mut settings = Self::read(flags, file, |name| std::env::var(name).ok())?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        settings.warnings = names::unknown(names);
        Ok(settings)
    }

    fn read(
        flags: &Flags,
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, BadSetting> {
        let file = file.map(Path::to_owned).or_else(|| environment(FILE_ENVIRONMENT).map(PathBuf::from));
        let file = file.or_else(|| FILES_DEFAULT.into_iter().map(PathBuf::from).find(|path| path.exists()));
        let mut in_file = match &file {
            Some(path) => file::read(path)?,
            None => BTreeMap::new(),
        };
        let of_bucket = in_file.extract_if(.., |name, _| name.starts_with(BUCKET_PREFIX));
        let bucket = of_bucket
            .filter(|(name, _)| environment(&name.to_uppercase()).is_none())
            .map(|(name, value)| (name, Hidden(value)))
            .collect();
        let file_name = file.as_deref().unwrap_or(Path::new(FILES_DEFAULT[0])).display().to_string();
        let find = |name: &str| find(name, flags, &environment, &in_file, &file_name);
        let parsed = |name: &str| find(name).value;
        let optional = |name: &str| Some(find(name).value).filter(|value| !value.is_empty());

        let listen: SocketAddr = parse(find("listen"), "an address and a port, such as 127.0.0.1:8080")?;
        let data_dir = PathBuf::from(parsed("data_dir"));
        let log_format = find("log_format");
        if !["text", "json"].contains(&log_format.value.as_str()) {
            return Err(bad(&log_format, "text or json"));
        }
        Ok(Self {
            database_url: optional("database_url")
                .unwrap_or_else(|| format!("sqlite:{}", data_dir.join("wachat.db").display())),
            media_store: optional("media_store").unwrap_or_else(|| data_dir.join("media").display().to_string()),
            public_url: public_url(find("public_url"), listen)?,
            trusted_ca: optional("trusted_ca").map(PathBuf::from),
            rate_limit: parse(find("rate_limit"), "a whole number of requests a second")?,
            waiting_quota: parse(find("waiting_quota"), "a whole number of messages")?,
            files_quota_mb: parse(find("files_quota_mb"), "a whole number of megabytes")?,
            free_space_floor_mb: parse(find("free_space_floor_mb"), "a whole number of megabytes")?,
            metrics_token: optional("metrics_token").map(Hidden),
            metrics_open: parse(find("metrics_open"), "true or false")?,
            master_key: optional("master_key").map(Hidden),
            admin_password: optional("admin_password").map(Hidden),
            api_key: optional("api_key").map(Hidden),
            simulated_network: optional("simulated_network"),
            log: parsed("log"),
            log_json: log_format.value == "json",
            listen,
            data_dir,
            allow_networks: networks(find("allow_networks"))?,
            trusted_proxies: networks(find("trusted_proxies"))?,
            bucket,
            warnings: Vec::new(),
        })
    }

    /// Settings with all defaults, for a data folder and a listen address.
    pub fn with_defaults(data_dir: &Path, listen: SocketAddr) -> Self {
        let flags = Flags::from([("data_dir", data_dir.display().to_string()), ("listen", listen.to_string())]);
        let settings = Self::read(&flags, Some(Path::new("/dev/null")), |_| None);
        // Both values above are written by types that their parsers accept, and the defaults are tested.
        settings.expect("the defaults are good")
    }

    /// The same settings, for a gateway that was given this address: a port of 0 leaves the choice to the system.
    pub fn listening_on(mut self, address: SocketAddr) -> Self {
        if self.public_url == local_url(self.listen) {
            self.public_url = local_url(address);
        }
        self.listen = address;
        self
    }

    /// How many requests a second a key may make; `None` for any.
    pub fn requests_a_second(&self) -> Option<std::num::NonZeroU32> {
        std::num::NonZeroU32::new(self.rate_limit)
    }
}

fn find(
    name: &str,
    flags: &Flags,
    environment: &impl Fn(&str) -> Option<String>,
    in_file: &BTreeMap<String, String>,
    file_name: &str,
) -> Found {
    // Every name that is asked for stands in the table: the tests ask for each.
    let setting = SETTINGS.iter().find(|setting| setting.name == name).expect("a setting of the table");
    if let Some(value) = flags.get(name) {
        // A flag that may be repeated is named in the singular.
        let flag = name.replace('_', "-").replace("networks", "network");
        return Found { value: value.clone(), source_name: format!("--{flag}") };
    }
    if let Some(value) = environment(setting.environment) {
        return Found { value, source_name: setting.environment.to_owned() };
    }
    if let Some(value) = in_file.get(name) {
        return Found { value: value.clone(), source_name: format!("{name} in {file_name}") };
    }
    Found { value: setting.default.to_owned(), source_name: format!("the default of {name}") }
}

fn bad(found: &Found, wanted: &str) -> BadSetting {
    BadSetting { source_name: found.source_name.clone(), reason: format!("'{}' is not {wanted}", found.value) }
}

fn parse<T: std::str::FromStr>(found: Found, wanted: &str) -> Result<T, BadSetting> {
    found.value.parse().map_err(|_| bad(&found, wanted))
}

fn local_url(listen: SocketAddr) -> String {
    format!("http://{listen}")
}

/// Networks, or single addresses, separated by commas.
fn networks(found: Found) -> Result<Vec<IpNet>, BadSetting> {
    let texts = found.value.split(',').map(str::trim).filter(|network| !network.is_empty());
    let one = |text: &str| {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        let one = Found { value: text.to_owned(), source_name: found.source_name.clone() };
        parse(one, "a network such as 10.0.0.0/8")
    };
    texts.map(one).collect()
}

fn public_url(found: Found, listen: SocketAddr) -> Result<String, BadSetting> {
    if found.value.is_empty() {
        return Ok(local_url(listen));
    }
    let is_http = url::Url::parse(&found.value)
        .is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host() && url.query().is_none());
    if is_http {
        Ok(found.value.trim_end_matches('/').to_owned())
    } else {
        Err(bad(&found, "an http or https address"))
    }
}

const _: () = assert!(limits::RATE_LIMIT_DEFAULT == 100, "the table above says so too");

#[cfg(test)]
mod tests;
