//! `w:mex`: GraphQL queries, by the service's query ids.

use serde_json::{Value, json};

use crate::server::about;
use crate::server::device_connection::DeviceConnection;
use crate::wire::stanza::{Node, Read as _, error, holding, result};

mod newsletters;
mod sub_groups;

// Query ids, with their names in the service's own client (wacore, `iq/mex_operations.rs`).

/// `WAWebMexUpdateTextStatusJobMutation`
const UPDATE_TEXT_STATUS: &str = "9152604461510864";

/// `WAWebMexFetchAllSubgroupsJobQuery`
const FETCH_ALL_SUBGROUPS: &str = "9935467776504344";

/// `WAWebMexQuerySubgroupParticipantCountJobQuery`
const QUERY_SUBGROUP_PARTICIPANT_COUNT: &str = "24079399904996141";

/// Answers a query.
///
/// ASSUMPTION: no other query is needed to link, send and receive; each is answered with no data, as the service does for
/// what it does not have.
pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let query = node.child("query")?;
    let asked: Option<Value> = query.bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
    let Some(variables) = asked.map(|mut asked| asked["variables"].take()) else {
        return Some(error(node, 400, "bad-request"));
    };
    let id = query.text("query_id").unwrap_or_default();
    if let Some(operation) = newsletters::operation(&id) {
        let answer = newsletters::answer(connection, operation, &variables);
        return Some(result(node, [holding("result", answer.to_string())]));
    }
    let data = match id.as_ref() {
        UPDATE_TEXT_STATUS => update_text_status(connection, &variables),
        FETCH_ALL_SUBGROUPS => sub_groups::all(connection, &variables["group_id"]),
        QUERY_SUBGROUP_PARTICIPANT_COUNT => sub_groups::sizes(connection, &variables["input"]["group_jid"]),
        _ => json!({}),
    };
    Some(result(node, [holding("result", json!({"data": data}).to_string())]))
}

fn update_text_status(connection: &DeviceConnection, variables: &Value) -> Value {
    about::change(connection, variables["input"]["text"].as_str().unwrap_or_default());
    json!({"xwa2_update_text_status": {"result": "SUCCESS"}})
}
