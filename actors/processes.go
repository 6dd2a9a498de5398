package actors

import cmap "github.com/orcaman/concurrent-map"

// The library keeps all processes in 1,024 maps, each of which this package of its cuts into SHARD_COUNT more. With its 32, most of
// 32,768 maps are empty or hold one process: 5 MB at rest, and half a kilobyte for each of 10,000 connections, for room that nobody
// uses. A lock for each of the 1,024 is enough. It must not change once there is a map.
func init() { cmap.SHARD_COUNT = 1 }
