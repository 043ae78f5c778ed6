package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// startRequest is somebody's wish, from another terminal, to have a part
// started again; the running system does it, so that it stays the one that
// watches and ends all of it.
type startRequest struct {
	service string
	conn    net.Conn
}

func (r startRequest) answer(err error) {
	defer func() { _ = r.conn.Close() }()
	if err != nil {
		_, _ = fmt.Fprintf(r.conn, "%v\n", err)
		return
	}
	_, _ = fmt.Fprintln(r.conn, "ok")
}

// listen takes requests on a socket in the state directory, which only its
// owner can reach.
func (s *system) listen() (<-chan startRequest, error) {
	listener, err := net.Listen("unix", s.place.control())
	if err != nil {
		return nil, fmt.Errorf("listen for `make start`: %w", err)
	}
	s.control = listener
	requests := make(chan startRequest)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil {
				_ = conn.Close()
				continue
			}
			requests <- startRequest{service: strings.TrimSpace(line), conn: conn}
		}
	}()
	return requests, nil
}

// askToStart is the other side: `local start order`.
func askToStart(ctx context.Context, p place, service string, out io.Writer) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", p.control())
	if err != nil {
		return errors.New("nothing runs here yet: start it with make run")
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := fmt.Fprintln(conn, service); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("no answer from the running system: %w", err)
	}
	if answer = strings.TrimSpace(answer); answer != "ok" {
		return errors.New(answer)
	}
	_, err = fmt.Fprintf(out, "%s was started again and is ready\n", service)
	return err
}
