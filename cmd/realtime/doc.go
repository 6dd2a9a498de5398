// Command realtime is the roof of the house: it reads the environment into one
// checked Config, builds everything below it, and turns what happens into exit
// codes and sentences a person can act on.
//
// The commands are thin. serve.go raises the server step by step (listener,
// database, tenants, actors, web) and takes it down in the opposite order;
// token.go, db.go, pub.go and sub.go are small clients of the same packages.
// Every step that can fail returns a *failure: what was tried, why it did not
// work, and what to type next.
//
// This package is the only reader of the environment (config.go holds the one
// table of settings, from which docs/configuration.md is generated), the only
// one to print, and the only one with a context that has no parent.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 or 143 when
// a second signal cut the shutdown short.
package main
