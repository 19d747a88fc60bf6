//! Files as phones and programs make them, for tests of what is found out of them: small ones, made here. The one voice note that
//! is not is two seconds that an encoder made: a tone, half a second of silence, and the tone half as loud.

#![allow(dead_code, reason = "each suite uses some of them")]

/// One pixel, and something behind it that is no part of the picture.
pub const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\xdacd\
    \xf8\xcfP\x0f\0\x03\x86\x01\x80Z4}k\0\0\0\0IEND\xaeB`\x82\
    \x20and the rest of a picture";

/// The left half black, the right half white.
fn halves(width: u32, height: u32, black: &[u8], white: &[u8]) -> Vec<u8> {
    let row = (0..width).flat_map(|x| if x < width.div_ceil(2) { black } else { white }).copied().collect::<Vec<u8>>();
    row.repeat(height as usize)
}

pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a head");
    writer.write_image_data(&halves(width, height, &[0; 3], &[255; 3])).expect("pixels");
    writer.finish().expect("an end");
    bytes
}

pub fn jpeg(width: u16, height: u16) -> Vec<u8> {
    turned_jpeg(width, height, 1)
}

/// With an orientation of EXIF, 1 to 8.
pub fn turned_jpeg(width: u16, height: u16, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    let tiff = [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[orientation, 0, 0, 0, 0, 0, 0]].concat();
    encoder.add_exif_metadata(&tiff).expect("room");
    let pixels = halves(width.into(), height.into(), &[0; 3], &[255; 3]);
    encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb).expect("a picture");
    bytes
}

pub fn webp(width: u32, height: u32) -> Vec<u8> {
    let pixels = halves(width, height, &[0; 3], &[255; 3]);
    encoded_webp(&pixels, width, height, image_webp::ColorType::Rgb8)
}

/// The left half transparent.
pub fn clear_webp(width: u32, height: u32) -> Vec<u8> {
    let pixels = halves(width, height, &[0; 4], &[255; 4]);
    encoded_webp(&pixels, width, height, image_webp::ColorType::Rgba8)
}

fn encoded_webp(pixels: &[u8], width: u32, height: u32, colours: image_webp::ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    image_webp::WebPEncoder::new(&mut bytes).encode(pixels, width, height, colours).expect("a picture");
    bytes
}

/// Two frames.
pub fn moving_webp(width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let size = [side(width), side(height)].concat();
    let frame = [&[0; 6][..], &size, &[100, 0, 0, 0], &webp(width, height)[12..]].concat();
    let frames = riff_chunk(b"ANMF", &frame).repeat(2);
    let head = riff_chunk(b"VP8X", &[&[0x02, 0, 0, 0][..], &size].concat());
    let body = [&b"WEBP"[..], &head, &riff_chunk(b"ANIM", &[0; 6]), &frames].concat();
    riff_chunk(b"RIFF", &body)
}

fn riff_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [name, &u32::try_from(data.len()).expect("few").to_le_bytes()[..], data, padding].concat()
}

/// A few bytes that claim to have four thousand million pixels.
pub fn png_bomb() -> Vec<u8> {
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0\0\0\0\0\0\0\0\0IDAT\0\0\0\0".to_vec()
}

pub fn jpeg_bomb() -> Vec<u8> {
    b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xd9".to_vec()
}

/// Its canvas is small and its frame is not.
pub fn webp_bomb() -> Vec<u8> {
    let head = riff_chunk(b"VP8X", &[0, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
    let frame = riff_chunk(b"VP8 ", b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f\0\0\0\0");
    riff_chunk(b"RIFF", &[&b"WEBP"[..], &head, &frame].concat())
}

fn mp4_box(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&u32::try_from(data.len() + 8).expect("few").to_be_bytes()[..], name, data].concat()
}

/// A movie of so many milliseconds; `tracks` are their handlers and matrices.
fn movie(brand: &[u8; 4], duration_ms: u32, tracks: &[(&[u8; 4], [u32; 4])], more: &[u8]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let mvhd = mp4_box(b"mvhd", &[words(&[0, 0, 0, 1_000, duration_ms]), vec![0; 80]].concat());
    let tracks: Vec<u8> = tracks
        .iter()
        .flat_map(|(handler, [a, b, c, d])| {
            let matrix = words(&[*a, *b, 0, *c, *d, 0, 0, 0, 0x4000_0000]);
            let tkhd = mp4_box(b"tkhd", &[vec![0; 40], matrix, words(&[640 << 16, 360 << 16])].concat());
            let hdlr = mp4_box(b"hdlr", &[&[0; 8][..], *handler, &[0; 12]].concat());
            mp4_box(b"trak", &[tkhd, mp4_box(b"mdia", &hdlr)].concat())
        })
        .collect();
    let ftyp = mp4_box(b"ftyp", &[&brand[..], &[0; 4], brand].concat());
    [ftyp, mp4_box(b"mdat", &[0; 100]), mp4_box(b"moov", &[mvhd, tracks, more.to_vec()].concat())].concat()
}

const UPRIGHT: [u32; 4] = [0x1_0000, 0, 0, 0x1_0000];

/// 12.5 seconds of 640 by 360.
pub fn mp4() -> Vec<u8> {
    movie(b"mp42", 12_500, &[(b"soun", UPRIGHT), (b"vide", UPRIGHT)], &[])
}

/// Held upright while it was filmed.
pub fn turned_mp4() -> Vec<u8> {
    movie(b"mp42", 12_500, &[(b"vide", [0, 0x1_0000, 0xffff_0000, 0])], &[])
}

/// Seven seconds in fragments.
pub fn fragmented_mp4() -> Vec<u8> {
    let mehd = mp4_box(b"mehd", &[[0; 4], 7_000_u32.to_be_bytes()].concat());
    movie(b"mp42", 0, &[(b"vide", UPRIGHT)], &mp4_box(b"mvex", &mehd))
}

/// Three seconds of sound.
pub fn m4a() -> Vec<u8> {
    movie(b"M4A ", 3_000, &[(b"soun", UPRIGHT)], &[])
}

/// Three seconds of sound in a file that calls itself a video.
pub fn sound_in_mp4() -> Vec<u8> {
    movie(b"mp42", 3_000, &[(b"soun", UPRIGHT)], &[])
}

/// A hundred frames of 128 kbit/s: 2.6 seconds.
pub fn mp3() -> Vec<u8> {
    let mut frame = b"\xff\xfb\x90\x64".to_vec();
    frame.resize(417, 0);
    frame.repeat(100)
}

/// The first frame says that there are a thousand.
pub fn xing_mp3() -> Vec<u8> {
    let mut bytes = mp3();
    bytes[36..48].copy_from_slice(b"Xing\0\0\0\x01\0\0\x03\xe8");
    bytes
}

/// Ten frames at 16,000: 640 milliseconds.
pub fn aac() -> Vec<u8> {
    let frame = [&[0xff, 0xf1, 0x60, 0x40, 20 >> 3, (20 & 7) << 5 | 0x1f, 0xfc][..], &[0; 13]].concat();
    frame.repeat(10)
}

/// A second.
pub fn amr() -> Vec<u8> {
    let mut frame = vec![0x3c];
    frame.resize(32, 0);
    [&b"#!AMR\n"[..], &frame.repeat(50)].concat()
}

/// A second and a half.
pub fn wav() -> Vec<u8> {
    let format = [&[1, 0, 1, 0][..], &8_000_u32.to_le_bytes(), &8_000_u32.to_le_bytes(), &[1, 0, 8, 0]].concat();
    let body = [&b"WAVE"[..], &riff_chunk(b"fmt ", &format), &riff_chunk(b"data", &[128; 12_000])].concat();
    riff_chunk(b"RIFF", &body)
}

/// Four seconds, by its head.
pub fn flac() -> Vec<u8> {
    let packed = 48_000_u64 << 44 | 15 << 36 | 192_000;
    [&b"fLaC\x80\0\0\x22"[..], &[0; 10], &packed.to_be_bytes(), &[0; 16]].concat()
}

/// A voice note of two seconds.
pub fn opus() -> Vec<u8> {
    include_bytes!("files/voice.ogg").to_vec()
}

/// A voice note of these packets of twenty milliseconds, on a page each.
pub fn ogg(packets: &[Vec<u8>]) -> Vec<u8> {
    let page = |granule: u64, packet: &[u8]| {
        let mut lacing = vec![255; packet.len() / 255];
        lacing.push(u8::try_from(packet.len() % 255).expect("a byte"));
        let head =
            [&b"OggS\0\0"[..], &granule.to_le_bytes(), &[0; 12], &[u8::try_from(lacing.len()).expect("few")]].concat();
        [&head[..], &lacing, packet].concat()
    };
    let mut bytes = page(0, b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0");
    bytes.extend(page(0, b"OpusTags\0\0\0\0\0\0\0\0"));
    for (at, packet) in packets.iter().enumerate() {
        bytes.extend(page((at as u64 + 1) * 960, packet));
    }
    bytes
}
