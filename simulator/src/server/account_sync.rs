//! Notifications to an account's other devices when one of them changes its settings (`account_sync`).

use std::sync::Arc;

use super::notification::notification;
use super::session::Session;
use crate::wire::stanza::Node;

/// Notifies the other devices of the account.
pub fn notify_others(session: &Session, change: Node) {
    let notice = notification(session.account.number().clone(), "account_sync").children([change]).build();
    for device in session.account.devices() {
        if !Arc::ptr_eq(&device, &session.device) {
            device.tell(notice.clone());
        }
    }
}
