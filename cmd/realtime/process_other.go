//go:build !unix

package main

import (
	"os"
	"os/signal"
)

func notifySignals() <-chan os.Signal {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt)
	return c
}

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}

func raiseOpenFiles(int) (int, error) { return 0, nil }

func signalCode(os.Signal) int { return exitFailed }
