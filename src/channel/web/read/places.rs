//! Places, contacts, and invitations to groups and channels.

use whatsapp_rust::waproto::whatsapp as wa;

use super::{Found, lines, said};

pub(super) fn read(message: &wa::Message) -> Found<'_> {
    if let Some(place) = message.location_message.as_option() {
        return Some((said("location", location(place)), place.context_info.as_option()));
    }
    if let Some(place) = message.live_location_message.as_option() {
        let at = coordinates(place.degrees_latitude, place.degrees_longitude);
        let text = lines([Some(at.as_str()), place.caption.as_deref()], "");
        return Some((said("location", text), place.context_info.as_option()));
    }
    if let Some(contact) = message.contact_message.as_option() {
        return Some((said("contact", card(contact)), contact.context_info.as_option()));
    }
    if let Some(contacts) = message.contacts_array_message.as_option() {
        let cards: Vec<_> = contacts.contacts.iter().map(card).collect();
        let text = lines(cards.iter().map(|card| Some(card.as_str())), "[contacts]");
        return Some((said("contact", text), contacts.context_info.as_option()));
    }
    if let Some(invite) = message.group_invite_message.as_option() {
        let parts = [&invite.group_name, &invite.caption].map(Option::as_deref);
        return Some((said("group_invite", lines(parts, "[group invitation]")), invite.context_info.as_option()));
    }
    if let Some(invite) = message.newsletter_admin_invite_message.as_option() {
        let parts = [&invite.newsletter_name, &invite.caption].map(Option::as_deref);
        return Some((said("channel_invite", lines(parts, "[channel invitation]")), invite.context_info.as_option()));
    }
    if let Some(invite) = message.newsletter_follower_invite_message_v2.as_option() {
        let parts = [&invite.newsletter_name, &invite.caption].map(Option::as_deref);
        return Some((said("channel_invite", lines(parts, "[channel invitation]")), invite.context_info.as_option()));
    }
    let asked = message.request_phone_number_message.as_option()?;
    Some((said("number_request", "[asks for your phone number]".into()), asked.context_info.as_option()))
}

/// A place's name and address, and where it is; what was written to it stands on lines of its own.
pub(super) fn location(place: &wa::message::LocationMessage) -> String {
    let at = coordinates(place.degrees_latitude, place.degrees_longitude);
    let named =
        [&place.name, &place.address].map(|part| part.as_deref().map(str::trim).filter(|part| !part.is_empty()));
    let mut names: Vec<&str> = named.into_iter().flatten().collect();
    names.dedup();
    let first = if names.is_empty() { at } else { format!("{} {at}", names.join(", ")) };
    lines([Some(first.as_str()), place.comment.as_deref(), place.url.as_deref()], "")
}

fn coordinates(latitude: Option<f64>, longitude: Option<f64>) -> String {
    format!("{},{}", latitude.unwrap_or_default(), longitude.unwrap_or_default())
}

fn card(contact: &wa::message::ContactMessage) -> String {
    let card = contact.vcard.as_deref().filter(|card| !card.trim().is_empty());
    card.or(contact.display_name.as_deref()).unwrap_or("[contact]").to_owned()
}
