//! Rows that can be queued and that somebody may not have meant so: texts with placeholders that nothing has replaced. Pure.

/// Letters and digits of the longest placeholder.
const CHARS_MAX: usize = 40;
/// Words that stand for what is to be put in their place. Other words in [brackets] begin many texts, such as [PROMO].
const WORDS: [&str; 44] = [
    "nama",
    "name",
    "nomor",
    "number",
    "no",
    "tanggal",
    "tgl",
    "date",
    "kode",
    "code",
    "alamat",
    "address",
    "total",
    "jumlah",
    "tagihan",
    "nominal",
    "harga",
    "price",
    "amount",
    "link",
    "url",
    "email",
    "kota",
    "city",
    "pelanggan",
    "customer",
    "kontak",
    "contact",
    "toko",
    "produk",
    "product",
    "invoice",
    "order",
    "pesanan",
    "hari",
    "day",
    "jam",
    "waktu",
    "time",
    "bulan",
    "month",
    "id",
    "saldo",
    "perusahaan",
];

/// The first placeholder in a text, such as `{nama}`, `{{1}}`, `[NAMA]`, `<nama>`, `%nama%` or `«nama»`.
pub fn placeholder(text: &str) -> Option<&str> {
    text.char_indices().find_map(|(at, opener)| {
        let rest = &text[at..];
        match opener {
            '{' if rest.starts_with("{{") => between(rest, "{{", "}}", is_name),
            '{' => between(rest, "{", "}", is_name),
            '<' => between(rest, "<", ">", is_word),
            '«' => between(rest, "«", "»", is_name),
            '[' => between(rest, "[", "]", is_known),
            '%' => between(rest, "%", "%", is_known),
            _ => None,
        }
    })
}

/// The beginning of a text up to `close`, where it holds the name of something.
fn between<'t>(text: &'t str, open: &str, close: &str, is_name: impl Fn(&str) -> bool) -> Option<&'t str> {
    let inner = text.strip_prefix(open)?;
    let end = inner.find(close)?;
    let name = &inner[..end];
    let is_short = name.char_indices().nth(CHARS_MAX).is_none();
    (is_short && is_name(name)).then(|| &text[..open.len() + end + close.len()])
}

/// Also a choice between texts, as `{Hi|Hello}`.
fn is_name(name: &str) -> bool {
    let name = name.trim();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '|' | '#' | '$' | ':');
    name.contains(char::is_alphanumeric) && name.chars().all(is_part)
}

/// `<3` opens none, and `a < b` neither.
fn is_word(name: &str) -> bool {
    name.trim() == name && name.starts_with(char::is_alphabetic) && is_name(name)
}

fn is_known(name: &str) -> bool {
    let words = || name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    is_word(name) && words().count() <= 3 && words().any(|word| WORDS.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_however_they_are_marked() {
        for (text, found) in [
            ("Halo {nama}, apa kabar?", "{nama}"),
            ("Halo {{1}}", "{{1}}"),
            ("Halo {{ nama_depan }}!", "{{ nama_depan }}"),
            ("Yth. [NAMA PELANGGAN]", "[NAMA PELANGGAN]"),
            ("Hi [Name]", "[Name]"),
            ("Halo <nama>", "<nama>"),
            ("Dear ${first.name}", "{first.name}"),
            ("Kode %kode%", "%kode%"),
            ("Halo «Nama»", "«Nama»"),
            ("{Halo|Hai} Budi", "{Halo|Hai}"),
            ("[PROMO] untuk {nama}", "{nama}"),
        ] {
            assert_eq!(placeholder(text), Some(found), "{text}");
        }
        for text in [
            "",
            "[PROMO] Diskon 50%",
            "Diskon 50% dan 20% lagi",
            "I <3 you > me",
            "3 < 4, 5 > 2",
            "{}",
            "{{}}",
            "{\"a\": 1}",
            "nama {",
            "[1] [2]",
            "<https://shop.example/a?b=c>",
            &format!("{{{}}}", "x".repeat(CHARS_MAX + 1)),
        ] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }
}
