// Not a test: restart_test.go runs it beside a server that it kills. One client of each kind
// sits in a room and watches a table. Lines on stdout say when one has joined, again too, what
// it hears, and which row it sees: the first client writes one for each broadcast it hears.

import { clients as all } from './clients.js'
import { database, publish } from './setup.js'

const TOPIC = process.argv[2]
const clients = all.filter(({ forgets }) => !forgets)
const FOREVER = 2 ** 31 - 1

const db = await database()
const table = await publish(db, 'n int primary key')
await db.end() // the next one that is killed

for (const kind of clients) {
  const room = kind.connect().join(TOPIC, {
    changes: [{ event: 'INSERT', schema: 'public', table }],
    subscribed: () => console.log(`joined ${kind.name}`),
  })
  hear(kind, room)
  see(kind, room)
}

async function hear(kind, room) {
  for (;;) {
    const { payload } = await room.broadcasts.next(FOREVER)
    console.log(`heard ${kind.name} ${payload.n}`)
    if (kind === clients[0]) await write(payload.n)
  }
}

async function see(kind, room) {
  for (;;) console.log(`saw ${kind.name} ${(await room.changes.next(FOREVER)).new.n}`)
}

async function write(n) {
  const db = await database()
  await db.query(`insert into ${table} values ($1)`, [n])
  await db.end()
}
