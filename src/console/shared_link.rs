//! The linking page that was shared: whoever has its address links an account to one device, without a sign-in, until an account is
//! linked or its time is over. What is done on it is done as the person who shared it, and noted so.

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};

use super::asking::{Asking, Refusal};
use super::forms::Asked;
use super::frame::{Bare, draw};
use super::link_steps::{self, Shown, Steps, Wanted};
use super::visit::{Answer, go};
use super::words::Viewer;
use super::{Console, assets, live};
use crate::account::KeyHash;
use crate::clock::rfc3339;
use crate::linking::pairing::public_name;
use crate::linking::sharing::PATH;
use crate::store::LinkShare;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/link/{token}", get(show))
        .route("/console/link/{token}/link", post(begin).get(go_back))
        .route("/console/link/{token}/link/cancel", post(cancel).get(go_back))
        .route("/console/link/{token}/pairing-code", post(begin_code).get(go_back))
        .route("/console/link/{token}/passkey", post(answer_passkey).get(go_back))
        .route("/console/link/{token}/passkey/confirm", post(confirm_passkey).get(go_back))
        .route("/console/link/{token}/qr.svg", get(show_qr))
        .route("/console/link/{token}/live", get(follow))
}

#[derive(Template)]
#[template(path = "shared_link.html")]
struct Page<'a> {
    viewer: &'a Viewer,
    title: &'a str,
    client_name: &'a str,
    here: &'a str,
    until: &'a str,
    /// What is begun is shown to its end, and nothing else.
    is_expired: bool,
    /// `None` once an account is linked.
    steps: Option<Steps>,
    problem: Option<String>,
}

impl Page<'_> {
    fn version(&self) -> &str {
        &assets::VERSION
    }

    /// What the device is called here.
    fn device_name<'a>(&self, steps: &'a Steps) -> &'a str {
        public_name(&steps.device.name, &steps.device.device_id)
    }
}

/// A request by such a page.
struct Shared {
    asking: Asking,
    share: LinkShare,
    here: String,
    token: KeyHash,
}

impl FromRequestParts<Console> for Shared {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let viewer = Viewer::of(&parts.headers);
        let token = parts.uri.path().strip_prefix(PATH).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let now = console.api.clock.now();
        let hash = KeyHash::of(token);
        match console.api.store.find_link_share(&hash, now).await {
            Ok(Some(share)) => Ok(Self {
                asking: Asking::new(console, share.caller.clone(), viewer),
                here: format!("{PATH}{token}"),
                share,
                token: hash,
            }),
            Ok(None) => {
                let (title, text) = (
                    viewer.t("This linking page is over", "Halaman penautan ini sudah berakhir"),
                    viewer.t(
                        "Its time has passed, or it was revoked or replaced. Ask whoever sent it for a new one.",
                        "Waktunya sudah habis, atau halaman ini dicabut atau diganti. Minta yang baru kepada pengirimnya.",
                    ),
                );
                Err(draw(StatusCode::NOT_FOUND, &Bare { viewer: &viewer, title, text }))
            }
            Err(error) => {
                tracing::warn!(%error, "a shared linking page cannot be found while the store is away");
                let (title, text) = (
                    viewer.t("Try again", "Coba lagi"),
                    viewer.t("The store is not available at this moment.", "Penyimpanan sedang tidak tersedia."),
                );
                Err(draw(StatusCode::SERVICE_UNAVAILABLE, &Bare { viewer: &viewer, title, text }))
            }
        }
    }
}

impl Shared {
    async fn page(&self, refusal: Option<Refusal>, phone: String) -> Answer {
        let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
        let retry_after = refusal.as_ref().and_then(|refusal| refusal.retry_after_seconds);
        let steps = match self.share.is_used {
            true => None,
            false => Some(Steps::load(&self.asking, &self.share.device_id, self.shown(phone)).await?),
        };
        // It may have been linked since the page was looked up.
        let steps = steps.filter(|steps| !steps.is_linked());
        let viewer = self.asking.viewer();
        let problem = refusal.and_then(|refusal| match &steps {
            Some(steps) => steps.unsaid(refusal.text),
            None => Some(refusal.text),
        });
        let page = Page {
            viewer,
            title: viewer.t("Link a WhatsApp account", "Tautkan akun WhatsApp"),
            client_name: &self.share.caller.client.name,
            here: &self.here,
            until: &rfc3339(self.share.expires_at),
            is_expired: self.share.is_expired,
            steps,
            problem,
        };
        let mut response = draw(status, &page);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        Ok(response)
    }

    fn shown(&self, phone: String) -> Shown {
        let here = self.here.clone();
        Shown {
            base: here.clone(),
            here,
            csrf: None,
            phone,
            may_begin: !self.share.is_expired,
            is_fresh: self.share.is_fresh,
        }
    }

    async fn act(&self, asked: &Asked, wanted: Wanted) -> Answer {
        if self.share.is_used || (self.share.is_expired && wanted.begins()) {
            return Ok(go(&self.here));
        }
        let fields = &asked.fields;
        // Only what begins is a matter of how often: whoever sees another code on the phone can always say so.
        let counted = if wanted.begins() { self.count() } else { Ok(()) };
        let done = match counted {
            Ok(()) => link_steps::act(&self.asking, &self.share.device_id, wanted, fields).await,
            Err(refusal) => Err(refusal),
        };
        match done {
            Ok(()) => Ok(go(&self.here)),
            Err(refusal) => self.page(Some(refusal), fields.text("phone").to_owned()).await,
        }
    }

    /// Counts what is begun.
    fn count(&self) -> Result<(), Refusal> {
        let counted = self.asking.console().shared_pages.count(self.token.clone());
        counted.map_err(|too_many| {
            let text = too_many.says(self.asking.viewer());
            let mut refusal = self.asking.refusal(StatusCode::TOO_MANY_REQUESTS, &text);
            refusal.retry_after_seconds = Some(too_many.0);
            refusal
        })
    }
}

async fn show(shared: Shared) -> Answer {
    shared.page(None, String::new()).await
}

/// A refused form stays at its own address: loaded again, it is the page.
async fn go_back(shared: Shared) -> Response {
    go(&shared.here)
}

async fn begin(shared: Shared, asked: Asked) -> Answer {
    shared.act(&asked, Wanted::Qr).await
}

async fn begin_code(shared: Shared, asked: Asked) -> Answer {
    shared.act(&asked, Wanted::Code).await
}

async fn answer_passkey(shared: Shared, asked: Asked) -> Answer {
    shared.act(&asked, Wanted::PasskeyAnswer).await
}

async fn confirm_passkey(shared: Shared, asked: Asked) -> Answer {
    shared.act(&asked, Wanted::PasskeyConfirm).await
}

async fn cancel(shared: Shared, asked: Asked) -> Answer {
    shared.act(&asked, Wanted::Cancel).await
}

async fn show_qr(shared: Shared) -> Answer {
    if shared.share.is_used {
        return Err(shared.asking.refusal(StatusCode::NOT_FOUND, "there is no such page"));
    }
    link_steps::draw_qr(&shared.asking, &shared.share.device_id).await
}

async fn follow(State(console): State<Console>, Path(_): Path<String>, headers: HeaderMap, shared: Shared) -> Response {
    let room = console.live.shared(&shared.here);
    live::follow_page(console, headers, shared.here, room)
}
