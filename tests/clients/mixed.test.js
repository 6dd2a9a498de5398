// Rooms with clients of both protocol versions in them. Who cannot read binary broadcasts,
// the stock phoenix client, stays out where others send them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { unique } from './setup.js'

const audience = (t, kinds, topic) => Promise.all(kinds.map((kind) => kind.connect(t).room(topic)))
const binary = clients.filter((kind) => kind.binary)
const readers = clients.filter((kind) => kind.reads)

for (const sender of clients.filter((kind) => !kind.binary)) {
  test(`${sender.name}: is heard by clients of both versions`, async (t) => {
    const topic = unique('room')
    const listeners = await audience(t, clients, topic)
    const room = await sender.connect(t).room(topic, { broadcast: { ack: true } })

    const message = { event: 'shout', payload: { by: sender.name, snowman: '☃' } }
    assert.equal(await room.send(message.event, message.payload), 'ok')
    for (const listener of listeners) assert.deepEqual(await listener.broadcasts.next(), message)
  })
}

for (const sender of binary) {
  test(`${sender.name}: is heard by clients of both versions`, async (t) => {
    const topic = unique('room')
    const newer = sender.connect(t)
    const listeners = [await newer.room(topic), ...(await audience(t, readers, topic))]
    const room = await sender.connect(t).room(topic, { broadcast: { ack: true } })

    const message = { event: 'shout', payload: { by: 'kind 3', snowman: '☃' } }
    assert.equal(await room.send(message.event, message.payload), 'ok')
    for (const listener of listeners) assert.deepEqual(await listener.broadcasts.next(), message)
    const frame = await newer.wire.frames.until(({ event }) => event === 'broadcast')
    assert.equal(frame.binary, true, 'a version 2 client gets it as a binary frame')
  })

  test(`${sender.name}: a binary payload reaches version 2, not version 1`, async (t) => {
    const topic = unique('room')
    const listeners = await audience(t, readers, topic)
    const room = await sender.connect(t).room(topic, { broadcast: { self: true, ack: true } })

    const bytes = new Uint8Array([0, 1, 2, 254, 255, 34, 92, 0])
    assert.equal(await room.send('bytes', bytes.buffer), 'ok')
    assert.equal(await room.send('text', { n: 1 }), 'ok')

    for (const listener of [room, ...listeners.filter((_, i) => readers[i].binary)]) {
      const { event, payload } = await listener.broadcasts.next()
      assert.equal(event, 'bytes')
      assert.deepEqual(new Uint8Array(payload), bytes)
    }
    for (const listener of [room, ...listeners]) {
      assert.deepEqual(await listener.broadcasts.next(), { event: 'text', payload: { n: 1 } })
    }
  })
}

test('presence is shared by clients of both versions', async (t) => {
  const topic = unique('room')
  const rooms = []
  for (const kind of clients) {
    const room = await kind.connect(t).room(topic, { presence: { key: kind.name } })
    assert.equal(await room.track({ on: kind.wire }), 'ok')
    rooms.push(room)
  }

  const everybody = Object.fromEntries(clients.map(({ name, wire }) => [name, [{ on: wire }]]))
  for (const room of rooms) {
    await room.syncs.until((state) => Object.keys(state).length === clients.length)
    assert.deepEqual(room.state(), everybody)
  }
})
