//! Holds the house together: who may use whom, who may name SQL, channels and the environment, how long a file may be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The modules from the ground up. A module uses those of earlier floors, and of its own floor only where it says so.
const FLOORS: &[&[&str]] = &[
    &["limits", "clock", "settings", "seal", "secrets", "telemetry"],
    &[
        "account",
        "address",
        "customer_url",
        "device",
        "disk",
        "escapes",
        "memory",
        "message",
        "pace",
        "passkey",
        "password",
        "phone",
        "process",
        "qr",
        "reason",
        "supervisor",
    ],
    &["bell", "pacing"],
    &["device_status"],
    &["waiting"],
    &["egress"],
    &["campaign"],
    &["media", "store"],
    &["room"],
    &["files"],
    &["inbox", "linking", "moving", "outbox", "receipts"],
    &["imports"],
    &["channel"],
    &["api", "dispatcher", "push"],
    &["console"],
    &["http"],
    &["app"],
    &["cli"],
];

/// What is allowed within a floor, or upwards, each for a reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("settings", "limits", "a default is a limit"),
    ("telemetry", "limits", "how many devices have metrics of their own is a limit"),
    ("seal", "clock", "what is sealed is sealed with a random number"),
    ("secrets", "seal", "the key seals"),
    ("secrets", "clock", "a new key is random"),
    ("secrets", "settings", "the key may be a setting"),
    (
        "secrets",
        "account",
        "hexadecimal digits are written in one place, and API keys are stored under a secret that follows from the key",
    ),
    ("message", "customer_url", "a password in the address of a file is not shown"),
    ("account", "phone", "the country code of a client is that of a numbering plan"),
    ("api", "push", "the secret is shown as the payload is signed, and a sample is posted as a push is"),
];

/// The longest a file may be, and a function.
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    /// Below `src`, `tests`, `benches`, `xtask` or `simulator`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// `store` for `src/store/mod.rs` and `src/store.rs`; nothing for what is outside `src`.
    fn module(&self) -> Option<String> {
        let below = self.path.strip_prefix("src").ok()?;
        let first = below.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
        (first != "lib" && first != "main").then_some(first)
    }

    /// The part of the file that is not its tests.
    fn product(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    fn is(&self, path: &str) -> bool {
        self.path == Path::new(path)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "tests", "benches", "xtask/src", "simulator/src", "simulator/tests", "simulator/benches"];
    let (mut folders, mut found) = (folders.map(PathBuf::from).to_vec(), Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            if root.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(root.join(&path)).expect("a text");
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 50, "the sources were found");
    found
}

/// The modules that a text names as `crate::module`, alone or in braces.
fn named(text: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for part in text.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(list) => {
                names.extend(list.split('}').next().unwrap_or_default().split(',').map(|one| name(one.trim())))
            }
            None => names.push(name(part)),
        }
    }
    names
}

#[test]
fn a_module_uses_only_what_stands_below_it() {
    let floor: BTreeMap<&str, usize> =
        FLOORS.iter().enumerate().flat_map(|(at, floor)| floor.iter().map(move |name| (*name, at))).collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(module) = source.module() else { continue };
        let own = *floor.get(module.as_str()).unwrap_or_else(|| panic!("{module} has no floor: add it to FLOORS"));
        for used in named(source.product()).into_iter().filter(|used| *used != module) {
            let Some(its) = floor.get(used.as_str()) else { continue };
            let excepted = EXCEPTIONS.iter().any(|(from, to, _)| *from == module && *to == used);
            if *its >= own && !excepted {
                wrong.push(format!("{} uses {used}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_store_speaks_sql_and_only_the_dispatcher_uses_a_channel() {
    for source in sources() {
        let Some(module) = source.module() else { continue };
        let text = source.product();
        if module != "store" {
            for word in ["sqlx::query", "SELECT ", "INSERT INTO", "UPDATE messages", "DELETE FROM"] {
                assert!(!text.contains(word), "{} speaks SQL: {word}", source.path.display());
            }
        }
        if module != "channel" && module != "dispatcher" {
            assert!(!text.contains("crate::channel"), "{} uses a channel", source.path.display());
        }
        if module == "channel"
            && !source.path.starts_with("src/channel/web/keys")
            && !source.is("src/channel/web/keys.rs")
        {
            assert!(!text.contains("crate::store"), "{} touches the store", source.path.display());
        }
    }
}

#[test]
fn time_randomness_the_environment_and_customers_addresses_each_have_one_door() {
    for (door, words) in [
        (
            "src/clock.rs",
            vec!["SystemTime::now", "Instant::now", "tokio::time::sleep", "tokio::time::timeout", "getrandom::"],
        ),
        ("src/settings.rs", vec!["env::var"]),
        ("src/egress", vec!["reqwest::"]),
        ("src/disk.rs", vec!["statvfs"]),
    ] {
        for source in sources().into_iter().filter(|source| source.module().is_some() && !source.path.starts_with(door))
        {
            for word in &words {
                assert!(
                    !source.product().contains(word),
                    "{} has a {word} of its own; ask {door}",
                    source.path.display()
                );
            }
        }
    }
}

#[test]
fn no_file_and_no_function_is_longer_than_a_reader_can_hold() {
    let mut long = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            long.push(format!("{}: {} lines; could it be two nouns?", source.path.display(), lines.len()));
        }
        for (at, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_head = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(super) fn ", "pub(super) async fn "]
                .iter()
                .any(|head| line.trim_start().starts_with(head));
            if !is_head || line.trim_end().ends_with('}') || line.trim_end().ends_with(';') {
                continue;
            }
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[at..].iter().position(|line| *line == end).unwrap_or(0);
            if length > FUNCTION_LINES_MAX {
                long.push(format!("{}:{}: a function of {length} lines", source.path.display(), at + 1));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_file_says_why_it_exists() {
    for source in sources() {
        assert!(
            source.text.starts_with("//!") || source.is("xtask/src/main.rs"),
            "{} begins with no //!",
            source.path.display()
        );
    }
}

#[test]
fn every_dependency_has_its_reason_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reasons = std::fs::read_to_string(root.join("docs/decisions/0002-dependencies.md")).expect("the decision");
    for manifest in ["Cargo.toml", "simulator/Cargo.toml"] {
        let manifest: toml::Table = std::fs::read_to_string(root.join(manifest)).expect("it").parse().expect("TOML");
        for section in ["dependencies", "dev-dependencies"] {
            for name in manifest[section].as_table().expect("a table").keys() {
                assert!(
                    reasons.contains(&format!("`{name}`")),
                    "{name} has no reason in docs/decisions/0002-dependencies.md"
                );
            }
        }
    }
}

/// Feature names of the client library that take a check of certificates away.
const WITHOUT_CHECKS: &str = "danger-";

/// All packages of a package's builds, each with the features that are on: the ordinary one, and that of its tests.
fn build_of(package: &str) -> String {
    build_with(package, &[])
}

fn build_with(package: &str, more: &[&str]) -> String {
    let listed = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", package, "--prefix", "none", "--format", "{p} {f}"])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).expect("a text")
}

#[test]
fn no_check_of_certificates_is_off_in_the_ordinary_gateway() {
    let built = build_of("wachat");
    assert!(built.starts_with("wachat "), "{built}");
    let off: Vec<&str> = built.lines().filter(|line| line.contains(WITHOUT_CHECKS)).collect();
    assert!(off.is_empty(), "{off:#?}");
    // This way of looking finds it where it is: in a gateway for a simulated network, and in that network's tests.
    assert!(build_with("wachat", &["--features", "simulated-network"]).contains(WITHOUT_CHECKS));
    assert!(build_of("simulator").contains(WITHOUT_CHECKS));
}

#[test]
fn the_gateway_is_never_built_together_with_what_has_a_check_off() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml")).expect("it").parse().expect("TOML");
    let alone = toml::Value::Array(vec![".".into()]);
    assert_eq!(manifest["workspace"]["default-members"], alone, "cargo joins the features of what it builds at once");
    for source in sources().into_iter().filter(|source| source.path.starts_with("xtask")) {
        assert!(!source.text.contains("--workspace"), "{} builds all at once", source.path.display());
    }
}

#[test]
fn the_simulated_network_and_the_gateway_share_no_code() {
    for source in sources() {
        let (other, named) = match source.path.starts_with("simulator") {
            true => ("the gateway", "wachat::"),
            false => ("the simulated network", concat!("simulator", "::")),
        };
        assert!(!source.text.contains(named), "{} uses {other}", source.path.display());
    }
    let manifests = ["Cargo.toml", "simulator/Cargo.toml"].map(|path| {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a manifest");
        text.parse::<toml::Table>().expect("TOML")
    });
    for (manifest, other) in manifests.iter().zip(["simulator", "wachat"]) {
        for section in ["dependencies", "dev-dependencies"] {
            assert!(!manifest[section].as_table().expect("a table").contains_key(other), "{other} is no dependency");
        }
    }
}

/// Migrations that have landed, and the SHA-256 of their texts. A change of the schema is a new one, with a line here.
const LANDED: &[(&str, &str)] = &[
    ("0001_gateway.sql", "1afe00d0e405d48cb46d0d00bffedfb090ee2bafcf0cd7ed76fb3777e2cab379"),
    ("0002_web.sql", "cf134ce9559bfc255ee195f6a045e8a2be8c9c07ff8eaf28ac25e7302359de0b"),
    ("0003_sessions.sql", "ff74eb29292a70ca9a7c373384fce74d8e29ff1a9eb9b3a1762982fc5bda769e"),
    ("0004_pacing.sql", "611d9e2f2b5db11ddf5cb025b547d1185b50fe2716c1fa33e6100451748628cd"),
    ("0005_inbound.sql", "6137862e4251f1bebb130e948f63e98b162956e2641c1f82b5ef8a72a1f7253e"),
    ("0006_console.sql", "d709a793fad39fb60a8f4be3486b2c3796a920e3c3b0670d1b44ae00cb1961e4"),
    ("0007_listing.sql", "2a653ab338fa8fc528580f10616ca9fb403def82c216b33c387fef873b51ee21"),
    ("0008_imports.sql", "be4b12d731f4b21fd7851bf7aaa99424b1551000abcc27c8d5dd42401853f55a"),
    ("0009_slower.sql", "6565b830bca437940f2780d35f1e52e2b74530c90e759f7e90dc4a661293dc2c"),
    ("0010_device_listing.sql", "5016206945329974c08437f854d9ba4c9aca1f176c8d5acf322e97c9a021e290"),
    ("0011_priority.sql", "db6151e4c321fbadc5b81497761789528e6178fb32ee1b1f0c787715dc4c21b5"),
    ("0012_sandbox.sql", "5d4daf3a674cb47ba5b6615a55017ff61fc41d5654e21d0b42d87e20e1143763"),
    ("0013_media.sql", "e62be6415579ee8af772f41eb79e3331fcbe439356d4e6eadd7a1b62f4c8bb37"),
    ("0014_inbound.sql", "7636b58c3ccc3fcc406d2cec66c88e6a090f30663ef5501fa85520a4edb5275a"),
    ("0015_faults.sql", "3cac8ff61e2e660bcdcf9f07dacd4690def6bf17d38d7256f8cd8658178f8022"),
    ("0016_moving.sql", "ef4187d45482967de4f939bf8fc3c9fb9dd6762b76751dbbc745639d535ff21c"),
    ("0017_reasons.sql", "985576f7d0c8116a35b81aa8839ebc7ebb851c6909beaedbf0b21014c5cce43d"),
    ("0018_blocked.sql", "2872cd55904e77dc74c605f034e3989fdf1ff554206f855221d2df13ffc50db7"),
    ("0019_passkeys.sql", "4c2ddd480e0c2d7564ae6554dc39ddd57b97c048c46993ee6cde5c1fa7f18814"),
    ("0020_link_shares.sql", "b5cf0c9d4419ecd1e46a33d97533cd673bc19ad0f2f702b6c7d0a613441121d2"),
    ("0021_waiting.sql", "0b6b9c8b4128e2f878acdfa0ba926298913d8bbf41d868d6adfb8e5804a12235"),
    ("0022_share_keys.sql", "a64ba9c7cf0df58b08354f11965175524eadafdf01f6cf4ed5b1823c058cc412"),
    ("0023_campaign_names.sql", "a5aa3590795cf37c14b2fe0b2c483110996e79fc53f10e9df9f935855692ec27"),
    ("0024_sent_before.sql", "750032617b1b37ec85c885aac5222c9961371dc1a120fd062a38cf0a66089fb2"),
    ("0025_shared_files.sql", "204661ef469ace97eb88a9f101497d85cc5f8d3fb2edb777bac97d51f71a99b3"),
    ("0026_userids.sql", "cf87f0a051b0d214b940510ac9a5984642a2dbd00850f82d008b5683738a0a61"),
    ("0027_quotas.sql", "0940889d801f9e4a3176c39dfd361b529f8a3890485aa0cb42edd489d9c5dd4e"),
    ("0028_sent.sql", "e16847dd581e5264b967cac677be01152b8f321bf3c19771ecfca8d991984bc4"),
    ("0029_key_hashes.sql", "f7ccc6158609127635b96fe77bf6961d711a36cbe68c1a5f1562414d4f764a34"),
    ("0030_url_passwords.sql", "6c873c333030a125b95fa3543518493df3a3860f9bbf95d73449e8dabca148a0"),
    ("0031_client_quotas.sql", "575beecc7271aa2bd701e481aaa07e0535606000452592f4f79df77b1d91477c"),
    ("0032_import_batches.sql", "2195d3d04d370175836e1747ffc6b4414726211d2e47ca74186302407ac1beb1"),
];

#[test]
fn a_migration_that_has_landed_is_never_edited() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let migrations = names.filter(|name| name.to_string_lossy().ends_with(".sql")).count();
    assert_eq!(migrations, LANDED.len(), "each migration has its line");
    let run = std::fs::read_to_string(folder.with_file_name("src/store/migrate.rs")).expect("a text");
    for (name, expected) in LANDED {
        assert!(run.contains(&format!("migrations/{name}")), "{name} is run by no program");
        let hash = Sha256::digest(std::fs::read(folder.join(name)).expect("a text"));
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, *expected, "{name} was edited: databases that have it would not get the change");
    }
}
