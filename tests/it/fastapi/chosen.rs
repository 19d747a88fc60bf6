//! Values chosen by hand, for every rule of every field.

/// Values that any field may be given.
#[rustfmt::skip]
pub const VALUES: &[&str] = &[
    "null", "true", "false", "0", "1", "2", "-1", "-0", "1.0", "0.0", "-0.0", "1.5", "0.9", "-0.9", "59.999", "1e3", "1E+3",
    "1e-3", "0.0001", "0.00001", "1e15", "1e16", "123456789012345678", "123456789012345680.0", "1.7976931348623157e308",
    "5e-324", "1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity", "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "628111111111", "628111111111.0", "2592000", "2592000.9", "2592001", "86400.0",
    r#""""#, r#"" ""#, r#""\n\t""#, r#""1""#, r#"" 1 ""#, r#""1_000""#, r#""_1""#, r#""1_""#, r#""1__0""#, r#""1.5""#, r#""1.0""#,
    r#""1e3""#, r#""0x10""#, r#""007""#, r#""0_7""#, r#""+5""#, r#""-5""#, r#""--5""#, r#""+ 5""#, r#""-0""#, r#""5 5""#,
    r#""99999999999999999999""#, r#""-99999999999999999999""#, r#""\u001c1""#, r#""\u00a01\u3000""#, r#""\u00851""#,
    r#""\u0661\u0662""#, r#""\uff11_\u0e52""#, r#""\ud835\udfd9""#, r#""\u00b2""#, r#""1\u0000""#, r#""\u0000""#, r#""NaN""#,
    r#""inf""#, r#""abc""#, r#""yes""#, r#""No""#, r#""ON""#, r#""oFf""#, r#""tRue""#, r#""FALSE""#, r#""t""#, r#""F""#, r#""y""#,
    r#""N""#, r#"" yes""#, r#""0""#, r#""2""#, r#""None""#, r#""null""#, r#""ye\u017f""#, r#""héé""#, r#""\u00e9😀""#, r#""\ud83d\ude00""#,
    r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\ud83dx\ude00""#, r#""\ud83d\u0041""#, r#""a\u0000b""#, r#""\u001f\u007f""#, r#""\/\b\f\"\\""#,
    "[]", "{}", "[1]", "[null]", r#"{"a":1}"#, r#"[[{"a":[{}]}]]"#, r#"{"destination":"628111111111"}"#,
];

#[rustfmt::skip]
pub const TEXTS: &[&str] = &[
    r"a\nb", r"a\\nb", r"\\\n", r"\\\\n", r"\r\t\x\N", r"\", r"\\", r"C:\dir\new", r"\u00e9\u00E9", r"\\u00e9", r"\u12", r"\u00g0", r"\u0000",
    r"\\u0000\n", r"\ud83d\ude00", r"\\ud83d\\ude00", r"\uD83D\\uDE00", r"\ud83d", r"\ude00", r"\ud83d\u0041", r"\ud83d\n", r"\ud83d\ud83d\ude00",
    r"\U0001F600", r"\\U0001f600", r"\U00110000", r"\U0000D800", r"\U00000000", r"\U1F600", r"\\\U0001F600", r"\uu00e9", r"\u００e9",
    "your message here.\\nGrinning face emoticon: \\\\U0001F600", "é\\", "\\é",
];

/// Of hosts beyond ASCII only such as IDNA 2003 (Python) and IDNA 2008 (the `url` crate, and so whoever connects) judge
/// alike; they differ on labels that mix the directions of writing.
#[rustfmt::skip]
pub const URLS: &[&str] = &[
    "http://a", "HTTPS://EXAMPLE.COM/A", " http://example.com/ ", "\u{1c}http://example.com\u{a0}", "http://", "http:///", "http:///a", "http:/a",
    "http:a", "http//a", "://a", "//a", "example.com", "example.com/a?b://c", "/a.png", "ftp://example.com", "file:///etc/passwd",
    "javascript:alert(1)", "data:image/png;base64,aGVsbG8=", "h://a", "1http://a", "ht-t+p.2://a", "http+x://a", "httpſ://a", "Kx://a", "hé://a",
    "http://a b", "http://exa mple.com/", "http://example.com/a b", "http://example.com/\ta", "http://example.com/a\n/b'c", "http://example.com/ \"'",
    "http://example.com/ \\é\u{ad}\u{301}\u{2028}\u{e000}😀\u{1f}\u{7f}\u{10ffff}\u{378}", "http://example.com/\u{85}x", "http://a:b@c", "http://a:b/@c",
    "http://user@example.com", "http://user:pass@example.com:8080/p?q=1#f", "http://u:p@q@example.com", "http://@example.com", "http://:@example.com",
    "http://:p@example.com", "http://a@", "http://a:@", "http://a@b@c:1", "http://u:p:q@example.com", "http://u/@example.com", "http://u?@example.com",
    "http://é:ü@example.com", "http://a:", "http://a:/", "http://a:0", "http://a:80x", "http://a:x80", "http://a:65535", "http://a:65536/",
    "http://a:99999999999999999999999", "http://a:-1", "http://a:٣", "http://a:1:2", "http://a:65536 b", "http://:80", "http://:80/", "http://?q",
    "http://#f", "http://a?q", "http://a#f", "http://a?q?r#f#g", "http://a#f g", "http://a/#?/", "http://a?#", "http://a/é?ü#ß", "http://a//b",
    "http://1.2.3.4", "http://1.2.3.4:80/", "http://999.999.999.999", "http://1.2.3", "http://1.2.3.4.5", "http://1.2.3.4a", "http://1234.1.1.1",
    "http://１.２.３.４", "http://0x7f.1", "http://2130706433/", "http://[::1]", "http://[::1]:80/", "http://[::1", "http://::1", "http://[::]", "http://[1:]",
    "http://[:]", "http://[1::2::3]", "http://[::1]x", "http://[fe80::1%25eth0]", "http://[::ffff:1.2.3.4]", "http://[v1.a]", "http://[ABCD:ef::]",
    "http://localhost", "http://localhost.", "http://a.", "http://a..", "http://.", "http://.a", "http://..", "http://a..b", "http://-a.com",
    "http://a-.com", "http://a-b.com", "http://_a_.b_c", "http://a_b.com", "http://a.b-", "http://a.-b", "http://a.c", "http://a.c1", "http://a.123",
    "http://a,b", "http://a|b", "http://a~b", "http://{a}", "http://a%20b", "http://a%41", "http://a!b", "http://a$b", "http://a'b", "http://a(b)",
    "http://a*b", "http://a+b.com", "http://a;b", "http://a=b", "http://a&b", "http://<a>", "http://a\\b", "http://a^b", "http://a`b", "http://a\u{7f}b",
    "http://bücher.de", "http://BÜCHER.DE/ä", "http://例え.テスト", "http://例え。テスト", "http://。", "http://a。", "http://。a", "http://é。。é", "http://😀.com",
    "http://é.com:8080/", "http://é-.com", "http://-é.com", "http://é..com", "http://é.com.", "http://xn--bcher-kva.de", "http://a.xn--p1ai",
    "http://a.xn--a", "http://a.XN--P1-", "http://xn--ab-", "http://ſ.com", "http://K", "http://a.ı", "http://é\u{200e}.com", "http://é\u{2028}.com",
    "http://é\u{e000}.com", "http://1א.com", "http://é\u{0}.com", "http://\u{fffd}", "http://é\u{fffd}.de", "http://\u{ad}",
    "https://example.com/a.png?x=1&y=2", "https://s3.eu-west-1.amazonaws.com/b/k%20k?X-Amz-Signature=abc%2F", "httpshttp://a", "https:://a", "https//:a",
    "http://http://a", "http://http:a", "\u{0}http://a", "http://a\u{0}",
];

#[rustfmt::skip]
pub const FILES: &[&str] = &[
    "aGVsbG8=", "aGVsbG8", "aGVsbG8==", "aGVsbA==", "aGVsbA=", "aGVsbA", "aGVs", "aGVs=", "aGVs====", "a", "aG", "aGV", "=", "==", "aG=V", "aGVsbG9=", "aH", "-_-_",
    "+/+/", "+_aa", "a-b/", "aGVs bG8=", "aGVs\r\nbG8=\r\n", "aGVs\tbG8\u{c}=", "aGVs\u{b}bG8=", "aGVs\u{a0}bG8=", "\u{a0}aGVs\u{3000}", "aGVsbG8= =", "aGVsbA= =",
    "data:;base64,aGVs", "data:image/png;base64,aGVs", "DATA:x;BASE64,aGVs", "data:a;charset=utf-8;base64, aGVs", "data:base64,aGVs", "data:,aGVs", "data:",
    "data:;base64", "data:;base64,", "data:;base64, ", "data:;base64,%", " data:;base64,aGVs ", "data:a,b;base64,aGVs", "data;base64,aGVs", "xdata:;base64,aGVs",
    "é", "aGVsé", "aGVs\u{0}", "%%%", "a.bc", "aGVs,", "=aGVs", "\u{1c}aGVs\u{1d}",
];

#[rustfmt::skip]
pub const FILE_NAMES: &[&str] = &[
    "a.png", " a b.png ", "../../a", "/etc/passwd", "C:\\a\\b.png", "a/", "a\\", "/", "..", "...", ". .", ". ", ".a", "a\u{0}b", "a\nb\u{7f}\u{85}c", "\u{1f}",
    "é😀.png", "a\u{a0}", "\u{200b}",
];

#[rustfmt::skip]
pub const DESTINATIONS: &[&str] = &[
    "628111111111", "+62 811-1111-111", " 0811 1111 111 ", "(0811) 1111.111", "0062 811 1111 111", "628111111111@s.whatsapp.net", "14155552671", "62", "12345",
    "999999999999", "62811111111111111111", "0811x", "６２８", "+", "1,2", "120363025246125486", "120363025246125486@g.us", " 120363025246125486@g.us ",
    "6281111-1600000000", "6281111-1600000000@g.us", "1-2-3", "1-", "@g.us", "abc@g.us", "١٢",
];

#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "image", "video", "audio", "voice", "document", "sticker", "video_note", "Image", " image", "image ", "VOICE", "ptt", "video-note", "text", "Kind.image", "",
];

/// Elements of a list that may be a dictionary's pairs.
#[rustfmt::skip]
pub const ELEMENTS: &[&str] = &[
    "null", "true", "1", "1.5", "NaN", r#""""#, r#""a""#, r#""ab""#, r#""abc""#, r#""é😀""#, r#""\ud83d\ude00x""#, r#""\ud83dx""#, r#""\ud83d""#, r#""\u0000a""#,
    "[]", "[1]", "[1,2]", "[1,2,3]", r#"["a"]"#, r#"["a",1]"#, r#"["a",1,2]"#, r#"["a",[]]"#, r#"["a",{}]"#, r#"[[],1]"#, r#"[{},1]"#, r#"[null,1]"#, r#"[true,1]"#,
    r#"[1.5,1]"#, r#"["",1]"#, r#"["\u0061",1]"#, "{}", r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2,"b":3}"#, r#"{"a":1,"b":2,"c":3}"#,
    r#"{"destination":1,"message":2}"#, r#"{"message":[],"destination":{}}"#, r#"["destination","628111111111"]"#, r#"["message","x"]"#, r#"["message",7]"#,
    r#"["__pydantic_self__",1]"#,
];

pub const TIMEOUTS: &[&str] =
    &["1", "2592000", "2592001", "0", " 60\n", "6_0", "60.0", "", "\u{b}60\u{c}", "٦٠", "٦٠\u{1c}", "1\u{7f}"];

/// Texts that are no JSON.
#[rustfmt::skip]
pub const BROKEN: &[&str] = &[
    "01", "-", "-a", "+1", "1.", ".5", "1.e3", "1e", "1e+", "0x1", "1_0", "--1", "tru", "nul", "nan", "NaNs", "Infinit", "-Infinit", "-NaN",
    "undefined", "'a'", "`a`", "\"a", "\"\\", "\"\\x\"", "\"\\u\"", "\"\\u12\"", "\"\\u123\"", "\"\\u12g4\"", "\"\\u1234", "\"\\ud83d\\u\"",
    "\"\\ud83d\\ude\"", "\"\\ud83d\\ude0g\"", "\"\\ud83d\\n\"", "\"\\u00é9\"", "\"\\é\"", "\"\n\"", "\"\0\"", "\"\u{1f}\"", "\"\u{7f}\"", "[1,]",
    "[,1]", "[1 2]", "[1", "[", "]", "{", "}", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{1:2}",
    "{\"a\":1", "/* c */ 1", "1 // c", "# c", "1 2", "[] []", "\u{b}1", "\u{a0}", "<xml/>", "a=b&c=d",
];

/// Bytes that are no text, or too little of one.
#[rustfmt::skip]
pub const BYTES: &[&[u8]] = &[
    b"\0", b"\0\0", b"{\0", b"\0{", b"{}\0", b"{\0}", b"\0{}\0", b"{}\0\0", b"\"\0\"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb", b"\xc0\xaf",
];

/// What the texts of a field are put together of.
#[rustfmt::skip]
pub const PIECES: &[(&str, &[&str])] = &[
    ("media_url", &["http://", "https://", "HTTP:", "//", "a", "a.com", "b-", ".", ":", "@", "/", "?", "#", "[", "]", "::", "1", "12", "1.2.3.4",
        "[::1]", "-", "_", " ", "%", "~", "é", "xn--", ":65536", ":80", "'", "\"", "\\", ":٣"]),
    ("media_base64", &["aGVs", "aG", "a", "=", "-", "_", "/", "+", " ", "\n", "data:", ";base64", ",", ";", "\u{a0}"]),
    ("timeout", &["0", "1", "9", "2592000", "_", "+", "-", ".", " ", "\n", "e", "x", "٣", "\u{a0}", "\u{1c}"]),
    ("is_group", &["t", "r", "u", "e", "T", "on", "N", "o", "0", "1", "y", "es", " ", "off"]),
    ("message", &["\\", "\\\\", "u", "U", "n", "r", "d83d", "\\uD83D", "\\ude00", "de00", "0001F600", "0000", "00", "e9", "é", "😀", "\0", "\n"]),
];
