// realtime-js 2.10.7 forgets to listen to a `transport` that it is given. What it does listen
// to is a WebSocket of the platform, if there is one when it is loaded. Node 20 has none.

import ws from 'ws'

globalThis.WebSocket ??= ws

// native makes Wire the platform's WebSocket whenever client connects, which it does at once.
export function native(client, Wire) {
  const connect = client.connect.bind(client)
  client.connect = () => {
    globalThis.WebSocket = Wire
    connect()
  }
  return client
}
