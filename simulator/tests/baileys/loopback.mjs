// Keeps every connection of this program on this machine: whatever a library would like to fetch elsewhere fails here,
// before a name is looked up.

import net from 'node:net'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

/** Refuses every connection but those to loopback, for all libraries of this process. */
export function stayOnLoopback() {
  const connect = net.Socket.prototype.connect
  net.Socket.prototype.connect = function (...given) {
    const target = destination(given)
    if (!LOOPBACK.has(target)) throw new Error(`only loopback may be reached, not ${target}`)
    return connect.apply(this, given)
  }
}

/** Where `connect(options)`, `connect(port, host)` or node's own `connect([options, callback])` goes. */
function destination(given) {
  const [first, second] = Array.isArray(given[0]) ? given[0] : given
  if (typeof first === 'object') return first.path ? 'a file' : (first.host ?? 'localhost')
  return typeof second === 'string' ? second : 'localhost'
}
