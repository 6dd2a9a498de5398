// SUBSCRIBED means live: a row written in the very tick in which the client says so is
// delivered. Half of the runs join with a new channel, half with a new client.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients, js2119 } from './clients.js'
import { ALICE, database, publish, unique } from './setup.js'

const RUNS = 200
const LANES = 4 // runs that are under way at any time

for (const kind of clients) {
  test(`${kind.name}: ${RUNS} rows written in the tick of SUBSCRIBED, none lost`, async (t) => {
    const db = await database(t)
    const table = await publish(t, db, 'id int primary key, owner uuid', 'auth.uid() = owner')
    const results = []
    const lane = async (first) => {
      const writer = await database(t)
      const steady = kind.connect(t, { token: ALICE.token })
      for (let id = first; id <= RUNS; id += LANES) {
        const user = id % 2 ? steady : kind.connect(null, { token: ALICE.token })
        results.push(await run(user, writer, table, id))
        if (user !== steady) user.close()
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n + 1)))

    assert.equal(results.length, RUNS)
    assert.deepEqual(results.filter((result) => result !== 'delivered'), [])
  })
}

// run is one join, one insert in its tick, and what came of it.
async function run(user, writer, table, id) {
  let written
  const room = await user.room(unique('ready'), {
    changes: [{ event: 'INSERT', schema: 'public', table, filter: `id=eq.${id}` }],
    subscribed: () => (written ??= writer.query(`insert into ${table} values ($1, $2)`, [id, ALICE.id])),
  })
  await written
  const change = await room.changes.next().catch((err) => err)
  await room.leave()
  return change.new?.id === id ? 'delivered' : `run ${id}: ${change.message ?? JSON.stringify(change)}`
}

test(`${js2119.name}: the same with wait, when nobody listened before`, async (t) => {
  const db = await database(t)
  const table = await publish(t, db, 'id int primary key, owner uuid', 'auth.uid() = owner')
  const user = js2119.connect(t, { token: ALICE.token })
  let written
  const room = await user.room(unique('ready'), {
    changes: [{ event: 'INSERT', schema: 'public', table }],
    postgres_changes_options: { wait: true },
    subscribed: () => (written ??= db.query(`insert into ${table} values (1, $1)`, [ALICE.id])),
  })
  await written
  assert.deepEqual((await room.changes.next()).new, { id: 1, owner: ALICE.id })
})
