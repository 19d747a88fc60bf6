//! The rules of pacing, told by days, zones, midnights and changes of the clock.

use super::*;

const MINUTE: Millis = 60_000;

fn pace() -> Pace {
    Pace { gap_ms: 0, jitter_ms: 0, typing: false, warm_since: None, quiet: None, zone: TimeZone::UTC }
}

fn at(text: &str) -> Millis {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn quiet(from: &str, to: &str, zone: &str) -> Pace {
    let time = |text| parse_time_of_day(text).unwrap();
    Pace { quiet: Some((time(from), time(to))), zone: parse_time_zone(zone).unwrap(), ..pace() }
}

fn wrote(wrote_at: Millis) -> Chat {
    Chat { wrote_at: Some(wrote_at) }
}

#[test]
fn a_gap_is_never_shorter_than_asked_and_at_most_the_jitter_longer() {
    let paced = Pace { gap_ms: 1_000, jitter_ms: 500, ..pace() };
    let slots: Vec<_> = (0..2_000).map(|random| paced.next_slot(10_000, random)).collect();
    assert_eq!(slots.iter().min(), Some(&11_000));
    assert_eq!(slots.iter().max(), Some(&11_500));
    assert!(pace().has_no_gap() && !paced.has_no_gap());
}

#[test]
fn typing_takes_as_long_as_the_text_and_stays_within_its_bounds() {
    let typing = Pace { typing: true, ..pace() };
    for random in [0, 1, 25, 50, 51, u64::MAX] {
        assert_eq!(typing.typing_ms(None, random), 0);
        assert_eq!(pace().typing_ms(Some(100), random), 0);
        assert_eq!(typing.typing_ms(Some(0), random), 1_000);
        assert_eq!(typing.typing_ms(Some(usize::MAX), random), 6_000);
        assert!((2_250..=3_750).contains(&typing.typing_ms(Some(120), random)), "{random}");
    }
    assert_eq!((typing.typing_ms(Some(120), 0), typing.typing_ms(Some(120), 50)), (2_250, 3_750));
}

#[test]
fn quiet_hours_begin_and_end_at_the_minute_on_either_side_of_midnight() {
    // Jakarta is seven hours ahead, all year.
    for (from, to, now, until) in [
        ("21:00", "07:00", "2026-09-21T13:59:59.999Z", None),
        ("21:00", "07:00", "2026-09-21T14:00:00Z", Some("2026-09-22T00:00:00Z")),
        ("21:00", "07:00", "2026-09-21T17:00:00Z", Some("2026-09-22T00:00:00Z")),
        ("21:00", "07:00", "2026-09-21T23:59:59.999Z", Some("2026-09-22T00:00:00Z")),
        ("21:00", "07:00", "2026-09-22T00:00:00Z", None),
        ("12:00", "13:30", "2026-09-21T04:59:59Z", None),
        ("12:00", "13:30", "2026-09-21T05:00:00Z", Some("2026-09-21T06:30:00Z")),
        ("12:00", "13:30", "2026-09-21T06:30:00Z", None),
        ("00:00", "06:00", "2026-09-21T17:00:00Z", Some("2026-09-21T23:00:00Z")),
        ("22:00", "00:00", "2026-09-21T16:59:59Z", Some("2026-09-21T17:00:00Z")),
        ("22:00", "00:00", "2026-09-21T17:00:00Z", None),
        ("07:01", "07:00", "2026-09-22T00:00:30Z", None),
        ("07:01", "07:00", "2026-09-22T00:01:00Z", Some("2026-09-23T00:00:00Z")),
        // The last night of a year and the leap day.
        ("21:00", "07:00", "2026-12-31T20:00:00Z", Some("2027-01-01T00:00:00Z")),
        ("21:00", "07:00", "2028-02-28T20:00:00Z", Some("2028-02-29T00:00:00Z")),
    ] {
        let found = quiet(from, to, "Asia/Jakarta").quiet_until(at(now));
        assert_eq!(found, until.map(at), "{from} to {to} at {now}");
    }
}

#[test]
fn quiet_hours_follow_the_clock_on_the_wall_when_it_is_changed() {
    for (zone, from, to, now, until) in [
        // Berlin, forward on 2026-03-29 at 01:00Z (02:00 becomes 03:00), back on 2026-10-25 at 01:00Z (03:00 becomes 02:00).
        ("Europe/Berlin", "21:00", "07:00", "2026-03-28T20:00:00Z", Some("2026-03-29T05:00:00Z")),
        ("Europe/Berlin", "21:00", "07:00", "2026-03-28T19:59:59Z", None),
        ("Europe/Berlin", "21:00", "07:00", "2026-03-29T19:00:00Z", Some("2026-03-30T05:00:00Z")),
        ("Europe/Berlin", "21:00", "07:00", "2026-10-24T19:00:00Z", Some("2026-10-25T06:00:00Z")),
        ("Europe/Berlin", "21:00", "07:00", "2026-10-25T05:59:59Z", Some("2026-10-25T06:00:00Z")),
        ("Europe/Berlin", "21:00", "07:00", "2026-10-25T06:00:00Z", None),
        // An end, and a beginning, that the clock jumps over is when it jumps.
        ("Europe/Berlin", "22:00", "02:30", "2026-03-29T00:59:59Z", Some("2026-03-29T01:00:00Z")),
        ("Europe/Berlin", "22:00", "02:30", "2026-03-29T01:00:00Z", None),
        ("Europe/Berlin", "02:30", "06:00", "2026-03-29T00:59:59Z", None),
        ("Europe/Berlin", "02:30", "06:00", "2026-03-29T01:00:00Z", Some("2026-03-29T04:00:00Z")),
        // An end that comes twice counts the second time, a beginning the first.
        ("Europe/Berlin", "22:00", "02:30", "2026-10-25T00:45:00Z", Some("2026-10-25T01:30:00Z")),
        ("Europe/Berlin", "22:00", "02:30", "2026-10-25T01:30:00Z", None),
        ("Europe/Berlin", "02:30", "06:00", "2026-10-25T00:30:00Z", Some("2026-10-25T05:00:00Z")),
        ("Europe/Berlin", "02:30", "06:00", "2026-10-25T01:15:00Z", Some("2026-10-25T05:00:00Z")),
        // Lord Howe goes forward by half an hour, on 2026-10-04 at 02:00 (15:30Z the day before).
        ("Australia/Lord_Howe", "22:00", "02:15", "2026-10-03T15:29:59Z", Some("2026-10-03T15:30:00Z")),
        // Nepal is five hours and three quarters ahead.
        ("Asia/Kathmandu", "21:00", "07:00", "2026-09-21T15:15:00Z", Some("2026-09-22T01:15:00Z")),
    ] {
        let found = quiet(from, to, zone).quiet_until(at(now));
        assert_eq!(found, until.map(at), "{zone} {from} to {to} at {now}");
    }
}

#[test]
fn quiet_hours_end_later_than_they_are_asked_for_in_every_minute_of_a_year() {
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago"] {
        let night = quiet("23:30", "00:30", zone);
        for quarter in 0..365 * 96 {
            let now = at("2026-01-01T00:00:00Z") + quarter * 15 * MINUTE;
            let Some(until) = night.quiet_until(now) else { continue };
            assert!(now < until && until - now <= 3 * HOUR_MS, "{zone} {now} {until}");
            assert_eq!(night.quiet_until(until), None, "{zone} {now} {until}");
            assert!(night.quiet_until(until - 1).is_some(), "{zone} {now} {until}");
        }
    }
}

#[test]
fn who_wrote_a_moment_ago_is_answered_in_quiet_hours() {
    let night = quiet("21:00", "07:00", "UTC");
    let now = at("2026-09-21T23:00:00Z");
    for (wrote_at, waits) in [(now, false), (now - 15 * MINUTE + 1, false), (now - 15 * MINUTE, true)] {
        assert_eq!(night.waits(now, wrote(wrote_at)).is_some(), waits);
        assert_eq!(night.first_waits(now, 0, wrote(wrote_at)).is_some(), waits);
    }
    assert_eq!(night.waits(now, Chat::default()), Some(Wait { until: at("2026-09-22T07:00:00Z"), why: Why::Quiet }));
}

#[test]
fn a_new_account_may_send_more_from_day_to_day_of_its_own_zone() {
    let linked = at("2026-09-21T16:59:00Z");
    let jakarta = parse_time_zone("Asia/Jakarta").unwrap();
    let warm = Pace { warm_since: Some(linked), zone: jakarta, ..pace() };
    // It was linked a minute before midnight there.
    assert_eq!(warm.allowance(linked), Some(20));
    assert_eq!(warm.allowance(linked + MINUTE), Some(40));
    assert_eq!(warm.day(linked + MINUTE), warm.day(linked) + 1);
    for (day, allowance) in (0..).zip(WARM_UP) {
        assert_eq!(warm.allowance(linked + day * DAY_MS), Some(allowance), "{day}");
        assert_eq!(warm.counted_on(linked + day * DAY_MS), Some(warm.day(linked) + day));
    }
    for day in [10, 11, 400] {
        assert_eq!((warm.allowance(linked + day * DAY_MS), warm.counted_on(linked + day * DAY_MS)), (None, None));
    }
    assert_eq!((warm.allowance(linked - 2 * DAY_MS), pace().allowance(linked)), (Some(20), None));
    assert!(WARM_UP.is_sorted());
}

#[test]
fn what_is_over_the_days_allowance_waits_for_midnight_and_replies_go_on() {
    let now = at("2026-09-21T10:00:00Z");
    let warm = Pace { warm_since: Some(now), zone: parse_time_zone("Asia/Jakarta").unwrap(), ..pace() };
    assert_eq!(warm.first_waits(now, 19, Chat::default()), None);
    let wait = Some(Wait { until: at("2026-09-21T17:00:00Z"), why: Why::WarmUp });
    assert_eq!(warm.first_waits(now, 20, Chat::default()), wait);
    assert_eq!(warm.first_waits(now, 20, wrote(now - DAY_MS)), wait);
    assert_eq!(warm.first_waits(now, 20, wrote(now - DAY_MS + 1)), None);
    // A message that was counted already is not counted again.
    assert_eq!(warm.waits(now, Chat::default()), None);
    let both = Pace { quiet: quiet("16:00", "18:00", "UTC").quiet, ..warm };
    assert_eq!(both.first_waits(now, 20, Chat::default()), wait);
}

#[test]
fn a_day_begins_when_the_clock_passes_midnight_even_where_it_skips_it() {
    // In Cairo 2026-04-24 begins at 01:00: the clock jumps over midnight, at 22:00Z.
    let cairo = Pace { zone: parse_time_zone("Africa/Cairo").unwrap(), ..pace() };
    assert_eq!(cairo.next_midnight(at("2026-04-23T12:00:00Z")), at("2026-04-23T22:00:00Z"));
    assert_eq!(cairo.next_midnight(at("2026-04-24T12:00:00Z")), at("2026-04-24T21:00:00Z"));
    for zone in ["Africa/Cairo", "America/Havana", "America/Santiago", "Asia/Beirut", "UTC"] {
        let pace = Pace { zone: parse_time_zone(zone).unwrap(), ..pace() };
        let mut now = at("2026-01-01T12:00:00Z");
        for _ in 0..365 {
            let next = pace.next_midnight(now);
            assert_eq!((pace.day(next), pace.day(next - 1)), (pace.day(now) + 1, pace.day(now)), "{zone} {now}");
            now = next;
        }
    }
}

#[test]
fn rest_towards_strangers_doubles_while_refusals_repeat_within_a_day_of_its_end() {
    let mut now = at("2026-09-21T10:00:00Z");
    let mut rest = Rest::default();
    assert_eq!(rest.waits(now), None);
    for hours in [1, 2, 4, 8, 16, 24, 24] {
        rest = rest.refused(now);
        assert_eq!((rest.since, rest.until), (now, now + hours * HOUR_MS));
        assert_eq!(rest.waits(now), Some(Wait { until: rest.until, why: Why::Strangers }));
        // One more that was under way changes nothing.
        assert_eq!(rest.refused(rest.until - 1), rest);
        assert_eq!(rest.waits(rest.until), None);
        now = rest.until + DAY_MS - 1;
    }
    now = rest.until + DAY_MS;
    assert_eq!(rest.refused(now).until, now + HOUR_MS);
}

#[test]
fn a_pace_that_was_too_fast_halves_each_time_and_is_itself_again_after_a_while() {
    let mut now = at("2026-09-21T10:00:00Z");
    let mut slow = Slow::default();
    assert_eq!(slow.next_slot(now, 7), None);
    for seconds in [2, 4, 8, 16, 32, 64, 120, 120] {
        slow = slow.told(now, 0, 0);
        assert_eq!((slow.gap_ms, slow.until), (seconds * 1_000, now + limits::SLOW_MS));
        // A burst that was under way is one word, however often it is said.
        assert_eq!(slow.told(now + slow.gap_ms - 1, 0, 0), slow);
        for random in [0, 1, 999, u64::MAX] {
            let slot = slow.next_slot(now, random).unwrap() - now;
            assert!((slow.gap_ms..=slow.gap_ms * 3 / 2).contains(&slot), "{slot}");
        }
        assert_eq!((slow.next_slot(slow.until - 1, 0).is_some(), slow.next_slot(slow.until, 0)), (true, None));
        now = slow.until + limits::SLOW_MS - 1;
    }
    now = slow.until + limits::SLOW_MS;
    assert_eq!(slow.told(now, 0, 0).gap_ms, limits::SLOW_GAP_MS_MIN);
}

#[test]
fn a_slow_pace_is_slower_than_the_devices_own_and_waits_as_long_as_whatsapp_says() {
    for (own_gap_ms, wait_ms, gap_ms) in [
        (0, 0, 2_000),
        (3_000, 0, 6_000),
        (0, 30_000, 30_000),
        (limits::GAP_MS_MAX, 0, 120_000),
        (0, Millis::MAX, 120_000),
    ] {
        assert_eq!(Slow::default().told(1, own_gap_ms, wait_ms).gap_ms, gap_ms);
    }
}
