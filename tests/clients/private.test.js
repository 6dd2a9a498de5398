// Private channels: policies on realtime.messages say who may listen and who may speak.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, BOB, allow, database, unique } from './setup.js'

const unreadable = (topic) => `You do not have permissions to read from this Channel topic: ${topic}`

// only lets one user read a topic, and write to it if writes is set.
const only = async (db, topic, user, writes) => {
  const name = unique('policy')
  const condition = `realtime.topic() = '${topic}' and (select auth.uid()) = '${user.id}'`
  await db.query(`create policy ${name}_r on realtime.messages for select to authenticated using (${condition})`)
  if (writes) await db.query(`create policy ${name}_w on realtime.messages for insert to authenticated with check (${condition})`)
}

// At the same time: what is refused, and what is not answered, takes its time.
describe('private channels', { concurrency: true }, () => {
  for (const kind of clients) {
    test(`${kind.name}: who may, hears and is heard`, async (t) => {
      const db = await database(t)
      const topic = unique('room')
      await allow(db, topic)
      const config = { private: true, broadcast: { ack: true } }
      const [alice, bob, stranger] = await Promise.all([
        kind.connect(t, { token: ALICE.token }).room(topic, config),
        kind.connect(t, { token: BOB.token }).room(topic, config),
        kind.connect(t).room(topic, { broadcast: { ack: true } }), // the public channel of that name
      ])
      assert.equal(await alice.send('shout', { n: 1 }), 'ok')
      assert.deepEqual(await bob.broadcasts.next(), { event: 'shout', payload: { n: 1 } })
      assert.equal(await bob.send('shout', { n: 2 }), 'ok')
      assert.deepEqual(await alice.broadcasts.next(), { event: 'shout', payload: { n: 2 } })
      assert.deepEqual(stranger.broadcasts.drain(), [])
    })

    test(`${kind.name}: who may not read is refused and told so`, async (t) => {
      const db = await database(t)
      const topic = unique('room')
      await only(db, topic, ALICE)
      await kind.connect(t, { token: ALICE.token }).room(topic, { private: true })
      for (const options of [{ token: BOB.token }, {}]) {
        const { status, reason } = await kind.connect(t, options).join(topic, { private: true }).statuses.next()
        assert.equal(status, 'CHANNEL_ERROR')
        assert.match(String(reason), new RegExp(`Unauthorized: ${unreadable(topic)}`))
      }
    })

    test(`${kind.name}: who may not write is not heard`, async (t) => {
      const db = await database(t)
      const topic = unique('room')
      await only(db, topic, BOB)
      await only(db, topic, ALICE, true)
      const alice = await kind.connect(t, { token: ALICE.token }).room(topic, { private: true, broadcast: { ack: true } })
      const bob = await kind.connect(t, { token: BOB.token }).room(topic, { private: true })
      await bob.send('shout', { n: 1 })
      assert.equal(await alice.send('shout', { n: 2 }), 'ok')
      assert.deepEqual(await bob.broadcasts.next(), { event: 'shout', payload: { n: 2 } })
      assert.deepEqual(alice.broadcasts.drain(), [])
      assert.deepEqual(bob.statuses.drain(), [])
    })

    test(`${kind.name}: a new token that may not read ends the channel`, async (t) => {
      const db = await database(t)
      const topic = unique('room')
      await only(db, topic, ALICE, true)
      const user = kind.connect(t, { token: ALICE.token })
      const room = await user.room(topic, { private: true })
      await user.setAuth(BOB.token)
      const { status, message } = await room.system.next()
      assert.deepEqual([status, message], ['error', unreadable(topic)])
      assert.equal((await room.statuses.next()).status, 'CLOSED')
    })
  }
})
