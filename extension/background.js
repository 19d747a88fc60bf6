// Opens the extension's page: by its button in the toolbar, or for a pairing link that a gateway's page handed over. A page in a tab and
// no popup, because a popup closes as soon as the browser asks for a permission or another tab comes to the front.

const page = chrome.runtime.getURL('link.html')

chrome.action.onClicked.addListener(() => chrome.tabs.create({ url: page }))

chrome.runtime.onMessage.addListener((message, sender) => {
  if (typeof message?.link !== 'string' || sender.tab === undefined) return
  // Only shown there: nothing is done before a person has seen which gateway it is, and clicks.
  chrome.tabs.update(sender.tab.id, { url: `${page}#${encodeURIComponent(message.link)}` })
})
