// phoenix, the stock client, used as an application without realtime-js would use it.

import { Presence, Socket } from 'phoenix-1.8.16'
import { Room, plain } from './room.js'
import { ANON_KEY } from './setup.js'
import { wireTap } from './wire.js'

export class PhoenixUser {
  constructor(name, url, { apikey = ANON_KEY, token }) {
    const { Wire, sockets } = wireTap()
    this.name = name
    this.sockets = sockets
    this.token = token
    this.rooms = []
    this.socket = new Socket(url, { transport: Wire, params: { apikey } })
    this.socket.connect()
  }

  get wire() {
    return this.sockets.at(-1)
  }

  room(topic, options) {
    return this.join(topic, options).joined()
  }

  // join returns the room at once, joined or not.
  join(topic, { changes = [], subscribed, ...config } = {}) {
    const presence = { ...config.presence, enabled: Boolean(config.presence) }
    const params = () => ({
      config: { ...config, presence, postgres_changes: changes },
      ...(this.token && { access_token: this.token }), // read again at each rejoin
    })
    const room = new PhoenixRoom(this.name, topic, this.socket.channel(`realtime:${topic}`, params), config)
    this.rooms.push(room)
    room.listen()
    room.join(subscribed)
    return room
  }

  setAuth(token) {
    this.token = token
    for (const { channel } of this.rooms) channel.push('access_token', { access_token: token })
  }

  // heartbeat resolves when the server has answered one.
  heartbeat() {
    return new Promise((resolve, reject) => {
      if (!this.socket.ping(resolve)) reject(new Error('heartbeat: not connected'))
    })
  }

  // cut drops the connection as a dying machine does: no leave, no close frame.
  cut() {
    this.wire.terminate()
    this.close()
  }

  close() {
    this.socket.disconnect()
  }
}

class PhoenixRoom extends Room {
  constructor(owner, topic, channel, config) {
    super(owner, topic)
    this.channel = channel
    this.ack = Boolean(config.broadcast?.ack)
    this.presence = new Presence(channel)
    this.ids = []
  }

  listen() {
    const { channel, presence } = this
    channel.on('broadcast', ({ event, payload }) => this.broadcasts.push({ event, payload }))
    channel.on('system', ({ extension, status, message }) => this.system.push({ extension, status, message }))
    channel.on('postgres_changes', ({ ids, data }) => {
      this.ids.forEach((id, binding) => {
        const { type, record = {}, old_record = {} } = data
        if (ids.includes(id)) this.changes.push({ binding, type, new: record, old: old_record })
      })
    })
    const met = (event) => (key, _, { metas }) => this.presences.push({ event, key, metas: plain(metas) })
    presence.onJoin(met('join'))
    presence.onLeave(met('leave'))
    presence.onSync(() => this.syncs.push(this.state()))
    channel.onClose(() => this.statuses.push({ status: 'CLOSED', reason: '' }))
    channel.onError((err) => this.statuses.push({ status: 'CHANNEL_ERROR', reason: err?.reason ?? '' }))
  }

  join(subscribed) {
    this.channel
      .join()
      .receive('ok', ({ postgres_changes }) => {
        this.ids = postgres_changes.map(({ id }) => id)
        subscribed?.()
        this.statuses.push({ status: 'SUBSCRIBED', reason: '' })
      })
      .receive('error', ({ reason }) => this.statuses.push({ status: 'CHANNEL_ERROR', reason }))
      .receive('timeout', () => this.statuses.push({ status: 'TIMED_OUT', reason: '' }))
  }

  send(event, payload) {
    return this.#push('broadcast', { type: 'broadcast', event, payload }, this.ack)
  }

  track(payload) {
    return this.#push('presence', { type: 'presence', event: 'track', payload }, true)
  }

  untrack() {
    return this.#push('presence', { type: 'presence', event: 'untrack' }, true)
  }

  // state maps each presence key to its metas.
  state() {
    return Object.fromEntries(Object.entries(this.presence.state).map(([key, { metas }]) => [key, plain(metas)]))
  }

  async leave() {
    this.channel.leave()
  }

  #push(event, payload, answered) {
    const push = this.channel.push(event, payload)
    if (!answered) return Promise.resolve('ok')
    return new Promise((resolve) => {
      push.receive('ok', () => resolve('ok'))
      push.receive('error', () => resolve('error'))
      push.receive('timeout', () => resolve('timed out'))
    })
  }
}
