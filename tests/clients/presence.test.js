import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { unique } from './setup.js'

// pair joins alice, who tracks, and then bob, who has only joined, to one room.
async function pair(t, kind) {
  const topic = unique('room')
  const alice = await kind.connect(t).room(topic, { presence: { key: 'alice' } })
  assert.deepEqual(await alice.syncs.next(), {}, 'nobody is here yet')
  assert.equal(await alice.track({ mood: 'calm' }), 'ok')
  assert.deepEqual(await alice.presences.next(), { event: 'join', key: 'alice', metas: [{ mood: 'calm' }] })

  const user = kind.connect(t)
  const bob = await user.room(topic, { presence: { key: 'bob' } })
  assert.deepEqual(await bob.syncs.next(), { alice: [{ mood: 'calm' }] }, 'bob is told who is here')
  assert.deepEqual(await bob.presences.next(), { event: 'join', key: 'alice', metas: [{ mood: 'calm' }] })
  return { alice, bob, user, topic }
}

for (const kind of clients) {
  test(`${kind.name}: both see who joins, changes and leaves`, async (t) => {
    const { alice, bob } = await pair(t, kind)
    const both = [alice, bob]

    assert.equal(await bob.track({ mood: 'busy' }), 'ok')
    for (const room of both) {
      assert.deepEqual(await room.presences.next(), { event: 'join', key: 'bob', metas: [{ mood: 'busy' }] })
      assert.deepEqual(room.state(), { alice: [{ mood: 'calm' }], bob: [{ mood: 'busy' }] })
    }

    assert.equal(await bob.track({ mood: 'late' }), 'ok')
    for (const room of both) {
      assert.deepEqual(await room.presences.next(), { event: 'join', key: 'bob', metas: [{ mood: 'late' }] })
      assert.deepEqual(await room.presences.next(), { event: 'leave', key: 'bob', metas: [{ mood: 'busy' }] })
      assert.deepEqual(room.state(), { alice: [{ mood: 'calm' }], bob: [{ mood: 'late' }] })
    }

    assert.equal(await bob.untrack(), 'ok')
    for (const room of both) {
      assert.deepEqual(await room.presences.next(), { event: 'leave', key: 'bob', metas: [{ mood: 'late' }] })
      assert.deepEqual(room.state(), { alice: [{ mood: 'calm' }] })
    }
  })

  test(`${kind.name}: leaving the channel takes the presence away`, async (t) => {
    const { alice, bob } = await pair(t, kind)
    await bob.track({ n: 1 })
    assert.deepEqual(await alice.presences.next(), { event: 'join', key: 'bob', metas: [{ n: 1 }] })

    await bob.leave()
    assert.deepEqual(await alice.presences.next(), { event: 'leave', key: 'bob', metas: [{ n: 1 }] })
    assert.deepEqual(alice.state(), { alice: [{ mood: 'calm' }] })
  })

  test(`${kind.name}: a socket that dies takes its presence along`, async (t) => {
    const { alice, bob, user } = await pair(t, kind)
    await bob.track({ n: 1 })
    assert.deepEqual(await alice.presences.next(), { event: 'join', key: 'bob', metas: [{ n: 1 }] })

    user.cut()
    assert.deepEqual(await alice.presences.next(), { event: 'leave', key: 'bob', metas: [{ n: 1 }] })
    assert.deepEqual(alice.state(), { alice: [{ mood: 'calm' }] })
  })

  test(`${kind.name}: one key on two sockets is two metas`, async (t) => {
    const { alice, topic } = await pair(t, kind)
    const phone = await kind.connect(t).room(topic, { presence: { key: 'alice' } })
    assert.equal(await phone.track({ mood: 'away' }), 'ok')
    assert.deepEqual(await alice.presences.next(), { event: 'join', key: 'alice', metas: [{ mood: 'away' }] })
    assert.deepEqual(alice.state(), { alice: [{ mood: 'calm' }, { mood: 'away' }] })
  })
}
