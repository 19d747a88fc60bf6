//! Which column of a file holds what, by the names that people give to columns in English and Indonesian. Pure.

use super::BadFile;
use crate::message::Unavailable;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Destination,
    Message,
    MediaUrl,
    FileName,
    Kind,
    Timeout,
    IsGroup,
    Priority,
    Tag,
}

/// Each with its name and the others by which it is known, in lower case without spaces and signs. Excel's heading `No HP` is
/// `nohp`, and `No.` alone is `no`.
const NAMES: &[(Column, &str, &[&str])] = &[
    (
        Column::Destination,
        "destination",
        &[
            "nomor",
            "nohp",
            "hp",
            "phone",
            "number",
            "no",
            "telepon",
            "whatsapp",
            "wa",
            "to",
            "tujuan",
            "telp",
            "telpon",
            "tel",
            "telephone",
            "mobile",
            "cellphone",
            "msisdn",
            "handphone",
            "recipient",
            "nomortujuan",
            "notujuan",
            "nomorhp",
            "nomortelepon",
            "nomorhandphone",
            "nomorwa",
            "nomorwhatsapp",
            "notelepon",
            "notelp",
            "nohandphone",
            "nowa",
            "nowhatsapp",
            "phonenumber",
            "phoneno",
            "mobilenumber",
            "mobilephone",
            "telephonenumber",
            "whatsappnumber",
            "wanumber",
            "destinationnumber",
            "nohpwa",
            "nomorhpwa",
            "hpwa",
            "hppelanggan",
            "nohppelanggan",
            "wapelanggan",
            "nowapelanggan",
            "nomorpenerima",
            "nopenerima",
            "hppenerima",
            "nomorkontak",
            "nokontak",
            "kontakwa",
            "nomortelp",
            "nomortelpon",
            "notelpon",
            "notlp",
            "telpwa",
            "notelpwa",
            "telppelanggan",
            "notelppelanggan",
            "mobileno",
            "whatsappno",
            "wano",
            "nomerhp",
            "nomerwa",
            "nohpaktif",
            "nomorhpaktif",
            "nowaaktif",
            "nomorwaaktif",
            "tlp",
            "cellphoneno",
            "phonewa",
            "phonenumberwa",
            "phone1",
            "customerphone",
            "kontak",
            "penerima",
            "contact",
        ],
    ),
    (
        Column::Message,
        "message",
        &[
            "pesan",
            "text",
            "isi",
            "body",
            "caption",
            "teks",
            "msg",
            "isipesan",
            "pesanwa",
            "pesanteks",
            "tekspesan",
            "pesanwhatsapp",
            "messagetext",
            "messagebody",
            "content",
            "konten",
        ],
    ),
    (Column::MediaUrl, "media_url", &["media", "fileurl", "imageurl", "urlmedia", "urlfile"]),
    (Column::FileName, "file_name", &["namafile", "namaberkas"]),
    (Column::Kind, "kind", &["mediakind", "mediatype", "jenismedia"]),
    (Column::Timeout, "timeout", &[]),
    (Column::IsGroup, "is_group", &[]),
    (Column::Priority, "priority", &["prioritas"]),
    (Column::Tag, "tag", &[]),
];

/// Names that stand above numbers of rows at least as often.
const COUNTERS: [&str; 3] = ["no", "nomor", "number"];

/// Names that stand above the names of people too: where another column has the numbers, they do.
const PEOPLE: [&str; 3] = ["kontak", "penerima", "contact"];

/// The columns of a file that are read.
#[derive(Debug, Default)]
pub struct Columns {
    /// What is read, and from which place of a row.
    pub read: Vec<(Column, usize)>,
    /// A second column that can be that of the destinations, unless it only counts the rows.
    pub counter: Option<usize>,
    pub ignored: Vec<usize>,
    /// Those that ask for what is not available where they hold something.
    pub unavailable: Vec<(Unavailable, usize)>,
    /// Whether the name of the column of the destinations says no more than that it holds numbers.
    pub is_generic: bool,
}

impl Column {
    pub const ALL: [Self; 9] = [
        Self::Destination,
        Self::Message,
        Self::MediaUrl,
        Self::FileName,
        Self::Kind,
        Self::Timeout,
        Self::IsGroup,
        Self::Priority,
        Self::Tag,
    ];

    pub fn of(name: &str) -> Option<Self> {
        let name = plain(name);
        let is_its = |(_, own, others): &&(Self, &str, &[&str])| plain(own) == name || others.contains(&name.as_str());
        NAMES.iter().find(is_its).map(|(column, ..)| *column)
    }

    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(column, ..)| *column == self).map_or("", |(_, name, _)| name)
    }
}

/// In lower case, without spaces and signs.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Finds the columns by the names in a file's first line.
///
/// # Errors
/// [`BadFile::NoDestination`]; [`BadFile::NoMessage`]; [`BadFile::Twice`] when two columns can hold the same: nobody guesses which is meant.
pub fn find(names: &[String]) -> Result<Columns, BadFile> {
    let mut found = Columns::default();
    for (place, name) in names.iter().enumerate() {
        if let Some(one) = Unavailable::ALL.into_iter().find(|one| plain(one.name()) == plain(name)) {
            found.unavailable.push((one, place));
            continue;
        }
        let Some(column) = Column::of(name) else {
            if !name.is_empty() {
                found.ignored.push(place);
            }
            continue;
        };
        let Some(before) = found.read.iter_mut().find(|(other, _)| *other == column) else {
            found.read.push((column, place));
            continue;
        };
        let is_counter = |place: usize| COUNTERS.contains(&plain(&names[place]).as_str());
        let may_be_people = |place: usize| PEOPLE.contains(&plain(&names[place]).as_str());
        if column == Column::Destination && may_be_people(place) && !may_be_people(before.1) && !is_counter(before.1) {
            found.ignored.push(place);
            continue;
        }
        if column == Column::Destination && may_be_people(before.1) && !may_be_people(place) && !is_counter(place) {
            found.ignored.push(std::mem::replace(&mut before.1, place));
            continue;
        }
        match (is_counter(before.1), is_counter(place)) {
            (true, false) if column == Column::Destination && found.counter.is_none() => {
                found.counter = Some(std::mem::replace(&mut before.1, place));
            }
            (false, true) if column == Column::Destination && found.counter.is_none() => found.counter = Some(place),
            _ => return Err(twice(names, before.1, place, column)),
        }
    }
    found.ignored.sort_unstable();
    let has = |column: Column| found.read.iter().any(|(one, _)| *one == column);
    let destination = found.read.iter().find(|(column, _)| *column == Column::Destination);
    found.is_generic = destination.is_some_and(|(_, place)| COUNTERS.contains(&plain(&names[*place]).as_str()));
    if has(Column::Destination) && (has(Column::Message) || has(Column::MediaUrl)) {
        return Ok(found);
    }
    let names: Vec<String> =
        names.iter().filter(|name| !name.is_empty()).take(9).map(|name| super::beginning(name)).collect();
    let names = names.join(", ");
    Err(match has(Column::Destination) {
        true => BadFile::NoMessage { found: names },
        false => BadFile::NoDestination { found: names },
    })
}

/// Two columns that can hold the same.
pub fn twice(names: &[String], first: usize, second: usize, column: Column) -> BadFile {
    BadFile::Twice {
        first: super::beginning(&names[first]),
        second: super::beginning(&names[second]),
        column: column.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> Result<Vec<(Column, usize)>, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        find(&names).map(|found| found.read).map_err(|bad| bad.to_string())
    }

    #[test]
    fn a_column_is_known_by_the_names_that_people_give_it() {
        for name in [
            "destination",
            "Nomor",
            "NO_HP",
            "no hp",
            "nohp",
            "No. HP",
            "HP",
            "phone",
            "Phone Number",
            "number",
            "No",
            "telepon",
            "WhatsApp",
            "WA",
            "to",
            "No WhatsApp",
            "Nomor Tujuan",
            "Nomor Telp",
            "No. Telpon",
            "No. Tlp",
            "No. Telp/WA",
            "Telp Pelanggan",
            "Mobile No.",
            "WhatsApp No",
            "Nomer HP",
            "No. HP Aktif",
            "No. WA Aktif",
        ] {
            assert_eq!(Column::of(name), Some(Column::Destination), "{name}");
        }
        for name in ["message", "Pesan", " TEXT ", "isi", "Body", "caption", "Isi Pesan"] {
            assert_eq!(Column::of(name), Some(Column::Message), "{name}");
        }
        for (name, column) in [
            ("Media URL", Column::MediaUrl),
            ("file_name", Column::FileName),
            ("FILENAME", Column::FileName),
            ("Kind", Column::Kind),
            ("media_type", Column::Kind),
            ("is-group", Column::IsGroup),
            ("Prioritas", Column::Priority),
            ("tag", Column::Tag),
            ("Pesan WA", Column::Message),
            ("Pesan Teks", Column::Message),
            ("Isi Pesan", Column::Message),
        ] {
            assert_eq!(Column::of(name), Some(column), "{name}");
        }
        for name in
            ["nama", "name", "url", "kota", "kode", "", "messages sent", "Nomor Pelanggan", "No Pelanggan", "Kode 1"]
        {
            assert_eq!(Column::of(name), None, "{name}");
        }
    }

    #[test]
    fn two_columns_that_hold_the_same_are_not_guessed_between() {
        assert_eq!(read(&["Pesan", "Nama", "No HP"]), Ok(vec![(Column::Message, 0), (Column::Destination, 2)]));
        for (names, told) in [
            (&["Phone", "WA", "text"][..], "'Phone' and 'WA'"),
            (&["destination", "phone"], "'destination' and 'phone'"),
            (&["nomor", "number"], "'nomor' and 'number'"),
            (&["no", "phone", "number"], "'phone' and 'number'"),
            (&["wa", "message", "Caption"], "'message' and 'Caption'"),
            (&["wa", "timeout", "Timeout"], "'timeout' and 'Timeout'"),
        ] {
            let told = told.to_lowercase();
            let refused = read(names).expect_err("two of a kind").to_lowercase();
            assert!(refused.contains(&told), "{refused}");
        }
        // The names of people stand under these where another column has the numbers.
        for names in [["Penerima", "Pesan", "No HP/WA"], ["Kontak", "Pesan", "HP Pelanggan"]] {
            assert_eq!(read(&names), Ok(vec![(Column::Destination, 2), (Column::Message, 1)]));
            assert_eq!(read(&names[..2]), Ok(vec![(Column::Destination, 0), (Column::Message, 1)]));
        }
        assert!(
            read(&["nama", "no hp"]).expect_err("no message").contains("no column for the texts: 'message', or pesan")
        );
        assert_eq!(read(&["no hp", "media_url"]).map(|found| found.len()), Ok(2));
        assert!(read(&["nama", "pesan"]).expect_err("no number").contains("nama, pesan"));
        // The names that the errors give are names.
        for (names, column) in [
            (crate::campaign::DESTINATION_NAMES, Column::Destination),
            (crate::campaign::MESSAGE_NAMES, Column::Message),
        ] {
            assert!(names.split(", ").all(|name| Column::of(name) == Some(column)), "{names}");
        }
        // Excel sheets count their rows under "No": the rows tell.
        let names = ["No", "Nama", "No HP", "Pesan"].map(str::to_owned);
        let found = find(&names).expect("columns");
        assert_eq!((found.read, found.counter), (vec![(Column::Destination, 2), (Column::Message, 3)], Some(0)));
    }
}
