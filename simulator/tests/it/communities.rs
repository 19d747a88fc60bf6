//! Communities, created by whatsapp-rust, Baileys and the control API.

use serde_json::json;
use simulator::runtime::{Person, Phones};
use simulator::server::account::Naming;
use whatsapp_rust::features::{CreateCommunityOptions, GroupType, group_type};

use crate::baileys::Baileys;
use crate::client::Client;
use crate::control::Control;
use crate::world::{World, hears, patiently};

async fn two_people(world: &World) -> (Phones, Person, Person) {
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add("15550001", "Ann").await.unwrap(), phones.add("15550002", "Bob").await.unwrap());
    (phones, ann, bob)
}

async fn linked(world: &World, person: &Person) -> Client {
    let client = Client::start(&world.network).await;
    patiently("the link", person.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_community_is_made_filled_and_ended() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let client = linked(&world, &ann).await;
    let (community, groups) = (client.client.community(), client.client.groups());
    let options =
        CreateCommunityOptions { description: Some("all of us".to_owned()), ..CreateCommunityOptions::new("Village") };
    let parent = community.create(options).await.unwrap().metadata.id;
    let metadata = groups.get_metadata(&parent).await.unwrap();
    assert_eq!((group_type(&metadata), metadata.description.as_deref()), (GroupType::Community, Some("all of us")));
    let choir = community.create_subgroup("Choir", &[bob.jid().clone()], parent.clone()).await.unwrap().metadata.id;
    let cooks = ann.create_group("Cooks", &[], Naming::Lid).unwrap();
    let link = std::slice::from_ref(&cooks);
    assert_eq!(community.link_subgroups(parent.clone(), link).await.unwrap().linked_jids, link);
    let again = community.link_subgroups(parent.clone(), link).await.unwrap();
    assert_eq!(again.failed_groups, [(cooks.clone(), 409)]);
    let subgroups = community.get_subgroups(&parent).await.unwrap();
    let shown: Vec<_> =
        subgroups.iter().map(|one| (one.subject.as_str(), one.is_default_sub_group, one.is_general_chat)).collect();
    assert_eq!(shown.len(), 4);
    for wanted in [("Village", true, false), ("General", false, true), ("Choir", false, false), ("Cooks", false, false)]
    {
        assert!(shown.contains(&wanted), "{wanted:?} in {shown:?}");
    }
    let counts = community.get_subgroup_participant_counts(&parent).await.unwrap();
    assert!(counts.contains(&(choir.clone(), 2)) && counts.contains(&(cooks.clone(), 1)), "{counts:?}");
    assert_eq!(community.get_linked_groups_participants(parent.clone()).await.unwrap().len(), 2);
    assert_eq!(community.get_participating().await.unwrap().keys().collect::<Vec<_>>(), [&parent]);
    let announcements = subgroups.iter().find(|one| one.is_default_sub_group).unwrap().id.clone();
    client.send(&announcements, "a concert").await;
    hears(&bob, "a concert").await;
    let unlink = std::slice::from_ref(&choir);
    let unlinked = community.unlink_subgroups(parent.clone(), unlink, true).await.unwrap();
    assert_eq!(unlinked.unlinked_jids, unlink);
    assert_eq!(
        community.get_linked_groups_participants(parent.clone()).await.unwrap().len(),
        1,
        "Bob was in the choir alone"
    );
    community.deactivate(parent.clone()).await.unwrap();
    assert!(groups.get_metadata(&parent).await.is_err() && groups.get_metadata(&announcements).await.is_err());
    assert_eq!(group_type(&groups.get_metadata(&cooks).await.unwrap()), GroupType::Default);
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_joins_another_group_of_the_community() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let client = linked(&world, &bob).await;
    let members = [bob.number().to_owned()];
    let new = simulator::server::community::NewCommunity { subject: "Village".to_owned(), ..Default::default() };
    let parent = ann.create_community(new, &members).unwrap();
    let choir = ann.create_linked_group(&parent, "Choir", &[]).unwrap();
    let community = client.client.community();
    assert_eq!(community.query_linked_group(parent.clone(), choir.clone()).await.unwrap().participants.len(), 1);
    let joined = community.join_subgroup(parent.clone(), choir.clone()).await.unwrap();
    assert_eq!((joined.participants.len(), joined.parent_group_jid.as_ref()), (2, Some(&parent)));
    client.send(&choir, "I sing too").await;
    hears(&ann, "I sing too").await;
    assert!(community.create_subgroup("Pirates", &[], parent.clone()).await.is_err(), "Bob is no admin");
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baileys_makes_a_community() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let mut client = Baileys::start().await;
    client.connect(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.opened().await;
    let made = client.command("create_community", json!({"subject": "Village", "description": "all of us"})).await;
    let metadata = client.command("group", json!({"to": made["id"]})).await;
    assert_eq!((&metadata["isCommunity"], &metadata["desc"]), (&json!(true), &json!("all of us")));
    let choir = json!({"community": made["id"], "subject": "Choir", "participants": [bob.jid().to_string()]});
    let choir = client.command("create_linked_group", choir).await;
    assert_eq!(client.command("group", json!({"to": choir["id"]})).await["linkedParent"], made["id"]);
    let linked = client.command("linked_groups", json!({"to": choir["id"]})).await;
    assert_eq!((&linked["communityJid"], linked["linkedGroups"].as_array().unwrap().len()), (&made["id"], 3));
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_community_is_made_by_the_api() {
    let control = Control::new().await;
    let village = json!({"subject": "Village", "creator": "15550001", "members": [], "community": true});
    let village = control.post("groups", village).await;
    assert_eq!((&village["community"], &village["members"]), (&json!(true), &json!(["15550001"])));
    let choir = json!({"subject": "Choir", "creator": "15550001", "members": ["15550002"], "parent": village["group"]});
    assert_eq!(control.post("groups", choir.clone()).await["parent"], village["group"]);
    let listed = control.get("groups").await.1;
    let in_it = listed.as_array().unwrap().iter().filter(|group| group["parent"] == village["group"]);
    assert_eq!(in_it.count(), 2, "the announcements and the choir: {listed}");
    let mut pirates = choir;
    pirates["creator"] = json!("15550002");
    assert_eq!(control.try_post("groups", pirates).await.0, 409);
}
