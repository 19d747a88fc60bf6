//! Browsers that are known for a name: somebody has signed in with that name there. Their cookie lets nobody in; it only sets
//! their tries apart from those of strangers, who cannot lock the owner of a name out then.

use axum::http::HeaderMap;

use super::Console;
use super::forms;
use super::session::secret_cookie;
use super::words::cookie;
use crate::account::{fold_userid, hex_upper};

pub const COOKIE: &str = "wachat_browser";

/// What tells the browser apart, if it is known for this name.
pub fn known(console: &Console, headers: &HeaderMap, userid: &str) -> Option<String> {
    let value = cookie(headers, &secret_cookie(console, COOKIE))?;
    let (id, mark) = value.split_once('.')?;
    forms::is_token(&console.browser_key, &said(id, userid), mark).then(|| id.to_owned())
}

/// The value of the cookie of a browser that is known for this name from now on.
pub fn value(console: &Console, userid: &str) -> String {
    let id = hex_upper(&console.api.clock.random::<16>());
    let mark = forms::token(&console.browser_key, &said(&id, userid));
    format!("{id}.{mark}")
}

fn said(id: &str, userid: &str) -> String {
    format!("{id} {}", fold_userid(userid))
}
