// Package authz asks a tenant's policies what somebody may do on a private channel.
//
// Nothing but row-level security on realtime.messages decides: a SELECT policy that shows a row of the topic is the right to
// read it, an INSERT policy that lets one in the right to write, separately for the extensions broadcast, presence and
// persistence. The questions are asked as the token's role, with the settings that policies of Supabase read
// (realtime.topic, request.jwt.claims, request.headers …), in one transaction that is rolled back and takes one round trip:
// see check.go. Each question has a verdict of its own, so a policy that raises an error denies only what it is asked about.
//
// [Cache] is one tenant's memory of answers. Identical questions that come at the same time are asked once. Grants are kept
// for a second, longer if the policies look at nothing but the token, and dropped when a policy changes.
// Nobody is refused out of memory: who is let in a moment later gets in.
//
// Tokens, claims and headers are handed through and never logged; the memory keeps hashes of them.
package authz
