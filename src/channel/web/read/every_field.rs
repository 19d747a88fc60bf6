//! What every kind of message says; and that no field of the protocol is left undecided.

#![allow(
    clippy::needless_update,
    reason = "one macro makes messages that have other fields and messages that have none"
)]

use wa::message as m;
use whatsapp_rust::waproto::whatsapp::message::{
    buttons_message, buttons_response_message, interactive_message, interactive_response_message, template_message,
};

use super::tests::{key, protocol, text};
use super::*;

/// Names every field. With one more in the protocol it does not compile: decide what it is in `read.rs`, then add it to the
/// table below.
macro_rules! fields {
    ($($field:ident),* $(,)?) => {
        const FIELDS: &[&str] = &[$(stringify!($field)),*];

        #[allow(dead_code, reason = "it is there to be compiled")]
        fn every_field_is_named(message: wa::Message) {
            let wa::Message { $($field: _),* } = message;
        }
    };
}

fields! {
    conversation, sender_key_distribution_message, image_message, contact_message, location_message,
    extended_text_message, document_message, audio_message, video_message, call, chat, protocol_message,
    contacts_array_message, highly_structured_message, fast_ratchet_key_sender_key_distribution_message,
    send_payment_message, live_location_message, request_payment_message, decline_payment_request_message,
    cancel_payment_request_message, template_message, sticker_message, group_invite_message,
    template_button_reply_message, product_message, device_sent_message, message_context_info, list_message,
    view_once_message, order_message, list_response_message, ephemeral_message, invoice_message, buttons_message,
    buttons_response_message, payment_invite_message, interactive_message, reaction_message,
    sticker_sync_rmr_message, interactive_response_message, poll_creation_message, poll_update_message,
    keep_in_chat_message, document_with_caption_message, request_phone_number_message, view_once_message_v2,
    enc_reaction_message, edited_message, view_once_message_v2_extension, poll_creation_message_v2,
    scheduled_call_creation_message, group_mentioned_message, pin_in_chat_message, poll_creation_message_v3,
    scheduled_call_edit_message, ptv_message, bot_invoke_message, call_log_messsage, message_history_bundle,
    enc_comment_message, bcall_message, lottie_sticker_message, event_message, enc_event_response_message,
    comment_message, newsletter_admin_invite_message, placeholder_message, secret_encrypted_message, album_message,
    event_cover_image, sticker_pack_message, status_mention_message, poll_result_snapshot_message,
    poll_creation_option_image_message, associated_child_message, group_status_mention_message,
    poll_creation_message_v4, status_add_yours, group_status_message, rich_response_message,
    status_notification_message, limit_sharing_message, bot_task_message, question_message, message_history_notice,
    group_status_message_v2, bot_forwarded_message, status_question_answer_message, question_reply_message,
    question_response_message, status_quoted_message, status_sticker_interaction_message, poll_creation_message_v5,
    newsletter_follower_invite_message_v2, poll_result_snapshot_message_v3, newsletter_admin_profile_message,
    newsletter_admin_profile_message_v2, spoiler_message, poll_creation_message_v6, conditional_reveal_message,
    poll_add_option_message, event_invite_message, group_root_key_share, payment_reminder_message,
    split_payment_message, newsletter_admin_profile_status_message, root_secret_distribute_message,
}

/// A message with one field.
macro_rules! with {
    ($field:ident: $kind:ident { $($name:ident: $value:expr),* $(,)? }) => {
        wa::Message {
            $field: MessageField::some(m::$kind { $($name: $value,)* ..Default::default() }),
            ..Default::default()
        }
    };
}

/// A field, a message with it, and what is told of it: its type, its text, and the id of what it is about.
type Case = (&'static str, wa::Message, Option<(&'static str, &'static str, Option<&'static str>)>);

macro_rules! case {
    ($field:ident: $kind:ident { $($name:ident: $value:expr),* $(,)? } => $wanted:expr) => {
        (stringify!($field), with!($field: $kind { $($name: $value),* }), $wanted)
    };
}

fn s(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// What it answers, as most kinds say it.
fn answers() -> MessageField<wa::ContextInfo> {
    MessageField::some(wa::ContextInfo { stanza_id: s("QUOTED"), ..Default::default() })
}

fn shown(kind: &'static str, text: &'static str) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    Some((kind, text, Some("QUOTED")))
}

fn target(kind: &'static str, text: &'static str) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    Some((kind, text, Some("TARGET")))
}

fn alone(kind: &'static str, text: &'static str) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    Some((kind, text, None))
}

fn boxed(text: &str) -> MessageField<wa::Message> {
    MessageField::some(self::text(text))
}

fn everyday() -> Vec<Case> {
    let card = |name: &str| m::ContactMessage { display_name: s(name), ..Default::default() };
    vec![
        ("conversation", text("hello"), alone("text", "hello")),
        case!(extended_text_message: ExtendedTextMessage { text: s("hello"), context_info: answers() } => shown("text", "hello")),
        case!(image_message: ImageMessage { caption: s("look"), context_info: answers() } => shown("image", "look")),
        case!(video_message: VideoMessage { context_info: answers() } => shown("video", "[video]")),
        case!(ptv_message: VideoMessage { context_info: answers() } => shown("video", "[video]")),
        case!(audio_message: AudioMessage { context_info: answers() } => shown("audio", "[audio]")),
        case!(document_message: DocumentMessage { caption: s("the bill"), context_info: answers() } => shown("document", "the bill")),
        case!(sticker_message: StickerMessage { context_info: answers() } => shown("sticker", "[sticker]")),
        case!(sticker_pack_message: StickerPackMessage { name: s("Cats"), publisher: s("Ann"), context_info: answers() }
            => shown("sticker_pack", "Cats\nAnn")),
        case!(location_message: LocationMessage { degrees_latitude: Some(-6.2), degrees_longitude: Some(106.8),
            name: s("Monas"), address: s("Jl. Merdeka 1"), comment: s("at noon"), context_info: answers() }
            => shown("location", "Monas, Jl. Merdeka 1 -6.2,106.8\nat noon")),
        case!(live_location_message: LiveLocationMessage { degrees_latitude: Some(-6.2), degrees_longitude: Some(106.8),
            caption: s("on my way"), context_info: answers() } => shown("location", "-6.2,106.8\non my way")),
        case!(contact_message: ContactMessage { vcard: s("BEGIN:VCARD"), context_info: answers() } => shown("contact", "BEGIN:VCARD")),
        case!(contacts_array_message: ContactsArrayMessage { contacts: vec![card("Bob"), card("Eve")], context_info: answers() }
            => shown("contact", "Bob\nEve")),
        case!(reaction_message: ReactionMessage { text: s("👍"), key: key("TARGET") } => target("reaction", "👍")),
        case!(group_invite_message: GroupInviteMessage { group_name: s("Chess"), caption: s("join us"), context_info: answers() }
            => shown("group_invite", "Chess\njoin us")),
        case!(newsletter_admin_invite_message: NewsletterAdminInviteMessage { newsletter_name: s("News"), context_info: answers() }
            => shown("channel_invite", "News")),
        case!(newsletter_follower_invite_message_v2: NewsletterFollowerInviteMessage { newsletter_name: s("News"), context_info: answers() }
            => shown("channel_invite", "News")),
        case!(request_phone_number_message: RequestPhoneNumberMessage { context_info: answers() }
            => shown("number_request", "[asks for your phone number]")),
        case!(comment_message: CommentMessage { message: boxed("well said"), target_message_key: key("TARGET") }
            => target("comment", "well said")),
        case!(enc_comment_message: EncCommentMessage { target_message_key: key("TARGET") }
            => target("comment", "[a comment that cannot be read]")),
        case!(secret_encrypted_message: SecretEncryptedMessage { target_message_key: key("TARGET"),
            secret_enc_type: Some(SecretEncType::MESSAGE_EDIT) } => target("edit", "[an edit that cannot be read]")),
        case!(protocol_message: ProtocolMessage { key: key("TARGET"), r#type: Some(Type::REVOKE) } => target("delete", "[deleted]")),
        case!(status_question_answer_message: StatusQuestionAnswerMessage { key: key("TARGET"), text: s("42") } => target("text", "42")),
        case!(question_response_message: QuestionResponseMessage { key: key("TARGET"), text: s("42") } => target("text", "42")),
        case!(status_quoted_message: StatusQuotedMessage { original_status_id: key("TARGET"), text: s("42") } => target("text", "42")),
        (
            "rich_response_message",
            wa::Message {
                rich_response_message: MessageField::some(wa::AIRichResponseMessage {
                    submessages: vec![wa::AIRichResponseSubMessage {
                        message_text: s("an answer"),
                        ..Default::default()
                    }],
                    ..Default::default()
                }),
                ..Default::default()
            },
            alone("text", "an answer"),
        ),
    ]
}

fn business() -> Vec<Case> {
    let price = m::product_message::ProductSnapshot {
        title: s("Tea"),
        price_amount1000: Some(15_000_000),
        currency_code: s("IDR"),
        ..Default::default()
    };
    vec![
        case!(buttons_response_message: ButtonsResponseMessage { selected_button_id: s("b1"), context_info: answers(),
            response: Some(buttons_response_message::Response::SelectedDisplayText("Yes".into())) } => shown("button_reply", "Yes")),
        case!(template_button_reply_message: TemplateButtonReplyMessage { selected_id: s("t1"), selected_display_text: s("Track it"),
            context_info: answers() } => shown("template_reply", "Track it")),
        case!(list_response_message: ListResponseMessage { title: s("Large"), description: s("40 cm"), context_info: answers() }
            => shown("list_reply", "Large\n40 cm")),
        case!(interactive_response_message: InteractiveResponseMessage {
            body: MessageField::some(interactive_response_message::Body { text: s("Sent"), ..Default::default() }),
            context_info: answers(),
            interactive_response_message: Some(
                interactive_response_message::InteractiveResponseMessage::NativeFlowResponseMessage(Box::new(
                    interactive_response_message::NativeFlowResponseMessage {
                        params_json: s(r#"{"flow_token":"x","name":"Ann","guests":2}"#),
                        ..Default::default()
                    },
                )),
            ) } => shown("flow_reply", "Sent\nname: Ann\nguests: 2")),
        case!(buttons_message: ButtonsMessage { content_text: s("Shall we come?"), footer_text: s("Repairs"), context_info: answers(),
            buttons: vec![buttons_message::Button {
                button_text: MessageField::some(buttons_message::button::ButtonText {
                    display_text: s("Yes"), ..Default::default()
                }),
                ..Default::default()
            }] } => shown("buttons", "Shall we come?\nRepairs\n- Yes")),
        case!(list_message: ListMessage { title: s("Sizes"), description: s("Choose one"), context_info: answers(),
            sections: vec![m::list_message::Section {
                title: s("Pizza"),
                rows: vec![m::list_message::Row { title: s("Large"), ..Default::default() }],
                ..Default::default()
            }] } => shown("list", "Sizes\nChoose one\nPizza\n- Large")),
        case!(template_message: TemplateMessage { context_info: answers(),
            hydrated_template: MessageField::some(template_message::HydratedFourRowTemplate {
                hydrated_content_text: s("Your parcel is on its way"), hydrated_footer_text: s("Parcels"), ..Default::default()
            }) } => shown("template", "Your parcel is on its way\nParcels")),
        case!(highly_structured_message: HighlyStructuredMessage { element_name: s("parcel"), params: vec!["42".into()] }
            => alone("template", "parcel\n42")),
        case!(interactive_message: InteractiveMessage { context_info: answers(),
            body: MessageField::some(interactive_message::Body { text: s("Pick a date"), ..Default::default() }) }
            => shown("interactive", "Pick a date")),
        case!(order_message: OrderMessage { message: s("two please"), item_count: Some(2), total_amount1000: Some(12_500),
            total_currency_code: s("IDR"), context_info: answers() } => shown("order", "two please\nitems: 2\nIDR 12.50")),
        case!(product_message: ProductMessage { product: MessageField::some(price), context_info: answers() }
            => shown("product", "Tea\nIDR 15000")),
        case!(invoice_message: InvoiceMessage { note: s("for tea") } => alone("invoice", "for tea")),
        case!(send_payment_message: SendPaymentMessage { note_message: boxed("for tea"), request_message_key: key("TARGET") }
            => target("payment", "[payment]\nfor tea")),
        case!(request_payment_message: RequestPaymentMessage { amount1000: Some(15_000_000), currency_code_iso4217: s("IDR"),
            note_message: boxed("for tea") } => alone("payment", "[payment request]\nIDR 15000\nfor tea")),
        case!(decline_payment_request_message: DeclinePaymentRequestMessage { key: key("TARGET") }
            => target("payment", "[payment request declined]")),
        case!(cancel_payment_request_message: CancelPaymentRequestMessage { key: key("TARGET") }
            => target("payment", "[payment request cancelled]")),
        case!(payment_invite_message: PaymentInviteMessage {} => alone("payment", "[invitation to payments]")),
        case!(payment_reminder_message: PaymentReminderMessage { description: s("rent") } => alone("payment", "[payment reminder]\nrent")),
        case!(split_payment_message: SplitPaymentMessage { description: s("dinner"), context_info: answers() }
            => shown("payment", "[payment to be shared]\ndinner")),
    ]
}

fn questions() -> Vec<Case> {
    let option = |name: &str| m::poll_creation_message::Option { option_name: s(name), ..Default::default() };
    let poll = || m::PollCreationMessage {
        name: s("Tea or coffee?"),
        options: vec![option("Tea"), option("Coffee")],
        context_info: answers(),
        ..Default::default()
    };
    let asked = || shown("poll", "Tea or coffee?\n- Tea\n- Coffee");
    let result = || m::PollResultSnapshotMessage {
        name: s("Tea?"),
        poll_votes: vec![m::poll_result_snapshot_message::PollVote {
            option_name: s("Tea"),
            option_vote_count: Some(3),
            ..Default::default()
        }],
        ..Default::default()
    };
    macro_rules! polls {
        ($($field:ident: $message:expr => $wanted:expr),*) => {
            [$((stringify!($field), wa::Message { $field: MessageField::some($message), ..Default::default() }, $wanted)),*]
        };
    }
    let mut cases: Vec<Case> = polls![
        poll_creation_message: poll() => asked(),
        poll_creation_message_v2: poll() => asked(),
        poll_creation_message_v3: poll() => asked(),
        poll_creation_message_v5: poll() => asked(),
        poll_creation_message_v6: poll() => asked(),
        poll_result_snapshot_message: result() => alone("poll_result", "Tea?\n- Tea: 3"),
        poll_result_snapshot_message_v3: result() => alone("poll_result", "Tea?\n- Tea: 3")
    ]
    .into();
    cases.extend([
        case!(poll_update_message: PollUpdateMessage { poll_creation_message_key: key("TARGET") }
            => target("poll_vote", "[a vote that cannot be read]")),
        case!(poll_add_option_message: PollAddOptionMessage { poll_creation_message_key: key("TARGET") }
            => target("poll_option", "[an option that cannot be read]")),
        case!(event_message: EventMessage { name: s("Party"), start_time: Some(1_790_000_000), context_info: answers() }
            => shown("event", "Party\n2026-09-21T14:13:20Z")),
        case!(event_invite_message: EventInviteMessage { event_title: s("Party"), context_info: answers() } => shown("event", "Party")),
        case!(enc_event_response_message: EncEventResponseMessage { event_creation_message_key: key("TARGET") }
            => target("event_response", "[a response that cannot be read]")),
        case!(scheduled_call_creation_message: ScheduledCallCreationMessage { title: s("Weekly call"),
            scheduled_timestamp_ms: Some(1_790_000_000_000) } => alone("event", "Weekly call\n2026-09-21T14:13:20Z")),
        case!(scheduled_call_edit_message: ScheduledCallEditMessage { key: key("TARGET") } => target("event", "[cancelled]")),
    ]);
    cases
}

/// Everything that only wraps another message.
fn wrapping() -> Vec<Case> {
    macro_rules! wrapping {
        ($($field:ident),* $(,)?) => {
            vec![$((stringify!($field), with!($field: FutureProofMessage { message: boxed("inside") }), alone("text", "inside"))),*]
        };
    }
    let mut cases: Vec<Case> = wrapping![
        ephemeral_message,
        view_once_message,
        view_once_message_v2,
        view_once_message_v2_extension,
        document_with_caption_message,
        edited_message,
        group_mentioned_message,
        bot_invoke_message,
        bot_task_message,
        bot_forwarded_message,
        lottie_sticker_message,
        event_cover_image,
        associated_child_message,
        poll_creation_option_image_message,
        poll_creation_message_v4,
        status_mention_message,
        group_status_mention_message,
        status_add_yours,
        group_status_message,
        group_status_message_v2,
        limit_sharing_message,
        question_message,
        question_reply_message,
        newsletter_admin_profile_message,
        newsletter_admin_profile_message_v2,
        newsletter_admin_profile_status_message,
        spoiler_message,
    ];
    cases.push(case!(device_sent_message: DeviceSentMessage { message: boxed("inside") } => alone("text", "inside")));
    cases
}

/// What a person sees and this gateway has no words for, and what only programs exchange.
fn others() -> Vec<Case> {
    let keys = || MessageField::some(m::SenderKeyDistributionMessage::default());
    macro_rules! silent {
        ($($field:ident: $kind:ident),* $(,)?) => {
            vec![$(case!($field: $kind {} => None)),*]
        };
    }
    let mut cases: Vec<Case> = silent![
        call: Call, call_log_messsage: CallLogMessage, album_message: AlbumMessage, keep_in_chat_message: KeepInChatMessage,
        pin_in_chat_message: PinInChatMessage, placeholder_message: PlaceholderMessage,
        enc_reaction_message: EncReactionMessage, sticker_sync_rmr_message: StickerSyncRMRMessage,
        message_history_bundle: MessageHistoryBundle, message_history_notice: MessageHistoryNotice,
        status_notification_message: StatusNotificationMessage,
        status_sticker_interaction_message: StatusStickerInteractionMessage,
        root_secret_distribute_message: RootSecretDistributeMessage,
    ];
    cases.extend([
        (
            "sender_key_distribution_message",
            wa::Message { sender_key_distribution_message: keys(), ..Default::default() },
            None,
        ),
        (
            "fast_ratchet_key_sender_key_distribution_message",
            wa::Message { fast_ratchet_key_sender_key_distribution_message: keys(), ..Default::default() },
            None,
        ),
        (
            "group_root_key_share",
            wa::Message {
                group_root_key_share: MessageField::some(wa::GroupRootKeyShare::default()),
                ..Default::default()
            },
            None,
        ),
        (
            "message_context_info",
            wa::Message {
                message_context_info: MessageField::some(wa::MessageContextInfo::default()),
                ..Default::default()
            },
            None,
        ),
        case!(chat: Chat {} => alone("other", "[chat]")),
        case!(bcall_message: BCallMessage {} => alone("other", "[bcallMessage]")),
        case!(conditional_reveal_message: ConditionalRevealMessage {} => alone("other", "[conditionalRevealMessage]")),
    ]);
    cases
}

#[test]
fn every_field_of_the_protocol_is_told_as_a_person_reads_it() {
    let cases: Vec<Case> = [everyday(), business(), questions(), wrapping(), others()].into_iter().flatten().collect();
    for (field, message, wanted) in &cases {
        let said = read(message);
        let told = said.as_ref().map(|said| (said.kind, said.text.as_str(), said.about.as_deref()));
        assert_eq!(told, *wanted, "{field}");
    }
    let told: Vec<&str> = cases.iter().map(|(field, ..)| *field).collect();
    for field in FIELDS {
        assert_eq!(told.iter().filter(|one| *one == field).count(), 1, "{field} stands in one table, once");
    }
}

#[test]
fn every_message_of_the_protocol_itself_but_edits_and_deletions_is_silent() {
    for number in 0..=64 {
        let Some(kind) = <Type as whatsapp_rust::buffa::Enumeration>::from_i32(number) else { continue };
        let message = protocol(Some(kind), None);
        assert_eq!(read(&message).is_some(), kind == Type::REVOKE, "{kind:?}");
        assert_eq!(timer(&message).is_some(), kind == Type::EPHEMERAL_SETTING, "{kind:?}");
    }
}

#[test]
fn an_unreadable_answer_carries_what_opens_it() {
    let vote = m::PollEncValue { enc_payload: Some(vec![1]), enc_iv: Some(vec![2]), ..Default::default() };
    let message = with!(poll_update_message: PollUpdateMessage { poll_creation_message_key: key("TARGET"), vote: MessageField::some(vote) });
    let sealed = read(&message).unwrap().sealed.unwrap();
    assert_eq!((sealed.kind, sealed.payload, sealed.iv), (polls::SealedKind::Vote, vec![1], vec![2]));
}
