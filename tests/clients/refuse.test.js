// A wrong key is refused, and both the client and a person looking can tell why.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import WebSocket from 'ws'
import { clients } from './clients.js'
import { ALICE, WS, forgedToken, tokenFor, unique } from './setup.js'

// refusal is the server's answer to a WebSocket handshake with this key.
const refusal = (apikey, vsn) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${WS}/socket/websocket?${new URLSearchParams({ apikey, vsn })}`)
    socket.on('open', () => reject(new Error('the handshake succeeded')))
    socket.on('error', reject)
    socket.on('unexpected-response', async (request, response) => {
      let body = ''
      for await (const chunk of response) body += chunk
      resolve({ status: response.statusCode, body: JSON.parse(body) })
    })
  })

// At the same time: the server takes its time to refuse.
describe('refusals', { concurrency: true }, () => {
  for (const kind of clients) {
    test(`${kind.name}: a key signed by somebody else does not connect`, async (t) => {
      const apikey = forgedToken()
      assert.deepEqual(await refusal(apikey, kind.wire), {
        status: 401,
        body: { error: 'Failed to validate JWT signature' },
      })

      const user = kind.connect(t, { apikey })
      const room = user.join(unique('room'))
      assert.equal((await room.statuses.next()).status, 'CHANNEL_ERROR')
    })

    test(`${kind.name}: a token signed by somebody else does not join`, async (t) => {
      const user = kind.connect(t, { token: forgedToken() })
      const { status, reason } = await user.join(unique('room')).statuses.next()
      assert.equal(status, 'CHANNEL_ERROR')
      assert.match(reason, /JwtSignatureError: Failed to validate JWT signature/)
    })

    test(`${kind.name}: an expired token does not join`, async (t) => {
      const token = tokenFor(ALICE, '1s')
      await new Promise((resolve) => setTimeout(resolve, 2100))
      const { status, reason } = await kind.connect(t, { token }).join(unique('room')).statuses.next()
      assert.equal(status, 'CHANNEL_ERROR')
      assert.match(reason, /InvalidJWTToken: Token has expired \d+ seconds ago/)
    })
  }

  test('what is not a token at all is called so', async () => {
    assert.deepEqual(await refusal('sesame', '2.0.0'), {
      status: 401,
      body: { error: 'The token provided is not a valid JWT' },
    })
  })
})
