package main

import (
	"testing"

	"realtime/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
