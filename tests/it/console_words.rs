//! The console in Indonesian, where the words come from the API, from devices and from messages.

use serde_json::json;

use crate::console::{Seen, Visitor, add_person, gateway};
use crate::world::{World, stories};

/// The administrator's browser, which wishes Indonesian.
async fn indonesian(world: &World) -> Visitor {
    let mut visitor = Visitor::administrator(world).await;
    visitor.language = "id";
    visitor
}

/// Whether a page of this status says this, as a browser shows it.
fn says(seen: &Seen, status: u16, text: &str) {
    let text = text.replace('\'', "&#39;").replace('"', "&#34;");
    assert!(seen.status == status && seen.shows(&text), "{status} {text}\n{} {}", seen.status, seen.text);
}

stories! {
    async fn what_the_api_refuses_is_told_in_indonesian(database: Database) {
        let world = gateway(database).await;
        let mut admin = indonesian(&world).await;
        admin.get("/console/devices").await;
        let device = [("kind", "sandbox"), ("name", "Toko"), ("sender", "12345"), ("limit", "0")];
        says(&admin.post("/console/devices", &device).await, 422, "nomor pengirim: nomor telepon 12345 tidak valid; tulis dalam bentuk internasional");
        says(&admin.get("/console/messages/32ADAF4401537E73EF").await, 404, "tidak ada pesan dengan ref_no itu");
        says(&admin.get("/console/nowhere").await, 404, "tidak ada halaman seperti itu");
        // Every fault that the API found, each behind the name of its field.
        let person = [("userid", "a b"), ("role", "owner"), ("password", "")];
        admin.get("/console/account/persons").await;
        says(&admin.post("/console/account/persons", &person).await, 422, "nama pengguna terdiri atas 1 sampai");
        let person = [("userid", "admin"), ("role", "owner"), ("password", "")];
        says(&admin.post("/console/account/persons", &person).await, 409, "itu sudah ada; pilih nama atau nomor lain");
        says(&admin.get("/console/push?before=x").await, 422, "alamat halaman ini rusak");
        admin.get("/console/push").await;
        says(&admin.post("/console/push", &[("url", "ftp://a.example")]).await, 422, "Push URL bukan alamat http atau https");
        let (_, mut sender) = add_person(&world, 1, "kasir", "sender").await;
        sender.language = "id";
        says(&sender.get("/console/devices").await, 403, "Anda tidak boleh mengelola apa pun");
        // A form that is too large is a page too.
        let form = "POST /console/sign-in HTTP/1.1\r\nhost: a\r\nsec-fetch-site: same-origin\r\naccept-language: id\r\ncontent-length: 2000000\r\n\r\n";
        let answer = world.client.raw(form.as_bytes(), "</html>").await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("kiriman atau berkas lebih besar dari 64 kB"), "{answer}");
        world.stop().await;
    }

    async fn why_a_message_or_a_push_failed_is_told_in_the_language_of_who_looks(database: Database) {
        let world = gateway(database).await;
        let mut admin = indonesian(&world).await;
        let ref_no = world.send("628111110001", "hello").await;
        world.until(&ref_no, "A").await;
        let page = format!("/console/messages/{ref_no}");
        for path in [page.as_str(), "/console/messages"] {
            says(&admin.get(path).await, 200, "628111110001 tidak terdaftar di WhatsApp");
        }
        admin.language = "en";
        says(&admin.get(&page).await, 200, "628111110001 is not on WhatsApp");
        admin.language = "id";
        let set = world.client.manage("PUT", "/clients/1/push", Some(json!({"url": "http://127.0.0.1:1/inbox"}))).await;
        assert_eq!(set.status, 200, "{}", set.text);
        admin.get("/console/push").await;
        let sample = admin.post("/console/push/test", &[]).await;
        says(&sample, 200, "Push URL tidak dapat dihubungi; harus punya alamat publik, dan menjawab");
        admin.get("/console/push").await;
        says(&admin.post("/console/push/pause", &[]).await, 200, "dijeda oleh seseorang");
        world.stop().await;
    }
}
