// An Inbox keeps what arrived until a test asks for it, in order. Tests compare
// whole sequences, so something that should not have come shows up as the next
// item. Nothing sleeps to see silence: a later message that must come ends the wait.

export const PATIENCE = 40_000 // ms; a loaded machine is slow, a lost message never comes

export class Inbox {
  #items = []
  #wake = null

  constructor(name) {
    this.name = name
  }

  push(item) {
    this.#items.push(item)
    this.#wake?.()
  }

  // next resolves to the oldest item that was not taken yet.
  async next(patience = PATIENCE) {
    if (this.#items.length === 0) await this.#arrival(patience)
    return this.#items.shift()
  }

  // take resolves to the next n items, in order.
  async take(n) {
    const taken = []
    while (taken.length < n) taken.push(await this.#after(taken))
    return taken
  }

  // until drops items up to the first one that matches, and resolves to that one.
  async until(match) {
    const dropped = []
    for (;;) {
      const item = await this.#after(dropped)
      if (match(item)) return item
      dropped.push(item)
    }
  }

  // drain empties the inbox and returns what was in it.
  drain() {
    return this.#items.splice(0)
  }

  // #after is next, with an error that tells what came before.
  #after(earlier) {
    return this.next().catch((err) => {
      throw new Error(`${err.message}, after ${JSON.stringify(earlier)}`)
    })
  }

  #arrival(patience) {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${this.name}: nothing came within ${patience} ms`))
      const timer = setTimeout(late, patience)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = null
        resolve()
      }
    })
  }
}
