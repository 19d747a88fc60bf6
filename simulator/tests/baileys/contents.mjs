// What a message holds, in the few words that a test compares: a kind and its text, place, or the hash of its file.

import { createHash } from 'node:crypto'

const FILES = {
  imageMessage: 'image',
  videoMessage: 'video',
  audioMessage: 'audio',
  documentMessage: 'document',
  stickerMessage: 'sticker'
}

/** The contents of a decrypted message, without its file: see `fileOf`. */
export function contentsOf(message) {
  const { conversation, extendedTextMessage, locationMessage, contactMessage } = message
  const { reactionMessage, protocolMessage } = message
  if (conversation) return { kind: 'text', text: conversation }
  if (extendedTextMessage) {
    return { kind: 'text', text: extendedTextMessage.text, replies_to: extendedTextMessage.contextInfo?.stanzaId }
  }
  if (locationMessage) {
    return { kind: 'location', latitude: locationMessage.degreesLatitude, longitude: locationMessage.degreesLongitude }
  }
  if (contactMessage) return { kind: 'contact', name: contactMessage.displayName, vcard: contactMessage.vcard }
  if (reactionMessage) return { kind: 'reaction', text: reactionMessage.text, reacts_to: reactionMessage.key?.id }
  if (protocolMessage) return protocol(protocolMessage)
  const file = fileOf(message)
  if (!file) return { kind: Object.keys(message)[0] ?? 'empty' }
  const { mimetype, caption, fileName } = file.message
  return { kind: file.kind, mimetype, caption: caption || undefined, file_name: fileName || undefined }
}

/** The part of a message that says where its file is, with the file's kind; nothing if it has no file. */
export function fileOf(message) {
  const name = Object.keys(FILES).find(name => message[name])
  return name && { kind: FILES[name], message: message[name] }
}

/** How a file's bytes are compared. */
export function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What Baileys sends for a file of this kind. It computes neither thumbnails nor lengths. */
export function outgoingFile({ kind, base64, caption, mimetype, file_name }) {
  const bytes = Buffer.from(base64, 'base64')
  switch (kind) {
    case 'image':
    case 'video':
      return { [kind]: bytes, caption, mimetype, jpegThumbnail: '' }
    case 'audio':
      return { audio: bytes, mimetype, seconds: 1 }
    case 'document':
      return { document: bytes, caption, mimetype: mimetype ?? 'application/pdf', fileName: file_name ?? 'file' }
    case 'sticker':
      return { sticker: bytes, mimetype }
    default:
      throw new Error(`there is no file of the kind ${kind}; use image, video, audio, document or sticker`)
  }
}

function protocol({ type, key, editedMessage }) {
  if (editedMessage) return { ...contentsOf(editedMessage), kind: 'edit', edits: key?.id }
  if (type === 0) return { kind: 'delete', deletes: key?.id }
  return { kind: 'protocol', type }
}
