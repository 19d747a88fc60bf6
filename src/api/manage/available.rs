//! What requests that send by the management API may not ask for: it is not available, and their messages would leave without it. They
//! take no fields of that kind, but a program may send them all the same.

use axum::body::Body;
use axum::http::{HeaderMap, Uri};
use url::form_urlencoded;

use crate::api::problem::Problem;
use crate::api::{Api, fields};
use crate::limits;
use crate::message::Unavailable;

/// # Errors
/// 422 for a parameter of the address.
pub fn check_address(uri: &Uri) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if let Some(one) = Unavailable::from_name(&name).filter(|_| !value.trim().is_empty()) {
            return Err(Problem::parameter(one.name(), one.why()));
        }
    }
    Ok(())
}

impl Api {
    /// The same of a request that needs no body.
    ///
    /// # Errors
    /// 422; else when the body cannot be read.
    pub(super) async fn check_available(&self, headers: &HeaderMap, uri: &Uri, body: Body) -> Result<(), Problem> {
        check_address(uri)?;
        fields::available(&self.read_small_body(headers, body, limits::SMALL_BODY_BYTES_MAX).await?)
    }
}
