// Room is what a test sees of one channel: an inbox for each kind of message.
// supabase.js and phoenix.js fill it and add the verbs.

import { Inbox } from './inbox.js'

export class Room {
  constructor(owner, topic) {
    const inbox = (what) => new Inbox(`${owner} on ${topic}: ${what}`)
    this.broadcasts = inbox('broadcasts') // {event, payload}
    this.metas = inbox('metas') // of those broadcasts that have one
    this.changes = inbox('changes') // {binding, type, new, old}; binding is an index into `changes`
    this.presences = inbox('presences') // {event: 'join' | 'leave', key, metas}
    this.syncs = inbox('presence syncs') // the state after each sync
    this.system = inbox('system messages') // {extension, status, message}
    this.statuses = inbox('statuses') // {status, reason}
  }

  // joined resolves once the channel is, and fails on any other status.
  async joined() {
    const { status, reason } = await this.statuses.next()
    if (status !== 'SUBSCRIBED') throw new Error(`join ended in ${status}: ${reason}`)
    return this
  }
}

// plain strips the server's bookkeeping from presence metas.
export const plain = (metas) =>
  metas.map(({ phx_ref, phx_ref_prev, presence_ref, ...meta }) => meta)
