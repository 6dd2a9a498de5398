// Not a test: restart_test.go runs it beside a server that it kills. One client of each kind
// sits in a room. Lines on stdout say when one has joined, again too, and what it hears.

import { clients } from './clients.js'

const TOPIC = process.argv[2]

for (const kind of clients) {
  const user = kind.connect()
  const room = user.join(TOPIC, { subscribed: () => console.log(`joined ${kind.name}`) })
  listen(kind.name, room)
}

async function listen(name, room) {
  for (;;) {
    const { payload } = await room.broadcasts.next(2 ** 31 - 1)
    console.log(`heard ${name} ${payload.n}`)
  }
}
