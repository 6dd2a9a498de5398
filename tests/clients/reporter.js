// A node:test reporter: one JSON object a line, for clients_test.go to make subtests of.
// Lines {name, file, ms, ok, skipped, error} are tests; {output} is what a test printed.

import { basename } from 'node:path'
import { inspect } from 'node:util'

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') yield line({ output: data.message })
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const { name, file, details, skip, todo } = data
    if (details.type === 'suite') continue // its tests speak for it
    yield line({
      name,
      file: basename(file ?? ''),
      ms: Math.round(details.duration_ms),
      ok: type === 'test:pass',
      skipped: skip !== undefined || todo !== undefined,
      error: details.error ? inspect(details.error.cause ?? details.error) : '',
    })
  }
}

const line = (object) => `${JSON.stringify(object)}\n`
