package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
)

// A service is ready only when it can call its sidecar: the sidecar's health is HTTP, the calls are gRPC.
func TestReadyWaitsForTheConnectionToTheSidecar(t *testing.T) {
	health := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer health.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	_ = listener.Close()
	config := SidecarConfig{Host: "127.0.0.1", HTTPPort: Port(health.Listener.Addr().(*net.TCPAddr).Port), GRPCPort: Port(address.Port)}
	client, err := ConnectSidecar(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	database, err := database.NewHealth(servicetest.EmptyDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	s := Stateful{health: database, Client: client, config: StatefulConfig{Config: Config{Sidecar: config}}}
	for range 3 { // each attempt makes the pause before the next one longer
		if err := s.checkReady(t.Context()); err == nil {
			t.Fatal("ready without a gRPC server, want an error")
		}
	}
	if listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(address.Port))); err != nil {
		t.Fatal(err)
	}
	sidecar := grpc.NewServer()
	defer sidecar.Stop()
	go func() { _ = sidecar.Serve(listener) }()
	began := time.Now()
	for err = s.checkReady(t.Context()); err != nil; err = s.checkReady(t.Context()) {
		if time.Since(began) > 5*time.Second {
			t.Fatalf("5 s after the gRPC server started: %v", err)
		}
	}
}
