//! Which part of a file a request asks for (RFC 9110, section 14). Players of sound and video ask for parts. Pure; called by
//! the links to files.

use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Everything: there is no header, or one that may be passed over (another unit, several parts at once, no sense).
    Whole,
    Part(Range<u64>),
    /// A part that the file does not have.
    Beyond,
}

/// What is asked for of a file of `length` bytes.
pub fn asked(header: &str, length: u64) -> Asked {
    let Some((unit, ranges)) = header.split_once('=') else { return Asked::Whole };
    let mut ranges = ranges.split(',').map(str::trim).filter(|range| !range.is_empty());
    match (unit.trim().eq_ignore_ascii_case("bytes"), ranges.next(), ranges.next()) {
        (true, Some(range), None) => part(range, length).unwrap_or(Asked::Whole),
        _ => Asked::Whole,
    }
}

/// `first-last`, `first-` or `-count`; `None` where it is none of them.
fn part(range: &str, length: u64) -> Option<Asked> {
    let (first, last) = range.split_once('-')?;
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..length.min(last.saturating_add(1)),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(count)) if first.is_empty() => length.saturating_sub(count)..length,
        _ => return None,
    };
    Some(if part.is_empty() { Asked::Beyond } else { Asked::Part(part) })
}

/// Digits alone; what no file is as long as counts as the longest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_part_is_given_and_everything_else_is_the_whole() {
        for (header, wanted) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=0-9", Asked::Part(0..10)),
            ("bytes=2-4", Asked::Part(2..5)),
            ("Bytes= 2-4 ,", Asked::Part(2..5)),
            ("bytes=9-99999999999999999999999", Asked::Part(9..10)),
            ("bytes=0-", Asked::Part(0..10)),
            ("bytes=9-", Asked::Part(9..10)),
            ("bytes=-1", Asked::Part(9..10)),
            ("bytes=-99999999999999999999999", Asked::Part(0..10)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=10-12", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=99999999999999999999999-", Asked::Beyond),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=4-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("bytes", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=1 - 2", Asked::Whole),
            ("bytes=--1", Asked::Whole),
            ("bytes=1-2-3", Asked::Whole),
            ("items=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(asked(header, 10), wanted, "{header}");
        }
        for header in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(asked(header, 0), Asked::Beyond, "an empty file has no part: {header}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_within_its_file(header in "(bytes=)?[-0-9, ]{0,30}|\\PC*", length in any::<u64>()) {
            if let Asked::Part(part) = asked(&header, length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
