//! Sound in Ogg (RFC 3533): its packets, and how long it plays. Opus (RFC 7845) and Vorbis are told apart by their first packet.

/// What a page says, and where its parts are.
struct Page<'a> {
    granule: u64,
    serial: u32,
    lacing: &'a [u8],
    body: &'a [u8],
}

/// The packets of the first stream, without its two heads; one that was cut off is left out.
pub fn packets(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let serial = pages(bytes).next().map(|page| page.serial);
    let mut packet = Vec::new();
    pages(bytes)
        .filter(move |page| Some(page.serial) == serial)
        .flat_map(move |page| {
            let (mut done, mut at) = (Vec::new(), 0);
            for length in page.lacing {
                let part = usize::from(*length);
                packet.extend_from_slice(page.body.get(at..at + part).unwrap_or_default());
                at += part;
                // A part of full length goes on in the next.
                if part < 255 {
                    done.push(std::mem::take(&mut packet));
                }
            }
            done
        })
        .skip(2)
}

/// How long it plays, by the last page's position.
pub fn duration_ms(bytes: &[u8]) -> Option<u64> {
    let first = pages(bytes).next()?;
    let (rate, skipped) = match first.body {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => {
            (48_000, u64::from(u16::from_le_bytes(first.body.get(10..12)?.try_into().ok()?)))
        }
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => {
            (u64::from(u32::from_le_bytes(first.body.get(12..16)?.try_into().ok()?)), 0)
        }
        _ => return None,
    };
    // All ones stand on a page on which no packet ends.
    let last = pages(bytes).filter(|page| page.serial == first.serial && page.granule != u64::MAX).last()?;
    last.granule.saturating_sub(skipped).checked_mul(1_000)?.checked_div(rate).filter(|length| *length > 0)
}

fn pages(mut rest: &[u8]) -> impl Iterator<Item = Page<'_>> {
    std::iter::from_fn(move || {
        if rest.get(..4)? != b"OggS" {
            return None;
        }
        let granule = u64::from_le_bytes(rest.get(6..14)?.try_into().ok()?);
        let serial = u32::from_le_bytes(rest.get(14..18)?.try_into().ok()?);
        let lacing = rest.get(27..27 + usize::from(*rest.get(26)?))?;
        let from = 27 + lacing.len();
        let length: usize = lacing.iter().map(|part| usize::from(*part)).sum();
        let body = rest.get(from..(from + length).min(rest.len()))?;
        rest = rest.get(from + length..).unwrap_or_default();
        Some(Page { granule, serial, lacing, body })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::preview::samples;

    #[test]
    fn a_sounds_length_stands_on_its_last_page() {
        assert_eq!(duration_ms(&samples::opus()), Some(2_000));
        assert_eq!(packets(&samples::opus()).count(), 100);
        assert_eq!(duration_ms(b"OggS"), None);
        assert_eq!(packets(b"nothing").count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let page = [&b"OggS"[..], &bytes].concat();
            let _ = (duration_ms(&page), packets(&page).count());
        }
    }
}
