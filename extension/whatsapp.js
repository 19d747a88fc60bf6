// Runs on web.whatsapp.com, and does nothing there unless the address ends in #wachat: it reads and changes nothing of WhatsApp's page.
//
//   #wachat=LINK  a gateway's page hands a pairing link over; it is shown in the extension's page, in place of this one
//   #wachat       the extension's page opened this tab: it says what to sign, and gets what the person's passkey makes of it

const [mark, link] = location.hash.split('=', 2)

if (mark === '#wachat') {
  // Before WhatsApp's own scripts run: the link is none of their business.
  history.replaceState(null, '', location.pathname + location.search)
  if (link) chrome.runtime.sendMessage({ link: decodeURIComponent(link) })
  else sign()
}

function sign() {
  // Whoever did not open this tab is not answered: then nothing happens.
  const port = chrome.runtime.connect({ name: 'assertion' })
  port.onMessage.addListener(async options => {
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
      const credential = await navigator.credentials.get({ publicKey })
      port.postMessage({ assertion: credential.toJSON() })
    } catch (error) {
      port.postMessage({ error: error.name, detail: error.message })
    }
  })
}
