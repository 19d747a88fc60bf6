// One unmodified Baileys client, driven by JSON lines: commands come on standard input, events leave on standard
// output, the library's log on standard error.
//
// A command is {"number": 1, "do": "connect", ...}; after it comes {"event": "done", "number": 1, "result": ...} or
// {"event": "failed", "number": 1, "why": "..."}. Whatever else happens is an event of its own: ready, qr, open, close,
// message, call, undecryptable, refused, receipt, error. COMMANDS lists what can be commanded, `listen` what is told.
//
// BAILEYS_MODULES names the folder of the installed packages (left out: node_modules beside this file), BAILEYS_LOG
// the level of the library's log (left out: silent).

import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { attendance, openVote, vote } from './answers.mjs'
import { contentsOf, hashOf } from './contents.mjs'
import { stayOnLoopback } from './loopback.mjs'

stayOnLoopback()
// The network's media host has a certificate of its own making, and only loopback can be reached.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
// Libraries below print as they please, even keys; standard output belongs to the events.
globalThis.console = new console.Console(process.env.BAILEYS_LOG ? process.stderr : new PassThrough().resume())

const MESSAGES_KEPT_MAX = 10_000

const baileys = await library('@whiskeysockets/baileys/lib/index.js')
const { default: pino } = await library('pino/pino.js')
const logger = pino({ level: process.env.BAILEYS_LOG ?? 'silent' }, pino.destination(2))

/** The connection, and what is needed to make it again. */
let socket
let settings
/** Messages that are being sent. */
const sending = new Set()
/** What is being written to the folder of keys. */
const writes = new Set()
/** Messages by id: sent ones for peers who ask again, received ones to be read or replied to. */
const messages = new Map()

const COMMANDS = {
  /** {ws_url, root_key (64 hexadecimal digits), auth (a folder)} */
  async connect(command) {
    settings = command
    baileys.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(command.root_key, 'hex')
    await open()
  },
  /** {phone}: after the first qr. */
  pair_by_code: async ({ phone }) => ({ code: await socket.requestPairingCode(phone) }),
  /** {to, text} */
  send_text: ({ to, text }) => send(to, { text, linkPreview: null }),
  /** {to, base64, caption}; no thumbnail is computed. */
  send_image: ({ to, base64, caption }) =>
    send(to, { image: Buffer.from(base64, 'base64'), caption, jpegThumbnail: '' }),
  /** {to, message}: a message as the protocol has it, in the JSON of its library, with bytes in base64. */
  relay: ({ to, message }) => relay(to, message),
  /** {to, images (in base64)}: their header, then each as a picture of the album. */
  send_album: ({ to, images }) => sendAlbum(to, images),
  /** {to, text, options, count}: a poll in which so many options may be chosen. */
  poll: ({ to, text, options, count }) => send(to, { poll: { name: text, values: options, selectableCount: count } }),
  /** {to, poll, secret (in base64), options}: votes in a poll that this account made. */
  vote: ({ to, poll, secret, options }) =>
    relay(to, { pollUpdateMessage: vote(baileys, own(), { chat: to, id: poll, secret, options }) }),
  /** {to, event, secret (in base64)}: says to come to an event of this account. */
  attend: ({ to, event, secret }) =>
    relay(to, { encEventResponseMessage: attendance(baileys, own(), { chat: to, id: event, secret }) }),
  /** {to, seconds}: how long messages of a chat are shown; 0 for always. */
  disappear: ({ to, seconds }) => send(to, { disappearingMessagesInChat: seconds }),
  /** {to, id, text} */
  react: ({ to, id, text }) => send(to, { react: { text, key: kept(id).key } }),
  /** {to, id} */
  delete: ({ to, id }) => send(to, { delete: kept(id).key }),
  /** {to, id, text} */
  edit: ({ to, id, text }) => send(to, { text, edit: kept(id).key, linkPreview: null }),
  /** {ids} of received messages */
  read: ({ ids }) => socket.readMessages(ids.map(id => kept(id).key)),
  /** {id, from}: of a call that came */
  reject_call: ({ id, from }) => socket.rejectCall(id, from),
  /** {subject, participants} */
  async create_group({ subject, participants }) {
    const { id } = await socket.groupCreate(subject, participants)
    return { id }
  },
  /** {subject, description} */
  async create_community({ subject, description }) {
    const { id } = await socket.communityCreate(subject, description)
    return { id }
  },
  /** {community, subject, participants} */
  async create_linked_group({ community, subject, participants }) {
    const { id } = await socket.communityCreateGroup(subject, participants, community)
    return { id }
  },
  /** {to}: the groups of a community. */
  linked_groups: ({ to }) => socket.communityFetchLinkedGroups(to),
  /** {to} */
  group: ({ to }) => socket.groupMetadata(to),
  /** {name, description} */
  create_newsletter: ({ name, description }) => socket.newsletterCreate(name, description),
  /** {to} */
  newsletter: ({ to }) => socket.newsletterMetadata('jid', to),
  /** {to} */
  follow_newsletter: ({ to }) => socket.newsletterFollow(to),
  /** {url}: fetches it as the library fetches media; only loopback answers. */
  async fetch({ url }) {
    return { status: (await fetch(url)).status }
  },
  /** Unlinks this device. */
  logout: () => socket.logout(),
  /** Ends the program, with its keys on the disk. */
  async quit() {
    await socket?.end(undefined)
    while (writes.size > 0) await Promise.allSettled(writes)
    setImmediate(() => process.exit(0))
  }
}

process.on('uncaughtException', error => emit('error', { where: 'the program', why: text(error) }))
process.on('unhandledRejection', error => emit('error', { where: 'the program', why: text(error) }))
createInterface({ input: process.stdin }).on('line', obey).on('close', () => process.exit(0))
emit('ready', { node: process.version })

/** Loads a module of the installed packages, which need not lie beside this file. */
function library(name) {
  const here = path.dirname(fileURLToPath(import.meta.url))
  const folder = process.env.BAILEYS_MODULES ?? path.join(here, 'node_modules')
  const file = path.join(folder, name)
  if (!existsSync(file)) {
    const remedy = `run npm ci with ${here}/package.json, and name the folder in BAILEYS_MODULES`
    process.stderr.write(`${file} is missing; ${remedy}\n`)
    process.exit(2)
  }
  return import(pathToFileURL(path.resolve(file)))
}

async function obey(line) {
  let command = {}
  try {
    command = JSON.parse(line)
    const perform = COMMANDS[command.do]
    if (!perform) throw new Error(`there is no command ${command.do}; use ${Object.keys(COMMANDS).join(', ')}`)
    if (command.do !== 'connect' && command.do !== 'quit' && !socket) throw new Error('connect first')
    emit('done', { number: command.number, result: (await perform(command)) ?? null })
  } catch (error) {
    emit('failed', { number: command.number ?? null, why: text(error) })
  }
}

function emit(event, values) {
  process.stdout.write(`${JSON.stringify({ event, ...values })}\n`)
}

/** `fetch` says only that it failed; what it knows is the cause. */
function text(error) {
  return String(error?.cause?.message ?? error?.message ?? error)
}

async function open() {
  const { state, saveCreds } = await baileys.useMultiFileAuthState(settings.auth)
  const set = state.keys.set
  state.keys.set = data => written(set(data))
  const opened = baileys.makeWASocket({
    auth: state,
    logger,
    waWebSocketUrl: settings.ws_url,
    browser: baileys.Browsers.ubuntu('Chrome'),
    emitOwnEvents: false,
    syncFullHistory: false,
    // Without history to wait for, received messages are shown at once.
    shouldSyncHistoryMessage: () => false,
    getMessage: sentMessage,
    makeSignalRepository: sessionsInTurn,
    generateHighQualityLinkPreview: false
  })
  socket = opened
  listen(opened, () => written(saveCreds()))
}

/** The library locks a session by its peer while it decrypts, and by its own account while it sends. When both happen at
 * once, one undoes the other's step, and a key is used twice: here all take the lock of those who send. */
function sessionsInTurn(auth, ...others) {
  const transaction = work => auth.keys.transaction(work, auth.creds.me?.id ?? 'nobody yet')
  const keys = { ...auth.keys, transaction }
  return baileys.DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ ...auth, keys }, ...others)
}

function written(writing) {
  writes.add(writing)
  return writing.finally(() => writes.delete(writing))
}

function listen(opened, saveCreds) {
  opened.ev.on('creds.update', saveCreds)
  opened.ev.on('connection.update', update => connectionChanged(opened, update).catch(failed('the connection')))
  opened.ev.on('messages.upsert', ({ messages: received }) => {
    for (const message of received) show(message).catch(failed(`message ${message.key?.id}`))
  })
  // As it comes: the library keeps only the last of several statuses that follow each other closely, which may be the
  // lower one.
  opened.ws.on('CB:receipt', ({ attrs, content }) => {
    const others = baileys.getBinaryNodeChildren(content?.[0], 'item').map(item => item.attrs.id)
    emit('receipt', { ids: [attrs.id, ...others], type: attrs.type ?? 'delivery' })
  })
  opened.ev.on('call', calls => {
    for (const { id, from, callerPn, status, isVideo, offline } of calls) {
      emit('call', { id, from, number: callerPn ?? null, action: status, video: Boolean(isVideo), offline })
    }
  })
  opened.ev.on('messages.update', updates => {
    for (const { key, update } of updates) {
      if (update.status !== baileys.proto.WebMessageInfo.Status.ERROR) continue
      emit('refused', { id: key.id, why: update.messageStubParameters?.[0] })
    }
  })
}

function failed(where) {
  return error => emit('error', { where, why: text(error) })
}

async function connectionChanged(opened, { connection, qr, lastDisconnect }) {
  if (qr) emit('qr', { qr })
  if (connection === 'open') emit('open')
  if (connection !== 'close' || opened !== socket) return
  const { error } = lastDisconnect ?? {}
  const code = error?.output?.statusCode ?? null
  const reason = { ...error?.data }
  const ban = reason.expire && { code: reason.code, expire: reason.expire }
  emit('close', { code, why: error ? text(error) : 'as asked', ban })
  // What the library leaves to the program that uses it: after linking, and when told so, connect again.
  if (code === baileys.DisconnectReason.restartRequired) await open()
}

async function show(message) {
  const { id, remoteJid: chat, fromMe } = message.key
  keep(id, message)
  const about = { id, chat, from_me: Boolean(fromMe) }
  if (message.messageStubType === baileys.proto.WebMessageInfo.StubType.CIPHERTEXT) {
    return emit('undecryptable', { ...about, why: message.messageStubParameters?.[0] })
  }
  // Notifications of changes come this way too.
  if (message.messageStubType || !message.message) return
  const content = baileys.normalizeMessageContent(message.message)
  const shown = { ...about, ...contentsOf(content) }
  if (content.pollUpdateMessage) Object.assign(shown, openVote(baileys, own(), message.key, content.pollUpdateMessage, kept))
  // What is for the client itself is not shown.
  if (shown.kind === 'protocol') return
  if (!content.imageMessage) return emit('message', shown)
  const bytes = await download(content.imageMessage)
  emit('message', { ...shown, bytes: bytes.length, sha256: hashOf(bytes) })
}

async function download(image) {
  const chunks = []
  for await (const chunk of await baileys.downloadContentFromMessage(image, 'image')) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function send(to, content) {
  const sent = socket.sendMessage(to, content).then(sent => {
    keep(sent.key.id, sent)
    return { id: sent.key.id }
  })
  sending.add(sent)
  return sent.finally(() => sending.delete(sent))
}

async function relay(to, message) {
  const content = baileys.proto.Message.fromObject(message)
  const id = await socket.relayMessage(to, content, {})
  keep(id, { key: { id, remoteJid: to, fromMe: true }, message: content })
  return { id }
}

async function sendAlbum(to, images) {
  await relay(to, { albumMessage: { expectedImageCount: images.length } })
  for (const image of images) {
    const picture = { image: Buffer.from(image, 'base64'), jpegThumbnail: '' }
    const content = await baileys.generateWAMessageContent(picture, { upload: socket.waUploadToServer, logger })
    await relay(to, { associatedChildMessage: { message: baileys.proto.Message.toObject(content) } })
  }
}

/** This account, without its device. */
function own() {
  return baileys.jidNormalizedUser(socket.user.id)
}

/** On loopback a peer can ask for a message again before the library has returned from sending it. */
async function sentMessage({ id }) {
  if (!messages.has(id)) await Promise.allSettled(sending)
  return messages.get(id)?.message
}

function keep(id, message) {
  messages.set(id, message)
  if (messages.size > MESSAGES_KEPT_MAX) messages.delete(messages.keys().next().value)
}

function kept(id) {
  const message = messages.get(id)
  if (!message) throw new Error(`no message ${id} was sent or received here`)
  return message
}
