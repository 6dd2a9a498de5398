// A Wire is the `ws` WebSocket that every client is given as its transport. It
// behaves as ws does and keeps the frames that came in beside, because clients
// hide some of what tests ask about: replies nobody wanted, frames after a leave.

import ws from 'ws'
import { Inbox } from './inbox.js'

// wireTap makes a transport class and the list of the sockets made from it.
export function wireTap() {
  const sockets = []
  class Wire extends ws {
    frames = new Inbox('frames')

    constructor(...args) {
      super(...args)
      sockets.push(this)
      this.on('message', (data, binary) => this.frames.push(summary(data, binary)))
      this.on('error', () => {}) // clients listen too, but not once they have disconnected
    }
  }
  return { Wire, sockets }
}

// summary is {event, binary, status}: enough to recognise a frame of either version.
function summary(data, binary) {
  if (binary) return { event: 'broadcast', binary }
  const frame = JSON.parse(data.toString())
  const [event, payload] = Array.isArray(frame) ? [frame[3], frame[4]] : [frame.event, frame.payload]
  return { event, binary, status: payload?.status }
}
