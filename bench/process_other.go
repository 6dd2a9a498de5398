//go:build !linux

package bench

func humble(int, bool) {}
