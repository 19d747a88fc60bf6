package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// command is any command; each reads the fields that it needs.
type command struct {
	Number             uint64
	Do                 string
	Address            string
	Folder             string
	RootKey            string `json:"root_key"`
	SynchronousAck     bool   `json:"synchronous_ack"`
	RerequestFromPhone bool   `json:"rerequest_from_phone"`
	AutoReconnect      bool   `json:"auto_reconnect"`
	Phone              string
	Phones             []string
	Display            string
	To                 string
	Id                 string
	Ids                []string
	Sender             string
	Text               string
	Kind               string
	Base64             []byte
	MimeType           string `json:"mime_type"`
	FileName           string `json:"file_name"`
	Caption            string
	Message            any
	Subject            string
	Participants       []string
	Options            []string
	Action             string
	Seconds            int
	On                 bool
	Count              int
	Name               string
	Value              string
}

var background = context.Background()

var commands map[string]func(command) (any, error)

func init() {
	commands = map[string]func(command) (any, error){
		"connect":    connect,
		"disconnect": func(command) (any, error) { leave(); return nil, nil },
		"logout":     func(command) (any, error) { return nil, client.Logout(background) },
		"pair_by_code": func(c command) (any, error) {
			code, err := client.PairPhone(background, c.Phone, true, whatsmeow.PairClientChrome, c.Display)
			return object{"code": code}, err
		},
		"account":   account,
		"available": func(c command) (any, error) { return nil, client.SendPresence(background, types.Presence(c.Value)) },
		"subscribe": to(func(chat types.JID, _ command) (any, error) { return nil, client.SubscribePresence(background, chat) }),
		"typing": to(func(chat types.JID, _ command) (any, error) {
			return nil, client.SendChatPresence(background, chat, types.ChatPresenceComposing, types.ChatPresenceMediaText)
		}),
		"send_text": to(func(chat types.JID, c command) (any, error) {
			return send(chat, &waE2E.Message{Conversation: proto.String(c.Text)}, c.Id)
		}),
		"send_file": to(sendFile),
		"relay":     to(relay),
		"react": to(func(chat types.JID, c command) (any, error) {
			sender, err := types.ParseJID(c.Sender)
			return either(err, func() (any, error) {
				return send(chat, client.BuildReaction(chat, sender, c.Id, c.Text), "")
			})
		}),
		"edit": to(func(chat types.JID, c command) (any, error) {
			return send(chat, client.BuildEdit(chat, c.Id, &waE2E.Message{Conversation: proto.String(c.Text)}), "")
		}),
		"delete": to(func(chat types.JID, c command) (any, error) {
			return send(chat, client.BuildRevoke(chat, types.EmptyJID, c.Id), "")
		}),
		"poll": to(func(chat types.JID, c command) (any, error) {
			return send(chat, client.BuildPollCreation(c.Text, c.Options, c.Count), "")
		}),
		"vote": to(vote),
		"disappear": to(func(chat types.JID, c command) (any, error) {
			return nil, client.SetDisappearingTimer(background, chat, time.Duration(c.Seconds)*time.Second, time.Now())
		}),
		"read":           to(markRead),
		"request_again":  to(requestAgain),
		"request_before": to(requestBefore),
		"devices": to(func(user types.JID, _ command) (any, error) {
			return client.GetUserDevices(background, []types.JID{user})
		}),
		"is_on_whatsapp": func(c command) (any, error) { return client.IsOnWhatsApp(background, c.Phones) },
		"user_info": to(func(user types.JID, _ command) (any, error) {
			info, err := client.GetUserInfo(background, []types.JID{user})
			return info[user], err
		}),
		"block": to(func(user types.JID, c command) (any, error) {
			return client.UpdateBlocklist(background, user, events.BlocklistChangeAction(c.Action))
		}),
		"blocklist": func(command) (any, error) { return client.GetBlocklist(background) },
		"privacy":   func(command) (any, error) { return client.TryFetchPrivacySettings(background, true) },
		"set_privacy": func(c command) (any, error) {
			return client.SetPrivacySetting(background, types.PrivacySettingType(c.Name), types.PrivacySetting(c.Value))
		},
		"status_privacy": func(command) (any, error) { return client.GetStatusPrivacy(background) },
		"status_text":    func(c command) (any, error) { return nil, client.SetStatusMessage(background, c.Text) },
		"privacy_token": to(func(user types.JID, _ command) (any, error) {
			token, err := client.Store.PrivacyTokens.GetPrivacyToken(background, user)
			if token == nil {
				return object{"token": ""}, err
			}
			return object{"token": hex.EncodeToString(token.Token)}, err
		}),
		"prekeys": func(command) (any, error) {
			return client.DangerousInternals().GetServerPreKeyCount(background)
		},
		"fetch_state": func(c command) (any, error) {
			return nil, client.FetchAppState(background, appstate.WAPatchName(c.Name), true, false)
		},
		"mute": to(func(chat types.JID, c command) (any, error) {
			return nil, client.SendAppState(background, appstate.BuildMute(chat, c.On, 8*time.Hour))
		}),
		"pin": to(func(chat types.JID, c command) (any, error) {
			return nil, client.SendAppState(background, appstate.BuildPin(chat, c.On))
		}),
		"chat_settings": to(func(chat types.JID, _ command) (any, error) {
			return client.Store.ChatSettings.GetChatSettings(background, chat)
		}),
	}
	for _, more := range []map[string]func(command) (any, error){
		groupCommands, communityCommands, newsletterCommands, fileCommands, callCommands, settingsCommands,
	} {
		for name, perform := range more {
			commands[name] = perform
		}
	}
}

// to reads the address that a command is about.
func to(perform func(types.JID, command) (any, error)) func(command) (any, error) {
	return func(c command) (any, error) {
		chat, err := types.ParseJID(c.To)
		return either(err, func() (any, error) { return perform(chat, c) })
	}
}

func either(err error, perform func() (any, error)) (any, error) {
	if err != nil {
		return nil, err
	}
	return perform()
}

func send(chat types.JID, message *waE2E.Message, id string) (any, error) {
	sent, err := client.SendMessage(background, chat, message, whatsmeow.SendRequestExtra{ID: id})
	if err != nil {
		return nil, err
	}
	return object{"id": sent.ID, "t": sent.Timestamp.Unix()}, nil
}

// relay sends a message as the protocol has it, in the JSON of its library.
func relay(chat types.JID, c command) (any, error) {
	message, err := messageOf(c)
	return either(err, func() (any, error) { return send(chat, message, c.Id) })
}

// vote votes in a poll of somebody else.
func vote(chat types.JID, c command) (any, error) {
	sender, err := types.ParseJID(c.Sender)
	if err != nil {
		return nil, err
	}
	source := types.MessageSource{Chat: chat, Sender: sender, IsGroup: chat.Server == types.GroupServer}
	message, err := client.BuildPollVote(background, &types.MessageInfo{MessageSource: source, ID: c.Id}, c.Options)
	return either(err, func() (any, error) { return send(chat, message, "") })
}

func account(command) (any, error) {
	return object{
		"jid": client.Store.GetJID().String(), "lid": client.Store.GetLID().String(),
		"platform": client.Store.Platform, "business_name": client.Store.BusinessName,
		"push_name": client.Store.PushName,
	}, nil
}

// kinds are what files are uploaded as.
var kinds = map[string]whatsmeow.MediaType{
	"image": whatsmeow.MediaImage, "sticker": whatsmeow.MediaImage, "video": whatsmeow.MediaVideo,
	"audio": whatsmeow.MediaAudio, "voice": whatsmeow.MediaAudio, "document": whatsmeow.MediaDocument,
}

func sendFile(chat types.JID, c command) (any, error) {
	kind, ok := kinds[c.Kind]
	if !ok {
		return nil, fmt.Errorf("there is no kind %q of file", c.Kind)
	}
	file, err := client.Upload(background, c.Base64, kind)
	if err != nil {
		return nil, err
	}
	return send(chat, fileMessage(c, file), "")
}

func markRead(chat types.JID, c command) (any, error) {
	sender := types.EmptyJID
	if c.Sender != "" {
		parsed, err := types.ParseJID(c.Sender)
		if err != nil {
			return nil, err
		}
		sender = parsed
	}
	kind := types.ReceiptTypeRead
	if c.Kind == "played" {
		kind = types.ReceiptTypePlayed
	}
	return nil, client.MarkRead(background, c.Ids, time.Now(), chat, sender, kind)
}

// requestAgain asks the phone for a message that was not to be had from its sender.
func requestAgain(chat types.JID, c command) (any, error) {
	sender, err := types.ParseJID(c.Sender)
	if err != nil {
		return nil, err
	}
	return askPhone(client.BuildUnavailableMessageRequest(chat, sender, c.Id))
}

// requestBefore asks the phone for older messages of a chat.
func requestBefore(chat types.JID, c command) (any, error) {
	oldest := &types.MessageInfo{ID: c.Id, Timestamp: time.Now(), MessageSource: types.MessageSource{Chat: chat}}
	return askPhone(client.BuildHistorySyncRequest(oldest, c.Count))
}

func askPhone(message *waE2E.Message) (any, error) {
	own := client.Store.GetJID().ToNonAD()
	sent, err := client.SendMessage(background, own, message, whatsmeow.SendRequestExtra{Peer: true})
	return object{"id": sent.ID}, err
}

func messageOf(c command) (*waE2E.Message, error) {
	text, err := jsonOf(c.Message)
	if err != nil {
		return nil, err
	}
	message := &waE2E.Message{}
	if err = protojson.Unmarshal(text, message); err != nil {
		return nil, errors.Join(errors.New("this is not a message"), err)
	}
	return message, nil
}
