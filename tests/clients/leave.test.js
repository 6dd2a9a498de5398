import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, database, publish, unique } from './setup.js'

for (const kind of clients) {
  test(`${kind.name}: hears nothing after leaving and all after coming back`, async (t) => {
    const db = await database(t)
    const table = await publish(db, 'id int primary key')
    const topic = unique('room')
    const changes = [{ event: '*', schema: 'public', table }]
    const options = { changes, presence: { key: 'alice' } }
    const user = kind.connect(t, { token: ALICE.token })
    const other = await kind
      .connect(t, { token: ALICE.token })
      .room(topic, { changes, broadcast: { ack: true }, presence: { key: 'other' } })

    const before = await user.room(topic, options)
    await before.track({ n: 1 })
    await other.presences.until(({ event, key }) => event === 'join' && key === 'alice')
    await before.leave()
    await other.presences.until(({ event, key }) => event === 'leave' && key === 'alice')
    assert.equal((await before.statuses.next()).status, 'CLOSED')
    await user.wire.frames.until(({ event }) => event === 'phx_close')

    // The wire shows what the client would hide: it forgets a channel at once.
    assert.equal(await other.send('shout', { n: 1 }), 'ok')
    await db.query(`insert into ${table} values (1)`)
    assert.equal((await other.changes.next()).new.id, 1)
    await user.heartbeat()
    const frames = user.wire.frames.drain().map(({ event }) => event)
    assert.deepEqual(frames, ['phx_reply'], 'the reply to the heartbeat alone')

    const after = await user.room(topic, options)
    assert.equal(await other.send('shout', { n: 2 }), 'ok')
    assert.deepEqual(await after.broadcasts.next(), { event: 'shout', payload: { n: 2 } })
    await db.query(`insert into ${table} values (2)`)
    assert.equal((await after.changes.next()).new.id, 2)
    assert.equal(user.sockets.length, 1, 'all on one connection')
  })
}
