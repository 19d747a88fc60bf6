//! Crashes of a gateway with a linked account: `kill -9` while programs send and people write, round after round, each at
//! a moment that is reached and not timed. Nothing that got a 201 is lost or shown twice, and the link holds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tokio::sync::watch;
use wachat::clock::Clock;

use crate::client::Client;
use crate::crashes::count_unended;
use crate::files::PNG;
use crate::network::Network;
use crate::process::{Place, Serving};
use crate::stage::{ANN, OWNER};
use crate::world::{Database, PATIENCE, eventually, eventually_within, stories, within};

/// Sets how many rounds each store's story has.
const ROUNDS: &str = "LINKED_CRASH_ROUNDS";
pub const BEN: &str = "628110000012";
const CAT: &str = "628110000013";
/// How much one line and one person write in a round at the most.
const TEXTS_OF_A_LINE: u64 = 5;
const TEXTS_OF_A_PERSON: u64 = 3;

fn rounds(database: Database) -> usize {
    let set = std::env::var_os(ROUNDS).and_then(|rounds| rounds.to_str()?.parse().ok());
    set.unwrap_or(if database == Database::Sqlite { 60 } else { 40 })
}

/// Stanzas between the linked device and its server: their direction, and how they begin.
pub type Wire = (&'static str, &'static str);
const MESSAGES_OUT: Wire = ("to_server", "<message ");
/// The server has a message.
const ACKS_IN: Wire = ("to_client", "<ack ");
pub const RECEIPTS_IN: Wire = ("to_client", "<receipt ");
/// The server may forget a receipt.
const ACKS_OUT: Wire = ("to_server", "<ack ");
const MESSAGES_IN: Wire = ("to_client", "<message ");

/// When a gateway is killed. Where it is not said otherwise it is connected by then.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// After so many 201, connected or not.
    Starting(u64),
    Connected,
    /// After so many 201.
    Accepted(u64),
    /// After so many stanzas of a kind have passed.
    Passed(Wire, u64),
    /// After the phones show so many more messages.
    Shown(u64),
}

impl Moment {
    fn of(round: usize, clock: &Clock) -> Self {
        let upto = |most: u64| 1 + clock.random_below(most);
        match round % 8 {
            0 => Self::Accepted(upto(4 * TEXTS_OF_A_LINE)),
            1 => Self::Passed(MESSAGES_OUT, upto(2 * TEXTS_OF_A_LINE)),
            2 => Self::Passed(ACKS_IN, upto(2 * TEXTS_OF_A_LINE)),
            3 => Self::Passed(RECEIPTS_IN, upto(2 * TEXTS_OF_A_LINE)),
            4 => Self::Passed(ACKS_OUT, upto(2 * TEXTS_OF_A_LINE)),
            5 => Self::Shown(upto(2 * TEXTS_OF_A_LINE)),
            6 => Self::Passed(MESSAGES_IN, upto(2 * TEXTS_OF_A_PERSON)),
            _ if round % 16 == 7 => Self::Connected,
            _ => Self::Starting(upto(5)),
        }
    }
}

/// What is written to one recipient, by one program: each text after the 201 of the one before.
struct Line {
    name: &'static str,
    to: String,
    is_group: bool,
}

/// What was accepted: its line, its place in it, its reference number.
struct Accepted {
    line: usize,
    label: String,
    ref_no: String,
}

/// Programs and people that write until the gateway is gone, or have written enough.
#[derive(Default)]
struct Load {
    accepted: watch::Sender<u64>,
    stop: AtomicBool,
}

impl Load {
    async fn is_accepted(&self, count: u64) {
        let mut accepted = self.accepted.subscribe();
        let reached = within(Duration::from_secs(60), accepted.wait_for(|accepted| *accepted >= count)).await;
        reached.expect("so many are accepted").expect("they go on");
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A gateway's place, a network, and one account linked between them.
pub struct Town {
    pub network: Network,
    pub place: Place,
    pub device_id: String,
    pub group: String,
    lines: Vec<Line>,
}

impl Town {
    pub async fn new(database: Database) -> Self {
        let network = Network::start().await;
        for (number, name) in [(OWNER, "Owner"), (ANN, "Ann"), (BEN, "Ben"), (CAT, "Cat")] {
            network.person(number, name).await;
        }
        let group = network.group(ANN, &[OWNER, BEN], "lid").await;
        let line = |name, to: &str, is_group| Line { name, to: to.to_owned(), is_group };
        let lines = vec![
            line("ann", ANN, false),
            line("ben", BEN, false),
            line("cat", CAT, false),
            line("cooks", &group, true),
        ];
        let mut town = Self { network, place: Place::new(database).await, device_id: String::new(), group, lines };
        let serving = town.serve().await;
        town.link(&serving.client).await;
        assert!(serving.terminate().await.success());
        town
    }

    pub async fn serve(&self) -> Serving {
        let mut command = self.place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("WACHAT_SIMULATED_NETWORK", self.network.url());
        Serving::start(command).await
    }

    async fn link(&mut self, client: &Client) {
        let made = client.manage("POST", "/devices", Some(json!({"client_id": 1, "kind": "web"}))).await;
        self.device_id = made.body["data"]["device_id"].as_str().expect("an id").to_owned();
        let device = format!("/devices/{}", self.device_id);
        let off = json!({"gap_ms": 0, "gap_jitter_ms": 0, "warm_up": false, "typing": false});
        assert_eq!(client.manage("PATCH", &device, Some(off)).await.status, 200);
        assert!(client.manage("POST", &format!("{device}/link"), None).await.status < 300);
        let qr = eventually("a code", async || {
            let reply = client.manage("GET", &format!("{device}/qr"), None).await;
            reply.body["data"]["qr"].as_str().map(str::to_owned).ok_or(reply.text)
        });
        self.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr.await})).await;
        eventually("it is online", async || {
            let reply = client.manage("GET", &device, None).await;
            if reply.body["data"]["state"] == "online" { Ok(()) } else { Err(reply.text) }
        })
        .await;
    }

    /// Waits until the network sees the linked device, or sees it no more. It is never linked again: that would be
    /// another device.
    pub async fn until_connected(&self, is_connected: bool) {
        eventually("the linked device comes or goes", async || {
            let owner = self.network.get(&format!("/people/{OWNER}")).await;
            let devices = owner["devices"].as_array().expect("devices");
            assert_eq!(devices.len(), 2, "the phone and one link: {owner}");
            if devices[1]["connected"] == is_connected { Ok(()) } else { Err(owner.to_string()) }
        })
        .await;
    }

    /// The number of the network's next stanza.
    pub async fn next_stanza(&self) -> u64 {
        self.network.get("/stanzas?limit=1").await["next"].as_u64().expect("a number")
    }

    /// Waits until so many stanzas of a kind have passed since the stanza `from`.
    pub async fn passed(&self, (direction, start): Wire, count: u64, mut from: u64) {
        let (device, mut passed) = (format!("{OWNER}:1@s.whatsapp.net"), 0);
        eventually("stanzas pass", async || {
            let page = self.network.get(&format!("/stanzas?from={from}&limit=500")).await;
            from = page["next"].as_u64().expect("a number");
            let stanzas = page["stanzas"].as_array().expect("a list").iter();
            let of_the_device = stanzas.filter(|one| one["device"] == device.as_str() && one["direction"] == direction);
            let ours = of_the_device.filter(|one| one["stanza"].as_str().is_some_and(|text| text.starts_with(start)));
            passed += ours.count() as u64;
            if passed >= count { Ok(()) } else { Err(format!("{passed} of {count} {start}")) }
        })
        .await;
    }

    /// How many messages of the gateway all phones together show.
    async fn count_shown(&self) -> u64 {
        let each = self.lines.iter().flat_map(|line| Self::readers(line).iter().map(move |person| (*person, line)));
        join_all(each.map(|(person, line)| self.shown(person, line))).await.iter().map(|shown| shown.len() as u64).sum()
    }

    async fn reaches(&self, moment: Moment, load: &Load, from: u64, shown: u64) {
        match moment {
            Moment::Connected => {}
            Moment::Starting(count) | Moment::Accepted(count) => load.is_accepted(count).await,
            Moment::Passed(wire, count) => self.passed(wire, count, from).await,
            Moment::Shown(count) => {
                eventually("messages are shown", async || {
                    let more = self.count_shown().await - shown;
                    if more >= count { Ok(()) } else { Err(format!("{more} of {count}")) }
                })
                .await;
            }
        }
    }

    /// Runs the gateway until `moment`, and kills it. Gives what was accepted, and what people wrote.
    async fn crash(&self, round: usize, moment: Moment) -> (Vec<Accepted>, Vec<String>) {
        let (from, shown) = (self.next_stanza().await, self.count_shown().await);
        let serving = self.serve().await;
        if !matches!(moment, Moment::Starting(_)) {
            self.until_connected(true).await;
        }
        let (load, client) = (Load::default(), serving.client.clone());
        let programs = join_all((0..self.lines.len()).map(|line| self.post_until_gone(&client, round, line, &load)));
        let people = join_all([ANN, BEN, CAT].map(|person| self.write_until_gone(person, round, &load)));
        let murder = async {
            self.reaches(moment, &load, from, shown).await;
            serving.kill();
            load.stop.store(true, Ordering::Relaxed);
        };
        let ((accepted, written), ()) = join(join(programs, people), murder).await;
        self.until_connected(false).await;
        (accepted.into_iter().flatten().collect(), written.into_iter().flatten().collect())
    }

    async fn post_until_gone(&self, client: &Client, round: usize, line: usize, load: &Load) -> Vec<Accepted> {
        let mut accepted = Vec::new();
        let Line { name, to, is_group } = &self.lines[line];
        for at in 0..TEXTS_OF_A_LINE {
            let label = format!("{name} {round} {at}");
            let mut body = json!({"queue": self.device_id, "destination": to, "is_group": is_group});
            let path = if at % 5 == 3 {
                body["media_base64"] = STANDARD.encode(PNG).into();
                body["file_name"] = "a.png".into();
                body["caption"] = label.clone().into();
                "/media"
            } else {
                body["message"] = label.clone().into();
                "/message"
            };
            match client.try_post(path, &body).await {
                Some(reply) if reply.status == 201 => {
                    let ref_no = reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
                    accepted.push(Accepted { line, label, ref_no });
                    load.accepted.send_modify(|accepted| *accepted += 1);
                }
                // Stored or not, nobody was told that it was.
                None if load.is_over() => break,
                None => {}
                Some(reply) => panic!("{}", reply.text),
            }
        }
        accepted
    }

    /// A person reads what came, and writes; gives what he wrote.
    async fn write_until_gone(&self, person: &str, round: usize, load: &Load) -> Vec<String> {
        let mut written = Vec::new();
        self.network.reads(person).await;
        for at in 0..TEXTS_OF_A_PERSON {
            if load.is_over() {
                break;
            }
            let text = format!("from {person} {round} {at}");
            let to =
                if at % 2 == 1 && person != CAT { json!({"group": self.group_jid()}) } else { json!({"to": OWNER}) };
            let mut said = to;
            said["text"] = text.clone().into();
            self.network.post(&format!("/people/{person}/send"), said).await;
            written.push(text);
        }
        written
    }

    fn group_jid(&self) -> String {
        format!("{}@g.us", self.group)
    }

    /// What a person's phone shows of one line, in its order.
    async fn shown(&self, person: &str, line: &Line) -> Vec<String> {
        let received = self.network.get(&format!("/people/{person}/received")).await;
        let labels = received.as_array().expect("a list").iter().filter_map(|one| {
            let label = one["text"].as_str().or(one["caption"].as_str())?;
            label.starts_with(&format!("{} ", line.name)).then(|| label.to_owned())
        });
        labels.collect()
    }

    /// Who sees what is written to a line.
    fn readers(line: &Line) -> &[&str] {
        match line.name {
            "ann" => &[ANN],
            "ben" => &[BEN],
            "cat" => &[CAT],
            _ => &[ANN, BEN],
        }
    }
}

/// Where in its line a text stands: its round, and its number there.
fn place_of(label: &str) -> (u64, u64) {
    let mut numbers = label.split(' ').skip(1).map(|number| number.parse().expect("a number"));
    (numbers.next().expect("a round"), numbers.next().expect("a number"))
}

/// What came in, each text with how often it is there.
async fn inbox(client: &Client) -> HashMap<String, usize> {
    let (mut texts, mut before) = (HashMap::new(), String::new());
    loop {
        let page = client.manage("GET", &format!("/inbox?limit=500{before}"), None).await.body["data"].clone();
        for message in page["items"].as_array().expect("a list") {
            *texts.entry(message["msg"].as_str().expect("a text").to_owned()).or_default() += 1;
        }
        match &page["next_before"] {
            Value::String(next) => before = format!("&before={next}"),
            _ => return texts,
        }
    }
}

stories! {
    async fn a_linked_account_survives_kill_9_at_any_moment(database: Database) {
        let (town, clock) = (Town::new(database).await, Clock::system());
        let rounds = rounds(database);
        // What many rounds left takes longer to leave.
        let patience = PATIENCE * u32::try_from(rounds.div_ceil(100)).expect("a number of rounds");
        let (mut accepted, mut written) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let (more_accepted, more_written) = town.crash(round, Moment::of(round, &clock)).await;
            accepted.extend(more_accepted);
            written.extend(more_written);
        }
        let serving = town.serve().await;
        town.until_connected(true).await;
        let client = &serving.client;
        eventually_within(patience, "every message has left", async || {
            let counts = client.manage("GET", "/messages/counts", None).await;
            if counts.body["data"]["Q"] == 0 { Ok(()) } else { Err(counts.text + &serving.log()) }
        })
        .await;
        eventually_within(patience, "everything that was written is in the inbox", async || {
            let inbox = inbox(client).await;
            let lost: Vec<_> = written.iter().filter(|text| !inbox.contains_key(*text)).collect();
            if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?}")) }
        })
        .await;
        let inbox = inbox(client).await;
        let doubled: Vec<_> = inbox.iter().filter(|(_, times)| **times > 1).collect();
        assert!(doubled.is_empty(), "they came in more than once: {doubled:?}");
        assert_shown(&town, &accepted, patience).await;
        assert_read(&town, client, &accepted, patience).await;
        town.network.assert_sound().await;
        assert!(serving.terminate().await.success());
    }
}

/// When everybody has read everything, what got a 201 is read: no receipt was lost, of now or of before a crash.
async fn assert_read(town: &Town, client: &Client, accepted: &[Accepted], patience: Duration) {
    for person in [ANN, BEN, CAT] {
        town.network.reads(person).await;
    }
    eventually_within(patience, "every message is read", async || {
        let unended = count_unended(client).await;
        if unended == 0 { Ok(()) } else { Err(format!("{unended} are not")) }
    })
    .await;
    for Accepted { label, ref_no, .. } in accepted {
        let reply = client.get(&format!("/status/{ref_no}")).await;
        assert_eq!(reply.body["data"]["status"], "R", "{label}: {}", reply.text);
    }
}

/// What got a 201 is shown by every phone that it is for, once, in the order of its line.
async fn assert_shown(town: &Town, accepted: &[Accepted], patience: Duration) {
    for (at, line) in town.lines.iter().enumerate() {
        for person in Town::readers(line) {
            let shown = eventually_within(patience, "a phone shows all that was sent to it", async || {
                let shown = town.shown(person, line).await;
                let unseen = accepted.iter().find(|sent| sent.line == at && !shown.contains(&sent.label));
                unseen.map_or(Ok(shown), |sent| Err(format!("{person} never saw {}", sent.label)))
            })
            .await;
            for pair in shown.windows(2) {
                assert!(place_of(&pair[0]) < place_of(&pair[1]), "{person} sees {} before {}", pair[0], pair[1]);
            }
        }
    }
}
