package main

import (
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
)

var groupCommands = map[string]func(command) (any, error){
	"create_group": func(c command) (any, error) {
		participants, err := addresses(c.Participants)
		if err != nil {
			return nil, err
		}
		group, err := client.CreateGroup(background, whatsmeow.ReqCreateGroup{Name: c.Subject, Participants: participants})
		if err != nil {
			return nil, err
		}
		return described(group), nil
	},
	"group": to(func(group types.JID, _ command) (any, error) {
		info, err := client.GetGroupInfo(background, group)
		if err != nil {
			return nil, err
		}
		return described(info), nil
	}),
	"joined_groups": func(command) (any, error) {
		groups, err := client.GetJoinedGroups(background)
		list := []object{}
		for _, group := range groups {
			list = append(list, described(group))
		}
		return list, err
	},
	"change_members": to(func(group types.JID, c command) (any, error) {
		participants, err := addresses(c.Participants)
		if err != nil {
			return nil, err
		}
		action := whatsmeow.ParticipantChange(c.Action)
		return client.UpdateGroupParticipants(background, group, participants, action)
	}),
	"leave": to(func(group types.JID, _ command) (any, error) { return nil, client.LeaveGroup(background, group) }),
	"subject": to(func(group types.JID, c command) (any, error) {
		return nil, client.SetGroupName(background, group, c.Subject)
	}),
	"topic": to(func(group types.JID, c command) (any, error) {
		return nil, client.SetGroupTopic(background, group, "", "", c.Text)
	}),
	"announce": to(func(group types.JID, c command) (any, error) {
		return nil, client.SetGroupAnnounce(background, group, c.On)
	}),
	"lock": to(func(group types.JID, c command) (any, error) {
		return nil, client.SetGroupLocked(background, group, c.On)
	}),
	"approval": to(func(group types.JID, c command) (any, error) {
		return nil, client.SetGroupJoinApprovalMode(background, group, c.On)
	}),
	"timer": to(func(group types.JID, c command) (any, error) {
		timer := time.Duration(c.Seconds) * time.Second
		return nil, client.SetDisappearingTimer(background, group, timer, time.Now())
	}),
	"set_photo": to(func(group types.JID, c command) (any, error) {
		id, err := client.SetGroupPhoto(background, group, c.Base64)
		return object{"id": id}, err
	}),
	"photo": to(func(owner types.JID, _ command) (any, error) {
		return client.GetProfilePictureInfo(background, owner, nil)
	}),
	"invite_link": to(func(group types.JID, c command) (any, error) {
		link, err := client.GetGroupInviteLink(background, group, c.On)
		return object{"link": link}, err
	}),
	"group_of_link": func(c command) (any, error) {
		info, err := client.GetGroupInfoFromLink(background, c.Text)
		if err != nil {
			return nil, err
		}
		return described(info), nil
	},
	"join": func(c command) (any, error) {
		group, err := client.JoinGroupWithLink(background, c.Text)
		return object{"id": group.String()}, err
	},
}

func described(group *types.GroupInfo) object {
	members := []object{}
	for _, member := range group.Participants {
		members = append(members, object{
			"jid": member.JID.String(), "number": member.PhoneNumber.String(), "lid": member.LID.String(),
			"is_admin": member.IsAdmin,
		})
	}
	return object{
		"id": group.JID.String(), "subject": group.Name, "topic": group.Topic, "members": members,
		"addressing": string(group.AddressingMode), "announce": group.IsAnnounce, "locked": group.IsLocked,
		"timer": group.DisappearingTimer, "announce_version": group.AnnounceVersionID,
		"member_version": group.ParticipantVersionID, "parent": group.IsParent,
		"approval": group.DefaultMembershipApprovalMode, "linked_parent": group.LinkedParentJID.String(),
		"default": group.IsDefaultSubGroup,
	}
}

func addresses(texts []string) ([]types.JID, error) {
	list := make([]types.JID, 0, len(texts))
	for _, text := range texts {
		jid, err := types.ParseJID(text)
		if err != nil {
			return nil, err
		}
		list = append(list, jid)
	}
	return list, nil
}
