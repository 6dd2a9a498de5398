import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { ALICE, BOB, database, publish, unique } from './setup.js'

const every = (table, more = {}) => ({ event: '*', schema: 'public', table, ...more })

// sees asserts what each room is shown next: [type, new] or [type, new, old].
async function sees(wanted) {
  for (const [room, want] of wanted) {
    const change = await room.changes.next()
    const got = change.type === 'INSERT' ? ['INSERT', change.new] : [change.type, change.new, change.old]
    assert.deepEqual(got, want, room.changes.name)
  }
}

for (const kind of clients) {
  test(`${kind.name}: auth.uid() decides who sees which row`, async (t) => {
    const db = await database(t)
    const table = await publish(db, 'id int primary key, owner uuid, title text', 'auth.uid() = owner')
    const changes = [every(table)]
    const [hers, his, anybodys] = await Promise.all([
      kind.connect(t, { token: ALICE.token }).room(unique('room'), { changes }),
      kind.connect(t, { token: BOB.token }).room(unique('room'), { changes }),
      kind.connect(t).room(unique('room'), { changes }), // anon: no policy lets it see a row
    ])

    // Nothing waits for anything: each change is judged by the row that it made, not by what became of it.
    const [first, second] = [{ id: 1, owner: ALICE.id, title: 'hers' }, { id: 2, owner: BOB.id, title: 'his' }]
    await db.query(`insert into ${table} values (1, $1, 'hers')`, [ALICE.id])
    await db.query(`insert into ${table} values (2, $1, 'his')`, [BOB.id])
    await db.query(`update ${table} set title = title || '!'`)
    await db.query(`update ${table} set owner = $1 where id = 1`, [BOB.id])
    await sees([
      [hers, ['INSERT', first]],
      [hers, ['UPDATE', { ...first, title: 'hers!' }, { id: 1 }]],
      [his, ['INSERT', second]],
      [his, ['UPDATE', { ...second, title: 'his!' }, { id: 2 }]],
      [his, ['UPDATE', { id: 1, owner: BOB.id, title: 'hers!' }, { id: 1 }]],
    ])

    // A row that is gone cannot be judged: everybody is told its key, and the key alone.
    // So this is also the first that anybody hears, and the next that alice does.
    for (const id of [1, 2]) {
      await db.query(`delete from ${table} where id = $1`, [id])
      await sees([hers, his, anybodys].map((room) => [room, ['DELETE', {}, { id }]]))
    }
  })

  test(`${kind.name}: a custom claim decides who sees which row`, async (t) => {
    const db = await database(t)
    const policy = `auth.jwt() ->> 'team' = team` // alice's token says red, bob's blue
    const table = await publish(db, 'id int primary key, team text', policy)
    const changes = [every(table)]
    const hers = await kind.connect(t, { token: ALICE.token }).room(unique('room'), { changes })
    const his = await kind.connect(t, { token: BOB.token }).room(unique('room'), { changes })

    await db.query(`insert into ${table} values (1, 'red'), (2, 'blue'), (3, 'red'), (4, 'blue')`)
    const ids = async (room, n) => (await room.changes.take(n)).map((change) => change.new.id)
    assert.deepEqual(await ids(hers, 2), [1, 3])
    assert.deepEqual(await ids(his, 2), [2, 4])
  })

  test(`${kind.name}: a change reaches the bindings that it fits`, async (t) => {
    const db = await database(t)
    const table = await publish(db, 'id int primary key, room text')
    const changes = [
      every(table, { filter: 'room=eq.one' }),
      every(table, { filter: 'room=eq.two', event: 'UPDATE' }),
      every(table, { event: 'INSERT' }),
    ]
    const room = await kind.connect(t, { token: ALICE.token }).room(unique('room'), { changes })

    await db.query(`insert into ${table} values (1, 'one')`)
    await db.query(`insert into ${table} values (2, 'two')`)
    await db.query(`update ${table} set room = 'three' where id = 1`) // fits none of them
    await db.query(`update ${table} set room = room where id = 2`)
    await db.query(`insert into ${table} values (3, 'end')`)

    const got = (await room.changes.take(5)).map((change) => [change.new.id, change.type, change.binding])
    assert.deepEqual(got.slice(0, 2).sort(), [[1, 'INSERT', 0], [1, 'INSERT', 2]])
    assert.deepEqual(got.slice(2), [[2, 'INSERT', 2], [2, 'UPDATE', 1], [3, 'INSERT', 2]])
  })

  test(`${kind.name}: rows keep the order and the bounds of their transactions`, async (t) => {
    const db = await database(t)
    const table = await publish(db, 'id int primary key')
    const room = await kind.connect(t, { token: ALICE.token }).room(unique('room'), { changes: [every(table)] })

    await db.query(`begin; insert into ${table} values (-1); rollback`)
    await db.query(`insert into ${table} select generate_series(1, 500)`)
    const ids = (await room.changes.take(500)).map((change) => change.new.id)
    assert.deepEqual(ids, Array.from({ length: 500 }, (_, i) => i + 1))
  })

  test(`${kind.name}: a table that is not published is reported`, async (t) => {
    const user = kind.connect(t, { token: ALICE.token })
    const room = await user.room(unique('room'), { changes: [every('no_such_table')] })
    const { extension, status, message } = await room.system.next()
    assert.deepEqual([extension, status], ['postgres_changes', 'error'])
    assert.match(message, /^Unable to subscribe to changes with given parameters.*no_such_table/)
  })
}

for (const kind of clients.filter(({ waits }) => waits)) {
  test(`${kind.name}: who asks to wait is refused what can never work`, async (t) => {
    const user = kind.connect(t, { token: ALICE.token })
    const room = user.join(unique('room'), {
      changes: [every('no_such_table')],
      postgres_changes_options: { wait: true },
    })
    const { status, reason } = await room.statuses.next()
    assert.equal(status, 'CHANNEL_ERROR')
    assert.match(reason, /^RealtimeDisabledForConfiguration: .*no_such_table/)
  })
}
