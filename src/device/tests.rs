//! Ids, kinds, hours and states of devices.

use super::*;

#[test]
fn a_made_id_has_the_shape_of_an_id() {
    assert!(is_device_id(&new_device_id(7, &Clock::system())));
    assert!(is_device_id("11055-171379261223689"));
    for bad in ["", "-", "1-2", "x-171379261223689", "1-17137926122368a", "1-1713792612236890"] {
        assert!(!is_device_id(bad), "{bad}");
    }
}

#[test]
fn quiet_hours_have_two_different_ends_and_a_zone_has_a_name() {
    assert_eq!(check_quiet_hours(None, None), Ok(()));
    assert_eq!(check_quiet_hours(Some("21:00"), Some("07:30")), Ok(()));
    assert_eq!(check_quiet_hours(Some("21:00"), None), Err(BadHours::Half));
    assert_eq!(check_quiet_hours(None, Some("21:00")), Err(BadHours::Half));
    assert_eq!(check_quiet_hours(Some("21:00"), Some("21:00")), Err(BadHours::Endless));
    for bad in ["", "9", "9:00", "24:00", "21:60", "21:00:00", "+1:00", "21-00", "21: 0"] {
        assert_eq!(check_quiet_hours(Some(bad), Some("07:00")), Err(BadHours::Time(bad.into())));
    }
    assert!(parse_time_zone("Asia/Jakarta").is_ok() && parse_time_zone("UTC").is_ok());
    for bad in ["", "Jakarta", "+07:00", "../etc/passwd"] {
        assert_eq!(parse_time_zone(bad), Err(BadHours::Zone(bad.into())), "{bad}");
    }
}

#[test]
fn no_kind_is_offered_that_cannot_be_connected_but_one_that_is_stored_still_loads() {
    let bad = "cloud".parse::<Kind>().expect_err("it cannot be connected");
    assert_eq!(bad.to_string(), "'cloud' is not one of sandbox, web");
    assert_eq!("web".parse::<Kind>().ok(), Some(Kind::Web));
    assert_eq!(Kind::try_from("cloud".to_owned()).ok(), Some(Kind::Cloud));
}

#[test]
fn every_state_is_found_by_its_name() {
    for state in DeviceState::ALL {
        assert_eq!(DeviceState::try_from(state.name().to_owned()).ok(), Some(state));
    }
}
