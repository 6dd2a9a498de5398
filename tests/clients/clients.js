// The clients under test behind one small set of verbs, so that each case is written
// once and runs against all of them:
//
//   user = kind.connect(t, {token})        a client, disconnected when the test t ends
//   room = await user.room(topic, options) a joined channel and what arrives on it
//
// Options are the channel's `config`, plus `changes` (postgres_changes bindings) and
// `subscribed`, called in the very tick in which the client says so.
//
// A kind also says what its client can do:
//
//   wire    the version that it speaks
//   binary  it sends broadcasts as binary frames, with binary payloads if asked to
//   reads   it reads broadcasts that come as binary frames, which those become on wire 2.0.0
//   sends1  httpSend() posts one message to an address of its own
//   posts   send() on a channel that has not joined goes over HTTP
//   waits   it can ask a join to wait until changes flow
//   forgets it loses its channels when it reconnects by itself
//   runs    how often ready.test.js tries its luck with it

import { native } from './native.js' // before the client that looks for it
import js2107 from 'realtime-js-2.10.7'
import js21115 from 'realtime-js-2.11.15'
import js2119 from 'realtime-js-2.119.1'
import js280 from 'realtime-js-2.80.0'
import js295 from 'realtime-js-2.95.3'
import { createClient } from 'supabase-js-2.119.1'
import { PhoenixUser } from './phoenix.js'
import { HTTP, WS } from './setup.js'
import { SupabaseUser } from './supabase.js'

// Clients append /websocket to the address. supabase-js builds /realtime/v1, people who
// connect on their own copy /socket: both are in use here.
const under = (path, { RealtimeClient }) => ({ apikey, ...options }) =>
  new RealtimeClient(`${WS}${path}`, { params: { apikey }, ...options })

const deaf = (path, { RealtimeClient }) => ({ apikey, transport, ...options }) =>
  native(new RealtimeClient(`${WS}${path}`, { params: { apikey }, ...options }), transport)

// supabase-js asks for the token again and again, whatever setAuth was given.
const whole = ({ apikey, ...realtime }, token) =>
  createClient(HTTP, apikey, { realtime, accessToken: async () => token() ?? apikey })

const supabase = (name, make, can) => ({
  name,
  posts: true,
  ...can,
  connect: (t, options = {}) => opened(t, new SupabaseUser(name, make, options)),
})

const one = { wire: '1.0.0', reads: true }
const two = { wire: '2.0.0', reads: true, binary: true }

export const clients = [
  supabase('realtime-js 2.119.1', under('/realtime/v1', js2119), { ...two, sends1: true, waits: true, runs: 200 }),
  supabase('supabase-js 2.119.1', whole, { ...two, sends1: true, waits: true, runs: 40 }),
  supabase('realtime-js 2.95.3', under('/realtime/v1', js295), { ...two, runs: 40 }),
  supabase('realtime-js 2.80.0', under('/socket', js280), { ...one, runs: 200 }),
  supabase('realtime-js 2.11.15', under('/realtime/v1', js21115), { ...one, forgets: true, runs: 40 }),
  supabase('realtime-js 2.10.7', deaf('/socket', js2107), { ...one, runs: 40 }),
  {
    name: 'phoenix 1.8.16',
    wire: '2.0.0',
    runs: 200,
    connect: (t, options = {}) => opened(t, new PhoenixUser('phoenix 1.8.16', `${WS}/socket`, options)),
  },
]

function opened(t, user) {
  t?.after(() => user.close())
  return user
}
