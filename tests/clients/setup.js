// What every test file shares: the server under test, tokens, SQL and fresh names.
// The environment comes from clients_test.go, which starts the server.

import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import pg from 'pg'

const need = (name) => {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run the suite with "go test ./tests/clients"`)
  return value
}

export const HTTP = need('REALTIME_URL') // http://127.0.0.1:port
export const WS = HTTP.replace(/^http/, 'ws')
export const ANON_KEY = need('ANON_KEY')

// Two signed-in users. Their ids are the `sub` of their tokens, so auth.uid() in policies.
export const ALICE = { id: need('ALICE_ID'), token: need('ALICE_TOKEN') }
export const BOB = { id: need('BOB_ID'), token: need('BOB_TOKEN') }

// tokenFor has the server's own command sign a token that is valid for ttl, such as '4s'.
export function tokenFor(user, ttl) {
  const args = ['token', 'make', '--role', 'authenticated', '--sub', user.id, '--ttl', ttl]
  return execFileSync(need('REALTIME_BIN'), args, { encoding: 'utf8' }).trim()
}

// forgedToken is well formed and in date, but signed with a secret the server does not have.
export function forgedToken() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 3600
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ role: 'anon', exp })}`
  return `${body}.${createHmac('sha256', 'not the secret of this server').update(body).digest('base64url')}`
}

// database opens one connection; it is closed when the test t, if given, ends.
export async function database(t) {
  const client = new pg.Client({ connectionString: need('DATABASE_URL') })
  await client.connect()
  t?.after(() => client.end())
  return client
}

let count = 0

// unique makes a name that no other test, file or earlier run on this server has used.
export const unique = (name) => `${name}_${process.pid}_${++count}`

// publish makes a published table that API roles may read: all of it or, given a policy, the
// rows that it lets signed-in users see.
export async function publish(db, columns, policy) {
  const table = unique('t')
  await db.query(`
    create table ${table} (${columns});
    grant select on ${table} to anon, authenticated;
    alter publication supabase_realtime add table ${table}`)
  if (policy) {
    await db.query(`
      alter table ${table} enable row level security;
      create policy readers on ${table} for select to authenticated using (${policy})`)
  }
  return table
}

// allow lets signed-in users read and write a private topic, for the given extensions.
export async function allow(db, topic, extensions = ['broadcast', 'presence', 'persistence']) {
  const name = unique('policy')
  const condition = `realtime.topic() = '${topic}' and extension in (${extensions.map((e) => `'${e}'`)})`
  await db.query(`
    create policy ${name}_r on realtime.messages for select to authenticated using (${condition});
    create policy ${name}_w on realtime.messages for insert to authenticated with check (${condition})`)
}
