//! Pictures decoded: the small one that a recipient sees before the file is loaded, and a picture made of a WebP. Takes time
//! and memory, both bounded by [`limits::IMAGE_PIXELS_MAX`]; called in a thread of its own, one picture at a time.

use std::io::Cursor;

use jpeg_encoder::{ColorType, Encoder};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::image::{self, End, Size};
use crate::limits;

const THUMBNAIL_QUALITY: u8 = 60;
const PICTURE_QUALITY: u8 = 90;
const WHITE: u32 = 255;
/// Of the frames of a sticker that moves: more than five hundred of the largest.
const FRAMES_PIXELS_MAX: u64 = 4 * limits::IMAGE_PIXELS_MAX;

/// The last chunk of every PNG.
const PNG_END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

/// Decoded pixels, as stored.
struct Pixels {
    size: Size,
    /// 1 grey, 2 grey and opacity, 3 colours, 4 colours and opacity.
    channels: usize,
    bytes: Vec<u8>,
}

/// A picture that was made of another.
pub struct Picture {
    pub bytes: Vec<u8>,
    pub mime: &'static str,
    pub ending: &'static str,
}

/// A small JPEG of a picture, the right way up; none where not all of it can be decoded, or it is too large for that.
pub fn thumbnail(bytes: &[u8]) -> Option<Vec<u8>> {
    let pixels = decode(bytes)?;
    let (width, height, colours) = shrink(&pixels);
    jpeg(&colours, width, height, THUMBNAIL_QUALITY)
}

/// Whether a JPEG or PNG of which no small picture can be made is broken or not complete. Of one that is too large to be decoded here, or
/// of a rare kind, nobody can say that.
pub fn is_broken(bytes: &[u8]) -> bool {
    image::size(bytes).is_none_or(|size| size.pixels <= limits::IMAGE_PIXELS_MAX && !size.is_rare)
}

/// A PNG of a WebP that has opacity, a JPEG of any other; of one that moves, its first frame. None of one that is not whole.
pub fn picture(webp: &[u8]) -> Option<Picture> {
    let pixels = decode(webp).filter(|_| is_complete(webp))?;
    if pixels.size.is_animated {
        frames(webp)?;
    }
    let (width, height) = (pixels.size.width, pixels.size.height);
    let is_opaque =
        pixels.channels % 2 == 1 || pixels.bytes.chunks_exact(pixels.channels).all(|pixel| pixel.last() == Some(&255));
    if !is_opaque
        && let Some(bytes) = png(&turned::<4>(&pixels, |pixel| pixel.try_into().unwrap_or_default()), width, height)
        && bytes.len() <= limits::MEDIA_BYTES_MAX
    {
        return Some(Picture { bytes, mime: "image/png", ending: "png" });
    }
    let colours = turned(&pixels, |pixel| on_white(pixel).map(|colour| u8::try_from(colour).unwrap_or(u8::MAX)));
    let bytes = jpeg(&colours, width, height, PICTURE_QUALITY)?;
    (bytes.len() <= limits::MEDIA_BYTES_MAX).then_some(Picture { bytes, mime: "image/jpeg", ending: "jpg" })
}

/// Whether a WebP is complete and can be decoded: of one that moves every frame, up to [`FRAMES_PIXELS_MAX`].
pub fn is_whole_webp(bytes: &[u8]) -> bool {
    let size = image::size(bytes).filter(|size| size.pixels <= limits::IMAGE_PIXELS_MAX);
    let decoded = |size: Size| if size.is_animated { frames(bytes) } else { decode_webp(bytes) };
    is_complete(bytes) && size.and_then(decoded).is_some()
}

/// Whether a WebP has as many bytes as it says.
fn is_complete(webp: &[u8]) -> bool {
    let declared = webp.get(4..8).and_then(|length| Some(u32::from_le_bytes(length.try_into().ok()?)));
    declared.is_some_and(|length| u64::from(length) + 8 <= webp.len() as u64)
}

/// The last frame of a WebP that moves, or the last that is looked at; `None` where one cannot be decoded.
fn frames(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).ok()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let most = u32::try_from(FRAMES_PIXELS_MAX / pixels.max(1)).unwrap_or(u32::MAX);
    let mut frame = vec![0; decoder.output_buffer_size()?];
    for _ in 0..decoder.num_frames().min(most) {
        decoder.read_frame(&mut frame).ok()?;
    }
    Some(frame)
}

/// Nothing is decoded of which the head claims too much.
fn decode(bytes: &[u8]) -> Option<Pixels> {
    let size = image::size(bytes).filter(|size| size.pixels <= limits::IMAGE_PIXELS_MAX)?;
    let decoded = match bytes {
        [0xff, 0xd8, ..] => decode_jpeg(bytes, size),
        [0x89, ..] => decode_png(bytes),
        _ => decode_webp(bytes),
    }?;
    let pixels = (size.stored.0 as usize).checked_mul(size.stored.1 as usize)?;
    let channels = decoded.len() / pixels;
    let is_whole = (1..=4).contains(&channels) && decoded.len() == pixels * channels;
    is_whole.then_some(Pixels { size, channels, bytes: decoded })
}

fn decode_jpeg(bytes: &[u8], size: Size) -> Option<Vec<u8>> {
    // A second frame's head may not claim more than the first.
    let options = DecoderOptions::new_safe()
        .set_max_width(size.stored.0 as usize)
        .set_max_height(size.stored.1 as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let pixels = JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().ok()?;
    // Some programs leave out the end alone. What else is missing the decoder fills up with grey, unless it is told not to.
    match image::end_of(bytes) {
        End::Marked => {}
        End::Unmarked => {
            JpegDecoder::new_with_options(ZCursor::new(bytes), options.set_strict_mode(true)).decode().ok()?;
        }
        End::Missing => return None,
    }
    Some(pixels)
}

fn decode_png(bytes: &[u8]) -> Option<Vec<u8>> {
    // Without the mark of its end alone nothing is missing.
    decode_ended_png(bytes).or_else(|| decode_ended_png(&[bytes, PNG_END].concat()))
}

fn decode_ended_png(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut pixels).ok()?;
    pixels.truncate(frame.buffer_size());
    Some(pixels)
}

fn decode_webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits::IMAGE_PIXELS_MAX {
        return None;
    }
    let mut pixels = vec![0; decoder.output_buffer_size()?];
    decoder.read_image(&mut pixels).ok()?;
    Some(pixels)
}

/// A pixel's colours; what shows through it is white.
fn on_white(pixel: &[u8]) -> [u32; 3] {
    let whole = |at: usize| u32::from(pixel[at]);
    let over = |colour: u32, opacity: u32| (colour * opacity + WHITE * (255 - opacity)) / 255;
    match pixel.len() {
        1 => [whole(0); 3],
        2 => [over(whole(0), whole(1)); 3],
        3 => [whole(0), whole(1), whole(2)],
        _ => [0, 1, 2].map(|at| over(whole(at), whole(3))),
    }
}

/// Each pixel of the small picture is the mean of those that it stands for.
fn shrink(pixels: &Pixels) -> (u32, u32, Vec<u8>) {
    let Size { width, height, stored, orientation, .. } = pixels.size;
    let longest = width.max(height);
    let side = |side: u32| {
        if longest <= limits::THUMBNAIL_SIDE { side } else { (side * limits::THUMBNAIL_SIDE / longest).max(1) }
    };
    let (small_width, small_height) = (side(width), side(height));
    let (wide, high) = (small_width as usize, small_height as usize);
    let shown = (width as usize, height as usize);
    let mut sums = vec![[0_u64; 4]; wide * high];
    for (at, pixel) in pixels.bytes.chunks_exact(pixels.channels).enumerate() {
        let (x, y) = orientation.place((at % stored.0 as usize, at / stored.0 as usize), shown);
        let sum = &mut sums[(y * high / shown.1) * wide + x * wide / shown.0];
        for (sum, colour) in sum.iter_mut().zip(on_white(pixel)) {
            *sum += u64::from(colour);
        }
        sum[3] += 1;
    }
    let mean = |[red, green, blue, count]: [u64; 4]| {
        [red, green, blue].map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX))
    };
    (small_width, small_height, sums.into_iter().flat_map(mean).collect())
}

/// All pixels the right way up, each made of its own.
fn turned<const N: usize>(pixels: &Pixels, make: impl Fn(&[u8]) -> [u8; N]) -> Vec<u8> {
    let Size { width, height, stored, orientation, .. } = pixels.size;
    let mut made = vec![0; width as usize * height as usize * N];
    for (at, pixel) in pixels.bytes.chunks_exact(pixels.channels).enumerate() {
        let place = (at % stored.0 as usize, at / stored.0 as usize);
        let (x, y) = orientation.place(place, (width as usize, height as usize));
        let to = (y * width as usize + x) * N;
        made[to..to + N].copy_from_slice(&make(pixel));
    }
    made
}

fn jpeg(colours: &[u8], width: u32, height: u32, quality: u8) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    Encoder::new(&mut bytes, quality).encode(colours, width, height, ColorType::Rgb).ok()?;
    Some(bytes)
}

fn png(pixels: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::preview::samples;

    /// The colours of a decoded picture's upper left and lower right corner.
    fn corners(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let pixels = decode(bytes).expect("a picture");
        let size = pixels.channels;
        (pixels.bytes[..size].to_vec(), pixels.bytes[pixels.bytes.len() - size..].to_vec())
    }

    #[test]
    fn every_format_has_a_small_picture_of_the_same_shape() {
        for (name, bytes, wanted) in [
            ("png", samples::png(400, 200), (96, 48)),
            ("jpeg", samples::jpeg(400, 200), (96, 48)),
            ("turned", samples::turned_jpeg(400, 200, 6), (48, 96)),
            ("webp", samples::webp(400, 200), (96, 48)),
            ("small", samples::png(3, 5), (3, 5)),
            ("long", samples::png(2_000, 1), (96, 1)),
        ] {
            let small = thumbnail(&bytes).expect(name);
            let size = image::size(&small).expect("a JPEG");
            assert_eq!((size.width, size.height), wanted, "{name}");
            assert!(small.len() < 8_000, "{name}: {}", small.len());
        }
    }

    #[test]
    fn a_photograph_stands_up_in_its_small_picture() {
        // The left half is black, the right one white: turned by a quarter to the right, the upper half is black.
        let (first, last) = corners(&thumbnail(&samples::turned_jpeg(64, 64, 6)).expect("a small picture"));
        assert!(first[0] < 40 && last[0] > 215, "{first:?} {last:?}");
        let (first, last) = corners(&thumbnail(&samples::turned_jpeg(64, 64, 3)).expect("a small picture"));
        assert!(first[0] > 215 && last[0] < 40, "{first:?} {last:?}");
    }

    #[test]
    fn a_webp_becomes_a_jpeg_or_a_png_where_it_is_transparent() {
        for (bytes, mime) in [
            (samples::webp(20, 10), "image/jpeg"),
            (samples::clear_webp(20, 10), "image/png"),
            (samples::moving_webp(20, 10), "image/jpeg"),
        ] {
            let picture = picture(&bytes).expect("a picture");
            assert_eq!(picture.mime, mime);
            let size = image::size(&picture.bytes).expect("a picture");
            assert_eq!((size.width, size.height), (20, 10));
        }
        let clear = picture(&samples::clear_webp(20, 10)).expect("a picture");
        assert_eq!(corners(&clear.bytes).0[3], 0, "what was transparent stays so");
    }

    #[test]
    fn a_webp_that_ends_too_soon_or_is_broken_inside_is_not_whole() {
        for whole in [samples::webp(40, 30), samples::clear_webp(40, 30), samples::moving_webp(40, 30)] {
            assert!(is_whole_webp(&whole));
            assert!(is_whole_webp(&[&whole[..], b"\0\0"].concat()), "what stands behind it is no part of it");
            for length in 0..whole.len() {
                assert!(!is_whole_webp(&whole[..length]), "{length} of {}", whole.len());
                // One whose head says that it is complete.
                let mut cut = whole[..length].to_vec();
                // The last byte may be there only to make the length even; one that moves is whole with fewer frames too.
                let moves = image::size(&whole).is_some_and(|size| size.is_animated);
                if !moves && (12..whole.len() - 1).contains(&length) {
                    let declared = u32::try_from(length - 8).unwrap();
                    cut[4..8].copy_from_slice(&declared.to_le_bytes());
                    assert!(!is_whole_webp(&cut), "{length} of {}, as if it were all", whole.len());
                }
            }
        }
        assert!(!is_whole_webp(&samples::webp_bomb()) && !is_whole_webp(b"RIFF\0\0\0\0WEBP"));
    }

    /// JPEGs as encoders make them.
    fn jpegs() -> Vec<(&'static str, Vec<u8>)> {
        let noise = |bytes: usize| (0..bytes).map(|at| u8::try_from(at * at / 7 % 256).unwrap()).collect::<Vec<u8>>();
        let (width, height) = (120_u16, 90_u16);
        let pixels = usize::from(width) * usize::from(height);
        let encoded = |colours: ColorType, set: fn(&mut Encoder<&mut Vec<u8>>)| {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, 80);
            set(&mut encoder);
            let channels = match colours {
                ColorType::Luma => 1,
                ColorType::Rgb => 3,
                _ => 4,
            };
            encoder.encode(&noise(pixels * channels), width, height, colours).expect("a picture");
            bytes
        };
        vec![
            ("baseline", encoded(ColorType::Rgb, |_| ())),
            ("grey", encoded(ColorType::Luma, |_| ())),
            ("print", encoded(ColorType::Cmyk, |_| ())),
            ("print, as JPEG has it", encoded(ColorType::CmykAsYcck, |_| ())),
            ("progressive", encoded(ColorType::Rgb, |encoder| encoder.set_progressive(true))),
            ("restarts", encoded(ColorType::Rgb, |encoder| encoder.set_restart_interval(4))),
            (
                "fewer colours",
                encoded(ColorType::Rgb, |encoder| encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2)),
            ),
            (
                "narrow",
                encoded(ColorType::Rgb, |encoder| encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_4_1)),
            ),
            ("own tables", encoded(ColorType::Rgb, |encoder| encoder.set_optimized_huffman_tables(true))),
        ]
    }

    #[test]
    fn a_whole_picture_is_never_said_to_be_broken() {
        let exotic = [("png", samples::png(40, 30)), ("turned", samples::turned_jpeg(40, 30, 6))];
        for (name, bytes) in jpegs().into_iter().chain(exotic) {
            let is_whole = |bytes: &[u8]| thumbnail(bytes).is_some() || !is_broken(bytes);
            assert!(is_whole(&bytes), "{name}");
            assert!(is_whole(&[&bytes[..], b"\0\0and more"].concat()), "{name}, with something behind it");
            if bytes.starts_with(b"\xff\xd8") {
                let junk = [&bytes[..2], b"\0\0", &bytes[2..]].concat();
                assert!(is_whole(&junk), "{name}, with something between its parts");
                // Of one with several scans nobody can tell whether one is missing.
                if !["progressive", "own tables", "narrow"].contains(&name) {
                    assert!(is_whole(&bytes[..bytes.len() - 2]), "{name}, without the mark of its end");
                }
            } else {
                assert!(is_whole(&bytes[..bytes.len() - 12]), "{name}, without the mark of its end");
            }
        }
        for unknown in [samples::png_bomb(), samples::jpeg_bomb()] {
            assert!(!is_broken(&unknown), "nobody can say so of what is too large");
        }
    }

    #[test]
    fn a_picture_that_was_cut_off_or_is_none_is_broken() {
        let is_shown = |bytes: &[u8]| thumbnail(bytes).is_some() || !is_broken(bytes);
        for (name, bytes) in jpegs().into_iter().chain([("png", samples::png(400, 300))]) {
            let cut = |part: usize| &bytes[..(bytes.len() * part / 100).max(3)];
            // Where only some of the last rows are missing, the decoder may not notice.
            let shown: Vec<usize> = (0..=80).filter(|part| is_shown(cut(*part))).collect();
            assert!(shown.is_empty(), "{shown:?} % of {name}");
        }
        let mut spoilt = samples::png(400, 300);
        let middle = spoilt.len() / 2;
        spoilt[middle] ^= 0x55;
        for bytes in [spoilt, b"\x89PNG\r\n\x1a\n and no picture".to_vec(), b"\xff\xd8\xff\xe0 and none".to_vec()] {
            assert!(!is_shown(&bytes), "{:?}", &bytes[..12]);
        }
    }

    #[test]
    fn a_picture_that_claims_too_much_or_is_broken_has_none() {
        let mut cut = samples::jpeg(400, 200);
        cut.truncate(30);
        for bytes in
            [samples::png_bomb(), samples::jpeg_bomb(), samples::webp_bomb(), cut, b"\x89PNG\r\n\x1a\nnone".to_vec()]
        {
            assert!(thumbnail(&bytes).is_none() && picture(&bytes).is_none());
        }
    }
}
