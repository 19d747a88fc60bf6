//! The console's pages and their load times.

use std::time::Duration;

use anyhow::ensure;
use wachat::clock::rfc3339;

use crate::arguments::Profile;
use crate::figure::{Aim, Figure, Unit};
use crate::report::say;
use crate::results::Results;
use crate::seeded_store::{RARE, SMALL_TOKEN, SeededStore, TOKEN};
use crate::server::Server;
use crate::stopwatch::Moment;

/// Target for the 95th percentile of every page.
const AIM_MS: f64 = 50.0;
/// Step between the messages or conversations of successive visits; prime, so that all of them are visited.
const STRIDE: usize = 7_919;

/// A page: its name, the session cookie, and its path on the nth visit.
struct Page {
    name: &'static str,
    token: &'static str,
    address: Box<dyn Fn(usize) -> String>,
}

/// How long one page took, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    pub p95: f64,
}

fn page(name: &'static str, address: impl Into<String>) -> Page {
    let address = address.into();
    Page { name, token: TOKEN, address: Box::new(move |_| address.clone()) }
}

fn pages(seeded: &SeededStore) -> Vec<Page> {
    let (first, seldom) = (seeded.devices[0].clone(), seeded.devices[seeded.devices.len() - 2].clone());
    let unlinked = seeded.devices[seeded.devices.len() - 1].clone();
    let day = |days: i64| rfc3339(seeded.began_at + days * 86_400_000)[..16].to_owned();
    let (ref_nos, conversations) = (seeded.ref_nos.clone(), seeded.conversations.clone());
    let ref_no = move |visit: usize| ref_nos[visit * STRIDE % ref_nos.len()].clone();
    let conversation = move |visit: usize| conversations[visit * STRIDE % conversations.len()].clone();
    let (number, middle) = (seeded.conversations[0].1.clone(), seeded.messages / 2);
    vec![
        page("home", "/console"),
        page("devices", "/console/devices"),
        page("a device", format!("/console/devices/{first}")),
        page("link a device", format!("/console/devices/{unlinked}/link")),
        page("messages", "/console/messages"),
        page("messages, in the middle", format!("/console/messages?before={middle}")),
        page("messages, aborted", "/console/messages?status=A"),
        page("messages, waiting", "/console/messages?status=Q"),
        page("messages, of a device", format!("/console/messages?queue={first}")),
        page("messages, of a device that sends seldom", format!("/console/messages?queue={seldom}")),
        page("messages, to a number", format!("/console/messages?destination={number}")),
        page("messages, of a day", format!("/console/messages?from={}&until={}", day(7), day(8))),
        page("messages, with a word of few", format!("/console/messages?text={RARE}")),
        page("messages, with a word of none, sent", "/console/messages?text=nowhere&status=S"),
        Page { token: SMALL_TOKEN, ..page("messages, of a small client", "/console/messages") },
        Page {
            name: "a message",
            token: TOKEN,
            address: Box::new(move |visit| format!("/console/messages/{}", ref_no(visit))),
        },
        page("send by hand", "/console/messages/new"),
        page("import", "/console/messages/import"),
        page("inbox", "/console/inbox"),
        Page {
            name: "a conversation",
            token: TOKEN,
            address: Box::new(move |visit| {
                let (device, chat) = conversation(visit);
                format!("/console/inbox/{device}/{chat}")
            }),
        },
        page("push URL", "/console/push"),
        page("push URL, deliveries that wait", "/console/push?status=due"),
        page("account", "/console/account"),
        page("persons", "/console/account/persons"),
        page("API keys", "/console/account/keys"),
        page("clients", "/console/account/clients"),
        page("audit log", "/console/account/audit"),
        page("choose a password", "/console/password"),
        page("API", "/console/api"),
    ]
}

/// Visits every page of a freshly started gateway.
pub async fn visit(seeded: &SeededStore, profile: &Profile, results: &mut Results) -> anyhow::Result<()> {
    let server = Server::gateway(&seeded.instance)?.answers().await?;
    let browser = Browser::new(&server)?;
    let first = browser.visit(&page("home", "/console"), 0).await?;
    results.note("home, the first visit after a start", Took { p95: ms(first) });
    for page in pages(seeded).into_iter().filter(|page| profile.wants(page.name)) {
        let mut took = Vec::with_capacity(profile.visits);
        for visit in 0..profile.visits {
            took.push(browser.visit(&page, visit).await?);
        }
        took.sort_unstable();
        results.note(page.name, Took { p95: ms(took[(took.len() - 1) * 95 / 100]) });
    }
    server.stop().await
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A browser that loads no scripts or images.
struct Browser<'s> {
    server: &'s Server,
    http: reqwest::Client,
}

impl<'s> Browser<'s> {
    #[allow(clippy::disallowed_methods, reason = "a person's browser is no part of the gateway")]
    fn new(server: &'s Server) -> anyhow::Result<Self> {
        // reqwest is built without a TLS provider; Egress installs the gateway's.
        let _ = wachat::egress::Egress::new(Vec::new());
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Ok(Self { server, http: builder.build()? })
    }

    /// Time to load the whole page.
    async fn visit(&self, page: &Page, visit: usize) -> anyhow::Result<Duration> {
        let address = (page.address)(visit);
        let url = format!("http://{}{address}", self.server.address());
        let request = self.http.get(url).header("cookie", format!("wachat_session={}", page.token));
        let asked = Moment::now();
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let took = asked.elapsed();
        ensure!(status == reqwest::StatusCode::OK, "{address} is answered with {status}: {text}");
        if visit == 0 {
            say(&format!("{}: {:.1} ms at first, {} kB", page.name, ms(took), text.len() / 1000));
        }
        Ok(took)
    }
}

/// The figure for one page: the full store compared with the small one.
pub fn figure(name: &str, full: &[Took], small: &[Took]) -> Figure {
    let of = |took: &[Took]| took.iter().map(|took| took.p95).collect();
    let shown = if name.contains("first visit") { name.to_owned() } else { format!("{name}: 95 of 100 within") };
    Figure::new(shown, Unit::Milliseconds, of(full)).beside("small store", of(small)).aiming(Aim::Under(AIM_MS))
}
