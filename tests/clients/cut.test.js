// The database ends the server's replication connection, as a restart or an administrator
// does, once for all clients: the server waits longer from one time to the next. Who has
// joined is told when changes flow again, and misses none from then on.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, database, publish, unique } from './setup.js'

const subscribed = { extension: 'postgres_changes', status: 'ok', message: 'Subscribed to PostgreSQL' }
const users = clients.map((kind) => kind.connect(null, { token: ALICE.token }))
const db = await database()
let scene

// cut joins everybody, sees that changes flow and ends their connection.
async function cut() {
  const table = await publish(db, 'id int primary key, owner uuid', 'auth.uid() = owner')
  const changes = [{ event: '*', schema: 'public', table }]
  const insert = (id) => db.query(`insert into ${table} values ($1, $2)`, [id, ALICE.id])
  const rooms = await Promise.all(users.map((user) => user.room(unique('room'), { changes })))
  for (const room of rooms) assert.deepEqual(await room.system.next(), subscribed)
  await insert(0)
  for (const room of rooms) assert.equal((await room.changes.next()).new.id, 0)

  const { rowCount } = await db.query(`select pg_terminate_backend(active_pid) from pg_replication_slots
    where slot_name not like '%messages%'`)
  assert.equal(rowCount, 1, 'one replication connection for changes, and it was ended')
  return { rooms, insert }
}

for (const [n, kind] of clients.entries()) {
  test(`${kind.name}: changes flow again after their connection was cut`, async () => {
    const { rooms, insert } = await (scene ??= cut())
    const room = rooms[n]
    assert.deepEqual(await room.system.until(({ status }) => status === 'ok'), subscribed)
    await insert(n + 1)
    for (let id = 1; id <= n + 1; id++) assert.equal((await room.changes.next()).new.id, id)
    assert.deepEqual(room.statuses.drain(), [], 'the channel itself was never in doubt')
  })
}

after(async () => {
  for (const user of users) user.close()
  await db.end()
})
