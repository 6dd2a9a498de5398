//go:build !linux

package main

import "fmt"

// processOnPort says how to find out, where the system has no table to read.
func processOnPort(port int) string {
	return fmt.Sprintf("another process (lsof -i :%d names it)", port)
}
