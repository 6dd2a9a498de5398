// send() and httpSend() with persist: delivered at once, and replayed to who joins later.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, allow, BOB, database, unique } from './setup.js'

const broadcast = (event, payload, persist) => ({ type: 'broadcast', event, payload, persist })

for (const kind of clients.filter(({ sends1 }) => sends1)) {
  const meet = async (t, topic, extensions) => {
    const db = await database(t)
    await allow(db, topic, extensions)
    const config = { private: true, broadcast: { ack: true } }
    const sender = await kind.connect(t, { token: ALICE.token }).room(topic, config)
    const reader = await kind.connect(t, { token: BOB.token }).room(topic, config)
    const rows = async () => (await db.query('select event, payload, binary_payload, skip_broadcast from realtime.messages where topic = $1 order by inserted_at', [topic])).rows
    const late = () => kind.connect(t, { token: BOB.token }).room(topic, { private: true, broadcast: { replay: { since: Date.now() - 60_000 } } })
    return { sender, reader, rows, late }
  }

  test(`${kind.name}: a broadcast with persist is delivered once, stored and replayed`, async (t) => {
    const { sender, reader, rows, late } = await meet(t, unique('room'))
    assert.equal(await sender.channel.send(broadcast('kept', { n: 1 }, true)), 'ok')
    assert.equal(await sender.channel.send(broadcast('short', { n: 2 }, { ttl: 60 })), 'ok')
    assert.equal(await sender.channel.send(broadcast('bytes', Uint8Array.of(7, 8).buffer, true)), 'ok')
    assert.equal(await sender.channel.send(broadcast('gone', { n: 4 })), 'ok')
    assert.deepEqual((await reader.broadcasts.take(4)).map(({ event }) => event), ['kept', 'short', 'bytes', 'gone'])
    assert.deepEqual((await rows()).map(({ event, skip_broadcast }) => [event, skip_broadcast]), [['kept', true], ['short', true], ['bytes', true]])
    const room = await late()
    const [a, b, c] = await room.broadcasts.take(3)
    assert.deepEqual([a, b], [{ event: 'kept', payload: { n: 1 } }, { event: 'short', payload: { n: 2 } }])
    assert.deepEqual(new Uint8Array(c.payload), Uint8Array.of(7, 8))
    await sender.channel.send(broadcast('end', {}))
    assert.deepEqual(await reader.broadcasts.next(), { event: 'end', payload: {} }, 'nothing came a second time')
  })

  test(`${kind.name}: without a policy for it a broadcast is delivered, not stored, and send says so`, async (t) => {
    const { sender, reader, rows } = await meet(t, unique('room'), ['broadcast'])
    assert.match(await sender.channel.send(broadcast('kept', { n: 1 }, true)), /^Unauthorized: You do not have permissions to store/)
    assert.deepEqual(await reader.broadcasts.next(), { event: 'kept', payload: { n: 1 } })
    assert.deepEqual(await rows(), [])
  })

  test(`${kind.name}: httpSend with persist stores what it sends`, async (t) => {
    const { sender, reader, late } = await meet(t, unique('room'))
    assert.deepEqual(await sender.channel.httpSend('posted', { n: 1 }, { persist: true }), { success: true })
    assert.deepEqual(await sender.channel.httpSend('posted', Uint8Array.of(9).buffer, { persist: { ttl: 60 } }), { success: true })
    assert.deepEqual((await reader.broadcasts.take(2)).map(({ event }) => event), ['posted', 'posted'])
    for (let tries = 0; ; tries++) { // stored in the background
      const room = await late()
      const got = await room.broadcasts.take(2).catch((err) => err)
      if (!(got instanceof Error)) {
        assert.deepEqual(got[0], { event: 'posted', payload: { n: 1 } })
        assert.deepEqual(new Uint8Array(got[1].payload), Uint8Array.of(9))
        break
      }
      assert.ok(tries < 3, got.message)
    }
  })
}
