// The extension's page: takes a pairing link, has the assertion made on web.whatsapp.com, gives it to the gateway, and says in plain
// words what came of it. Nothing is kept.

const WHATSAPP = 'https://web.whatsapp.com'
// WhatsApp waits ten minutes; the gateway says so before.
const WAIT_MS = 11 * 60_000
const LOOK_MS = 1_000
// How long WhatsApp's page may take to open.
const OPEN_MS = 20_000

const text = (name, ...values) => chrome.i18n.getMessage(name, values)
const element = id => document.getElementById(id)

// Why it did not come to an end, in words for the person.
class Failure extends Error {}
// What may be over in a moment: the gateway is not reached, or is busy.
class Passing extends Failure {}

document.documentElement.lang = text('language')
for (const one of document.querySelectorAll('[data-text]')) one.textContent = text(one.dataset.text)

// A link that a gateway's page handed over.
const given = location.hash.slice(1)
if (given) {
  history.replaceState(null, '', location.pathname)
  element('link').value = decodeURIComponent(given)
  element('intro').textContent = text('introGiven')
}
showHost()
element(given ? 'go' : 'link').focus()
element('link').addEventListener('input', showHost)

element('form').addEventListener('submit', async event => {
  event.preventDefault()
  element('go').disabled = true
  try {
    await link()
  } catch (error) {
    say(error instanceof Failure ? error.message : text('failed', `${error.name}: ${error.message}`), 'bad')
  }
  element('go').disabled = false
})

async function link() {
  const url = parse(element('link').value)
  if (!url) throw new Failure(text('notALink'))
  // Ports are no part of what is asked for. It has to be asked for at once: later it is not the click that asks.
  const may = await chrome.permissions.request({ origins: [`${url.protocol}//${url.hostname}/*`] })
  if (!may) throw new Failure(text('notAllowed', url.host))
  say(text('asking', url.host))
  // A gateway that cannot be reached to begin with is named at once.
  const { status, options } = await ask(url)
  if (status === 'required') {
    say(text('signing'))
    const assertion = await makeAssertion(options)
    say(text('sending'))
    // Where an answer was lost, the gateway may have the assertion already: it takes one.
    await persist(url, async () => (await ask(url)).status === 'required' && ask(url, assertion))
  }
  await follow(url)
}

// Looks at what becomes of it, until it has an end.
async function follow(url) {
  for (const until = Date.now() + WAIT_MS; Date.now() < until; ) {
    const { status, name, reason } = await persist(url, () => ask(url))
    if (status === 'linked') {
      // A link is good for one.
      element('form').hidden = true
      return say(text('linked', name), 'good')
    }
    if (status === 'failed') throw new Failure(text('notLinked', reason))
    say(text(status === 'confirm' ? 'compare' : 'waiting'))
    await pause()
  }
  throw new Failure(text('tooLate'))
}

// Tries again what may come to an end in a moment, for as long as a link is good.
async function persist(url, attempt) {
  for (const until = Date.now() + WAIT_MS; ; ) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Passing) || Date.now() >= until) throw error
      say(text('retrying', url.host))
      await pause()
    }
  }
}

const pause = () => new Promise(done => setTimeout(done, LOOK_MS))

// Asks the gateway how far it is, or gives it the assertion.
async function ask(url, assertion) {
  const headers = { Accept: 'application/json', 'Accept-Language': chrome.i18n.getUILanguage() }
  const options = { headers, cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer' }
  if (assertion) Object.assign(options, { method: 'POST', body: JSON.stringify(assertion) })
  const response = await fetch(url, options).catch(() => undefined)
  if (!response) throw new Passing(text('unreachable', url.host))
  const answer = await response.json().catch(() => undefined)
  if (response.ok && answer?.data) return answer.data
  const Kind = response.status === 429 || response.status >= 500 ? Passing : Failure
  throw new Kind(answer?.message ? text('refused', answer.message) : text('noGateway', url.host))
}

// Opens WhatsApp's page, has the passkey used there, and comes back.
async function makeAssertion(options) {
  const own = await chrome.tabs.getCurrent()
  const [opened, made] = [Promise.withResolvers(), Promise.withResolvers()]
  // It may fail before anybody waits for it.
  made.promise.catch(() => {})
  const fail = name => made.reject(new Failure(text(name)))
  // On a page that cannot be shown, or where the extension is not allowed, its script does not run and nobody answers.
  const opening = setTimeout(fail, OPEN_MS, 'notOpened')
  const signing = setTimeout(fail, Math.min(options.timeout > 0 ? options.timeout : WAIT_MS, WAIT_MS), 'cancelled')
  const meet = async port => {
    const { id } = await opened.promise
    if (port.name !== 'assertion' || port.sender.tab?.id !== id || port.sender.origin !== WHATSAPP) return
    clearTimeout(opening)
    port.onMessage.addListener(message => (message.assertion ? made.resolve(message.assertion) : made.reject(why(message))))
    port.onDisconnect.addListener(() => fail('cancelled'))
    port.postMessage(options)
  }
  const closed = async id => id === (await opened.promise).id && fail('cancelled')
  chrome.runtime.onConnect.addListener(meet)
  chrome.tabs.onRemoved.addListener(closed)
  let tab
  try {
    tab = await chrome.tabs.create({ url: `${WHATSAPP}/#wachat`, openerTabId: own.id }).catch(() => fail('notOpened'))
    if (tab) opened.resolve(tab)
    return await made.promise
  } finally {
    clearTimeout(opening)
    clearTimeout(signing)
    chrome.runtime.onConnect.removeListener(meet)
    chrome.tabs.onRemoved.removeListener(closed)
    if (tab) await chrome.tabs.remove(tab.id).catch(() => {})
    await chrome.tabs.update(own.id, { active: true }).catch(() => {})
  }
}

// The browser says the same of a person who cancels, of one who has no passkey for WhatsApp, and of one who takes too long.
function why({ error, detail }) {
  return new Failure(error === 'NotAllowedError' ? text('cancelled') : text('failed', `${error}: ${detail}`))
}

function showHost() {
  const url = parse(element('link').value)
  element('gateway').hidden = !url
  element('host').textContent = url?.host ?? ''
}

function parse(value) {
  const url = URL.parse(value.trim())
  return url && ['https:', 'http:'].includes(url.protocol) && url.pathname.includes('/console/pair/') ? url : undefined
}

function say(words, kind = '') {
  const outcome = element('outcome')
  outcome.hidden = false
  outcome.className = kind
  if (outcome.textContent !== words) outcome.textContent = words
}
