//! The project's chores: `cargo xtask test`, `ci`, `bench`, `openapi`, `extension`.

mod extension;
mod suite;
mod tools;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

const HELP: &str = "\
The project's chores

  cargo xtask test [ARGS]               install or find what the tests need, then run every test (ARGS go to `cargo test`)
  cargo xtask test gateway [ARGS]       the gateway's tests alone
  cargo xtask test simulator [ARGS]     the simulated network's tests alone
  cargo xtask ci                        formatting, lints and every test: what has to be green before a change lands
  cargo xtask bench [ARGS]              measure the gateway, each figure beside a baseline (`cargo xtask bench -- --help`)
  cargo xtask bench console [ARGS]      measure the console's pages over a million messages (`cargo xtask bench console --help`)
  cargo xtask bench devices [ARGS]      measure linked accounts on a simulated network (`cargo xtask bench devices --help`)
  cargo xtask bench simulator [ARGS]    measure the simulated network (`cargo xtask bench simulator --help`)
  cargo xtask openapi                   write docs/openapi.json anew
  cargo xtask extension                 pack the browser extension as a zip, in target/
";

/// How the names of variables begin that describe the package which cargo runs.
const OWN: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match chore.as_str() {
        "test" => test(&rest),
        "ci" => ci(),
        "bench" => bench(&rest),
        "openapi" => openapi(),
        "extension" => extension::pack(&root()).map(|path| say(&path.display().to_string())),
        _ => {
            say(HELP);
            return if chore == "help" || chore == "--help" { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn test(arguments: &[String]) -> anyhow::Result<()> {
    let (suites, arguments) = suite::chosen(arguments);
    tools::ready(&root(), suites)?;
    match suites {
        [suite] => {
            suite.prepare()?;
            suite.cargo("test", arguments)
        }
        _ => suite::cargo_all("test", arguments),
    }
}

fn ci() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    let strictly = ["--all-targets", "--", "-D", "warnings"].map(str::to_owned);
    suite::cargo_all("clippy", &strictly)?;
    // The build that people run; with the network, so that what they share is not compiled again.
    cargo(&["clippy", "--locked", "--package", "wachat", "--package", "simulator"], &strictly[1..])?;
    test(&[])
}

fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let program = arguments.first().and_then(|name| suite::bench(name));
    let arguments = if program.is_some() { &arguments[1..] } else { arguments };
    let arguments = arguments.strip_prefix(&["--".to_owned()]).unwrap_or(arguments);
    let mut rest = vec!["--".to_owned()];
    rest.extend_from_slice(arguments);
    program.unwrap_or(suite::GATEWAY).run(&rest)
}

fn openapi() -> anyhow::Result<()> {
    let path = root().join("docs/openapi.json");
    let made = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--bin", "wachat", "--", "openapi"])
        .current_dir(root())
        .output()
        .context("cargo could not be started")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(&path, made.stdout).with_context(|| path.display().to_string())
}

fn cargo(first: &[&str], rest: &[String]) -> anyhow::Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args(first).args(rest).current_dir(root());
    // What cargo tells this program of itself; build scripts that see it believe that they have changed.
    let own = env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_str().is_some_and(|name| OWN.iter().any(|own| name.starts_with(own)))) {
        command.env_remove(name);
    }
    // A story that fails says what it saw; a stack of frames of the runtime would hide it at the end of a long log.
    command.env("RUST_BACKTRACE", "0");
    run(&mut command)
}

/// Runs a program to its end; what it prints is seen.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = line_of(command);
    say(&format!("$ {line}"));
    let status = command.status().with_context(|| format!("{line} could not be started"))?;
    ensure!(status.success(), "{line}: {status}");
    Ok(())
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The workspace's folder.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

fn say(text: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{text}\n"));
}
