//! What every answer tells the browser and whatever stores answers on its way. Pages that know better say so themselves.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// What the documentation's page may do: its scripts are its own.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the headers that an answer does not have yet.
pub(super) fn add(response: &mut Response, is_docs: bool, is_secure: bool) {
    let headers = response.headers_mut();
    let mut or_insert = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    or_insert(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_docs {
        or_insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
        or_insert(header::X_FRAME_OPTIONS, "DENY");
        or_insert(header::REFERRER_POLICY, "no-referrer");
        or_insert(header::CACHE_CONTROL, "no-cache");
    } else {
        or_insert(header::CACHE_CONTROL, "no-store");
    }
    if is_secure {
        or_insert(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
