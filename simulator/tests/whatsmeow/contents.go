package main

import (
	"encoding/json"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

func jsonOf(value any) ([]byte, error) { return json.Marshal(value) }

// fileMessage is the message for an uploaded file.
func fileMessage(c command, file whatsmeow.UploadResponse) *waE2E.Message {
	url, path, mime := proto.String(file.URL), proto.String(file.DirectPath), proto.String(c.MimeType)
	key, sealed, plain, length := file.MediaKey, file.FileEncSHA256, file.FileSHA256, proto.Uint64(file.FileLength)
	switch c.Kind {
	case "image":
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			URL: url, DirectPath: path, Mimetype: mime, MediaKey: key, FileEncSHA256: sealed, FileSHA256: plain,
			FileLength: length, Caption: proto.String(c.Caption),
		}}
	case "sticker":
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
			URL: url, DirectPath: path, Mimetype: mime, MediaKey: key, FileEncSHA256: sealed, FileSHA256: plain,
			FileLength: length,
		}}
	case "video":
		return &waE2E.Message{VideoMessage: &waE2E.VideoMessage{
			URL: url, DirectPath: path, Mimetype: mime, MediaKey: key, FileEncSHA256: sealed, FileSHA256: plain,
			FileLength: length, Caption: proto.String(c.Caption),
		}}
	case "document":
		return &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{
			URL: url, DirectPath: path, Mimetype: mime, MediaKey: key, FileEncSHA256: sealed, FileSHA256: plain,
			FileLength: length, FileName: proto.String(c.FileName), Caption: proto.String(c.Caption),
		}}
	default:
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			URL: url, DirectPath: path, Mimetype: mime, MediaKey: key, FileEncSHA256: sealed, FileSHA256: plain,
			FileLength: length, PTT: proto.Bool(c.Kind == "voice"),
		}}
	}
}

// contentOf names the kind of a message and what a test compares.
func contentOf(message *waE2E.Message) object {
	if update := message.GetProtocolMessage(); update != nil {
		return protocolContent(update)
	}
	switch {
	case message.GetConversation() != "":
		return object{"kind": "text", "text": message.GetConversation()}
	case message.GetExtendedTextMessage() != nil:
		text := message.GetExtendedTextMessage()
		return object{"kind": "text", "text": text.GetText(), "about": text.GetContextInfo().GetStanzaID()}
	case message.GetReactionMessage() != nil:
		reaction := message.GetReactionMessage()
		return object{"kind": "reaction", "text": reaction.GetText(), "about": reaction.GetKey().GetID()}
	case message.GetImageMessage() != nil:
		return object{"kind": "image", "caption": message.GetImageMessage().GetCaption()}
	case message.GetVideoMessage() != nil:
		return object{"kind": "video", "caption": message.GetVideoMessage().GetCaption()}
	case message.GetPtvMessage() != nil:
		return object{"kind": "video_note"}
	case message.GetDocumentMessage() != nil:
		document := message.GetDocumentMessage()
		return object{"kind": "document", "file_name": document.GetFileName(), "caption": document.GetCaption()}
	case message.GetStickerMessage() != nil:
		return object{"kind": "sticker"}
	case message.GetAudioMessage() != nil:
		if message.GetAudioMessage().GetPTT() {
			return object{"kind": "voice"}
		}
		return object{"kind": "audio"}
	case message.GetLocationMessage() != nil:
		location := message.GetLocationMessage()
		return object{"kind": "location", "latitude": location.GetDegreesLatitude(), "name": location.GetName()}
	case message.GetContactMessage() != nil:
		return object{"kind": "contact", "name": message.GetContactMessage().GetDisplayName()}
	case pollOf(message) != nil:
		options := []string{}
		for _, option := range pollOf(message).GetOptions() {
			options = append(options, option.GetOptionName())
		}
		return object{"kind": "poll", "text": pollOf(message).GetName(), "options": options}
	case message.GetPollUpdateMessage() != nil:
		return object{"kind": "vote", "about": message.GetPollUpdateMessage().GetPollCreationMessageKey().GetID()}
	case message.GetSecretEncryptedMessage() != nil:
		return object{"kind": "secret_encrypted"}
	default:
		return object{"kind": "other"}
	}
}

func pollOf(message *waE2E.Message) *waE2E.PollCreationMessage {
	if poll := message.GetPollCreationMessage(); poll != nil {
		return poll
	}
	return message.GetPollCreationMessageV3()
}

func protocolContent(update *waE2E.ProtocolMessage) object {
	about := update.GetKey().GetID()
	switch update.GetType() {
	case waE2E.ProtocolMessage_REVOKE:
		return object{"kind": "delete", "about": about}
	case waE2E.ProtocolMessage_MESSAGE_EDIT:
		edited := contentOf(update.GetEditedMessage())
		return object{"kind": "edit", "about": about, "text": edited["text"]}
	default:
		return object{"kind": "protocol", "type": update.GetType().String()}
	}
}
