//! What businesses send: templates, buttons, lists and other forms, as the text that a person reads of them.

use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::hydrated_template_button::HydratedButton;
use whatsapp_rust::waproto::whatsapp::message::buttons_message::Header as ButtonsHeader;
use whatsapp_rust::waproto::whatsapp::message::interactive_message::InteractiveMessage as Shown;
use whatsapp_rust::waproto::whatsapp::message::interactive_message::header::Media as HeaderMedia;
use whatsapp_rust::waproto::whatsapp::message::template_message::Format;
use whatsapp_rust::waproto::whatsapp::message::template_message::four_row_template::Title as RowTitle;
use whatsapp_rust::waproto::whatsapp::message::template_message::hydrated_four_row_template::Title;
use whatsapp_rust::waproto::whatsapp::template_button::Button;

use super::{FileRef, Found, Said, lines, media, places, said, trade};

/// Templates within templates that are looked into.
const DEPTH_MAX: usize = 4;

/// The lines of a form, and its file.
#[derive(Default)]
struct Form {
    lines: Vec<String>,
    file: Option<FileRef>,
}

impl Form {
    fn add(&mut self, text: Option<&str>) {
        self.lines.extend(text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned));
    }

    /// Something that can be chosen.
    fn choice(&mut self, text: Option<&str>) {
        self.lines.extend(text.map(str::trim).filter(|text| !text.is_empty()).map(|text| format!("- {text}")));
    }

    fn said(self, kind: &'static str) -> Said {
        let text = lines(self.lines.iter().map(|line| Some(line.as_str())), "");
        let text = if text.is_empty() { format!("[{kind}]") } else { text };
        Said { file: self.file.filter(|file| !file.direct_path.is_empty()), ..said(kind, text) }
    }
}

pub(super) fn read(message: &wa::Message) -> Found<'_> {
    if let Some(template) = message.template_message.as_option() {
        let mut form = Form::default();
        of_template(&mut form, template, DEPTH_MAX);
        return Some((form.said("template"), template.context_info.as_option()));
    }
    if let Some(structured) = message.highly_structured_message.as_option() {
        let mut form = Form::default();
        of_structured(&mut form, structured, DEPTH_MAX);
        return Some((form.said("template"), None));
    }
    if let Some(buttons) = message.buttons_message.as_option() {
        return Some((of_buttons(buttons), buttons.context_info.as_option()));
    }
    if let Some(list) = message.list_message.as_option() {
        return Some((of_list(list), list.context_info.as_option()));
    }
    let interactive = message.interactive_message.as_option()?;
    let mut form = Form::default();
    of_interactive(&mut form, interactive, DEPTH_MAX);
    Some((form.said("interactive"), interactive.context_info.as_option()))
}

fn of_template(form: &mut Form, template: &wa::message::TemplateMessage, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match (&template.format, template.hydrated_template.as_option()) {
        (Some(Format::HydratedFourRowTemplate(rows)), _) => of_hydrated(form, rows),
        (Some(Format::InteractiveMessageTemplate(interactive)), _) => of_interactive(form, interactive, depth),
        (_, Some(rows)) => of_hydrated(form, rows),
        (Some(Format::FourRowTemplate(rows)), None) => of_rows(form, rows, depth),
        (None, None) => {}
    }
}

fn of_hydrated(form: &mut Form, rows: &wa::message::template_message::HydratedFourRowTemplate) {
    match &rows.title {
        Some(Title::HydratedTitleText(text)) => form.add(Some(text)),
        Some(Title::DocumentMessage(paper)) => form.file = Some(media::document(paper)),
        Some(Title::ImageMessage(image)) => form.file = Some(media::image(image)),
        Some(Title::VideoMessage(video)) => form.file = Some(media::video(video)),
        Some(Title::LocationMessage(place)) => form.add(Some(&places::location(place))),
        None => {}
    }
    form.add(rows.hydrated_content_text.as_deref());
    form.add(rows.hydrated_footer_text.as_deref());
    for button in rows.hydrated_buttons.iter().filter_map(|button| button.hydrated_button.as_ref()) {
        match button {
            HydratedButton::QuickReplyButton(one) => form.choice(one.display_text.as_deref()),
            HydratedButton::UrlButton(one) => {
                form.choice(Some(
                    &[one.display_text.as_deref(), one.url.as_deref()].map(Option::unwrap_or_default).join(" "),
                ));
            }
            HydratedButton::CallButton(one) => {
                let parts = [one.display_text.as_deref(), one.phone_number.as_deref()];
                form.choice(Some(&parts.map(Option::unwrap_or_default).join(" ")));
            }
        }
    }
}

fn of_rows(form: &mut Form, rows: &wa::message::template_message::FourRowTemplate, depth: usize) {
    match &rows.title {
        Some(RowTitle::HighlyStructuredMessage(title)) => of_structured(form, title, depth),
        Some(RowTitle::DocumentMessage(paper)) => form.file = Some(media::document(paper)),
        Some(RowTitle::ImageMessage(image)) => form.file = Some(media::image(image)),
        Some(RowTitle::VideoMessage(video)) => form.file = Some(media::video(video)),
        Some(RowTitle::LocationMessage(place)) => form.add(Some(&places::location(place))),
        None => {}
    }
    for part in [&rows.content, &rows.footer] {
        if let Some(part) = part.as_option() {
            of_structured(form, part, depth);
        }
    }
    for button in rows.buttons.iter().filter_map(|button| button.button.as_ref()) {
        let shown = match button {
            Button::QuickReplyButton(one) => one.display_text.as_option(),
            Button::UrlButton(one) => one.display_text.as_option(),
            Button::CallButton(one) => one.display_text.as_option(),
        };
        if let Some(shown) = shown {
            of_structured(form, shown, depth);
        }
    }
}

/// A text whose words WhatsApp keeps, where they do not come along: its name, and what is put into it.
fn of_structured(form: &mut Form, structured: &wa::message::HighlyStructuredMessage, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if let Some(template) = structured.hydrated_hsm.as_option() {
        return of_template(form, template, depth);
    }
    form.add(structured.element_name.as_deref());
    let given = structured.localizable_params.iter().filter_map(|one| one.default.as_deref());
    let given = structured.params.iter().map(String::as_str).chain(given);
    given.for_each(|text| form.add(Some(text)));
}

fn of_buttons(buttons: &wa::message::ButtonsMessage) -> Said {
    let mut form = Form::default();
    match &buttons.header {
        Some(ButtonsHeader::Text(text)) => form.add(Some(text)),
        Some(ButtonsHeader::DocumentMessage(paper)) => form.file = Some(media::document(paper)),
        Some(ButtonsHeader::ImageMessage(image)) => form.file = Some(media::image(image)),
        Some(ButtonsHeader::VideoMessage(video)) => form.file = Some(media::video(video)),
        Some(ButtonsHeader::LocationMessage(place)) => form.add(Some(&places::location(place))),
        None => {}
    }
    form.add(buttons.content_text.as_deref());
    form.add(buttons.footer_text.as_deref());
    for button in &buttons.buttons {
        form.choice(button.button_text.as_option().and_then(|text| text.display_text.as_deref()));
    }
    form.said("buttons")
}

fn of_list(list: &wa::message::ListMessage) -> Said {
    let mut form = Form::default();
    form.add(list.title.as_deref());
    form.add(list.description.as_deref());
    form.add(list.footer_text.as_deref());
    for section in &list.sections {
        form.add(section.title.as_deref());
        for row in &section.rows {
            form.choice(row.title.as_deref());
            form.add(row.description.as_deref());
        }
    }
    for section in list.product_list_info.as_option().into_iter().flat_map(|info| &info.product_sections) {
        form.add(section.title.as_deref());
        section.products.iter().for_each(|product| form.choice(product.product_id.as_deref()));
    }
    form.said("list")
}

fn of_interactive(form: &mut Form, interactive: &wa::message::InteractiveMessage, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if let Some(header) = interactive.header.as_option() {
        form.add(header.title.as_deref());
        form.add(header.subtitle.as_deref());
        match &header.media {
            Some(HeaderMedia::DocumentMessage(paper)) => form.file = Some(media::document(paper)),
            Some(HeaderMedia::ImageMessage(image)) => form.file = Some(media::image(image)),
            Some(HeaderMedia::VideoMessage(video)) => form.file = Some(media::video(video)),
            Some(HeaderMedia::LocationMessage(place)) => form.add(Some(&places::location(place))),
            Some(HeaderMedia::ProductMessage(product)) => form.add(Some(&trade::of_product(product).text)),
            Some(HeaderMedia::JpegThumbnail(_)) | None => {}
        }
    }
    form.add(interactive.body.as_option().and_then(|body| body.text.as_deref()));
    form.add(interactive.footer.as_option().and_then(|footer| footer.text.as_deref()));
    match &interactive.interactive_message {
        Some(Shown::NativeFlowMessage(flow)) => {
            for button in &flow.buttons {
                let json = button.button_params_json.as_deref().and_then(|json| serde_json::from_str(json).ok());
                let shown = |json: &serde_json::Value| {
                    json["display_text"].as_str().or(json["title"].as_str()).map(str::to_owned)
                };
                form.choice(json.as_ref().and_then(shown).as_deref());
            }
        }
        Some(Shown::CarouselMessage(carousel)) => {
            carousel.cards.iter().for_each(|card| of_interactive(form, card, depth));
        }
        Some(Shown::ShopStorefrontMessage(_) | Shown::CollectionMessage(_)) | None => {}
    }
}
