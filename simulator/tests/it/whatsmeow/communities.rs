//! Communities: created, filled with groups, and emptied.

use serde_json::{Value, json};

use super::{client_and_people, linked};
use crate::world::{World, hears};

fn id(group: &Value) -> String {
    group["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_community_comes_with_a_group_for_announcements() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    let community = client.command("create_community", json!({"subject": "Village"})).await;
    assert_eq!((&community["parent"], &community["approval"]), (&json!(true), &json!("request_required")));
    let community = id(&community);
    client.until("joined_group", |event| event["group"]["id"] == community).await;
    let announcements = client.until("joined_group", |event| event["group"]["default"] == true).await;
    assert_eq!(announcements["group"]["linked_parent"], community);
    let announcements = id(&announcements["group"]);
    let groups = client.command("sub_groups", json!({"to": community})).await;
    assert_eq!(groups, json!([{"id": announcements, "subject": "Village", "default": true}]));
    let choir = json!({"to": community, "subject": "Choir", "participants": [bob.jid().to_string()]});
    let choir = id(&client.command("create_linked_group", choir).await);
    let link = client.until("group", |event| event["link"].is_object() && event["group"] == community).await;
    assert_eq!((&link["link"]["type"], &link["link"]["group"]["id"]), (&json!("sub_group"), &json!(choir)));
    assert_eq!(client.command("group", json!({"to": choir})).await["linked_parent"], community);
    client.send_text(&choir, "sing").await;
    hears(&bob, "sing").await;
    client.send_text(&announcements, "a concert").await;
    hears(&bob, "a concert").await;
    let members = client.command("community_members", json!({"to": community})).await;
    assert_eq!(members.as_array().unwrap().len(), 2, "{members}");
    client.try_command("send_text", json!({"to": community, "text": "nobody writes here"})).await.unwrap_err();
    client.try_command("announce", json!({"to": announcements, "on": false})).await.unwrap_err();
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_linked_to_a_community_and_unlinked() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    let mut other = linked(&world, &bob).await;
    let community = id(&client.command("create_community", json!({"subject": "Village"})).await);
    let made = json!({"subject": "Cooks", "participants": [bob.jid().to_string()]});
    let group = id(&client.command("create_group", made).await);
    client.command("link_group", json!({"to": community, "id": group})).await;
    let link = other.until("group", |event| event["group"] == group && event["link"].is_object()).await;
    assert_eq!((&link["link"]["type"], &link["link"]["group"]["id"]), (&json!("parent_group"), &json!(community)));
    assert_eq!(other.command("group", json!({"to": group})).await["linked_parent"], community);
    let groups = other.command("joined_groups", json!({})).await;
    assert_eq!(groups.as_array().unwrap().len(), 3, "the community, its announcements, and the group: {groups}");
    client.command("unlink_group", json!({"to": community, "id": group})).await;
    let unlink = other.until("group", |event| event["group"] == group && event["unlink"].is_object()).await;
    assert_eq!(unlink["unlink"]["reason"], "unlink_group");
    assert_eq!(other.command("group", json!({"to": group})).await["linked_parent"], "");
    assert_eq!(client.command("sub_groups", json!({"to": community})).await.as_array().unwrap().len(), 1);
    // The library does not read the outcome for each group.
    other.command("link_group", json!({"to": community, "id": group})).await;
    assert_eq!(other.command("group", json!({"to": group})).await["linked_parent"], "", "Bob is no admin");
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}
