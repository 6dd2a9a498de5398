package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// processOnPort names the process that listens on a TCP port, as far as this
// account may see it: the kernel's table gives the socket, /proc its owner.
func processOnPort(port int) string {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(content) {
			if inode, ok := listeningInode(string(line), port); ok {
				inodes["socket:["+inode+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		command, err := os.ReadFile("/proc/" + pid + "/cmdline")
		if err != nil {
			return "process id " + pid
		}
		words := strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
		return fmt.Sprintf("process id %s (%.60s)", pid, words)
	}
	return ""
}

// listeningInode reads one line of /proc/net/tcp: the inode of the socket, if it
// listens on port.
func listeningInode(line string, port int) (string, bool) {
	const listening = "0A"
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != listening {
		return "", false
	}
	_, hexPort, _ := strings.Cut(f[1], ":")
	b, err := hex.DecodeString(hexPort)
	if err != nil || len(b) != 2 || int(b[0])<<8|int(b[1]) != port {
		return "", false
	}
	return f[9], true
}
