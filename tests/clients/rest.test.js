// send() on a channel that has not joined goes to POST /api/broadcast, httpSend() of newer clients to
// /api/broadcast/TOPIC/events/EVENT.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ANON_KEY, forgedToken, unique } from './setup.js'

// post sends one broadcast without joining; it resolves to what send() said and the status behind it.
async function post(t, kind, token, topic, payload) {
  const statuses = []
  const watched = async (...request) => {
    const response = await fetch(...request)
    statuses.push(response.status)
    return response
  }
  const { app } = kind.connect(t, { token, fetch: watched })
  const result = await app.channel(topic).send({ type: 'broadcast', event: 'shout', payload })
  return { result, statuses }
}

// Who cannot read binary broadcasts gets none of what httpSend() sends.
const readers = clients.filter(({ reads }) => reads)

for (const kind of clients.filter(({ sends1 }) => sends1)) {
  test(`${kind.name}: httpSend reaches every client, bytes those on version 2`, async (t) => {
    const topic = unique('room/1')
    const listeners = await Promise.all(readers.map((listener) => listener.connect(t).room(topic)))
    const channel = kind.connect(t, { token: ANON_KEY }).app.channel(topic)
    const payload = { by: kind.name, snowman: '☃' }
    assert.deepEqual(await channel.httpSend('a shout', payload), { success: true })
    for (const room of listeners) assert.deepEqual(await room.broadcasts.next(), { event: 'a shout', payload })

    const bytes = Uint8Array.of(0, 1, 255)
    assert.deepEqual(await channel.httpSend('bytes', bytes.buffer), { success: true })
    assert.deepEqual(await channel.httpSend('last', { n: 1 }), { success: true })
    for (const room of listeners.filter((_, i) => readers[i].binary)) {
      const { event, payload } = await room.broadcasts.next()
      assert.deepEqual([event, new Uint8Array(payload)], ['bytes', bytes])
    }
    for (const room of listeners) assert.deepEqual(await room.broadcasts.next(), { event: 'last', payload: { n: 1 } })
  })

  test(`${kind.name}: httpSend says why it failed`, async (t) => {
    const channel = kind.connect(t, { token: forgedToken() }).app.channel(unique('room'))
    await assert.rejects(channel.httpSend('shout', { n: 1 }), { message: 'Unauthorized' })
  })
}

for (const kind of clients.filter(({ posts }) => posts)) {
  test(`${kind.name}: a broadcast over HTTP reaches every client`, async (t) => {
    const topic = unique('room')
    const listeners = await Promise.all(clients.map((listener) => listener.connect(t).room(topic)))
    const payload = { by: kind.name, snowman: '☃' }
    assert.deepEqual(await post(t, kind, ANON_KEY, topic, payload), { result: 'ok', statuses: [202] })
    for (const room of listeners) assert.deepEqual(await room.broadcasts.next(), { event: 'shout', payload })
  })

  test(`${kind.name}: a broadcast over HTTP with a wrong key reaches nobody`, async (t) => {
    const topic = unique('room')
    const room = await kind.connect(t).room(topic)
    assert.deepEqual(await post(t, kind, forgedToken(), topic, { n: 1 }), { result: 'error', statuses: [401] })
    assert.deepEqual(await post(t, kind, ANON_KEY, topic, { n: 2 }), { result: 'ok', statuses: [202] })
    assert.deepEqual(await room.broadcasts.next(), { event: 'shout', payload: { n: 2 } })
  })
}
