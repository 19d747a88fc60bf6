// What pages do beyond being pages: they keep up, know where they are, copy, ask before what cannot be undone.

// Times are shown where the browser is, from the next page on.
const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)
if (!document.cookie.split('; ').includes(`wachat_zone=${zone}`)) {
  document.cookie = `wachat_zone=${zone}; Path=/console; Max-Age=31536000; SameSite=Lax`
  // The first page is loaded again, unless something was typed or shown once.
  if (document.querySelector('main time') && !document.querySelector('main form, [data-once]')) location.reload()
}

document.addEventListener('submit', event => {
  const form = event.target
  const button = event.submitter
  const question = button?.dataset.ask ?? form.dataset.ask
  if (question && !window.confirm(question)) return event.preventDefault()
  // A second click sends nothing a second time.
  if (form.method === 'post') setTimeout(() => button && (button.disabled = true))
})
// Back from another page, buttons work again.
addEventListener('pageshow', event => {
  document.querySelectorAll('button[disabled]').forEach(one => (one.disabled = false))
  if (event.persisted && main) follow(main.dataset.live)
})

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]')
  if (!button) return
  const from = document.getElementById(button.dataset.copy)
  try {
    await navigator.clipboard.writeText(from.textContent)
    button.textContent = button.dataset.done ?? '✓'
  } catch {
    getSelection().selectAllChildren(from)
  }
})

// On a narrow screen a row of a table is a card, in which each cell but the first says of which column it is.
function nameCells(page) {
  for (const table of page.querySelectorAll('.scroll:not(figure .scroll) table')) {
    const names = Array.from(table.tHead.rows[0].cells, cell => cell.textContent)
    for (const row of table.tBodies[0].rows) {
      for (const cell of row.cells) if (cell.cellIndex > 0) cell.dataset.of = names[cell.cellIndex]
    }
  }
}
nameCells(document)

// What is left until a moment, by the second: the server writes the moment alone.
function countDown() {
  for (const left of document.querySelectorAll('[data-until]')) {
    const seconds = Math.max(0, Math.ceil((Date.parse(left.dataset.until) - Date.now()) / 1_000))
    left.textContent = `(${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')})`
  }
}
if (document.querySelector('main[data-live]')) setInterval(countDown, 1_000)
countDown()

const main = document.querySelector('main[data-live]')
if (main) follow(main.dataset.live)

function follow(page) {
  const source = new EventSource(main.dataset.events ?? `/console/live?of=${encodeURIComponent(page)}`)
  source.addEventListener('first', event => {
    keepsUp(true)
    take(event.data)
  })
  source.addEventListener('page', event => take(event.data))
  // What a form was sent to is not sent again: its page is loaded.
  source.addEventListener('gone', () => {
    source.close()
    location.replace(page)
  })
  // A newer page of the same reader has the place of this one.
  source.addEventListener('crowded', () => {
    source.close()
    keepsUp(false)
  })
  // A browser tries again by itself after a lost connection, but not after a refusal: there is no room, or the page is over.
  source.addEventListener('error', async () => {
    if (source.readyState !== EventSource.CLOSED) return
    keepsUp(false)
    const now = await fetch(page, { redirect: 'manual', headers: { 'x-wachat-live': '1' } }).catch(() => null)
    if (now && !now.ok && now.status < 500) return location.replace(page)
    setTimeout(() => follow(page), 10_000)
  })
  addEventListener('pagehide', () => source.close())
}

// Says whether the page keeps up, where it does not.
function keepsUp(does) {
  const note = document.getElementById('not-followed')
  if (note) note.hidden = does
}

// Makes each part that has an id what it is now.
function take(text) {
  const fresh = new DOMParser().parseFromString(text, 'text/html')
  nameCells(fresh)
  const focused = document.activeElement
  const place = focused.closest('[data-part]')
  const step = main.querySelector('[data-step]')?.dataset.step
  // A part within a part has come with it.
  for (const part of document.querySelectorAll('main [data-part]:not([data-part] [data-part])')) {
    const newer = fresh.getElementById(part.id)
    if (newer) become(part, newer)
  }
  // What was refused or done in another step is over with it.
  if (main.querySelector('[data-step]')?.dataset.step !== step) main.querySelectorAll(':scope > [role=alert], :scope > #done').forEach(one => one.remove())
  countDown()
  if (document.activeElement === focused) return
  // A row that moved lost the focus. What is gone leaves it near its place.
  const next = focused.isConnected ? focused : place?.isConnected && place.querySelector('a, button')
  ;(next || main).focus({ preventScroll: true })
}

// Changes only what differs, so that focus, what is typed, what is open and how far it is scrolled stay as they are. What a refused form
// was filled with is what somebody typed.
function become(old, newer) {
  if (old.isEqualNode(newer)) return
  if (!(old instanceof Element)) {
    old.data = newer.data
    return show(old.parentElement)
  }
  const isTyped = name => name === 'value' && old.nodeName === 'INPUT' && old.type !== 'hidden'
  for (const { name, value } of newer.attributes) if (old.getAttribute(name) !== value && !isTyped(name)) old.setAttribute(name, value)
  for (const { name } of [...old.attributes]) if (!newer.hasAttribute(name) && !['open', 'disabled'].includes(name)) old.removeAttribute(name)
  const [had, has] = [keyed(old), keyed(newer)]
  for (const [key, one] of had) if (!has.has(key)) one.remove()
  let at = old.firstChild
  for (const [key, one] of has) {
    const known = had.get(key)
    if (known && known === at) at = at.nextSibling
    else old.insertBefore(known ?? one, at)
    known ? become(known, one) : show(one)
  }
}

// The children of an element by what tells them apart: an id, else where a row leads, else their place among their kind.
function keyed(element) {
  const [all, counts] = [new Map(), new Map()]
  for (const one of element.childNodes) {
    const leads = ['TR', 'LI'].includes(one.nodeName) && one.querySelector('a[href]')?.getAttribute('href')
    const own = `${one.nodeName} ${one.id || leads || ''}`
    const count = counts.get(own) ?? 0
    counts.set(own, count + 1)
    all.set(`${own} ${count}`, one)
  }
  return all
}

// Marks what has changed for a moment. A button has a ground of its own, on which its text is read.
function show(one) {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches || one.matches?.('button, .button')) return
  one.animate?.([{ background: 'var(--good-paper)', offset: 0 }], { duration: 1_200, easing: 'ease-out' })
}
