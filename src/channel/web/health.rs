//! What the client library's news mean for a device's health. Pure.

use std::time::Duration;

use whatsapp_rust::types::events::{ConnectFailureReason, Event, TempBanReason};

use crate::clock::{Millis, millis, rfc3339};
use crate::device::{DeviceState, Health};

/// How long to wait before trying again what WhatsApp refused without a word on how long.
const REFUSED: Duration = Duration::from_secs(5 * 60);
/// How long to wait before asking again whether a newer version is taken.
const OUTDATED: Duration = Duration::from_secs(60 * 60);
/// A ban without a usable end is looked at again after this.
const BAN_MAX: Duration = Duration::from_secs(30 * 86_400);

/// What follows from a piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The connection goes on, or is made again by the library.
    Stay(Health),
    /// The connection is given up; `again` says when it is tried again by itself. Without it a person has to act.
    Stop { health: Health, again: Option<Millis> },
}

/// What a piece of news means; `None` when it means nothing for the health.
pub fn turn(event: &Event, now: Millis) -> Option<Turn> {
    let stay = |state, reason: &str| Some(Turn::Stay(Health::new(state, reason)));
    let stop = |state, reason: String, again: Option<Millis>| {
        let health = Health { state, reason, until: again };
        Some(Turn::Stop { health, again })
    };
    let after = |wait: Duration| Some(now.saturating_add(millis(wait)));
    match event {
        Event::Connected(_) => stay(DeviceState::Online, ""),
        Event::Disconnected(_) => stay(DeviceState::Reconnecting, "the connection was lost and is being made again"),
        Event::StreamError(error) => {
            stay(DeviceState::Reconnecting, &format!("WhatsApp ended the connection with {}", error.code))
        }
        Event::StreamReplaced(_) => stop(
            DeviceState::Replaced,
            "another program took the connection over, perhaps one on a copy of the data folder; stop it, then pause and resume this device"
                .into(),
            None,
        ),
        Event::TemporaryBan(ban) => {
            let named = ban.expire.to_std().ok().filter(|lasts| (Duration::from_secs(1)..=BAN_MAX).contains(lasts));
            let (again, why) = (after(ban.expire.to_std().unwrap_or(REFUSED).min(BAN_MAX)), ban_reason(&ban.code));
            let reason = match again.filter(|_| named.is_some()) {
                Some(until) => format!(
                    "WhatsApp has restricted the number until {}: {why}; open WhatsApp on the phone and follow what it says, and send less \
                     afterwards",
                    rfc3339(until)
                ),
                None => format!(
                    "WhatsApp has restricted the number and does not say until when: {why}; open WhatsApp on the phone and follow what it \
                     says, and send less afterwards"
                ),
            };
            stop(DeviceState::Banned, reason, again)
        }
        Event::LoggedOut(out) if out.reason == ConnectFailureReason::AccountLocked => {
            stop(DeviceState::LoggedOut, "WhatsApp has locked the account; look at its phone".into(), None)
        }
        Event::LoggedOut(_) => {
            stop(DeviceState::LoggedOut, "the phone has removed this gateway; link it again".into(), None)
        }
        Event::ClientOutdated(_) => {
            let reason = "WhatsApp no longer takes this version; update the gateway".to_owned();
            stop(DeviceState::Outdated, reason, after(OUTDATED))
        }
        Event::ConnectFailure(failure) if failure.reason.should_reconnect() => {
            stay(DeviceState::Reconnecting, "WhatsApp is not available at present")
        }
        Event::ConnectFailure(failure) => {
            let reason = format!("WhatsApp refused the connection ({:?}); it is tried again", failure.reason);
            stop(DeviceState::Reconnecting, reason, after(REFUSED))
        }
        _ => None,
    }
}

fn ban_reason(code: &TempBanReason) -> String {
    match code {
        TempBanReason::SentToTooManyPeople => "too many messages to people who do not know it".into(),
        TempBanReason::BlockedByUsers => "too many people blocked it".into(),
        TempBanReason::CreatedTooManyGroups => "too many groups with people who do not know it".into(),
        TempBanReason::SentTooManySameMessage => "the same message too many times".into(),
        TempBanReason::BroadcastList => "too many messages to a broadcast list".into(),
        TempBanReason::Unknown(code) => format!("code {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use whatsapp_rust::types::events::{
        ClientOutdated, ConnectFailure, Connected, LoggedOut, StreamError, StreamReplaced, TemporaryBan,
    };

    const NOW: Millis = 1_000_000;

    fn stopped(event: Event) -> (DeviceState, Option<Millis>) {
        match turn(&event, NOW) {
            Some(Turn::Stop { health, again }) => {
                assert!(!health.reason.is_empty() && health.until == again);
                (health.state, again)
            }
            other => panic!("{other:?}"),
        }
    }

    fn stays(event: Event) -> DeviceState {
        match turn(&event, NOW) {
            Some(Turn::Stay(health)) => health.state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_only_a_person_can_mend_is_not_tried_again() {
        assert_eq!(stopped(Event::StreamReplaced(StreamReplaced::builder().build())), (DeviceState::Replaced, None));
        for reason in [ConnectFailureReason::LoggedOut, ConnectFailureReason::AccountLocked] {
            let out = LoggedOut::builder().on_connect(true).reason(reason).build();
            assert_eq!(stopped(Event::LoggedOut(out)), (DeviceState::LoggedOut, None));
        }
    }

    #[test]
    fn a_ban_ends_when_it_says_and_an_outdated_client_asks_again() {
        let ban = TemporaryBan::builder()
            .code(TempBanReason::SentToTooManyPeople)
            .expire(whatsapp_rust::chrono::Duration::seconds(3_600))
            .build();
        assert_eq!(stopped(Event::TemporaryBan(ban)), (DeviceState::Banned, Some(NOW + 3_600_000)));
        let outdated = Event::ClientOutdated(ClientOutdated::builder().build());
        assert_eq!(stopped(outdated), (DeviceState::Outdated, Some(NOW + 3_600_000)));
    }

    #[test]
    fn a_ban_and_a_connection_taken_over_say_until_when_and_what_to_do() {
        let said = |event| match turn(&event, NOW) {
            Some(Turn::Stop { health, .. }) => health.reason,
            other => panic!("{other:?}"),
        };
        for (seconds, until) in
            [(3_600, "until 1970-01-01T01:16:40Z: "), (0, "does not say until when: "), (40 * 86_400, "until when: ")]
        {
            let ban = TemporaryBan::builder()
                .code(TempBanReason::BlockedByUsers)
                .expire(whatsapp_rust::chrono::Duration::seconds(seconds))
                .build();
            let reason = said(Event::TemporaryBan(ban));
            for part in [until, "too many people blocked it", "; open WhatsApp on the phone and follow what it says"] {
                assert!(reason.contains(part), "{part}: {reason}");
            }
        }
        let taken_over = said(Event::StreamReplaced(StreamReplaced::builder().build()));
        assert!(
            taken_over.contains("took the connection over") && taken_over.contains("stop it, then pause and resume"),
            "{taken_over}"
        );
    }

    #[test]
    fn what_passes_is_left_to_the_library() {
        assert_eq!(stays(Event::Connected(Connected::builder().build())), DeviceState::Online);
        assert_eq!(
            stays(Event::StreamError(StreamError::builder().code("503".into()).build())),
            DeviceState::Reconnecting
        );
        let failure = ConnectFailure::builder().reason(ConnectFailureReason::ServiceUnavailable).build();
        assert_eq!(stays(Event::ConnectFailure(failure)), DeviceState::Reconnecting);
        let refused = ConnectFailure::builder().reason(ConnectFailureReason::Generic).build();
        assert_eq!(stopped(Event::ConnectFailure(refused)), (DeviceState::Reconnecting, Some(NOW + 300_000)));
    }
}
