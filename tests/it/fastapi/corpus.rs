//! Bodies for both ways to check one: chosen by hand for every rule, and made by going through every combination.

use super::chosen;

/// A body, and the resource it is sent to.
pub struct Case {
    pub path: &'static str,
    pub body: Vec<u8>,
}

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// Fields and values of a body that is accepted, as JSON.
const MESSAGE: [(&str, &str); 8] = [
    ("sender", r#"" 628111111111 ""#),
    ("queue", r#""11055-171379261223689""#),
    ("timeout", "60"),
    ("is_group", "false"),
    ("destination", r#""628111111111""#),
    ("priority", r#""high""#),
    ("tag", r#""order 42""#),
    ("message", r#""hello\\n\\\\u00e9""#),
];
const MEDIA: [(&str, &str); 12] = [
    MESSAGE[0],
    MESSAGE[1],
    MESSAGE[2],
    MESSAGE[3],
    MESSAGE[4],
    MESSAGE[5],
    MESSAGE[6],
    ("caption", r#""look\\there""#),
    ("media_url", r#""https://example.com/a.png""#),
    ("media_base64", "null"),
    ("file_name", r#""a.png""#),
    ("kind", r#""image""#),
];
const FILE: (&str, &str) = ("media_base64", r#""aGVsbG8=""#);

/// One value of each way to be wrong, or nothing at all.
const FAULTS: [Option<&str>; 7] =
    [None, Some("null"), Some("[]"), Some(r#""""#), Some(r#""abc""#), Some("0"), Some("1e9")];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    each_value_in_each_field(&mut cases);
    each_pair_of_faults(&mut cases);
    combinations_of_sources(&mut cases);
    chosen_values(&mut cases);
    numbers(&mut cases);
    bodies_that_are_no_object(&mut cases);
    bodies_that_python_makes_a_dictionary_of(&mut cases);
    broken_texts(&mut cases);
    compositions(&mut cases);
    mutations(&mut cases);
    cases
}

fn add(cases: &mut Vec<Case>, path: &'static str, body: impl Into<Vec<u8>>) {
    cases.push(Case { path, body: body.into() });
}

fn object(fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The fields with `name` set to `value`, or without it.
fn with<'a>(fields: &[(&'a str, &'a str)], name: &'a str, value: Option<&'a str>) -> Fields<'a> {
    let mut fields: Fields<'a> = fields.iter().filter(|(other, _)| *other != name).copied().collect();
    fields.extend(value.map(|value| (name, value)));
    fields
}

fn each_value_in_each_field(cases: &mut Vec<Case>) {
    for (path, full) in [("message", &MESSAGE[..]), ("media", &MEDIA[..])] {
        for (name, _) in full {
            add(cases, path, object(&with(full, name, None)));
            for value in chosen::VALUES {
                add(cases, path, object(&with(full, name, Some(value))));
                add(cases, path, object(&[(name, value)]));
            }
        }
        for value in chosen::VALUES {
            let all: Fields<'_> = full.iter().map(|(name, _)| (*name, *value)).collect();
            add(cases, path, object(&all));
            add(cases, path, object(&with(full, "unknown", Some(value))));
        }
    }
}

fn each_pair_of_faults(cases: &mut Vec<Case>) {
    for (path, full) in [("message", &MESSAGE[..]), ("media", &MEDIA[..])] {
        for (at, (first, _)) in full.iter().enumerate() {
            for (second, _) in &full[at + 1..] {
                for (first_value, second_value) in FAULTS.iter().flat_map(|a| FAULTS.iter().map(move |b| (a, b))) {
                    let fields = with(&with(full, second, *second_value), first, *first_value);
                    add(cases, path, object(&fields));
                }
            }
        }
    }
}

/// Of `media_url`, `media_base64` and `file_name` each absent, null, empty, wrong in type, wrong in content and right.
fn combinations_of_sources(cases: &mut Vec<Case>) {
    let common = [None, Some("null"), Some(r#""""#), Some("[]")];
    let urls = [Some(r#""ftp://x""#), Some(MEDIA[8].1)];
    let files = [Some(r#""%""#), Some(FILE.1)];
    let names = [Some(r#""..""#), Some(r#""a.png""#)];
    for url in common.iter().chain(&urls) {
        for file in common.iter().chain(&files) {
            for name in common.iter().chain(&names) {
                let fields = with(&with(&MEDIA, "media_url", *url), "media_base64", *file);
                add(cases, "media", object(&with(&fields, "file_name", *name)));
            }
        }
    }
}

fn chosen_values(cases: &mut Vec<Case>) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut put = |path, name: &str, json: &str| {
        let full = if path == "message" { &MESSAGE[..] } else { &MEDIA[..] };
        add(cases, path, object(&with(full, name, Some(json))));
    };
    for text in chosen::TEXTS {
        put("message", "message", &quoted(text));
        put("media", "caption", &quoted(text));
    }
    for (unit, count) in
        [("a", 65_535), ("a", 65_536), ("a", 65_537), ("é", 65_536), ("😀", 65_537), (r"\n", 65_536), (r"\n", 65_537)]
    {
        put("message", "message", &quoted(&unit.repeat(count)));
        put("media", "caption", &quoted(&unit.repeat(count)));
    }
    for tag in [63, 64, 65].map(|length| "é".repeat(length)) {
        put("message", "tag", &quoted(&tag));
    }
    for priority in ["high", "normal", "bulk", "High", " high", "low", "1", "Priority.high"] {
        put("message", "priority", &quoted(priority));
        put("media", "priority", &quoted(priority));
    }
    for url in chosen::URLS {
        put("media", "media_url", &quoted(url));
    }
    for (head, tail, lengths) in [
        ("http://a/", "", [2_038, 2_039, 2_040]),
        ("http://", ".com", [62, 63, 64]),
        ("http://a.", "", [62, 63, 64]),
        ("http://a.xn--", "", [58, 59, 60]),
        ("http://a.é", "", [50, 62, 63]),
        ("ftp://", " ", [2_041, 2_042, 2_043]),
    ] {
        for length in lengths {
            put("media", "media_url", &quoted(&format!("{head}{}{tail}", "b".repeat(length))));
        }
    }
    for name in
        chosen::FILE_NAMES.iter().map(|name| (*name).to_owned()).chain([254, 255, 256].map(|length| "é".repeat(length)))
    {
        put("media", "file_name", &quoted(&name));
    }
    for timeout in chosen::TIMEOUTS
        .iter()
        .map(|text| (*text).to_owned())
        .chain([4_300, 4_301].map(|length| "0".repeat(length - 1) + "9"))
    {
        put("message", "timeout", &quoted(&timeout));
    }
    for integer in [4_299, 4_300, 4_301, 10_000].map(|length| "9".repeat(length)) {
        for json in [integer.clone(), format!("-{integer}"), format!("{integer}.0"), format!("[{integer}]")] {
            put("message", "message", &json);
            put("message", "unknown", &json);
        }
    }
    for file in chosen::FILES {
        let fields = with(&MEDIA, "media_url", None);
        add(cases, "media", object(&with(&fields, "media_base64", Some(&quoted(file)))));
    }
    for kind in chosen::KINDS {
        for caption in [None, Some(MEDIA[5].1)] {
            add(cases, "media", object(&with(&with(&MEDIA, "caption", caption), "kind", Some(&quoted(kind)))));
        }
    }
    for destination in chosen::DESTINATIONS {
        for is_group in ["true", "false", "7"] {
            let fields = with(&MESSAGE, "is_group", Some(is_group));
            add(cases, "message", object(&with(&fields, "destination", Some(&quoted(destination)))));
        }
    }
}

/// Floats of every size, as texts.
fn numbers(cases: &mut Vec<Case>) {
    let mut dice = Dice(1);
    for at in 0..400 {
        let value = if at % 2 == 0 { f64::from_bits(dice.roll()) } else { (dice.roll() % 1_000_000_007) as f64 / 1e3 };
        if value.is_finite() {
            for number in [format!("{value}"), format!("{value:e}"), format!("{value:.3}")] {
                add(cases, "message", object(&with(&MESSAGE, "message", Some(&number))));
            }
        }
    }
}

fn bodies_that_are_no_object(cases: &mut Vec<Case>) {
    let pairs = format!(r#"[["destination",{}],["message","x"]]"#, MESSAGE[4].1);
    for body in chosen::VALUES.iter().copied().chain([
        "",
        " ",
        "\n",
        "\u{feff}",
        "\u{feff}{}",
        "\u{feff}\u{feff}{}",
        "\u{feff} null ",
        " null",
        &pairs,
    ]) {
        add(cases, "message", body);
        add(cases, "media", body);
    }
    for brackets in [["[", "]"], ["{\"a\":", "}"], ["[{\"destination\":", "}]"]] {
        for depth in [32, 33, 63, 64, 65, 200, 100_000] {
            let [open, close] = brackets.map(|bracket| bracket.repeat(depth));
            add(cases, "message", format!("{open}1{close}"));
            add(cases, "message", object(&with(&MESSAGE, "message", Some(&format!("{open}\"[[\"{close}")))));
        }
    }
    let wide: String = (0..5_000).map(|at| format!("\"f{at}\":{at},")).collect();
    add(cases, "message", object(&MESSAGE).replacen('{', &format!("{{{wide}"), 1));
    for body in [
        r#"{"destination":"1","destination":"628111111111","message":"a","message":"b"}"#,
        r#"{"message":"b","destination":"628111111111","destination":null}"#,
        r#"{"\u006dessage":"b","destin\u0061tion":"628111111111","Message":"c"," message":"d"}"#,
        r#"{"message":"b","":"c","\u0000":1,"\ud800":2,"destination":628111111111}"#,
    ] {
        add(cases, "message", body);
    }
    let utf16 = |order: fn(u16) -> [u8; 2]| object(&MESSAGE).encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for body in [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        add(cases, "message", [&[0xff, 0xfe][..], &body].concat());
        add(cases, "message", body);
    }
    for bytes in chosen::BYTES {
        add(cases, "message", *bytes);
        add(cases, "message", [&b"{\"message\":\""[..], bytes, b"\"}"].concat());
    }
}

/// `dict()` takes lists of pairs, and pairs that look otherwise: pydantic v1 asks it about what is no object.
fn bodies_that_python_makes_a_dictionary_of(cases: &mut Vec<Case>) {
    let pairs = |fields: &[(&str, &str)]| {
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("[\"{name}\",{value}]")).collect();
        format!("[{}]", pairs.join(","))
    };
    for (path, full) in [("message", &MESSAGE[..]), ("media", &MEDIA[..])] {
        add(cases, path, pairs(full));
        for (name, _) in full {
            add(cases, path, pairs(&with(full, name, None)));
            add(cases, path, pairs(&[(name, "null")]));
            for value in ["null", "[]", "7", r#""x""#] {
                // The last of two counts.
                add(cases, path, pairs(&[&[(*name, value)], full].concat()));
                add(cases, path, pairs(&[full, &[(*name, value)]].concat()));
            }
        }
        for element in chosen::ELEMENTS {
            add(cases, path, format!("[{element}]"));
            add(cases, path, pairs(full).replacen('[', &format!("[{element},"), 1));
            add(cases, path, format!(" [ {element} , {element} ] "));
            for other in chosen::ELEMENTS {
                add(cases, path, format!("[{element},{other}]"));
            }
        }
        for name in ["__pydantic_self__", "self", "cls", "data", "__root__", "values", "__fields__"] {
            add(cases, path, object(&with(full, name, Some("1"))));
            add(cases, path, pairs(&with(full, name, Some("1"))));
        }
    }
}

/// Bodies that are no JSON: cut off, with something too much, too little or else at every place of a text whose
/// characters are more than a byte and whose lines are more than one.
fn broken_texts(cases: &mut Vec<Case>) {
    let sample = "{\"é\": [1, -2.5e-3,\ttrue],\n \"😀\\ud83d\\ude00\" : {\"a\": null , \"b\":[]},\r\n\"message\":\"x\\\\ny\\n\", \"timeout\":NaN}\n";
    for length in 0..sample.len() {
        add(cases, "message", &sample.as_bytes()[..length]);
    }
    for (at, c) in sample.char_indices() {
        let (before, after) = (&sample[..at], &sample[at + c.len_utf8()..]);
        add(cases, "message", format!("{before}{after}"));
        for other in [
            ",", ":", "\"", "'", "\\", "{", "}", "[", "]", "0", "-", ".", "e", "é", "\0", "\t", "\n", " ", "//",
            "/**/", "\u{feff}", "\u{2028}",
        ] {
            add(cases, "message", format!("{before}{other}{c}{after}"));
            add(cases, "message", format!("{before}{other}{after}"));
        }
    }
    for broken in chosen::BROKEN {
        for before in ["", " \n", "\u{feff}\n\n ", "{\"é😀\": \"日本\\n\",\n\"x\":", "[\"😀\\u00e9\",\n"] {
            add(cases, "media", format!("{before}{broken}"));
            add(cases, "media", format!("{before}{broken}}}"));
        }
    }
}

/// Texts put together at random, always in the same way, of the pieces that matter to a field.
fn compositions(cases: &mut Vec<Case>) {
    let mut dice = Dice(3);
    for (name, pieces) in chosen::PIECES {
        let (path, full) = if *name == "media_url" || *name == "media_base64" {
            ("media", with(&MEDIA, "media_url", None))
        } else {
            ("message", MESSAGE.to_vec())
        };
        for _ in 0..500 {
            let text: String = (0..1 + dice.roll() % 9).map(|_| *dice.pick(pieces)).collect();
            let quoted = serde_json::Value::from(text).to_string();
            add(cases, path, object(&with(&full, name, Some(&quoted))));
        }
    }
}

/// Bodies in which a few bytes were changed at random, always in the same way.
fn mutations(cases: &mut Vec<Case>) {
    let mut dice = Dice(2);
    let samples = [
        ("message", object(&MESSAGE)),
        ("media", object(&MEDIA)),
        ("media", object(&with(&MEDIA, FILE.0, Some(FILE.1)))),
    ];
    let pieces = [
        &b"\""[..],
        b"\\",
        b"u",
        b"0",
        b"e",
        b",",
        b":",
        b"{}",
        b"[",
        b"]",
        b" ",
        b"\n",
        b"-",
        b".",
        b"null",
        b"\xf0\x9f\x98\x80",
        b"\xff",
        b"\0",
    ];
    for _ in 0..1_500 {
        let (path, sample) = dice.pick(&samples);
        let mut body = sample.clone().into_bytes();
        for _ in 0..1 + dice.roll() % 3 {
            let at = dice.roll() as usize % body.len();
            let until = (at + dice.roll() as usize % 3).min(body.len());
            body.splice(at..until, dice.pick(&pieces).iter().copied());
        }
        add(cases, path, body);
    }
}

/// Chance that is the same in every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[(self.roll() >> 33) as usize % choices.len()]
    }
}
