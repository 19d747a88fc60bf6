//! The command line, and the key file that it may name.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use simulator::limits::KEYS_FILE_BYTES_MAX;
use simulator::phone::rng::hex;
use simulator::wire::certificate::ServerKeys;

/// The text of `--help`.
pub const HELP: &str = "\
A simulated WhatsApp network on the real wire protocol.

Usage: simulator [--listen ADDRESS] [--seed NUMBER] [--scenario FILE] [--keys FILE]

  --listen ADDRESS   address and port; 127.0.0.1:8090 unless given, port 0 takes a free one
  --seed NUMBER      what faults and people's keys follow from; that of the scenario, or 0, unless given
  --scenario FILE    faults to play from the start (TOML)
  --keys FILE        keeps the keys of handshakes, so that clients know the next run; made if it is not there
  --help             says this
";

/// Parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    pub listen: SocketAddr,
    pub seed: Option<u64>,
    pub scenario: Option<PathBuf>,
    pub keys: Option<PathBuf>,
}

impl Arguments {
    /// Parses the command line; `None` if it asks for help.
    pub fn read(words: impl IntoIterator<Item = String>) -> anyhow::Result<Option<Self>> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8090));
        let mut arguments = Self { listen, seed: None, scenario: None, keys: None };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if matches!(word.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word.clone(), words.next()),
            };
            if !matches!(name.as_str(), "--listen" | "--seed" | "--scenario" | "--keys") {
                bail!("{name} is not known; --help lists what is");
            }
            let value = value.with_context(|| format!("{name} needs a value after it"))?;
            match name.as_str() {
                "--listen" => {
                    let wrong = || format!("--listen {value} is no address with a port, such as 127.0.0.1:8090");
                    arguments.listen = value.parse().with_context(wrong)?;
                }
                "--seed" => {
                    arguments.seed = Some(value.parse().with_context(|| format!("--seed {value} is no number"))?);
                }
                "--scenario" => arguments.scenario = Some(value.into()),
                _ => arguments.keys = Some(value.into()),
            }
        }
        Ok(Some(arguments))
    }
}

/// Reads the keys from a file, which is created if it does not exist: three lines with a name and 64 hexadecimal digits
/// each.
pub fn kept_keys(path: &Path) -> anyhow::Result<ServerKeys> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(found) if found.len() > KEYS_FILE_BYTES_MAX => bail!("{shown} is too large for a file of keys"),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let keys = ServerKeys::generate();
            write_keys(path, &keys).with_context(|| format!("{shown} cannot be written"))?;
            return Ok(keys);
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
    let find = |name: &str| {
        let digits = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let key = digits.and_then(|digits| key(digits.trim()));
        key.with_context(|| {
            format!("{shown} has no line `{name}` with 64 hexadecimal digits; remove the file for new keys")
        })
    };
    Ok(ServerKeys { root: find("root")?, intermediate: find("intermediate")?, leaf: find("leaf")? })
}

fn write_keys(path: &Path, keys: &ServerKeys) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    // Private keys: readable by the owner only.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    for (name, key) in [("root", keys.root), ("intermediate", keys.intermediate), ("leaf", keys.leaf)] {
        writeln!(file, "{name} {}", hex(&key))?;
    }
    file.sync_all()
}

fn key(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let bytes = (0..32).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok());
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> anyhow::Result<Option<Arguments>> {
        Arguments::read(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn options_are_read_in_both_forms_and_wrong_ones_are_named() {
        let arguments = read(&["--listen", "127.0.0.1:0", "--seed=7"]).unwrap().unwrap();
        assert_eq!((arguments.listen.port(), arguments.seed), (0, Some(7)));
        assert_eq!(read(&["--help"]).unwrap(), None);
        for (words, expected) in [
            (&["--lisen", "x"][..], "--lisen is not known; --help lists what is"),
            (&["--seed"], "--seed needs a value after it"),
            (&["--seed", "x"], "--seed x is no number"),
        ] {
            assert_eq!(read(words).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn keys_are_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let made = kept_keys(&path).unwrap();
        assert_eq!(kept_keys(&path).unwrap(), made);
        std::fs::write(&path, "root 12\n").unwrap();
        assert!(kept_keys(&path).unwrap_err().to_string().contains("has no line `root`"));
    }
}
