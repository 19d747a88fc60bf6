package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

// files has the messages with pictures that came, by id.
var files sync.Map

var fileCommands = map[string]func(command) (any, error){
	"load": withFile(func(_ *events.Message, image *waE2E.ImageMessage) (any, error) {
		content, err := client.Download(background, image)
		hash := sha256.Sum256(content)
		return object{"sha256": hex.EncodeToString(hash[:])}, err
	}),
	"media_retry": withFile(func(event *events.Message, image *waE2E.ImageMessage) (any, error) {
		return nil, client.SendMediaRetryReceipt(background, &event.Info, image.GetMediaKey())
	}),
	// The receipt for a message that the phone does not know.
	"media_retry_unknown": withFile(func(event *events.Message, image *waE2E.ImageMessage) (any, error) {
		info := event.Info
		info.ID = "UNKNOWN" + info.ID
		files.Store(info.ID, event)
		return nil, client.SendMediaRetryReceipt(background, &info, image.GetMediaKey())
	}),
	"contact": to(func(user types.JID, _ command) (any, error) {
		return client.Store.Contacts.GetContact(background, user)
	}),
}

func withFile(perform func(*events.Message, *waE2E.ImageMessage) (any, error)) func(command) (any, error) {
	return func(c command) (any, error) {
		event, ok := files.Load(c.Id)
		if !ok {
			return nil, fmt.Errorf("no picture came with the id %s", c.Id)
		}
		message := event.(*events.Message)
		return perform(message, message.Message.GetImageMessage())
	}
}

// reportMediaRetry says whether the phone has put the file on the media host again; then it can be loaded.
func reportMediaRetry(event *events.MediaRetry) {
	about, ok := files.Load(event.MessageID)
	if !ok {
		return
	}
	image := about.(*events.Message).Message.GetImageMessage()
	answer, err := whatsmeow.DecryptMediaRetryNotification(event, image.GetMediaKey())
	if err != nil {
		emit("media_retry", object{"id": event.MessageID, "why": err.Error()})
		return
	}
	image.URL, image.DirectPath = nil, proto.String(answer.GetDirectPath())
	emit("media_retry", object{"id": event.MessageID, "result": answer.GetResult().String()})
}
