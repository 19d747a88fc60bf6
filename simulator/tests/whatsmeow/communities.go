package main

import (
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
)

var communityCommands = map[string]func(command) (any, error){
	"create_community": func(c command) (any, error) {
		return created(whatsmeow.ReqCreateGroup{Name: c.Subject, GroupParent: types.GroupParent{IsParent: true}})
	},
	"create_linked_group": to(func(parent types.JID, c command) (any, error) {
		participants, err := addresses(c.Participants)
		if err != nil {
			return nil, err
		}
		linked := types.GroupLinkedParent{LinkedParentJID: parent}
		return created(whatsmeow.ReqCreateGroup{Name: c.Subject, Participants: participants, GroupLinkedParent: linked})
	}),
	"link_group": to(func(parent types.JID, c command) (any, error) {
		child, err := types.ParseJID(c.Id)
		return either(err, func() (any, error) { return nil, client.LinkGroup(background, parent, child) })
	}),
	"unlink_group": to(func(parent types.JID, c command) (any, error) {
		child, err := types.ParseJID(c.Id)
		return either(err, func() (any, error) { return nil, client.UnlinkGroup(background, parent, child) })
	}),
	"sub_groups": to(func(parent types.JID, _ command) (any, error) {
		groups, err := client.GetSubGroups(background, parent)
		list := []object{}
		for _, group := range groups {
			list = append(list, describedLink(*group))
		}
		return list, err
	}),
	"community_members": to(func(parent types.JID, _ command) (any, error) {
		members, err := client.GetLinkedGroupsParticipants(background, parent)
		return texts(members), err
	}),
}

func created(wanted whatsmeow.ReqCreateGroup) (any, error) {
	group, err := client.CreateGroup(background, wanted)
	if err != nil {
		return nil, err
	}
	return described(group), nil
}

func describedLink(group types.GroupLinkTarget) object {
	return object{"id": group.JID.String(), "subject": group.Name, "default": group.IsDefaultSubGroup}
}

func describedChange(change *types.GroupLinkChange) object {
	return object{
		"type": string(change.Type), "group": describedLink(change.Group), "reason": string(change.UnlinkReason),
	}
}
