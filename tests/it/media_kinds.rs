//! As what a file is shown: what was asked for, or what its bytes and its caption suggest; and what is no file at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::files;
use crate::media::{send_url, stored_file};
use crate::receiver::{Answer, Receiver};
use crate::world::{ALICE, World, stories};

stories! {
    async fn a_picture_or_film_that_is_broken_is_a_document_or_refused_and_a_blank_caption_is_none(database: Database) {
        let world = World::new(database).await;
        let (png, jpeg, mp4) = (files::png(400, 300), files::jpeg(400, 300), files::mp4());
        let index = mp4.windows(4).position(|name| name == b"moov").expect("an index");
        for (cut, name, kinds) in [
            (&png[..png.len() / 2], "a.png", &["image"][..]),
            (&jpeg[..jpeg.len() / 2], "a.jpg", &["image"]),
            (&mp4[..index], "a.mp4", &["video", "video_note", "audio"]),
        ] {
            let server = Receiver::new(vec![Answer::file(cut)]).await;
            let media = |kind: Option<&str>, caption: Option<&str>| {
                json!({"destination": ALICE, "media_base64": STANDARD.encode(cut), "file_name": name, "kind": kind, "caption": caption})
            };
            let mut sent = vec![send_url(&world, &server.url(&format!("/{name}"))).await];
            for (kind, caption) in [(None, None), (None, Some("look")), (Some("document"), None)] {
                sent.push(world.send_media(media(kind, caption)).await);
            }
            for ref_no in sent {
                let message = world.until(&ref_no, "R").await;
                assert_eq!(message["kind"], "document", "{message}");
            }
            for kind in kinds {
                let refused = world.client.post("/media", &media(Some(kind), None)).await;
                assert!(refused.status == 422 && refused.text.contains("the file is broken or not complete"), "{kind}: {}", refused.text);
                assert_eq!(refused.body["detail"][0]["loc"], json!(["body", "kind"]));
                let at_address = json!({"destination": ALICE, "media_url": server.url(&format!("/{name}")), "kind": kind});
                let ended = world.until(&world.send_media(at_address).await, "A").await;
                assert!(ended["reason"].as_str().is_some_and(|reason| reason.contains("the file is broken or not complete")), "{ended}");
            }
        }
        // Whole ones are what they were, and many of one are decoded once.
        for (whole, name, kind) in [(&png, "a.png", "image"), (&jpeg, "a.jpg", "image"), (&png, "a.png", "image"), (&mp4, "a.mp4", "video")] {
            for asked in [None, Some(kind)] {
                let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(whole), "file_name": name, "kind": asked});
                assert_eq!(world.until(&world.send_media(body).await, "R").await["kind"], kind, "{name}");
            }
        }
        for blank in ["", "  ", "\\n"] {
            let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(files::opus()), "file_name": "a.ogg", "kind": "voice", "caption": blank});
            let message = world.until(&world.send_media(body).await, "R").await;
            assert_eq!((&message["kind"], &message["caption"]), (&json!("voice"), &serde_json::Value::Null), "{blank:?}");
        }
        world.stop().await;
    }

    async fn a_file_is_shown_as_what_was_asked_or_as_what_shows_its_caption(database: Database) {
        let world = World::new(database).await;
        for (bytes, name, kind, caption, wanted) in [
            (files::png(4, 4), "a.png", None, Some("look"), ("image", "image/png")),
            (files::webp(8, 8), "a.webp", None, None, ("sticker", "image/webp")),
            (files::webp(8, 8), "a.webp", None, Some("look"), ("image", "image/jpeg")),
            (files::clear_webp(8, 8), "a.webp", Some("image"), None, ("image", "image/png")),
            (files::webp(600, 8), "a.webp", None, None, ("image", "image/jpeg")),
            (files::moving_webp(8, 8), "a.webp", None, None, ("sticker", "image/webp")),
            (files::mp3(), "a.mp3", None, None, ("audio", "audio/mpeg")),
            (files::mp3(), "a.mp3", None, Some("listen"), ("document", "audio/mpeg")),
            (files::opus(), "a.ogg", None, None, ("voice", "audio/ogg")),
            (files::opus(), "a.ogg", Some("audio"), None, ("audio", "audio/ogg")),
            (files::opus(), "a.ogg", None, Some("listen"), ("document", "audio/ogg")),
            (files::mp4(), "a.mp4", None, Some("look"), ("video", "video/mp4")),
            (files::mp4(), "a.mp4", Some("video_note"), None, ("video_note", "video/mp4")),
            (files::sound_in_mp4(), "a.mp4", Some("audio"), None, ("audio", "video/mp4")),
            (files::png(4, 4), "a.png", Some("document"), Some("look"), ("document", "image/png")),
            // What cannot be read is sent as it is, with its caption.
            (b"RIFF\0\0\0\0WEBPVP8 ".to_vec(), "a.webp", None, Some("look"), ("document", "image/webp")),
        ] {
            let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(&bytes), "file_name": name, "kind": kind, "caption": caption});
            let reply = world.client.post("/media", &body).await;
            assert_eq!(reply.status, 201, "{name} {kind:?} {}", reply.text);
            let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
            let message = world.until(&ref_no, "R").await;
            assert_eq!((&message["kind"], &message["caption"]), (&json!(wanted.0), &json!(caption)), "{name} {kind:?}");
            assert_eq!(stored_file(&world, &ref_no).await.1, wanted.1, "{name} {kind:?}");
            let managed = world.client.manage("GET", &format!("/messages/{ref_no}"), None).await;
            assert_eq!(managed.body["data"]["kind"], wanted.0);
        }
        let text = world.send(ALICE, "hello").await;
        assert_eq!(world.status(&text).await["kind"], "text");
        world.stop().await;
    }

    async fn a_webp_that_cannot_be_decoded_is_a_document_or_refused_and_never_a_sticker_or_an_image(database: Database) {
        let world = World::new(database).await;
        for whole in [files::webp(64, 64), files::clear_webp(64, 64), files::moving_webp(64, 64), files::webp(600, 8)] {
            for broken in [whole[..whole.len() / 2].to_vec(), whole[..whole.len() - 4].to_vec()] {
                let server = Receiver::new(vec![Answer::file(&broken)]).await;
                let media = |kind: Option<&str>, caption: Option<&str>| {
                    json!({"destination": ALICE, "media_base64": STANDARD.encode(&broken), "file_name": "a.webp", "kind": kind, "caption": caption})
                };
                let mut sent = vec![send_url(&world, &server.url("/a.webp")).await];
                for caption in [None, Some("look")] {
                    sent.push(world.send_media(media(None, caption)).await);
                }
                for ref_no in sent {
                    let message = world.until(&ref_no, "R").await;
                    assert_eq!(message["kind"], "document", "{message}");
                }
                for kind in ["image", "sticker"] {
                    let refused = world.client.post("/media", &media(Some(kind), None)).await;
                    let is_too_large = kind == "sticker" && refused.text.contains("512 x 512");
                    assert!(refused.status == 422 && (is_too_large || refused.text.contains("a picture that can be read")), "{kind}: {}", refused.text);
                    let at_address = json!({"destination": ALICE, "media_url": server.url("/a.webp"), "kind": kind});
                    let ended = world.until(&world.send_media(at_address).await, "A").await;
                    assert!(ended["reason"].as_str().is_some_and(|reason| reason.contains(&format!("kind {kind} needs"))), "{ended}");
                }
            }
        }
        world.stop().await;
    }

    async fn a_kind_that_the_bytes_contradict_is_refused_with_what_to_do(database: Database) {
        let server = Receiver::new(vec![Answer::file(b"%PDF-1.7"), Answer::file(&files::mp3()), Answer::file(&files::webp(8, 8))]).await;
        let world = World::new(database).await;
        for (bytes, kind, caption, said) in [
            (b"%PDF-1.7".to_vec(), "image", None, "needs a JPEG, PNG or WebP"),
            (files::png(4, 4), "sticker", None, "needs a WebP"),
            (files::webp(600, 8), "sticker", None, "512 x 512"),
            (files::mp3(), "voice", None, "Opus in Ogg"),
            (files::png(4, 4), "video_note", None, "needs an MP4"),
            (files::png(4, 4), "audio", None, "needs an MP3"),
            (files::opus(), "voice", Some("listen"), "shows no caption"),
            (files::png(4, 4), "pdf", None, "permitted: 'image', 'video', 'audio', 'voice', 'document', 'sticker', 'video_note'"),
        ] {
            let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(&bytes), "file_name": "a", "kind": kind, "caption": caption});
            let reply = world.client.post("/media", &body).await;
            assert_eq!((reply.status, &reply.body["detail"][0]["loc"]), (422, &json!(["body", "kind"])), "{kind} {}", reply.text);
            assert!(reply.body["detail"][0]["msg"].as_str().expect("a text").contains(said), "{}", reply.text);
        }
        // Of a file at an address it is found out later.
        for (kind, said) in [("image", "needs a JPEG"), ("voice", "Opus in Ogg")] {
            let body = json!({"destination": ALICE, "media_url": server.url("/a"), "kind": kind});
            let reply = world.client.post("/media", &body).await;
            let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
            let message = world.until(&ref_no, "A").await;
            assert!(message["reason"].as_str().expect("a reason").contains(said), "{message}");
            assert_eq!(message["kind"], kind);
        }
        let ref_no = send_url(&world, &server.url("/sticker.webp")).await;
        let message = world.until(&ref_no, "R").await;
        assert_eq!((&message["kind"], stored_file(&world, &ref_no).await.2.as_deref()), (&json!("image"), Some("sticker.jpg")), "{message}");
        world.stop().await;
    }

    async fn a_page_in_place_of_a_file_is_never_sent(database: Database) {
        let page = b"<!doctype html><html><title>Sign in</title></html>";
        let html = || Answer::file(page).header("content-type", "text/html");
        let named_html = Answer::file(&files::png(4, 4)).header("content-type", "text/html");
        let error = Answer::file(b"{\"error\":\"expired\"}").header("content-type", "application/json");
        let server = Receiver::new(vec![html(), html(), error, Answer::file(b""), html(), named_html]).await;
        let world = World::new(database).await;
        for (path, said) in [("/invoice", "a web page"), ("/invoice.pdf", "a web page"), ("/photo.jpg", "JSON"), ("/photo.jpg", "empty")] {
            let ref_no = send_url(&world, &server.url(path)).await;
            let message = world.until(&ref_no, "A").await;
            assert!(message["reason"].as_str().expect("a reason").contains(said), "{message}");
        }
        assert_eq!(server.asked().len(), 4, "nothing is asked again: it would be answered again");
        for (path, kind) in [("/report.html", "document"), ("/photo", "image")] {
            let ref_no = send_url(&world, &server.url(path)).await;
            assert_eq!(world.until(&ref_no, "R").await["kind"], kind);
        }
        world.stop().await;
    }

    async fn a_content_is_looked_into_once_however_often_it_is_sent(database: Database) {
        let world = World::new(database).await;
        let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(files::png(40, 30)), "file_name": "a.png"});
        let mut sent = Vec::new();
        for _ in 0..3 {
            let reply = world.client.post("/media", &body).await;
            sent.push(reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned());
        }
        let mut hashes = std::collections::HashSet::new();
        for ref_no in &sent {
            world.until(ref_no, "R").await;
            let ref_no = wachat::message::RefNo::parse(ref_no).expect("a ref_no");
            let message = world.store.find_message(1, &ref_no).await.expect("a readable store").expect("a message");
            let id = message.media_id.expect("a file");
            let media = world.store.find_media(&id).await.expect("a readable store").expect("a file");
            hashes.insert(media.sha256.expect("a hash"));
        }
        assert_eq!(hashes.len(), 1);
        let hash = hashes.into_iter().next().expect("one");
        let preview = world.store.find_preview(&hash).await.expect("a readable store").expect("a preview");
        assert_eq!((preview.width, preview.height, preview.thumbnail.is_some()), (Some(40), Some(30), true));
        // What is kept is what is used: a second one changes nothing.
        let other = wachat::store::StoredPreview { width: Some(1), ..preview.clone() };
        world.store.add_preview(&hash, other).await.expect("a writable store");
        assert_eq!(world.store.find_preview(&hash).await.expect("a readable store"), Some(preview));
        world.stop().await;
    }

    async fn a_picture_that_claims_thousands_of_millions_of_pixels_is_sent_without_a_small_one(database: Database) {
        let world = World::new(database).await;
        for bomb in [files::png_bomb(), files::jpeg_bomb(), files::webp_bomb()] {
            let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(&bomb), "file_name": "a"});
            let reply = world.client.post("/media", &body).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
            world.until(reply.body["data"]["ref_no"].as_str().expect("a ref_no"), "R").await;
        }
        world.stop().await;
    }
}
