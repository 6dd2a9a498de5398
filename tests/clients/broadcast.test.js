import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients } from './clients.js'
import { unique } from './setup.js'

const replies = (user) => user.wire.frames.drain().filter(({ event }) => event === 'phx_reply').length

for (const kind of clients) {
  test(`${kind.name}: self and ack: the echo comes, and the reply`, async (t) => {
    const user = kind.connect(t)
    const room = await user.room(unique('room'), { broadcast: { self: true, ack: true } })
    replies(user)

    const payload = { n: 1, text: '中文 🎉 "quoted"\n', list: [1.5, null, { deep: true }] }
    assert.equal(await room.send('shout', payload), 'ok')
    assert.deepEqual(await room.broadcasts.next(), { event: 'shout', payload })
    assert.equal(replies(user), 1)
  })

  test(`${kind.name}: ack without self: the reply comes, the echo does not`, async (t) => {
    const topic = unique('room')
    const [alice, bob] = [kind.connect(t), kind.connect(t)]
    const hers = await alice.room(topic, { broadcast: { self: false, ack: true } })
    const his = await bob.room(topic)
    replies(alice)

    assert.equal(await hers.send('shout', { from: 'alice' }), 'ok')
    assert.deepEqual(await his.broadcasts.next(), { event: 'shout', payload: { from: 'alice' } })
    await his.send('shout', { from: 'bob' })
    assert.deepEqual(await hers.broadcasts.next(), { event: 'shout', payload: { from: 'bob' } })
    assert.equal(replies(alice), 1)
  })

  test(`${kind.name}: self without ack: the echo comes, no reply does`, async (t) => {
    const user = kind.connect(t)
    const room = await user.room(unique('room'), { broadcast: { self: true, ack: false } })
    replies(user)

    for (const n of [1, 2, 3]) await room.send('count', { n })
    const heard = await room.broadcasts.take(3)
    assert.deepEqual(heard.map(({ payload }) => payload.n), [1, 2, 3])
    await user.heartbeat() // answered after anything the broadcasts could have been answered with
    assert.equal(replies(user), 1, 'the reply to the heartbeat alone')
  })

  test(`${kind.name}: neither self nor ack: only the others hear it`, async (t) => {
    const topic = unique('room')
    const [alice, bob] = [kind.connect(t), kind.connect(t)]
    const [hers, his] = [await alice.room(topic), await bob.room(topic)]

    await hers.send('shout', { from: 'alice' })
    assert.deepEqual(await his.broadcasts.next(), { event: 'shout', payload: { from: 'alice' } })
    await his.send('shout', { from: 'bob' })
    assert.deepEqual(await hers.broadcasts.next(), { event: 'shout', payload: { from: 'bob' } })
  })

  test(`${kind.name}: other topics do not hear it`, async (t) => {
    const user = kind.connect(t)
    const here = await user.room(unique('here'), { broadcast: { self: true, ack: true } })
    const there = await user.room(unique('there'), { broadcast: { self: true } })

    assert.equal(await here.send('shout', { at: 'here' }), 'ok')
    await there.send('shout', { at: 'there' })
    assert.deepEqual(await there.broadcasts.next(), { event: 'shout', payload: { at: 'there' } })
    assert.deepEqual(await here.broadcasts.next(), { event: 'shout', payload: { at: 'here' } })
  })

  test(`${kind.name}: two megabytes arrive whole`, async (t) => {
    const topic = unique('room')
    const [alice, bob] = [kind.connect(t), kind.connect(t)]
    const [hers, his] = [await alice.room(topic, { broadcast: { ack: true } }), await bob.room(topic)]

    const text = 'twenty characters æ '.repeat(100_000)
    assert.equal(await hers.send('big', { text }), 'ok')
    const { payload } = await his.broadcasts.next()
    assert.ok(payload.text === text, `got ${payload.text.length} characters, want ${text.length}`)
  })
}
