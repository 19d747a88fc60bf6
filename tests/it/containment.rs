//! Stories of faults that stay where they are: a loop that panics, a log that nobody can write, a first start that nobody sees.

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wachat::device::Kind;
use wachat::store::NewDevice;
use wachat::supervisor::Role;

use crate::client::Client;
use crate::console::{self, Visitor};
use crate::process::{PASSWORD, Place, Serving, text};
use crate::receiver::Receiver;
use crate::world::{ALICE, Database, KEY, World, eventually, stories};

/// What `/readyz` says.
async fn ready(world: &World) -> (u16, Value) {
    let reply = world.client.ask("GET", "/readyz", &[], None).await;
    (reply.status, reply.body)
}

/// Makes a task panic, and waits until it runs again.
async fn panics_and_comes_back(world: &World, task: &str, status: u16) {
    world.supervisor.panic_at(task);
    eventually(&format!("{task} is down"), async || {
        let (found, body) = ready(world).await;
        let is_listed = body["data"]["down"].as_array().into_iter().flatten().any(|down| down["task"] == task);
        if is_listed && found == status { Ok(()) } else { Err(format!("{found} {body}")) }
    })
    .await;
    eventually(&format!("{task} is up again"), async || {
        let (found, body) = ready(world).await;
        if found == 200 && body["data"]["down"] == json!([]) { Ok(()) } else { Err(format!("{found} {body}")) }
    })
    .await;
}

/// Every request is answered, and the device sends, a few times over.
async fn works(client: &Client) {
    for _ in 0..20 {
        let reply = client.post("/message", &json!({"destination": ALICE, "message": "hello"})).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
        eventually("it is read", async || {
            let reply = client.get(&format!("/status/{ref_no}")).await;
            if reply.body["data"]["status"] == "R" { Ok(()) } else { Err(reply.text) }
        })
        .await;
        assert_eq!(client.get("/nowhere").await.status, 404);
    }
}

/// A server at debug level whose log goes where `stderr` says; its address is that of `port`.
async fn serve_logging_to(place: &Place, stderr: Stdio) -> (std::process::Child, Client) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut command = place.command(&["serve", "--listen", &port.to_string(), "--log", "debug"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().expect("it starts");
    let client = Client::new(port, KEY);
    eventually("it answers", async || {
        tokio::net::TcpStream::connect(port).await.map(drop).map_err(|error| error.to_string())
    })
    .await;
    (child, client)
}

async fn end(mut child: std::process::Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill").success());
    let status = eventually("it stops", async || child.try_wait().expect("a child").ok_or_else(String::new)).await;
    assert!(status.success(), "{status}");
}

/// A metric's value, by its name with labels.
async fn metric(client: &Client, name: &str) -> f64 {
    let metrics = client.ask("GET", "/metrics", &[], None).await.text;
    let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {metrics}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

stories! {
    async fn a_loop_that_panics_is_named_by_readyz_and_runs_again(database: Database) {
        let world = World::new(database).await;
        let receiver = Receiver::new(Vec::new()).await;
        let url = json!({"url": receiver.url("/inbox")});
        assert!(world.client.manage("PUT", "/clients/1/push", Some(url)).await.status < 300);
        let device = format!("device {}", world.device_id);
        for (task, status) in [("dispatcher", 503), ("push", 503), ("imports", 503), ("maintenance", 503), (&device, 200)] {
            panics_and_comes_back(&world, task, status).await;
            let ref_no = world.send(ALICE, task).await;
            world.until(&ref_no, "R").await;
        }
        // The loop that accepts connections is down for half a second: those that wait are served then.
        world.supervisor.panic_at("http");
        let ref_no = world.send(ALICE, "and connections are accepted").await;
        world.until(&ref_no, "R").await;
        let events = world.client.manage("GET", &format!("/devices/{}/events", world.device_id), None).await;
        assert!(events.text.contains("a fault of the gateway stopped this device; it is started again"), "{}", events.text);
        world.until_online(&world.device_id).await;
        let receive = json!({"from": ALICE, "text": "still pushed"});
        let path = format!("/devices/{}/receive", world.device_id);
        assert_eq!(world.client.manage("POST", &path, Some(receive)).await.status, 201);
        receiver.until(1).await;
        for task in ["dispatcher", "push", "imports", "maintenance", "device", "http", "store_writer"] {
            let _ = metric(&world.client, &format!("wachat_task_restarts_total{{task=\"{task}\"}}")).await;
        }
        world.stop().await;
    }

    async fn a_device_whose_loop_panics_before_it_is_connected_is_named_by_readyz_and_runs_again(database: Database) {
        let world = World::new(database).await;
        let id = "1-000000000000001";
        let (name, sender, created_at) = ("Cloud".to_owned(), String::new(), world.clock.now());
        // Of this kind none is ever connected: its loop goes on trying to open it.
        let device = NewDevice { id: id.into(), client_id: 1, sender, name, kind: Kind::Cloud, daily_limit: 0, created_at };
        world.store.add_device(device).await.expect("added");
        let tries = async || {
            eventually("it tries to connect", async || {
                let device = world.store.find_device(id).await.expect("a readable store").expect("a device");
                if device.state_reason.contains("cannot be connected") { Ok(()) } else { Err(format!("{device:?}")) }
            })
            .await;
        };
        tries().await;
        panics_and_comes_back(&world, &format!("device {id}"), 200).await;
        tries().await;
        let events = world.client.manage("GET", &format!("/devices/{id}/events"), None).await;
        assert!(events.text.contains("a fault of the gateway stopped this device; it is started again"), "{}", events.text);
        assert!(metric(&world.client, "wachat_task_restarts_total{task=\"device\"}").await > 0.0);
        world.stop().await;
    }

    async fn what_is_down_is_shown_to_administrators_alone(database: Database) {
        let world = console::gateway(database).await;
        let mut administrator = Visitor::new(&world);
        administrator.sign_in("admin", console::PASSWORD).await;
        let (_, mut owner) = console::add_person(&world, 1, "ann", "owner").await;
        let told = "<code>imports</code>, down since";
        assert!(!administrator.get("/console").await.text.contains(told));
        let now = world.clock.now();
        world.supervisor.mark_down("imports", Role::Vital, now, now + 60_000);
        let seen = administrator.get("/console").await.text;
        assert!(seen.contains(told) && !seen.contains("Nothing needs your attention"), "{seen}");
        assert!(!owner.get("/console").await.text.contains(told));
        world.supervisor.mark_up("imports");
        assert!(!administrator.get("/console").await.text.contains(told));
        world.stop().await;
    }
}

#[tokio::test]
async fn with_a_log_on_a_full_disk_every_request_is_answered_and_every_device_sends() {
    let place = Place::new(Database::Sqlite).await;
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    let (child, client) = serve_logging_to(&place, full.into()).await;
    works(&client).await;
    assert!(metric(&client, "wachat_log_lines_lost_total{why=\"failed\"}").await > 0.0);
    end(child).await;
}

#[tokio::test]
async fn with_a_log_whose_reader_went_away_every_request_is_answered_and_every_device_sends() {
    let place = Place::new(Database::Sqlite).await;
    let (child, client) = serve_logging_to(&place, Stdio::piped()).await;
    works(&client).await;
    let mut child = child;
    drop(child.stderr.take());
    works(&client).await;
    assert!(metric(&client, "wachat_log_lines_lost_total{why=\"failed\"}").await > 0.0);
    end(child).await;
}

#[tokio::test]
async fn with_a_log_that_nobody_reads_every_request_is_answered_and_every_device_sends() {
    let place = Place::new(Database::Sqlite).await;
    // A pipe holds 64 KiB, which a few requests at this level fill.
    let (mut child, client) = serve_logging_to(&place, Stdio::piped()).await;
    let unread = child.stderr.take();
    works(&client).await;
    works(&client).await;
    end(child).await;
    drop(unread);
}

#[tokio::test]
async fn a_first_start_that_nobody_can_read_makes_nothing() {
    let place = Place::new(Database::Sqlite).await;
    let bare = || {
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env_remove("WACHAT_API_KEY").env_remove("WACHAT_ADMIN_PASSWORD");
        command
    };
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    let closed = {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    for stdout in [Stdio::from(full), Stdio::from(closed), Stdio::null()] {
        let mut command = bare();
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let output =
            tokio::task::spawn_blocking(move || command.spawn().and_then(std::process::Child::wait_with_output));
        let output = output.await.expect("it ran").expect("it started");
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains("so no gateway was created"), "{said}");
    }
    assert!(place.fails(&["client", "list"]).await.contains("there is no gateway"));
    // The next start shows what opens it.
    let serving = Serving::start(bare()).await;
    let key =
        serving.said.lines().find_map(|line| line.trim().strip_prefix("API key")).expect("a key").trim().to_owned();
    assert_eq!(serving.client.with_key(&key).get("/auth/api_key").await.status, 200);
    assert!(serving.terminate().await.success());
}

#[tokio::test]
async fn who_chose_password_and_key_needs_to_be_shown_neither() {
    let place = Place::new(Database::Sqlite).await;
    assert!(!PASSWORD.is_empty());
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for _ in 0..2 {
        let mut command = place.command(&["serve", "--listen", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(full.try_clone().expect("a full disk")).stderr(Stdio::null());
        let child = command.spawn().expect("it starts");
        let client = Client::new(port, KEY);
        eventually("it answers", async || {
            tokio::net::TcpStream::connect(port).await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        assert_eq!(client.get("/auth/api_key").await.status, 200);
        end(child).await;
    }
}
