package main

import (
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

var callCommands = map[string]func(command) (any, error){
	"reject_call": to(func(caller types.JID, c command) (any, error) {
		return nil, client.RejectCall(background, caller, c.Id)
	}),
}

// reportCall reports what others say of a call.
func reportCall(reported any) {
	switch event := reported.(type) {
	case *events.CallOffer:
		_, video := event.Data.GetOptionalChildByTag("video")
		more := object{"video": video, "platform": event.RemotePlatform}
		emit("call", withCall(event.BasicCallMeta, "offer", more))
	case *events.CallAccept:
		emit("call", withCall(event.BasicCallMeta, "accept", object{}))
	case *events.CallReject:
		emit("call", withCall(event.BasicCallMeta, "reject", object{}))
	case *events.CallTerminate:
		emit("call", withCall(event.BasicCallMeta, "terminate", object{"reason": event.Reason}))
	case *events.UnknownCallEvent:
		emit("call", object{"action": "unknown"})
	}
}

func withCall(meta types.BasicCallMeta, action string, fields object) object {
	fields["action"], fields["id"], fields["from"] = action, meta.CallID, meta.From.String()
	fields["creator"], fields["creator_alt"] = meta.CallCreator.String(), meta.CallCreatorAlt.String()
	return fields
}
