//! What a voice note looks like in its bubble: how loud each part of it is, as phones draw it. The sound is decoded, of a long
//! one a stretch of each part.

use opus_decoder::OpusDecoder;

use super::ogg;
use crate::limits;

/// As many samples as phones show, 0 to 100.
const PARTS: usize = 64;
/// The lowest rate there is: loudness needs no treble.
const RATE: u32 = 8_000;
/// The first packets after a gap are not what was spoken yet: the decoder finds its way back.
const SETTLING: usize = 2;

/// The loudness of Opus in Ogg, the loudest part as 100. `None` where it cannot be decoded.
pub fn of_opus(bytes: &[u8]) -> Option<Vec<u8>> {
    let count = ogg::packets(bytes).count();
    let mut decoder = OpusDecoder::new(RATE, 1).ok()?;
    let mut pcm = vec![0; decoder.max_frame_size_per_channel().max(RATE as usize / 8)];
    let mut parts = [(0_u64, 0_u64); PARTS];
    let most = limits::WAVEFORM_PACKETS_MAX / PARTS;
    let (mut part_before, mut at_in_part) = (usize::MAX, 0);
    for (at, packet) in ogg::packets(bytes).enumerate() {
        let part = at * PARTS / count.max(1);
        at_in_part = if part == part_before { at_in_part + 1 } else { 0 };
        part_before = part;
        if at_in_part >= most {
            continue;
        }
        // A packet that cannot be decoded is a gap.
        let Ok(samples) = decoder.decode(&packet, &mut pcm, false) else { continue };
        let was_gap = count > limits::WAVEFORM_PACKETS_MAX && at_in_part < SETTLING;
        let pcm = if was_gap { &[] } else { pcm.get(..samples).unwrap_or_default() };
        let (sum, samples) = &mut parts[part.min(PARTS - 1)];
        *sum += pcm.iter().map(|sample| u64::from(sample.unsigned_abs())).sum::<u64>();
        *samples += pcm.len() as u64;
    }
    draw(parts)
}

/// A part without a packet, of a very short note, is as loud as the one before.
fn draw(parts: [(u64, u64); PARTS]) -> Option<Vec<u8>> {
    let mut before = 0;
    let means: Vec<u64> = parts
        .iter()
        .map(|(sum, samples)| {
            before = sum.checked_div(*samples).unwrap_or(before);
            before
        })
        .collect();
    let loudest = *means.iter().max()?;
    if parts.iter().all(|(_, samples)| *samples == 0) {
        return None;
    }
    Some(means.iter().map(|mean| u8::try_from(mean * 100 / loudest.max(1)).unwrap_or(100)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::preview::samples;

    #[test]
    fn a_waveform_is_as_loud_as_what_was_spoken() {
        // A second of a tone, half a second of silence, half a second of a tone half as loud.
        let waveform = of_opus(&samples::opus()).expect("a waveform");
        assert_eq!(waveform.len(), PARTS);
        let mean = |part: &[u8]| part.iter().map(|one| u32::from(*one)).sum::<u32>() / part.len() as u32;
        let (loud, silent, half) = (mean(&waveform[4..28]), mean(&waveform[36..46]), mean(&waveform[52..62]));
        assert!(loud > 70 && silent < 10 && (25..75).contains(&half), "{waveform:?}");
    }

    #[test]
    fn a_note_that_cannot_be_decoded_has_none_and_a_long_one_costs_no_more() {
        assert_eq!(of_opus(b"OggS"), None);
        let broken = samples::ogg(&vec![vec![0xff; 3]; 10]);
        assert_eq!(of_opus(&broken), None);
        let packet = ogg::packets(&samples::opus()).nth(10).expect("a packet");
        let long = samples::ogg(&vec![packet; 20_000]);
        assert_eq!(of_opus(&long).expect("a waveform").len(), PARTS);
    }
}
