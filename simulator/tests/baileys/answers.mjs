// Answers to polls and events, which the library can open and cannot make: sealed with the secret of what they answer.

import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

/** A vote of `own` in its own poll. */
export function vote({ proto }, own, { chat, id, secret, options }) {
  const selectedOptions = options.map(option => createHash('sha256').update(option).digest())
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const sealed = seal('Poll Vote', own, id, secret, plain)
  return { pollCreationMessageKey: key(chat, id), vote: sealed, senderTimestampMs: Date.now() }
}

/** What a vote in a poll says, by the hashes of the options; `kept` finds the poll. */
export function openVote({ decryptPollVote }, own, key, { pollCreationMessageKey, vote }, kept) {
  const poll = kept(pollCreationMessageKey.id)
  const author = ({ fromMe, participant, remoteJid }) => (fromMe ? own : participant || remoteJid)
  const { selectedOptions } = decryptPollVote(vote, {
    pollCreatorJid: author(poll.key),
    pollMsgId: poll.key.id,
    pollEncKey: poll.message.messageContextInfo.messageSecret,
    voterJid: author(key)
  })
  const hashes = selectedOptions.map(hash => Buffer.from(hash).toString('hex'))
  return { kind: 'vote', about: poll.key.id, hashes }
}

/** That `own` comes to its own event. */
export function attendance({ proto }, own, { chat, id, secret }) {
  const going = { response: proto.Message.EventResponseMessage.EventResponseType.GOING, timestampMs: Date.now() }
  const plain = proto.Message.EventResponseMessage.encode(going).finish()
  return { eventCreationMessageKey: key(chat, id), ...seal('Event Response', own, id, secret, plain) }
}

function key(chat, id) {
  return { remoteJid: chat, fromMe: true, id }
}

/** Who asked and who answers are the same here. */
function seal(purpose, own, id, secret, plain) {
  const keyOf = hkdfSync('sha256', Buffer.from(secret, 'base64'), Buffer.alloc(0), `${id}${own}${own}${purpose}`, 32)
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(keyOf), iv).setAAD(Buffer.from(`${id}\0${own}`))
  const parts = [cipher.update(plain), cipher.final(), cipher.getAuthTag()]
  return { encPayload: Buffer.concat(parts).toString('base64'), encIv: iv.toString('base64') }
}
