package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	maxMessage = 8 << 20
	maxPending = 1 << 30 // what a slow listener may have waiting: nobody is to be cut here
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: %s PORT", os.Args[0])
	}
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, MaxPayload: maxMessage, MaxPending: maxPending, MaxConn: 1 << 20,
		Websocket: server.WebsocketOpts{Host: "127.0.0.1", Port: port, NoTLS: true},
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("make the server: %w", err)
	}
	go s.Start() // ends with Shutdown
	if !s.ReadyForConnections(10 * time.Second) {
		return fmt.Errorf("start the server: port %d does not answer within 10 s", port)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	<-asked
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
