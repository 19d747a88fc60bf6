//! The text under a person's name ("about"): changed by an iq or a GraphQL query. Those who know the person are notified.

use std::sync::Arc;

use super::account::Naming;
use super::device_connection::DeviceConnection;
use super::notification::notification;
use crate::wire::stanza::holding;

/// Changes the text, and notifies the account's other devices and all accounts that have queried its devices.
pub fn change(connection: &DeviceConnection, text: &str) {
    let account = &connection.account;
    account.set_about(text);
    let from = account.jid(account.shown_as(Naming::Number)).clone();
    let notice = notification(from, "status").children([holding("set", text.as_bytes())]).build();
    let watchers = account.watchers();
    let watchers = watchers.iter().filter_map(|number| connection.network.inner.directory.by_number(number));
    for device in watchers.chain([account.clone()]).flat_map(|account| account.devices()) {
        if !Arc::ptr_eq(&device, &connection.device) {
            device.notify(notice.clone());
        }
    }
}
