import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, BOB, database, publish, tokenFor, unique } from './setup.js'

// At the same time: tokens take seconds to expire.
describe('tokens', { concurrency: true }, () => {
  for (const kind of clients) {
    test(`${kind.name}: an expired token ends the channel, a refreshed one does not`, async (t) => {
      const topic = unique('room')
      const token = tokenFor(ALICE, '9s')
      const careful = kind.connect(t, { token })
      const [kept, lost] = await Promise.all([careful.room(topic), kind.connect(t, { token }).room(topic)])
      await careful.setAuth(ALICE.token)

      assert.equal((await lost.statuses.next()).status, 'CLOSED')
      const { extension, status, message } = await lost.system.next()
      assert.deepEqual([extension, status], ['system', 'error'])
      assert.match(message, /^Token has expired \d+ seconds ago$/)

      const sender = await kind.connect(t).room(topic, { broadcast: { ack: true } })
      assert.equal(await sender.send('shout', { n: 1 }), 'ok')
      assert.deepEqual(await kept.broadcasts.next(), { event: 'shout', payload: { n: 1 } })
      assert.deepEqual(lost.broadcasts.drain(), [])
      assert.deepEqual(kept.statuses.drain(), [])
    })

    test(`${kind.name}: after a refresh the new claims decide about rows`, async (t) => {
      const db = await database(t)
      const table = await publish(db, 'id int primary key, owner uuid', 'auth.uid() = owner')
      const user = kind.connect(t, { token: ALICE.token })
      const room = await user.room(unique('room'), { changes: [{ event: '*', schema: 'public', table }] })
      const subscribed = { extension: 'postgres_changes', status: 'ok', message: 'Subscribed to PostgreSQL' }
      const both = `insert into ${table} values ($1, '${ALICE.id}'), ($1 + 1, '${BOB.id}')`

      assert.deepEqual(await room.system.next(), subscribed)
      await db.query(both, [1])
      assert.equal((await room.changes.next()).new.id, 1)

      await user.setAuth(BOB.token)
      assert.deepEqual(await room.system.next(), subscribed)
      await db.query(both, [3])
      assert.equal((await room.changes.next()).new.id, 4)
    })

    test(`${kind.name}: a refresh with a bad token ends the channel`, async (t) => {
      const user = kind.connect(t, { token: ALICE.token })
      const room = await user.room(unique('room'))
      await user.setAuth('not.a.token')

      assert.equal((await room.statuses.next()).status, 'CLOSED')
      assert.equal((await room.system.next()).message, 'The token provided is not a valid JWT')
    })
  }
})
