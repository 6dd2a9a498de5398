// Package postgres holds what every use of one Postgres database starts from: where it is and how to reach it
// ([Settings], [Secret]), connections with deadlines ([Connect], [OpenPool]), questions to ask of an error ([State] and
// its predicates), the advisory lock that makes one process the owner of something ([TryLock]), and the schema realtime in a
// tenant's database: made if it is missing ([PrepareTenant]), with partitions made ahead ([EnsurePartitions]) and dropped when
// they are old ([DropOldPartitions]).
//
// It never reads the environment, password files or service files: what a Settings says is the whole truth. A password
// appears in the connection's start-up exchange and in [Settings.URL], and nowhere else.
//
// The packages below it each do one thing with a database: embedded runs a server of our own, wal reads a replication
// slot, changes decides who may see which row. pgtest gives tests a database each.
package postgres
