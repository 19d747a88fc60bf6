//! The gateway's side of the comparison: devices are created and linked through the management API as fast as possible,
//! and messages are sent with `POST /message`.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use wachat::clock::Clock;
use wachat::device::{DeviceState, Kind};
use wachat::message::State;
use wachat::store::Store;

use crate::accounts;
use crate::api::Api;
use crate::arguments::{Name, Phones, Profile};
use crate::instance::{CLIENT, Instance, Workspace};
use crate::load::{self, Until};
use crate::network::Network;
use crate::report::say;
use crate::results::{Memory, Run, Sending};
use crate::script::Script;
use crate::server::Server;
use crate::stopwatch::Moment;

/// Devices that are linked concurrently; the gateway connects fewer at once.
const AT_ONCE: usize = 16;
/// A process counts as idle this long after its last work.
pub const IDLE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);
/// Generous timeout for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A gateway on a network, with its devices.
struct Gateway {
    network: Network,
    instance: Instance,
    server: Server,
    store: Store,
    manage: Api,
    devices: Vec<String>,
}

/// One run: adds devices step by step; after each step it measures memory and sends messages.
pub async fn measure(workspace: &Workspace, profile: &Profile) -> anyhow::Result<Run> {
    let mut gateway = Gateway::start(workspace).await?;
    let clock = Clock::system();
    clock.sleep(IDLE).await;
    let (empty_mb, mut run) = (gateway.server.memory_mb()?, Run::default());
    for devices in profile.steps() {
        let took = gateway.link(devices).await.with_context(|| gateway.server.last_words())?;
        say(&format!("gateway: {devices} linked, the last ones in {took:.1} s"));
        if profile.wants(Name::Memory) {
            clock.sleep(IDLE).await;
            let each_mb = (gateway.server.memory_mb()? - empty_mb) / f64::from(devices);
            run.memory.push(Memory { devices, each_mb });
        }
        if profile.senders().contains(&devices) {
            let sent = gateway.send(profile, devices).await.with_context(|| gateway.server.last_words())?;
            say(&format!("gateway: over {devices}: {sent:?}"));
            run.sending.push(sent);
        }
    }
    if profile.wants(Name::Restart) {
        let (took, gateway) = gateway.restart().await?;
        say(&format!("gateway: all online again in {took:.2} s"));
        clock.sleep(IDLE).await;
        run.restart_seconds = Some(took);
        run.restarted_mb = Some((gateway.server.memory_mb()? - empty_mb) / f64::from(profile.devices));
    }
    Ok(run)
}

impl Gateway {
    async fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        let (network, instance) = (Network::start()?, workspace.instance().await?);
        network.people(accounts::everybody()).await?;
        let server = Server::gateway_on(&instance, &network.url())?.answers().await?;
        let (store, manage) = (instance.store().await?, Api::new(server.address(), "/manage/1.0"));
        Ok(Self { network, instance, server, store, manage, devices: Vec::new() })
    }

    /// Creates and links devices until there are `count`; returns how long it took.
    async fn link(&mut self, count: u32) -> anyhow::Result<f64> {
        let places = u32::try_from(self.devices.len())?..count;
        self.network.people(places.clone().map(accounts::owner).collect()).await?;
        let started = Moment::now();
        let gateway = &*self;
        let linked = stream::iter(places).map(|place| async move { gateway.link_one(&accounts::owner(place)).await });
        let added: Vec<String> = linked.buffered(AT_ONCE).try_collect().await?;
        self.devices.extend(added);
        Ok(started.elapsed().as_secs_f64())
    }

    /// Creates a device and links it to this person's phone.
    async fn link_one(&self, owner: &str) -> anyhow::Result<String> {
        let made = self.manage.post("/devices", json!({"client_id": CLIENT, "kind": "web"})).await?;
        let id = made["data"]["device_id"].as_str().context("a device")?.to_owned();
        let path = format!("/devices/{id}");
        let unpaced = json!({"gap_ms": 0, "gap_jitter_ms": 0, "warm_up": false, "typing": false});
        self.manage.patch(&path, unpaced).await?;
        self.manage.post(&format!("{path}/link"), json!({"way": "qr"})).await?;
        let qr = self.until(&format!("{path}/qr"), |data| data["qr"].as_str().map(str::to_owned)).await?;
        self.network.scan(owner, &qr).await?;
        self.until(&path, |data| (data["state"] == "online").then_some(())).await?;
        Ok(id)
    }

    /// Polls until `find` finds something in the response.
    async fn until<T>(&self, path: &str, find: impl Fn(&Value) -> Option<T>) -> anyhow::Result<T> {
        let clock = Clock::system();
        let found = async {
            loop {
                // An error means that there is no code yet.
                let answer = self.manage.get(path).await.unwrap_or_default();
                if let Some(found) = find(&answer["data"]) {
                    return found;
                }
                clock.sleep(POLL).await;
            }
        };
        clock.within(PATIENCE, found).await.with_context(|| format!("waited in vain for {path}"))
    }

    /// Sends over this many devices: first once to each recipient, to establish the sessions, then the measured
    /// messages.
    async fn send(&self, profile: &Profile, devices: u32) -> anyhow::Result<Sending> {
        let recipients = accounts::recipients(devices);
        self.network.switch(Phones::On, devices).await?;
        let first = recipients.len() as u64;
        self.accept(devices, &recipients, first).await?;
        self.all_sent(Phones::On).await?;
        self.network.switch(profile.phones, devices).await?;
        let before = (self.server.processor_time()?, self.network.processor_time()?);
        let started = self.accept(devices, &recipients, profile.messages).await?;
        let took = self.all_sent(profile.phones).await?.since(started);
        let each = |time: Duration| time.as_secs_f64() * 1e3 / profile.messages as f64;
        Ok(Sending {
            devices,
            rate: profile.messages as f64 / took.as_secs_f64(),
            processor_ms: each(self.server.processor_time()? - before.0),
            network_ms: each(self.network.processor_time()? - before.1),
        })
    }

    async fn accept(&self, devices: u32, recipients: &[String], messages: u64) -> anyhow::Result<Moment> {
        let script = Script::post_to(&self.devices[..devices as usize], recipients.to_vec());
        Ok(load::run(&self.server, script, Until::Count(messages)).await?.started)
    }

    /// Waits until every message is S and, if phones are on, delivered; returns when that was.
    async fn all_sent(&self, phones: Phones) -> anyhow::Result<Moment> {
        let clock = Clock::system();
        let sent = async {
            while !self.store.count_waiting().await?.is_empty() {
                clock.sleep(POLL).await;
            }
            let sent = Moment::now();
            ensure!(self.count(State::Aborted).await? == 0, "messages were aborted");
            while phones == Phones::On && self.count(State::Sent).await? > 0 {
                clock.sleep(POLL).await;
            }
            Ok(sent)
        };
        clock.within(PATIENCE, sent).await.context("not every message was sent")?
    }

    async fn count(&self, state: State) -> anyhow::Result<u64> {
        let counts = self.store.count_messages(None).await?;
        Ok(counts.iter().filter(|(letter, _)| letter == state.letter()).map(|(_, count)| count.unsigned_abs()).sum())
    }

    /// Shuts the gateway down, starts it again, and returns how long it took until all devices were online.
    async fn restart(self) -> anyhow::Result<(f64, Self)> {
        let Self { network, instance, server, store, devices, .. } = self;
        server.stop().await?;
        ensure!(count_online(&store).await? == 0, "a device is still online after the stop");
        let started = Moment::now();
        let server = Server::gateway_on(&instance, &network.url())?.answers().await?;
        let clock = Clock::system();
        let online = async {
            while count_online(&store).await? < devices.len() {
                clock.sleep(POLL).await;
            }
            anyhow::Ok(())
        };
        clock.within(PATIENCE, online).await.context("a device does not come online")??;
        let took = started.elapsed().as_secs_f64();
        let manage = Api::new(server.address(), "/manage/1.0");
        Ok((took, Self { network, instance, server, store, manage, devices }))
    }
}

/// Number of linked devices that are online.
async fn count_online(store: &Store) -> anyhow::Result<usize> {
    let devices = store.list_devices(None).await?;
    Ok(devices.iter().filter(|device| device.kind == Kind::Web && device.state == DeviceState::Online).count())
}
