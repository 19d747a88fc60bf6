//! The OpenAPI document, its page, health and metrics.

use serde_json::{Value, json};
use wachat::api::{openapi, routes};

use crate::world::{ALICE, World, stories};

/// `docs/openapi.json` is the document as it was when it was last looked at.
#[test]
fn the_openapi_document_is_the_one_in_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let made = openapi::text(&routes::document());
    assert!(
        kept.trim_end() == made.trim_end(),
        "the document changed: run `cargo xtask openapi` and look at the change"
    );
}

#[test]
fn every_operation_is_documented() {
    let document: Value = serde_json::from_str(&openapi::text(&routes::document())).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let paths = document["paths"].as_object().expect("paths");
    for path in ["auth/api_key", "sender/{sender}", "message", "media", "status/{message_ref_no}"] {
        assert!(paths.contains_key(&format!("/wachat_api/1.0/{path}")), "{path}");
    }
    let mut ids = std::collections::HashSet::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(ids.insert(id), "{method} {path} has the id {id:?}, which another has");
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty(), "{method} {path} has no summary");
            let is_guarded = operation["security"].as_array().is_some_and(|security| !security.is_empty());
            let is_open = operation["tags"] == json!(["Operations"]);
            assert!(is_guarded != is_open, "{method} {path} says who may use it");
        }
    }
}

/// Each operation, as its method and path, and what the document says of it.
fn described() -> Vec<(String, Value)> {
    let document: Value = serde_json::from_str(&openapi::text(&routes::document())).expect("JSON");
    let of_path = |(path, operations): (&String, &Value)| -> Vec<(String, Value)> {
        let operations = operations.as_object().expect("operations");
        operations.iter().map(|(method, one)| (format!("{method} {path}"), one.clone())).collect()
    };
    document["paths"].as_object().expect("paths").iter().flat_map(of_path).collect()
}

#[test]
fn every_response_says_what_it_holds() {
    for (name, operation) in described() {
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let content = response["content"].as_object();
            let is_said = content
                .is_some_and(|content| content.values().all(|one| one["schema"].is_object() || name.contains("/qr")));
            assert!(is_said, "{name} says nothing of the body of a {status}: {response}");
        }
    }
}

#[test]
fn every_number_that_is_no_name_has_bounds() {
    let document: Value = serde_json::from_str(&openapi::text(&routes::document())).expect("JSON");
    let assert_bound = |place: &str, name: &str, schema: &Value| {
        let is_number =
            schema["type"] == "integer" || schema["type"].as_array().is_some_and(|all| all.contains(&json!("integer")));
        let is_bound = schema["minimum"].is_number() && schema["maximum"].is_number();
        assert!(!is_number || name.ends_with("_id") || is_bound, "{place}: {name} has no bounds: {schema}");
    };
    for (place, operation) in described() {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert_bound(&place, parameter["name"].as_str().expect("a name"), &parameter["schema"]);
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(body) = schema.as_str().and_then(|path| path.rsplit('/').next()) else { continue };
        for (name, schema) in document["components"]["schemas"][body]["properties"].as_object().into_iter().flatten() {
            assert_bound(&place, name, schema);
        }
    }
}

#[test]
fn the_page_about_the_api_lists_every_operation() {
    let page = include_str!("../../docs/api.md");
    let document: Value = serde_json::from_str(&openapi::text(&routes::document())).expect("JSON");
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let short = path.strip_prefix("/manage/1.0").unwrap_or(path);
        for (method, operation) in operations.as_object().expect("operations") {
            let named = format!("`{} {short}`", method.to_uppercase());
            let Some(row) = page.lines().find(|line| line.contains(&named)) else {
                // These are in docs/operations.md.
                assert_eq!(operation["tags"], json!(["Operations"]), "docs/api.md has no {named}");
                continue;
            };
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
                let name = parameter["name"].as_str().expect("a name");
                assert!(row.contains(&format!("`{name}`")), "docs/api.md: {named} without {name}");
            }
        }
    }
}

stories! {
    async fn the_document_and_its_page_are_served_and_need_nothing_from_elsewhere(database: Database) {
        let world = World::new(database).await;
        let document = world.client.ask("GET", "/openapi.json", &[], None).await;
        assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
        let page = world.client.ask("GET", "/docs/", &[], None).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("swagger-ui"), "{}", page.text);
        for attribute in ["src=\"", "href=\""] {
            for link in page.text.split(attribute).skip(1) {
                let link = &link[..link.find('"').expect("its end")];
                assert!(!link.contains("//") && !link.starts_with('/'), "{link} comes from elsewhere");
                let file = world.client.ask("GET", &format!("/docs/{}", link.trim_start_matches("./")), &[], None).await;
                assert_eq!(file.status, 200, "{link}");
            }
        }
        world.stop().await;
    }

    async fn the_documents_examples_can_be_sent_as_they_stand(database: Database) {
        let world = World::new(database).await;
        let document = world.client.ask("GET", "/openapi.json", &[], None).await.body;
        for (path, params) in [("message", "SendMessageParams"), ("media", "SendMediaParams")] {
            let example = document["components"]["schemas"][params]["example"].to_string().into_bytes();
            let answer = world.client.ask("POST", &format!("/wachat_api/1.0/{path}"), &[], Some(example)).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
        world.stop().await;
    }

    async fn every_documented_metric_is_there_from_the_start(database: Database) {
        let world = World::new(database).await;
        let shown = world.client.with_key("").ask("GET", "/metrics", &[], None).await.text;
        let page = include_str!("../../docs/operations.md");
        let rows: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `w")?.split('`').next()).collect();
        let names: Vec<String> = rows.iter().filter(|name| name.starts_with("achat_") || name.starts_with("a_")).map(|name| format!("w{name}")).collect();
        assert!(names.len() >= 30, "{names:?}");
        let is_sample = |line: &&str, name: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        for name in &names {
            // A duration is there once something took time.
            let is_there = name.ends_with("_duration_seconds") || shown.lines().any(|line| is_sample(&line, name));
            assert!(is_there, "{name} in {shown}");
        }
        let exported = shown.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split([' ', '{']).next());
        for name in exported.filter(|name| !name.is_empty()) {
            let name = name.trim_end_matches("_sum").trim_end_matches("_count");
            assert!(names.iter().any(|known| known == name), "docs/operations.md has no {name}");
        }
        for line in [
            format!("wachat_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")),
            "wachat_push_tries_total{outcome=\"failed\"} 0".into(),
            "wachat_push_urls_paused 0".into(),
        ] {
            assert!(shown.contains(&line), "{line} in {shown}");
        }
        assert!(!shown.contains("wa_connected"), "it would be the state of one account of many");
        world.stop().await;
    }

    async fn the_backlog_of_pushes_is_measured(database: Database) {
        let world = World::held(database).await;
        let url = json!({"url": "http://127.0.0.1:9/inbox"});
        world.client.manage("PUT", "/clients/1/push", Some(url)).await;
        world.client.manage("POST", "/clients/1/push/pause", None).await;
        let message = json!({"from": ALICE, "text": "x"});
        let path = format!("/devices/{}/receive", world.device_id);
        assert_eq!(world.client.manage("POST", &path, Some(message)).await.status, 201);
        world.advance(std::time::Duration::from_secs(90)).await;
        let shown = world.client.ask("GET", "/metrics", &[], None).await.text;
        // The metrics are of the whole process, where other stories play.
        assert!(shown.lines().any(|line| line.starts_with("wachat_pushes_waiting ")), "{shown}");
        let (waiting, oldest, paused) = world.store.find_push_backlog().await.expect("readable");
        assert_eq!((waiting, paused), (1, 1));
        assert_eq!(oldest.map(|at| world.clock.now() - at >= 90_000), Some(true));
        world.stop().await;
    }

    async fn health_readiness_and_metrics_are_told_without_a_key(database: Database) {
        let world = World::new(database).await;
        let client = world.client.with_key("");
        for path in ["/healthz", "/readyz"] {
            let reply = client.ask("GET", path, &[], None).await;
            assert_eq!((reply.status, &reply.body["error"]), (200, &json!(false)), "{path}");
        }
        let ref_no = world.send(ALICE, "hello").await;
        world.until(&ref_no, "R").await;
        let metrics = client.ask("GET", "/metrics", &[], None).await;
        assert!(metrics.header("content-type").starts_with("text/plain"));
        for line in [
            "wachat_messages_accepted_total ",
            "wachat_message_states_total{state=\"R\"} ",
            "wachat_http_requests_total{path=\"message\",status=\"201\"} ",
            "wachat_messages_waiting ",
            "wachat_devices{state=\"online\"} ",
        ] {
            assert!(metrics.text.contains(line), "{line} in {}", metrics.text);
        }
        assert!(!metrics.text.contains(ALICE));
        world.stop().await;
    }
}
