//! Orders, products, payments and invoices.

use whatsapp_rust::waproto::whatsapp as wa;

use super::{FileRef, Found, Said, content, id_of, lines, media, said, unwrapped};
use crate::media::kind::MediaKind;

pub(super) fn read(message: &wa::Message) -> Found<'_> {
    if let Some(order) = message.order_message.as_option() {
        let count = order.item_count.map(|count| format!("items: {count}"));
        let total = order.total_amount1000.and_then(|amount| money(amount, order.total_currency_code.as_deref()));
        let id = order.order_id.as_deref().map(|id| format!("order {id}"));
        let parts =
            [order.order_title.as_deref(), order.message.as_deref(), count.as_deref(), total.as_deref(), id.as_deref()];
        return Some((said("order", lines(parts, "[order]")), order.context_info.as_option()));
    }
    if let Some(product) = message.product_message.as_option() {
        return Some((of_product(product), product.context_info.as_option()));
    }
    if let Some(invoice) = message.invoice_message.as_option() {
        let text = lines([invoice.note.as_deref()], "[invoice]");
        return Some((Said { file: invoice_file(invoice), ..said("invoice", text) }, None));
    }
    payment(message).map(|payment| (payment, None)).or_else(|| {
        let split = message.split_payment_message.as_option()?;
        let amount = split.total_amount.as_option().and_then(amount);
        let parts = [Some("[payment to be shared]"), amount.as_deref(), split.description.as_deref()];
        Some((said("payment", lines(parts, "")), split.context_info.as_option()))
    })
}

pub(super) fn of_product(product: &wa::message::ProductMessage) -> Said {
    let snapshot = product.product.as_option();
    let price = snapshot.and_then(|one| {
        let amount = one.sale_price_amount1000.filter(|amount| *amount > 0).or(one.price_amount1000)?;
        money(amount, one.currency_code.as_deref())
    });
    let catalog = product.catalog.as_option();
    let parts = [
        snapshot.and_then(|one| one.title.as_deref()),
        snapshot.and_then(|one| one.description.as_deref()),
        price.as_deref(),
        snapshot.and_then(|one| one.url.as_deref()),
        catalog.and_then(|one| one.title.as_deref()),
        catalog.and_then(|one| one.description.as_deref()),
        product.body.as_deref(),
        product.footer.as_deref(),
    ];
    let picture = snapshot.and_then(|one| one.product_image.as_option());
    let picture = picture.or_else(|| catalog.and_then(|one| one.catalog_image.as_option()));
    let file = picture.map(media::image).filter(|file| !file.direct_path.is_empty());
    Said { file, ..said("product", lines(parts, "[product]")) }
}

fn payment(message: &wa::Message) -> Option<Said> {
    let note = |note: &whatsapp_rust::buffa::MessageField<wa::Message>| {
        note.as_option().and_then(|note| content(unwrapped(note))).map(|(said, _)| said.text)
    };
    if let Some(sent) = message.send_payment_message.as_option() {
        let text = lines([Some("[payment]"), note(&sent.note_message).as_deref()], "");
        return Some(Said { about: id_of(&sent.request_message_key), ..said("payment", text) });
    }
    if let Some(asked) = message.request_payment_message.as_option() {
        let in_thousandths = || money(i64::try_from(asked.amount1000?).ok()?, asked.currency_code_iso4217.as_deref());
        let amount = asked.amount.as_option().and_then(amount).or_else(in_thousandths);
        let text = lines([Some("[payment request]"), amount.as_deref(), note(&asked.note_message).as_deref()], "");
        return Some(said("payment", text));
    }
    if let Some(declined) = message.decline_payment_request_message.as_option() {
        return Some(Said { about: id_of(&declined.key), ..said("payment", "[payment request declined]".into()) });
    }
    if let Some(cancelled) = message.cancel_payment_request_message.as_option() {
        return Some(Said { about: id_of(&cancelled.key), ..said("payment", "[payment request cancelled]".into()) });
    }
    if message.payment_invite_message.is_set() {
        return Some(said("payment", "[invitation to payments]".into()));
    }
    let reminder = message.payment_reminder_message.as_option()?;
    let amount = reminder.amount.as_option().and_then(amount);
    let text = lines([Some("[payment reminder]"), amount.as_deref(), reminder.description.as_deref()], "");
    Some(said("payment", text))
}

/// An amount in thousandths of a currency's unit.
fn money(thousandths: i64, currency: Option<&str>) -> Option<String> {
    let currency = currency.map(str::trim).filter(|currency| !currency.is_empty())?;
    let (whole, part) = (thousandths / 1_000, (thousandths % 1_000).unsigned_abs());
    let sign = if thousandths < 0 && whole == 0 { "-" } else { "" };
    let part = format!("{part:03}");
    let part = part.trim_end_matches('0');
    Some(match part {
        "" => format!("{currency} {sign}{whole}"),
        part => format!("{currency} {sign}{whole}.{part:0<2}"),
    })
}

fn amount(money_of: &wa::Money) -> Option<String> {
    let (value, offset) = (money_of.value?, i64::from(money_of.offset.filter(|offset| *offset > 0).unwrap_or(1)));
    money(i64::try_from(i128::from(value) * 1_000 / i128::from(offset)).ok()?, money_of.currency_code.as_deref())
}

fn invoice_file(invoice: &wa::message::InvoiceMessage) -> Option<FileRef> {
    let direct_path = invoice.attachment_direct_path.clone().filter(|path| !path.is_empty())?;
    let mime = invoice.attachment_mimetype.clone().unwrap_or_default();
    Some(FileRef {
        kind: if mime.starts_with("image/") { MediaKind::Image } else { MediaKind::Document },
        direct_path,
        key: invoice.attachment_media_key.clone().unwrap_or_default(),
        sha256: invoice.attachment_file_sha256.clone().unwrap_or_default(),
        encrypted_sha256: invoice.attachment_file_enc_sha256.clone().unwrap_or_default(),
        bytes: 0,
        mime,
        name: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_people_write_it() {
        for (thousandths, wanted) in
            [(15_000_000, "IDR 15000"), (12_500, "IDR 12.50"), (-500, "IDR -0.50"), (1, "IDR 0.001"), (0, "IDR 0")]
        {
            assert_eq!(money(thousandths, Some("IDR")).as_deref(), Some(wanted));
        }
        assert_eq!(money(5, None), None);
        let dollars = wa::Money { value: Some(1_999), offset: Some(100), currency_code: Some("USD".into()) };
        assert_eq!(amount(&dollars).as_deref(), Some("USD 19.99"));
    }
}
