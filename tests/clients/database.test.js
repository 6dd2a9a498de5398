// Messages that SQL sends: realtime.send, realtime.send_binary and the trigger with
// realtime.broadcast_changes, to public and private channels.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, allow, database, unique } from './setup.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const established = { extension: 'system', status: 'ok', message: 'Replication connection established' }

// Who cannot read broadcasts in binary frames gets none of these on version 2.
for (const kind of clients.filter(({ reads }) => reads)) {
  const join = async (t, topic, config) => {
    const room = await kind.connect(t, { token: ALICE.token }).room(topic, { ...config, broadcast: { replication_ready: true } })
    assert.deepEqual(await room.system.next(), established)
    return room
  }

  for (const isPrivate of [false, true]) {
    test(`${kind.name}: realtime.send reaches a ${isPrivate ? 'private' : 'public'} channel, bytes on version 2`, async (t) => {
      const db = await database(t)
      const topic = unique('room')
      if (isPrivate) await allow(db, topic)
      const room = await join(t, topic, { private: isPrivate })
      await db.query('select realtime.send($1, $2, $3, $4)', [{ n: 1, snowman: '☃' }, 'shout', topic, isPrivate])
      await db.query('select realtime.send($1, $2, $3, $4)', [{ n: 2 }, 'shout', topic, !isPrivate])
      await db.query('select realtime.send_binary($1, $2, $3, $4)', [Buffer.of(0, 1, 255), 'bytes', topic, isPrivate])
      await db.query('select realtime.send($1, $2, $3, $4)', [{ id: 'mine', n: 3 }, 'last', topic, isPrivate])
      const first = await room.broadcasts.next()
      assert.match(first.payload.id, UUID)
      assert.deepEqual(first, { event: 'shout', payload: { n: 1, snowman: '☃', id: first.payload.id } })
      assert.deepEqual(await room.metas.next(), { id: first.payload.id })
      if (kind.binary) {
        const { event, payload } = await room.broadcasts.next()
        assert.deepEqual([event, new Uint8Array(payload)], ['bytes', Uint8Array.of(0, 1, 255)])
      }
      assert.deepEqual(await room.broadcasts.next(), { event: 'last', payload: { id: 'mine', n: 3 } })
    })
  }

  test(`${kind.name}: a trigger with broadcast_changes tells who may read the topic`, async (t) => {
    const db = await database(t)
    const table = unique('t')
    await allow(db, `topic:${table}`)
    await db.query(`
      create table ${table} (id int primary key, title text);
      create function ${table}_tell() returns trigger language plpgsql security definer as $$ begin
        perform realtime.broadcast_changes('topic:' || tg_table_name, tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
        return null;
      end $$;
      create trigger tell after insert or update or delete on ${table} for each row execute function ${table}_tell()`)
    const room = await join(t, `topic:${table}`, { private: true })
    await db.query(`insert into ${table} values (1, 'a')`)
    await db.query(`update ${table} set title = 'b'`)
    await db.query(`delete from ${table}`)
    const [a, b] = [{ id: 1, title: 'a' }, { id: 1, title: 'b' }]
    for (const [event, record, old_record] of [['INSERT', a, null], ['UPDATE', b, a], ['DELETE', null, b]]) {
      const { event: name, payload: { id, ...payload } } = await room.broadcasts.next()
      assert.match(id, UUID)
      assert.deepEqual([name, payload], [event, { schema: 'public', table, operation: event, record, old_record }])
    }
  })
}
