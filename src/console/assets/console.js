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
addEventListener('pageshow', () => document.querySelectorAll('button[disabled]').forEach(one => (one.disabled = false)))

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

const main = document.querySelector('main[data-live]')
if (main) follow(main.dataset.live)

function follow(page) {
  const source = new EventSource(`/console/live?of=${encodeURIComponent(page)}`)
  source.addEventListener('first', event => take(event.data))
  source.addEventListener('page', event => take(event.data))
  source.addEventListener('gone', () => {
    source.close()
    location.reload()
  })
  addEventListener('pagehide', () => source.close())
}

// Puts each part that has an id where the old one stands. What somebody is typing in stays as it is.
function take(text) {
  const fresh = new DOMParser().parseFromString(text, 'text/html')
  for (const part of document.querySelectorAll('main [data-part]')) {
    const newer = fresh.getElementById(part.id)
    if (!newer || newer.isEqualNode(part) || part.contains(document.activeElement) && document.activeElement.matches('input, textarea, select')) continue
    const had = part.contains(document.activeElement)
    part.replaceWith(newer)
    newer.classList.add('changed')
    if (had) newer.querySelector('a, button')?.focus()
    if (newer.dataset.go) location.assign(newer.dataset.go)
  }
}
