// What a message holds, in the few words that a test compares: a kind and its text, or the hash of its file.

import { createHash } from 'node:crypto'

/** The contents of a decrypted message, without its file. */
export function contentsOf(message) {
  const { conversation, extendedTextMessage, imageMessage, reactionMessage, protocolMessage } = message
  if (conversation) return { kind: 'text', text: conversation }
  if (extendedTextMessage) {
    return { kind: 'text', text: extendedTextMessage.text, expiration: expirationOf(extendedTextMessage) }
  }
  if (imageMessage) return picture(imageMessage)
  const { audioMessage, ptvMessage, documentMessage } = message
  if (audioMessage) return sound(audioMessage)
  if (ptvMessage) return { kind: 'video_note', seconds: ptvMessage.seconds }
  if (documentMessage) return paper(documentMessage)
  if (reactionMessage) return { kind: 'reaction', text: reactionMessage.text, about: reactionMessage.key?.id }
  if (protocolMessage) return protocol(protocolMessage)
  return { kind: Object.keys(message)[0] ?? 'empty' }
}

/** After how many seconds it disappears. */
function expirationOf({ contextInfo }) {
  return contextInfo?.expiration || undefined
}

/** How a file's bytes are compared. */
export function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

function picture(message) {
  const { caption, width, height, jpegThumbnail } = message
  const shown = { width: width || undefined, height: height || undefined, thumbnail: jpegThumbnail?.length || undefined }
  return { kind: 'image', caption: caption || undefined, ...shown, expiration: expirationOf(message) }
}

function paper({ caption, fileName }) {
  return { kind: 'document', caption: caption || undefined, file_name: fileName || undefined }
}

function sound({ ptt, seconds, waveform }) {
  return { kind: ptt ? 'voice' : 'audio', seconds: seconds || undefined, waveform: waveform ? [...waveform] : undefined }
}

function protocol({ type, key, editedMessage }) {
  if (editedMessage) return { ...contentsOf(editedMessage), kind: 'edit', about: key?.id }
  return type === 0 ? { kind: 'delete', about: key?.id } : { kind: 'protocol' }
}
