// @supabase/realtime-js, any 2.x, alone or within supabase-js, through its public interface.

import { Room, plain } from './room.js'
import { ANON_KEY } from './setup.js'
import { wireTap } from './wire.js'

export class SupabaseUser {
  constructor(name, make, { apikey = ANON_KEY, token, ...options }) {
    const { Wire, sockets } = wireTap()
    this.name = name
    this.sockets = sockets
    this.token = token // before supabase-js asks for it
    this.app = make({ apikey, transport: Wire, ...options }, () => this.token)
    this.client = this.app.realtime ?? this.app
    if (token) this.setAuth(token)
  }

  get wire() {
    return this.sockets.at(-1)
  }

  room(topic, options) {
    return this.join(topic, options).joined()
  }

  // join returns the room at once, joined or not.
  join(topic, { changes = [], subscribed, ...config } = {}) {
    const room = new SupabaseRoom(this.name, topic, this.app.channel(topic, { config }))
    room.listen(changes, config.presence)
    room.channel.subscribe((status, err) => {
      if (status === 'SUBSCRIBED') subscribed?.()
      room.statuses.push({ status, reason: err?.message ?? '' })
    })
    return room
  }

  setAuth(token) {
    this.token = token
    return this.client.setAuth(token)
  }

  // heartbeat resolves when the server has answered one.
  heartbeat() {
    if (!this.client.onHeartbeat) return this.#untoldHeartbeat()
    return new Promise((resolve, reject) => {
      this.client.onHeartbeat((status) => {
        if (status === 'ok') resolve()
        else if (status !== 'sent') reject(new Error(`heartbeat: ${status}`))
      })
      this.client.sendHeartbeat()
    })
  }

  // #untoldHeartbeat looks for the answer on the wire: realtime-js 2.10 tells nobody.
  #untoldHeartbeat() {
    this.client._sendHeartbeat()
    const ref = this.client.pendingHeartbeatRef
    return new Promise((resolve, reject) => {
      if (ref === null) return reject(new Error('heartbeat: not connected'))
      this.wire.on('message', (data) => JSON.parse(data).ref === ref && resolve())
    })
  }

  // cut drops the connection as a dying machine does: no leave, no close frame.
  cut() {
    this.wire.terminate()
    this.close()
  }

  close() {
    this.client.disconnect()
  }
}

class SupabaseRoom extends Room {
  constructor(owner, topic, channel) {
    super(owner, topic)
    this.channel = channel
  }

  listen(changes, presence) {
    const { channel } = this
    channel.on('broadcast', { event: '*' }, ({ event, payload, meta }) => {
      this.broadcasts.push({ event, payload })
      if (meta) this.metas.push(meta)
    })
    channel.on('system', {}, ({ extension, status, message }) => this.system.push({ extension, status, message }))
    changes.forEach((filter, binding) => {
      channel.on('postgres_changes', filter, (change) =>
        this.changes.push({ binding, type: change.eventType, new: change.new, old: change.old }),
      )
    })
    if (!presence) return
    const met = ({ event, key, newPresences, leftPresences }) =>
      this.presences.push({ event, key, metas: plain(newPresences ?? leftPresences) })
    channel.on('presence', { event: 'join' }, met)
    channel.on('presence', { event: 'leave' }, met)
    channel.on('presence', { event: 'sync' }, () => this.syncs.push(this.state()))
  }

  send(event, payload) {
    return this.channel.send({ type: 'broadcast', event, payload })
  }

  track(meta) {
    return this.channel.track(meta)
  }

  untrack() {
    return this.channel.untrack()
  }

  // state maps each presence key to its metas.
  state() {
    return Object.fromEntries(Object.entries(this.channel.presenceState()).map(([key, metas]) => [key, plain(metas)]))
  }

  leave() {
    return this.channel.unsubscribe()
  }
}
