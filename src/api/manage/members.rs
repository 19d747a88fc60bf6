//! `/manage/1.0/messages/{ref_no}/members`: which members of a group have a message.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::attempts::find;
use super::{OfClient, found, query};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::clock::rfc3339;
use crate::store::MemberReceipt;

/// A member of a group whose receipt has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// A phone number, or what WhatsApp shows instead of one.
    pub member: String,
    #[schema(format = DateTime)]
    pub delivered_date: Option<String>,
    #[schema(format = DateTime)]
    pub read_date: Option<String>,
}

/// List the members of a group whose receipts have come
#[utoipa::path(get, path = "/messages/{ref_no}/members", tag = "Management", security(("APIKey" = [])),
    params(("ref_no" = String, Path), OfClient), responses((status = 200, body = Envelope<Vec<MemberView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, Named(ref_no): Named<String>, uri: Uri) -> Response {
    let members = async {
        let (_, client_id) = api.manager(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let (ref_no, _) = find(&api, client_id, &ref_no).await?;
        let view = |one: MemberReceipt| MemberView {
            member: one.member,
            delivered_date: one.delivered_at.map(rfc3339),
            read_date: one.read_at.map(rfc3339),
        };
        Ok(api.store.list_member_receipts(&ref_no).await?.into_iter().map(view).collect::<Vec<_>>())
    };
    found(&headers, StatusCode::OK, "Members", members.await)
}
