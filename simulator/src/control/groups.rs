//! Groups: creating, listing and leaving them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::people::find;
use super::problem::{Body, Problem};
use crate::runtime::{Phones, address};
use crate::server::account::Naming;
use crate::server::community::NewCommunity;
use crate::server::group::Group;
use crate::wire::stanza::Jid;

/// A group in the API.
#[derive(Serialize)]
pub struct Shown {
    group: String,
    subject: String,
    addressing: Naming,
    /// Phone numbers.
    members: Vec<String>,
    /// Whether it is a community.
    community: bool,
    /// The community it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
}

impl Shown {
    fn new(group: &Group) -> Self {
        let members = group.members().into_iter().map(|member| member.account.number().user.to_string());
        Self {
            group: group.jid().to_string(),
            subject: group.subject(),
            addressing: group.naming(),
            members: members.collect(),
            community: group.group_type().is_community(),
            parent: group.group_type().parent().map(Jid::to_string),
        }
    }
}

/// The body of `POST /control/groups`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    subject: String,
    /// The number of the person who creates it.
    creator: String,
    /// The other members' numbers.
    members: Vec<String>,
    /// How members are addressed in the group's stanzas.
    #[serde(default = "by_lid")]
    addressing: Naming,
    /// Creates a community, with an announcement group.
    #[serde(default)]
    community: bool,
    /// Creates the group in this community.
    parent: Option<String>,
}

fn by_lid() -> Naming {
    Naming::Lid
}

/// `POST /control/groups`
pub async fn create(
    State(phones): State<Phones>,
    Body(new): Body<NewGroup>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    let creator = find(&phones, &new.creator)?;
    if new.community && new.parent.is_some() {
        return Err(Problem::BadRequest("a community is in no other; give community or parent".to_owned()));
    }
    let jid = match &new.parent {
        Some(parent) => creator.create_linked_group(&address(parent)?, &new.subject, &new.members)?,
        None if new.community => {
            let community = NewCommunity { subject: new.subject.clone(), ..NewCommunity::default() };
            creator.create_community(community, &new.members)?
        }
        None => creator.create_group(&new.subject, &new.members, new.addressing)?,
    };
    let group = phones.network().groups().find(&jid);
    let group = group.ok_or_else(|| Problem::NotFound(format!("the group {jid} is gone")))?;
    Ok((StatusCode::CREATED, Json(Shown::new(&group))))
}

/// `GET /control/groups`: the groups of people with phones.
pub async fn list(State(phones): State<Phones>) -> Json<Vec<Shown>> {
    let groups = phones.network().groups();
    let mut shown: Vec<Shown> =
        phones.all().iter().flat_map(|person| groups.of(person.account())).map(|group| Shown::new(&group)).collect();
    shown.sort_by(|one, other| one.group.cmp(&other.group));
    shown.dedup_by(|one, other| one.group == other.group);
    Json(shown)
}

/// The body of `leave`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    group: String,
}

/// `POST /control/people/N/leave`
pub async fn leave(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(leave): Body<Leave>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.leave(&address(&leave.group)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
