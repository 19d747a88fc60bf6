//! The project's chores: `cargo xtask test`, `ci`, `bench`, `openapi`.

mod tools;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

const HELP: &str = "\
The project's chores

  cargo xtask test [ARGS]     install or find what the tests need, then run every test (ARGS go to `cargo test`)
  cargo xtask ci              formatting, lints and every test: what has to be green before a change lands
  cargo xtask bench [ARGS]    measure, each figure beside a baseline of the same run (`cargo xtask bench -- --help`)
  cargo xtask openapi         write docs/openapi.json anew
";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match chore.as_str() {
        "test" => test(&rest),
        "ci" => ci(),
        "bench" => bench(&rest),
        "openapi" => openapi(),
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
    tools::ready(&root())?;
    cargo(&["test", "--workspace", "--locked"], arguments)
}

fn ci() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])?;
    test(&[])
}

fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let arguments = arguments.strip_prefix(&["--".to_owned()]).unwrap_or(arguments);
    let mut rest = vec!["--".to_owned()];
    rest.extend_from_slice(arguments);
    cargo(&["bench", "--locked", "--bench", "gateway"], &rest)
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
    run(Command::new(env!("CARGO")).args(first).args(rest).current_dir(root()))
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
