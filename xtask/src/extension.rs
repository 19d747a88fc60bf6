//! Packs the browser extension, as browsers' stores and people take it: one zip, the same bytes whenever it is made of the same files.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The extension's own folder, and the page about it, which goes with it.
const FOLDER: &str = "extension";
const PAGE: (&str, &str) = ("docs/extension.md", "README.md");

/// Writes `target/wachat-extension-VERSION.zip`; gives its path.
pub fn pack(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join(FOLDER);
    let manifest = folder.join("manifest.json");
    let manifest = std::fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    let (version, own) = (version(&manifest)?, env!("CARGO_PKG_VERSION"));
    ensure!(version == own, "extension/manifest.json has the version {version}, the gateway {own}");
    let mut files = vec![(root.join(PAGE.0), PAGE.1.to_owned())];
    collect(&folder, "", &mut files)?;
    files.sort_by(|(_, a), (_, b)| a.cmp(b));
    let path = root.join("target").join(format!("wachat-extension-{version}.zip"));
    let mut zip = ZipWriter::new(File::create(&path).with_context(|| path.display().to_string())?);
    // Neither when nor by whom it was packed.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (file, name) in files {
        zip.start_file(name, options)?;
        zip.write_all(&std::fs::read(&file).with_context(|| file.display().to_string())?)?;
    }
    zip.finish()?;
    Ok(path)
}

/// Every file below a folder, with its name in the zip.
fn collect(folder: &Path, below: &str, files: &mut Vec<(PathBuf, String)>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name that is no text")?;
        // What editors and file managers leave.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let name = format!("{below}{name}");
        if path.is_dir() { collect(&path, &format!("{name}/"), files)? } else { files.push((path, name)) }
    }
    Ok(())
}

fn version(manifest: &str) -> anyhow::Result<&str> {
    let (_, rest) = manifest.split_once("\"version\": \"").context("extension/manifest.json has no version")?;
    rest.split('"').next().context("a version has an end")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[&str] = &[
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "_locales/en/messages.json",
        "_locales/id/messages.json",
        "background.js",
        "icons/128.png",
        "icons/16.png",
        "icons/32.png",
        "icons/48.png",
        "link.css",
        "link.html",
        "link.js",
        "manifest.json",
        "whatsapp.js",
    ];

    #[test]
    fn the_zip_has_every_file_and_is_the_same_each_time() {
        let root = crate::root();
        let path = pack(&root).expect("it is packed");
        let first = std::fs::read(&path).expect("a zip");
        let packed = zip::ZipArchive::new(File::open(&path).expect("a zip")).expect("a zip");
        let names: Vec<_> = packed.file_names().map(|name| name.expect("a name")).collect();
        assert_eq!(names, FILES);
        assert_eq!(std::fs::read(pack(&root).expect("it is packed again")).expect("a zip"), first);
    }

    #[test]
    fn its_licences_are_the_project_s_and_its_version_is_too() {
        let read = |name: &str| std::fs::read_to_string(crate::root().join(name)).expect("a text");
        for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
            assert_eq!(read(&format!("{FOLDER}/{name}")), read(name));
        }
        assert_eq!(version(&read("extension/manifest.json")).expect("a version"), env!("CARGO_PKG_VERSION"));
        assert!(version("{}").is_err());
    }
}
