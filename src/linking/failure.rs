//! Why linking failed, for programs: the code follows from the sentence that is stored and shown, so that the two never disagree.
//! Called by `api/manage/` and `cli/link.rs`.

/// How the sentences begin, and what programs are given for them. Of those that fit the first counts.
const CODES: &[(&str, &str)] = &[
    ("this server cannot reach ", "unreachable"),
    ("nobody scanned the code in time", "timed_out"),
    ("nobody linked an account in time", "timed_out"),
    ("WhatsApp gave no code: too many were requested", "too_many_codes"),
    ("WhatsApp gave no code: it refused this gateway's device name", "device_name_refused"),
    ("WhatsApp gave no code: this number is not on WhatsApp", "not_on_whatsapp"),
    ("WhatsApp gave no code", "no_code"),
    ("WhatsApp did not take the code that was typed", "code_too_old"),
    ("WhatsApp does not link this number by a code", "code_not_offered"),
    ("WhatsApp has restricted", "account_restricted"),
    ("WhatsApp ended the link at once", "too_many_devices"),
    ("WhatsApp did not let this gateway in", "not_let_in"),
    ("WhatsApp no longer takes this version", "outdated"),
    ("WhatsApp asked for the account's passkey", "passkey_timed_out"),
    ("WhatsApp's request for the passkey has expired", "passkey_timed_out"),
    ("WhatsApp did not accept the passkey", "passkey_refused"),
    ("WhatsApp took the passkey, but the phone did not go on", "phone_timed_out"),
    ("WhatsApp did not answer in the passkey step", "connection_lost"),
    ("the code was not compared", "code_not_compared"),
    ("the phone did not confirm the code in time", "phone_timed_out"),
    ("the phone's owner refused", "refused_on_phone"),
    ("another program took over the connection", "connection_lost"),
    ("WhatsApp ended the connection while the codes were compared", "connection_lost"),
    ("the connection ", "connection_lost"),
    ("the gateway was restarted ", "restarted"),
    ("linking was cancelled", "cancelled"),
    ("the codes differ", "codes_differ"),
    ("the phone that was used has the number ", "other_number"),
    ("the number of the phone that was used belongs to another device", "number_taken"),
    // As it was said before.
    ("the phone that was used is linked to another device", "number_taken"),
    ("that number is linked to another gateway", "number_taken"),
    ("the link was ended", "unlinked"),
];

/// The code of a reason; `failed` for what has none of its own.
pub fn code(reason: &str) -> &'static str {
    CODES.iter().find(|(beginning, _)| reason.starts_with(beginning)).map_or("failed", |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_listed_is_given() {
        for (beginning, expected) in CODES {
            assert_eq!(code(beginning), *expected, "{beginning}: another one comes before it");
        }
        assert_eq!(code("WhatsApp did not link the account: code 500"), "failed");
    }
}
