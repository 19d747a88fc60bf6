//! What the tests need beside Rust: a PostgreSQL server to start, the languages of the samples, and other clients for the
//! simulated network. On Debian as root what is missing is installed; elsewhere the exact command is said. Nothing is ever
//! skipped.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::run;
use crate::suite::{self, Suite};

/// A program that the tests run.
struct Tool {
    name: &'static str,
    suites: &'static [Suite],
    /// Succeeds where it is there.
    probe: &'static [&'static str],
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
}

const GATEWAY: &[Suite] = &[Suite::Gateway];
const SIMULATOR: &[Suite] = &[Suite::Simulator];

const TOOLS: &[Tool] = &[
    Tool {
        name: "PostgreSQL's server",
        suites: GATEWAY,
        probe: &["sh", "-c", "PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :) command -v initdb"],
        packages: &["postgresql"],
    },
    Tool { name: "curl", suites: GATEWAY, probe: &["curl", "--version"], packages: &["curl"] },
    Tool { name: "jq", suites: GATEWAY, probe: &["jq", "--version"], packages: &["jq"] },
    Tool {
        name: "unshare, nsenter and setpriv",
        suites: GATEWAY,
        probe: &["sh", "-c", "command -v unshare nsenter setpriv"],
        packages: &["util-linux"],
    },
    Tool {
        name: "PHP with curl",
        suites: GATEWAY,
        probe: &["php", "-r", "exit(extension_loaded('curl') ? 0 : 1);"],
        packages: &["php-cli", "php-curl"],
    },
    Tool {
        name: "Ruby with rest-client",
        suites: GATEWAY,
        probe: &["ruby", "-e", "require 'rest-client'"],
        packages: &["ruby", "ruby-rest-client"],
    },
    Tool {
        name: "Chromium with ChromeDriver",
        suites: GATEWAY,
        probe: &["sh", "-c", "chromium --version && chromedriver --version"],
        packages: &["chromium", "chromium-driver", "fonts-dejavu-core"],
    },
    Tool { name: "Go", suites: suite::ALL, probe: &["go", "version"], packages: &["golang-go"] },
    // For the database of a client that is written in Go.
    Tool { name: "a C compiler", suites: SIMULATOR, probe: &["cc", "--version"], packages: &["gcc", "libc6-dev"] },
    Tool {
        name: "Node.js with npm",
        suites: suite::ALL,
        probe: &["sh", "-c", "node --version && npm --version"],
        packages: &["nodejs", "npm"],
    },
    Tool {
        name: "Python with venv",
        suites: GATEWAY,
        probe: &["python3", "-c", "import venv, ensurepip"],
        packages: &["python3", "python3-venv"],
    },
];

/// Installs or finds everything that these suites need.
pub fn ready(root: &Path, suites: &[Suite]) -> anyhow::Result<()> {
    let is_needed = |tool: &&Tool| suites.iter().any(|suite| tool.suites.contains(suite));
    let missing: Vec<&Tool> = TOOLS.iter().filter(is_needed).filter(|tool| !succeeds(tool.probe)).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    if let Some(tool) = missing.iter().find(|tool| !succeeds(tool.probe)) {
        bail!("{} is still missing; `{}` should succeed", tool.name, tool.probe.join(" "));
    }
    if suites.contains(&Suite::Gateway) {
        python(root, "python", &["docs/samples/python/requirements.txt", "tests/it/oracle/requirements.txt"])?;
        python(root, "schemathesis", &["tests/it/schemathesis/requirements.txt"])?;
        node(&root.join("docs/samples/node"))?;
        outside(root, "tests/it/axe", "axe")?;
    }
    if suites.contains(&Suite::Simulator) {
        whatsmeow(root)?;
    }
    // Another client for the simulated network, which both suites' stories link.
    outside(root, "simulator/tests/baileys", "baileys")
}

fn install(missing: &[&Tool]) -> anyhow::Result<()> {
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
    let names = missing.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", ");
    let is_root = succeeds(&["sh", "-c", "test \"$(id -u)\" = 0"]);
    if !is_root || !succeeds(&["apt-get", "--version"]) {
        bail!(
            "the tests need {names}; on Debian: sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        );
    }
    run(Command::new("apt-get").args(["-qq", "update"]))?;
    run(Command::new("apt-get")
        .args(["-qq", "install", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null()))
}

/// A virtual environment with the packages that these files list: one for the Python samples and the oracle of the field
/// rules, another for what cannot be installed beside them.
fn python(root: &Path, name: &str, wanted: &[&str]) -> anyhow::Result<()> {
    let venv = root.join("target/tools").join(name);
    let wanted: Vec<_> = wanted.iter().map(|path| root.join(path)).collect();
    let mut text = String::new();
    for path in &wanted {
        text += &std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    }
    let stamp = venv.join("wachat-requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == text) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for path in &wanted {
        pip.arg("-r").arg(path);
    }
    run(&mut pip)?;
    std::fs::write(&stamp, text).with_context(|| stamp.display().to_string())
}

/// The program that drives whatsmeow, with the modules that its `go.sum` lists. Go builds only what has changed.
fn whatsmeow(root: &Path) -> anyhow::Result<()> {
    let program = root.join("target/tools/whatsmeow/whatsmeow");
    let mut build = Command::new("go");
    build.args(["build", "-mod=readonly", "-trimpath", "-o"]).arg(program).arg(".");
    run(build.env("CGO_ENABLED", "1").current_dir(root.join("simulator/tests/whatsmeow")))
}

/// The packages that a folder of the sources lists, in a folder of the tools: the sources are nobody's to fill.
fn outside(root: &Path, from: &str, name: &str) -> anyhow::Result<()> {
    let (from, folder) = (root.join(from), root.join("target/tools").join(name));
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        std::fs::copy(from.join(name), folder.join(name)).with_context(|| from.join(name).display().to_string())?;
    }
    node(&folder)
}

/// The packages that a folder's lock file lists, beside it.
fn node(folder: &Path) -> anyhow::Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = std::fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
    let stamp = folder.join("node_modules/wachat-lock.json");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(folder))?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())
}

fn succeeds(line: &[&str]) -> bool {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
