import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { unique } from './setup.js'

for (const kind of clients) {
  test(`${kind.name}: connects, joins and has its heartbeat answered`, async (t) => {
    const user = kind.connect(t)
    await user.room(unique('room'))
    await user.heartbeat()

    assert.equal(user.sockets.length, 1, 'one connection, no reconnect')
    assert.equal(new URL(user.wire.url).searchParams.get('vsn'), kind.wire)
  })

  test(`${kind.name}: holds many channels on one socket`, async (t) => {
    const user = kind.connect(t)
    const rooms = await Promise.all(
      Array.from({ length: 20 }, () => user.room(unique('room'), { broadcast: { self: true } })),
    )
    rooms.forEach((room, n) => room.send('hello', { n }))

    for (const [n, room] of rooms.entries()) {
      assert.deepEqual(await room.broadcasts.next(), { event: 'hello', payload: { n } })
    }
    assert.equal(user.sockets.length, 1)
  })
}
