//! What stays on disk of files: each content of a client once, and nothing of what was never accepted.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use wachat::limits;
use wachat::store::StoredMedia;

use crate::world::{ALICE, World, eventually, stories};

/// How many files the media folder holds.
fn files(world: &World) -> usize {
    let folder = Path::new(&world.settings.media_store);
    let folders = std::fs::read_dir(folder).expect("the folder").filter_map(|entry| Some(entry.ok()?.path()));
    folders.filter(|path| path.is_dir()).map(|path| std::fs::read_dir(path).expect("a folder").count()).sum()
}

fn media(bytes: &[u8], name: &str) -> serde_json::Value {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    json!({"destination": ALICE, "media_base64": text, "file_name": name})
}

stories! {
    async fn a_clients_files_of_the_same_content_are_stored_once(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000078").await;
        let mut links = Vec::new();
        for (client, name) in
            [(&world.client, "a.bin"), (&world.client, "b.bin"), (&other.client, "a.bin"), (&world.client, "a.bin")]
        {
            let sent = client.post("/media", &media(b"the same bytes", name)).await;
            assert_eq!(sent.status, 201, "{}", sent.text);
            links.push((sent.body["data"]["media_url"].as_str().expect("a link").to_owned(), name));
        }
        // Another client's are its own: whether somebody else has a file is nobody's business.
        assert_eq!(files(&world), 2);
        for (link, name) in links {
            let path = link.split_once("/media/").map(|(_, token)| format!("/media/{token}")).expect("a link");
            let read = world.client.with_key("").ask("GET", &path, &[], None).await;
            assert_eq!(read.text, "the same bytes");
            assert!(read.header("content-disposition").contains(name), "{:?}", read.headers);
        }
        world.stop().await;
    }

    async fn nothing_stays_of_a_file_whose_message_is_refused(database: Database) {
        let world = World::new(database).await;
        let device = json!({"kind": "web", "sender": "628110000079", "limit": 1});
        let device = world.client.manage("POST", "/devices", Some(device)).await.body["data"]["device_id"].clone();
        for (bytes, wanted) in [(&b"accepted"[..], 201), (b"refused", 429), (b"refused too", 429), (b"accepted", 429)] {
            let mut body = media(bytes, "a.bin");
            body["queue"] = device.clone();
            let reply = world.client.post("/media", &body).await;
            assert_eq!(reply.status, wanted, "{}", reply.text);
        }
        assert_eq!(files(&world), 1);
        world.stop().await;
    }

    async fn files_that_nothing_refers_to_are_taken_away_after_a_while(database: Database) {
        let world = World::held(database).await;
        let sent = world.send_media(media(b"of a message", "a.bin")).await;
        // As a crash leaves them before their messages are accepted: with bytes, without them, and sharing those of another.
        let mut ids = Vec::new();
        for (at, sha256) in [(1, "A"), (2, "B"), (3, "A")] {
            let id = world.clock.new_id();
            let known = StoredMedia {
                id: id.clone(),
                client_id: 1,
                kind: "document".into(),
                mime: "application/octet-stream".into(),
                file_name: None,
                bytes: 4,
                created_at: world.clock.now(),
                sha256: Some(sha256.into()),
                blob: None,
            };
            assert_eq!(world.store.add_media(known).await.expect("stored"), if at == 3 { ids.first().cloned() } else { None });
            if at == 1 {
                let folder = Path::new(&world.settings.media_store).join(&id[30..]);
                std::fs::create_dir_all(&folder).expect("a folder");
                std::fs::write(folder.join(&id), b"left").expect("written");
            }
            ids.push(id);
        }
        assert_eq!(files(&world), 2);
        world.advance(Duration::from_millis(limits::UNREFERENCED_FILE_MS.unsigned_abs() / 2)).await;
        for id in &ids {
            assert!(world.store.find_media(id).await.expect("a store").is_some());
        }
        eventually("they are gone", async || {
            world.advance(Duration::from_secs(60)).await;
            let mut left = 0;
            for id in &ids {
                left += usize::from(world.store.find_media(id).await.expect("a store").is_some());
            }
            match (left, files(&world)) {
                (0, 1) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        assert!(world.status(&sent).await["media_url"].is_string());
        world.stop().await;
    }
}
