// A private channel asks for what was sent before it joined.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, allow, database, unique } from './setup.js'

for (const kind of clients.filter(({ reads }) => reads)) {
  test(`${kind.name}: the newest messages are replayed, oldest first, and live ones follow once`, async (t) => {
    const db = await database(t)
    const topic = unique('room')
    await allow(db, topic)
    const user = kind.connect(t, { token: ALICE.token })
    const config = { private: true, broadcast: { replication_ready: true } }
    const other = kind.connect(t, { token: ALICE.token })
    const first = await other.room(topic, config)
    await first.system.next() // the stream is up
    const since = Date.now() - 1000
    await db.query(`begin;
      select realtime.send(jsonb_build_object('n', n, 'id', n), 'old', '${topic}') from generate_series(1, 4) n;
      select realtime.send_binary('\\x0501', 'bytes', '${topic}');
      commit`)
    await first.broadcasts.take(kind.binary ? 5 : 4) // and has passed on what was sent
    const room = await user.room(topic, { ...config, broadcast: { ...config.broadcast, replay: { since, limit: 3 } } })
    await db.query('select realtime.send($1, $2, $3)', [{ n: 5, id: 5 }, 'new', topic])
    const old = await room.broadcasts.take(2)
    assert.deepEqual(old, [3, 4].map((n) => ({ event: 'old', payload: { n, id: n } })))
    if (kind.binary) {
      const { event, payload } = await room.broadcasts.next()
      assert.deepEqual([event, new Uint8Array(payload)], ['bytes', Uint8Array.of(5, 1)])
    }
    assert.deepEqual(await room.broadcasts.next(), { event: 'new', payload: { n: 5, id: 5 } })
    const metas = await room.metas.take(kind.binary ? 4 : 3)
    assert.deepEqual(metas.map(({ replayed }) => replayed), kind.binary ? [true, true, true, undefined] : [true, true, undefined])
    assert.equal(new Set(metas.map(({ id }) => id)).size, metas.length)
  })

  test(`${kind.name}: who may not read the topic gets no replay`, async (t) => {
    const user = kind.connect(t, { token: ALICE.token })
    const topic = unique('closed')
    await assert.rejects(user.room(topic, { private: true, broadcast: { replay: { since: 0 } } }), {
      message: new RegExp(`Unauthorized: You do not have permissions to read from this Channel topic: ${topic}`),
    })
  })
}
