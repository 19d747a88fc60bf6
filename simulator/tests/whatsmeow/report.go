package main

import (
	"crypto/sha256"
	"encoding/hex"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

// report makes an event of what the library reports.
func report(reported any) {
	switch event := reported.(type) {
	case *events.QR:
		emit("qr", object{"codes": event.Codes})
	case *events.PairSuccess:
		emit("paired", object{"jid": event.ID.String(), "lid": event.LID.String(), "business_name": event.BusinessName})
	case *events.PairError:
		emit("pair_error", object{"why": event.Error.Error()})
	case *events.Connected:
		emit("open", nil)
	case *events.Disconnected:
		emit("close", nil)
	case *events.LoggedOut:
		emit("logged_out", object{"on_connect": event.OnConnect, "reason": int(event.Reason)})
	case *events.StreamReplaced:
		emit("replaced", nil)
	case *events.TemporaryBan:
		emit("ban", object{"code": int(event.Code), "seconds": event.Expire.Seconds()})
	case *events.ClientOutdated:
		emit("outdated", nil)
	case *events.StreamError:
		emit("stream_error", object{"code": event.Code})
	case *events.Message:
		reportMessage(event)
	case *events.UndecryptableMessage:
		emit("undecryptable", withSource(event.Info, object{"unavailable": event.IsUnavailable}))
	case *events.Receipt:
		reportReceipt(event)
	case *events.OfflineSyncPreview:
		emit("offline_preview", object{"total": event.Total, "messages": event.Messages, "receipts": event.Receipts})
	case *events.OfflineSyncCompleted:
		emit("offline_done", object{"count": event.Count})
	case *events.HistorySync:
		reportHistory(event)
	case *events.IdentityChange:
		emit("identity_change", object{"jid": event.JID.String()})
	case *events.MediaRetry:
		reportMediaRetry(event)
	case *events.Contact:
		emit("contact", object{"jid": event.JID.String(), "name": event.Action.GetFullName()})
	case *events.Presence:
		emit("presence", object{"from": event.From.String(), "available": !event.Unavailable})
	case *events.ChatPresence:
		emit("typing", object{"chat": event.Chat.String(), "state": string(event.State)})
	default:
		reportState(reported)
	}
}

// reportState reports changes of groups and of the account's own settings.
func reportState(reported any) {
	switch event := reported.(type) {
	case *events.JoinedGroup:
		emit("joined_group", object{"group": described(&event.GroupInfo), "kind": event.Type})
	case *events.GroupInfo:
		reportGroup(event)
	case *events.Picture:
		emit("picture", object{"jid": event.JID.String(), "id": event.PictureID, "removed": event.Remove})
	case *events.AppStateSyncComplete:
		emit("state_synced", object{"name": string(event.Name)})
	case *events.Mute:
		emit("muted", object{"chat": event.JID.String(), "on": event.Action.GetMuted()})
	case *events.Pin:
		emit("pinned", object{"chat": event.JID.String(), "on": event.Action.GetPinned()})
	case *events.PushNameSetting:
		emit("push_name", object{"name": event.Action.GetName()})
	default:
		reportSettings(reported)
	}
}

func reportGroup(event *events.GroupInfo) {
	fields := object{"group": event.JID.String(), "join": texts(event.Join), "leave": texts(event.Leave)}
	fields["promote"], fields["demote"] = texts(event.Promote), texts(event.Demote)
	if event.Sender != nil {
		fields["by"] = event.Sender.String()
	}
	if event.Name != nil {
		fields["subject"] = event.Name.Name
	}
	if event.Topic != nil {
		fields["topic"] = event.Topic.Topic
	}
	if event.Announce != nil {
		fields["announce"], fields["announce_version"] = event.Announce.IsAnnounce, event.Announce.AnnounceVersionID
	}
	if event.Locked != nil {
		fields["locked"] = event.Locked.IsLocked
	}
	if event.Ephemeral != nil {
		fields["timer"] = event.Ephemeral.DisappearingTimer
	}
	if event.Link != nil {
		fields["link"] = describedChange(event.Link)
	}
	if event.Unlink != nil {
		fields["unlink"] = describedChange(event.Unlink)
	}
	if event.NewInviteLink != nil {
		fields["invite_link"] = *event.NewInviteLink
	}
	fields["previous_version"], fields["version"] = event.PrevParticipantVersionID, event.ParticipantVersionID
	emit("group", fields)
}

func texts(addresses []types.JID) []string {
	list := []string{}
	for _, address := range addresses {
		list = append(list, address.String())
	}
	return list
}

func withSource(info types.MessageInfo, fields object) object {
	fields["id"], fields["chat"], fields["sender"] = info.ID, info.Chat.String(), info.Sender.String()
	fields["from_me"], fields["sender_alt"] = info.IsFromMe, info.SenderAlt.String()
	fields["name"], fields["at"] = info.PushName, info.Timestamp.Unix()
	return fields
}

func reportMessage(event *events.Message) {
	shown := withSource(event.Info, contentOf(event.Message))
	// What is for the client itself is not shown.
	if shown["kind"] == "protocol" {
		return
	}
	shown["request"] = event.UnavailableRequestID
	if sealed := event.Message.GetSecretEncryptedMessage(); sealed != nil {
		opened, err := openSealed(event, sealed)
		if err != nil {
			shown["why"] = err.Error()
		} else {
			shown = withSource(event.Info, contentOf(opened))
		}
	}
	if event.Message.GetPollUpdateMessage() != nil {
		vote, err := client.DecryptPollVote(background, event)
		if err != nil {
			shown["why"] = err.Error()
		}
		hashes := []string{}
		for _, hash := range vote.GetSelectedOptions() {
			hashes = append(hashes, hex.EncodeToString(hash))
		}
		shown["hashes"] = hashes
	}
	if image := event.Message.GetImageMessage(); image != nil {
		files.Store(event.Info.ID, event)
	}
	if content, err := client.DownloadAny(background, event.Message); err == nil {
		hash := sha256.Sum256(content)
		shown["bytes"], shown["sha256"] = len(content), hex.EncodeToString(hash[:])
	} else {
		shown["file_error"] = err.Error()
	}
	emit("message", shown)
}

// openSealed opens an edit under the secret of its message. This version of the library keeps the secrets and derives the
// keys, but leaves edits of messages to others.
func openSealed(event *events.Message, sealed *waE2E.SecretEncryptedMessage) (*waE2E.Message, error) {
	if sealed.GetSecretEncType() != waE2E.SecretEncryptedMessage_MESSAGE_EDIT {
		return client.DecryptSecretEncryptedMessage(background, event)
	}
	internals := client.DangerousInternals()
	plain, err := internals.DecryptMsgSecret(background, event, "Message Edit", sealed, sealed.GetTargetMessageKey())
	if err != nil {
		return nil, err
	}
	message := &waE2E.Message{}
	return message, proto.Unmarshal(plain, message)
}

func reportReceipt(event *events.Receipt) {
	kind := string(event.Type)
	if kind == "" {
		kind = "delivery"
	}
	emit("receipt", object{
		"ids": event.MessageIDs, "type": kind, "chat": event.Chat.String(), "sender": event.Sender.String(),
	})
}

func reportHistory(event *events.HistorySync) {
	messages := []string{}
	for _, conversation := range event.Data.GetConversations() {
		for _, message := range conversation.GetMessages() {
			messages = append(messages, message.GetMessage().GetKey().GetID())
		}
	}
	names := len(event.Data.GetPushnames())
	emit("history", object{"type": event.Data.GetSyncType().String(), "messages": messages, "names": names})
}
