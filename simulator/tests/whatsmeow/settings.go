package main

import (
	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// The query by which newer versions of the library set the text under a name.
const mutationUpdateTextStatus = "9152604461510864"

var settingsCommands = map[string]func(command) (any, error){
	"contact_code": func(c command) (any, error) {
		code, err := client.GetContactQRLink(background, c.On)
		return object{"code": code}, err
	},
	"contact_of_code": func(c command) (any, error) {
		found, err := client.ResolveContactQRLink(background, c.Text)
		if err != nil {
			return nil, err
		}
		return object{"jid": found.JID.String(), "name": found.PushName, "type": found.Type}, nil
	},
	"status_text_by_mex": func(c command) (any, error) {
		input := object{"text": c.Text, "ephemeral_duration_sec": 0}
		answer, err := client.DangerousInternals().SendMexIQ(background, mutationUpdateTextStatus, object{"input": input})
		return answer, err
	},
	// The library only asks who sees a status.
	"set_status_privacy": func(c command) (any, error) {
		users, err := addresses(c.Participants)
		if err != nil {
			return nil, err
		}
		nodes := []waBinary.Node{}
		for _, user := range users {
			nodes = append(nodes, waBinary.Node{Tag: "user", Attrs: waBinary.Attrs{"jid": user}})
		}
		list := waBinary.Node{Tag: "list", Attrs: waBinary.Attrs{"type": c.Kind}, Content: nodes}
		_, err = client.DangerousInternals().SendIQ(background, whatsmeow.DangerousInfoQuery{
			Namespace: "status", Type: "set", To: types.ServerJID,
			Content: []waBinary.Node{{Tag: "privacy", Content: []waBinary.Node{list}}},
		})
		return nil, err
	},
}

// reportSettings reports changes of the account's settings, and of others' texts.
func reportSettings(reported any) {
	switch event := reported.(type) {
	case *events.Blocklist:
		changes := []object{}
		for _, change := range event.Changes {
			changes = append(changes, object{"jid": change.JID.String(), "action": string(change.Action)})
		}
		emit("blocklist", object{
			"action": string(event.Action), "hash": event.DHash, "previous_hash": event.PrevDHash, "changes": changes,
		})
	case *events.PrivacySettings:
		emit("privacy", object{"last_seen_changed": event.LastSeenChanged})
	case *events.UserAbout:
		emit("about", object{"jid": event.JID.String(), "text": event.Status})
	default:
		reportNewsletter(reported)
	}
}
