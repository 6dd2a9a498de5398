// The database ends the server's replication connection, as a restart or an administrator
// does. Who has joined is told when changes flow again, and misses none from then on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, database, publish, unique } from './setup.js'

const subscribed = { extension: 'postgres_changes', status: 'ok', message: 'Subscribed to PostgreSQL' }

for (const kind of clients) {
  test(`${kind.name}: changes flow again after their connection was cut`, async (t) => {
    const db = await database(t)
    const table = await publish(db, 'id int primary key, owner uuid', 'auth.uid() = owner')
    const changes = [{ event: '*', schema: 'public', table }]
    const room = await kind.connect(t, { token: ALICE.token }).room(unique('room'), { changes })
    const insert = (id) => db.query(`insert into ${table} values ($1, $2)`, [id, ALICE.id])

    assert.deepEqual(await room.system.next(), subscribed)
    await insert(1)
    assert.equal((await room.changes.next()).new.id, 1)

    const { rowCount } = await db.query('select pg_terminate_backend(pid) from pg_stat_replication')
    assert.equal(rowCount, 1, 'one replication connection, and it was ended')
    assert.deepEqual(await room.system.until(({ status }) => status === 'ok'), subscribed)
    await insert(2)
    assert.equal((await room.changes.next()).new.id, 2)
    assert.deepEqual(room.statuses.drain(), [], 'the channel itself was never in doubt')
  })
}
