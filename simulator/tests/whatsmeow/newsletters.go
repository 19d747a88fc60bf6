package main

import (
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

var newsletterCommands = map[string]func(command) (any, error){
	"create_newsletter": func(c command) (any, error) {
		made, err := client.CreateNewsletter(background, whatsmeow.CreateNewsletterParams{Name: c.Name, Description: c.Text})
		return describedNewsletter(made), err
	},
	"newsletter": to(func(newsletter types.JID, _ command) (any, error) {
		found, err := client.GetNewsletterInfo(background, newsletter)
		return describedNewsletter(found), err
	}),
	"newsletter_of_link": func(c command) (any, error) {
		found, err := client.GetNewsletterInfoWithInvite(background, c.Text)
		return describedNewsletter(found), err
	},
	"newsletters": func(command) (any, error) {
		found, err := client.GetSubscribedNewsletters(background)
		list := []object{}
		for _, newsletter := range found {
			list = append(list, describedNewsletter(newsletter))
		}
		return list, err
	},
	"follow": to(func(newsletter types.JID, _ command) (any, error) {
		return nil, client.FollowNewsletter(background, newsletter)
	}),
	"unfollow": to(func(newsletter types.JID, _ command) (any, error) {
		return nil, client.UnfollowNewsletter(background, newsletter)
	}),
	"mute_newsletter": to(func(newsletter types.JID, c command) (any, error) {
		return nil, client.NewsletterToggleMute(background, newsletter, c.On)
	}),
	"publish": to(func(newsletter types.JID, c command) (any, error) {
		message, err := messageOf(c)
		if err != nil {
			return nil, err
		}
		sent, err := client.SendMessage(background, newsletter, message)
		return object{"id": sent.ID, "server_id": sent.ServerID}, err
	}),
	"react_to_post": to(func(newsletter types.JID, c command) (any, error) {
		return nil, client.NewsletterSendReaction(background, newsletter, c.Count, c.Text, "")
	}),
	"view_post": to(func(newsletter types.JID, c command) (any, error) {
		return nil, client.NewsletterMarkViewed(background, newsletter, []types.MessageServerID{c.Count})
	}),
	"posts": to(func(newsletter types.JID, c command) (any, error) {
		return describedPosts(client.GetNewsletterMessages(
			background, newsletter, &whatsmeow.GetNewsletterMessagesParams{Count: 10, Before: c.Count},
		))
	}),
	"post_updates": to(func(newsletter types.JID, _ command) (any, error) {
		return describedPosts(client.GetNewsletterMessageUpdates(
			background, newsletter, &whatsmeow.GetNewsletterUpdatesParams{Count: 10},
		))
	}),
	"live_updates": to(func(newsletter types.JID, _ command) (any, error) {
		duration, err := client.NewsletterSubscribeLiveUpdates(background, newsletter)
		return object{"seconds": duration.Seconds()}, err
	}),
}

func describedPosts(posts []*types.NewsletterMessage, err error) (any, error) {
	list := []object{}
	for _, post := range posts {
		list = append(list, object{
			"id": post.MessageID, "server_id": post.MessageServerID, "text": post.Message.GetConversation(),
			"views": post.ViewsCount, "reactions": post.ReactionCounts,
		})
	}
	return list, err
}

func describedNewsletter(newsletter *types.NewsletterMetadata) object {
	if newsletter == nil {
		return nil
	}
	fields := object{
		"id": newsletter.ID.String(), "name": newsletter.ThreadMeta.Name.Text, "invite": newsletter.ThreadMeta.InviteCode,
		"description": newsletter.ThreadMeta.Description.Text, "followers": newsletter.ThreadMeta.SubscriberCount,
		"state": string(newsletter.State.Type),
	}
	if newsletter.ViewerMeta != nil {
		fields["role"], fields["mute"] = string(newsletter.ViewerMeta.Role), string(newsletter.ViewerMeta.Mute)
	}
	return fields
}

// reportNewsletter reports what the account's own devices did with newsletters.
func reportNewsletter(reported any) {
	switch event := reported.(type) {
	case *events.NewsletterJoin:
		emit("followed", describedNewsletter(&event.NewsletterMetadata))
	case *events.NewsletterLeave:
		emit("unfollowed", object{"id": event.ID.String()})
	case *events.NewsletterMuteChange:
		emit("newsletter_muted", object{"id": event.ID.String(), "mute": string(event.Mute)})
	default:
		reportCall(reported)
	}
}
