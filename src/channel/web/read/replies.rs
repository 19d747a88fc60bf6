//! What people choose in forms that businesses sent them.

use serde_json::Value;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::buttons_response_message::Response;
use whatsapp_rust::waproto::whatsapp::message::interactive_response_message::{
    InteractiveResponseMessage as Answer, NativeFlowResponseMessage as Flow,
};

use super::{Found, lines, said};

/// Fields of a flow's answer that are no answers.
const FLOW_TOKENS: [&str; 2] = ["flow_token", "wa_flow_response_params"];
/// Answers of one flow that are shown.
const ANSWERS_MAX: usize = 200;

pub(super) fn read(message: &wa::Message) -> Found<'_> {
    if let Some(reply) = message.buttons_response_message.as_option() {
        let Some(Response::SelectedDisplayText(shown)) = &reply.response else {
            let text = chosen([&None, &reply.selected_button_id]);
            return Some((said("button_reply", text), reply.context_info.as_option()));
        };
        let text = lines(
            [Some(shown.as_str()).filter(|shown| !shown.is_empty()).or(reply.selected_button_id.as_deref())],
            "[button]",
        );
        return Some((said("button_reply", text), reply.context_info.as_option()));
    }
    if let Some(reply) = message.template_button_reply_message.as_option() {
        let text = chosen([&reply.selected_display_text, &reply.selected_id]);
        return Some((said("template_reply", text), reply.context_info.as_option()));
    }
    if let Some(reply) = message.list_response_message.as_option() {
        let row = reply.single_select_reply.as_option().and_then(|one| one.selected_row_id.as_deref());
        let shown = [&reply.title, &reply.description].map(|part| part.as_deref().filter(|part| !part.is_empty()));
        let text = if shown.iter().any(Option::is_some) { lines(shown, "") } else { lines([row], "[list]") };
        return Some((said("list_reply", text), reply.context_info.as_option()));
    }
    let reply = message.interactive_response_message.as_option()?;
    let body = reply.body.as_option().and_then(|body| body.text.as_deref());
    let flow = reply.interactive_response_message.as_ref().map(|answer| match answer {
        Answer::NativeFlowResponseMessage(flow) => answers(flow),
    });
    let text = lines([body, flow.as_deref()], "[form]");
    Some((said("flow_reply", text), reply.context_info.as_option()))
}

/// The first of these that says something.
fn chosen(texts: [&Option<String>; 2]) -> String {
    let found = texts.into_iter().flatten().find(|text| !text.trim().is_empty());
    found.cloned().unwrap_or_else(|| "[button]".into())
}

/// What was entered into a flow: a line for each field, in the form's order.
fn answers(flow: &Flow) -> String {
    let json = flow.params_json.as_deref().unwrap_or_default();
    let fields = match serde_json::from_str(json) {
        Ok(Value::Object(fields)) => fields,
        // Not as forms answer: as it is.
        _ => return json.to_owned(),
    };
    let entered = fields.iter().filter(|(name, _)| !FLOW_TOKENS.contains(&name.as_str())).take(ANSWERS_MAX);
    let lines = entered.map(|(name, value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}
