//! Notifications to an account's other devices when one of them changes its settings (`account_sync`).

use std::sync::Arc;

use super::device_connection::DeviceConnection;
use super::notification::notification;
use crate::wire::stanza::Node;

/// Notifies the other devices of the account.
pub fn notify_others(connection: &DeviceConnection, change: Node) {
    let notice = notification(connection.account.number().clone(), "account_sync").children([change]).build();
    for device in connection.account.devices() {
        if !Arc::ptr_eq(&device, &connection.device) {
            device.notify(notice.clone());
        }
    }
}
