// SUBSCRIBED means live: a row written in the very tick in which the client says so is
// delivered. Half of the runs join with a new channel, half with a new client.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, database, publish, unique } from './setup.js'

const LANES = 4 // runs that are under way at any time
const ENOUGH = 3 // losses: the verdict is clear

for (const kind of clients) {
  test(`${kind.name}: ${kind.runs} rows written in the tick of SUBSCRIBED, none lost`, async (t) => {
    const db = await database(t)
    const table = await publish(db, 'id int primary key, owner uuid', 'auth.uid() = owner')
    const lost = []
    let delivered = 0
    const lane = async (first) => {
      const writer = await database(t)
      const steady = kind.connect(t, { token: ALICE.token })
      for (let id = first; id <= kind.runs && lost.length < ENOUGH; id += LANES) {
        const user = id % 2 ? steady : kind.connect(null, { token: ALICE.token })
        const loss = await run(user, writer, table, id)
        if (loss) lost.push(loss)
        else delivered++
        if (user !== steady) user.close()
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n + 1)))

    assert.deepEqual(lost, [])
    assert.equal(delivered, kind.runs)
  })
}

// run is one join and one insert in its tick. It resolves to what went wrong, or ''.
async function run(user, writer, table, id) {
  let written
  const room = await user.room(unique('ready'), {
    changes: [{ event: 'INSERT', schema: 'public', table, filter: `id=eq.${id}` }],
    subscribed: () => (written ??= writer.query(`insert into ${table} values ($1, $2)`, [id, ALICE.id])),
  })
  await written
  const change = await room.changes.next().catch((err) => err)
  await room.leave()
  return change.new?.id === id ? '' : `run ${id}: ${change.message ?? JSON.stringify(change)}`
}

for (const kind of clients.filter(({ waits }) => waits)) {
  test(`${kind.name}: the same with wait, when nobody listened before`, async (t) => {
    const db = await database(t)
    const table = await publish(db, 'id int primary key, owner uuid', 'auth.uid() = owner')
    const user = kind.connect(t, { token: ALICE.token })
    let written
    const room = await user.room(unique('ready'), {
      changes: [{ event: 'INSERT', schema: 'public', table }],
      postgres_changes_options: { wait: true },
      subscribed: () => (written ??= db.query(`insert into ${table} values (1, $1)`, [ALICE.id])),
    })
    await written
    assert.deepEqual((await room.changes.next()).new, { id: 1, owner: ALICE.id })
  })
}
