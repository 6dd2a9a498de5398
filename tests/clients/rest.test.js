// send() on a channel that has not joined goes to POST /api/broadcast.

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
