// The clients under test behind one small set of verbs, so that each case is written
// once and runs against all of them:
//
//   user = kind.connect(t, {token})        a client, disconnected when the test t ends
//   room = await user.room(topic, options) a joined channel and what arrives on it
//
// Options are the channel's `config`, plus `changes` (postgres_changes bindings) and
// `subscribed`, called in the very tick in which the client says so.

import { PhoenixUser } from './phoenix.js'
import { SupabaseUser } from './supabase.js'
import newest from 'realtime-js-2.119.1'
import older from 'realtime-js-2.80.0'
import { WS } from './setup.js'

// Clients append /websocket to the address. supabase-js builds /realtime/v1, people who
// connect on their own copy /socket: both are in use here.
const supabase = (name, RealtimeClient, url, wire) => ({
  name,
  wire,
  connect: (t, options = {}) => opened(t, new SupabaseUser(name, RealtimeClient, url, options)),
})

export const js2119 = supabase('realtime-js 2.119.1', newest.RealtimeClient, `${WS}/realtime/v1`, '2.0.0')
export const js280 = supabase('realtime-js 2.80.0', older.RealtimeClient, `${WS}/socket`, '1.0.0')
export const phoenix = {
  name: 'phoenix 1.8.16',
  wire: '2.0.0',
  connect: (t, options = {}) => opened(t, new PhoenixUser('phoenix 1.8.16', `${WS}/socket`, options)),
}

export const clients = [js2119, js280, phoenix]

function opened(t, user) {
  t?.after(() => user.close())
  return user
}
