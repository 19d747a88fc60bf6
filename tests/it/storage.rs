//! Media in a bucket: what an operator chooses, and what the bucket's troubles do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bucket::{Bucket, Trouble};
use crate::files::PNG;
use crate::process::{Place, Serving};
use crate::world::{ALICE, Database, PATIENCE, eventually, within};

fn path_of(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link[link.find("/media/").expect("a path")..].to_owned()
}

/// What a bucket's troubles do to requests, to readiness, and to messages that wait for their file.
async fn outlives_trouble(bucket: &Bucket, place: &Place, serving: &Serving, path: &str) {
    let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(PNG), "file_name": "a.png"});
    // A bucket that cannot be used is no missing file and no fault of the customer's, and an operator sees it.
    for trouble in [Trouble::NoBucket, Trouble::Forbidden, Trouble::Busy] {
        bucket.trouble(Some(trouble));
        for (method, path) in [("GET", path), ("HEAD", path), ("GET", "/readyz")] {
            let away = serving.client.ask(method, path, &[], None).await;
            assert_eq!(
                (away.status, away.header("retry-after")),
                (503, "5"),
                "{trouble:?} {method} {path}: {}",
                away.text
            );
        }
        let refused = serving.client.post("/media", &body).await;
        assert!(
            refused.status == 503 && refused.text.contains("cannot keep or read files"),
            "{trouble:?} {}",
            refused.text
        );
        assert!(serving.log().contains("a file cannot be kept or read"), "{trouble:?} {}", serving.log());
        // A text needs no file.
        let text = json!({"destination": ALICE, "message": "x"});
        assert_eq!(serving.client.post("/message", &text).await.status, 201);
    }
    bucket.trouble(None);
    assert_eq!(serving.client.ask("GET", "/readyz", &[], None).await.status, 200);
    assert_eq!(serving.client.ask("GET", path, &[], None).await.status, 200);
    // A message whose file cannot be read now waits for it.
    place.json(&["device", "pause", &device_of(place).await, "--json"]).await;
    let reply = serving.client.post("/media", &body).await;
    let waits = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
    bucket.trouble(Some(Trouble::NoBucket));
    place.json(&["device", "resume", &device_of(place).await, "--json"]).await;
    eventually("the attempt fails", async || {
        let attempts = serving.client.manage("GET", &format!("/messages/{waits}/attempts"), None).await;
        if attempts.text.contains("media store") { Ok(()) } else { Err(attempts.text) }
    })
    .await;
    let status = serving.client.get(&format!("/status/{waits}")).await.body["data"]["status"].clone();
    assert!(status == "Q" || status == "U", "it waits: {status}");
    bucket.trouble(None);
    eventually("it leaves", async || {
        let status = serving.client.get(&format!("/status/{waits}")).await;
        if status.body["data"]["status"] == "R" { Ok(()) } else { Err(status.text) }
    })
    .await;
    // One that is really gone is.
    for object in bucket.paths() {
        bucket.lose(&object);
    }
    for method in ["GET", "HEAD"] {
        assert_eq!(serving.client.ask(method, path, &[], None).await.status, 404, "{method}");
    }
}

async fn device_of(place: &Place) -> String {
    place.json(&["device", "list", "--json"]).await[0]["device_id"].as_str().expect("an id").to_owned()
}

/// Media on an S3-like store: what is a setting for an operator.
#[tokio::test]
async fn files_are_kept_in_a_bucket_when_the_operator_says_so() {
    let bucket = Bucket::new().await;
    let place = Place::new(Database::Sqlite).await;
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--media-store", "s3://invoices/wachat"]);
    command.env("AWS_ENDPOINT", format!("http://{}", bucket.address)).env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "key").env("AWS_REGION", "us-east-1");
    let serving = Serving::start(command).await;
    let body = json!({"destination": ALICE, "media_base64": STANDARD.encode(PNG), "file_name": "a.png"});
    let reply = serving.client.post("/media", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let paths = bucket.paths();
    assert!(paths.len() == 1 && paths[0].starts_with("/invoices/wachat/"), "{paths:?}");
    let file = serving.client.ask("GET", &path_of(&reply.body["data"]["media_url"]), &[], None).await;
    assert_eq!((file.status, file.header("content-type"), &file.bytes[..]), (200, "image/png", PNG));
    let path = path_of(&reply.body["data"]["media_url"]);
    let part = serving.client.ask("GET", &path, &[("range", "bytes=1-3")], None).await;
    assert_eq!((part.status, part.text.as_str()), (206, "PNG"));
    assert_eq!(part.header("content-range"), format!("bytes 1-3/{}", PNG.len()));
    assert_eq!(serving.client.ask("HEAD", &path, &[], None).await.header("content-length"), PNG.len().to_string());
    let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
    eventually("it is read", async || {
        let status = serving.client.get(&format!("/status/{ref_no}")).await;
        if status.body["data"]["status"] == "R" { Ok(()) } else { Err(status.text) }
    })
    .await;
    outlives_trouble(&bucket, &place, &serving, &path).await;
    // A bucket that is away is no fault of the customer's.
    drop(bucket);
    let mut other = body.clone();
    other["media_base64"] = json!("YWFh");
    let refused = within(PATIENCE, serving.client.post("/media", &other)).await.expect("an answer");
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(serving.terminate().await.success());
}
