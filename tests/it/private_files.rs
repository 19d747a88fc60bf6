//! What a gateway stores is its owner's alone, whatever folder it is given.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::process::Place;
use crate::world::{ALICE, Database};

/// Files and folders below `folder`.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test]
async fn nobody_else_reads_what_is_stored_in_a_folder_that_is_open_to_all() {
    let place = Place::new(Database::Sqlite).await;
    let folder = place.data_dir();
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("an open folder");
    let serving = place.serve().await;
    let file = b"\x89PNG\r\n\x1a\n and the rest of a picture";
    let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(file), "file_name": "a.png"});
    assert_eq!(serving.client.post("/media", &body).await.status, 201);
    place.json(&["client", "add", "--name", "Other", "--json"]).await;
    let found = below(&folder);
    for name in ["wachat.db", "wachat.db-wal", "wachat.db-shm", "master.key"] {
        assert!(found.contains(&folder.join(name)), "{name}: {found:?}");
    }
    assert!(found.iter().any(|path| path.starts_with(folder.join("media")) && path.is_file()), "{found:?}");
    for path in found {
        let mode = path.metadata().expect("it is there").permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{}", path.display());
    }
    assert!(serving.terminate().await.success());
}
