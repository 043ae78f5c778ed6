package port

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestReserveReturnsEachPortOnce(t *testing.T) {
	seen := map[int]bool{}
	ports, err := Several(50)
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range ports {
		if seen[number] || number < first || number >= end {
			t.Errorf("got port %d twice, or outside %d to %d", number, first, end-1)
		}
		seen[number] = true
	}
}

func TestCheckFreeNamesThePortAndItsPurpose(t *testing.T) {
	number, err := Reserve()
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckFree(map[int]string{number: "order"}); err != nil {
		t.Errorf("got %v for a free port", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(number))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	want := "port " + strconv.Itoa(number) + ", for order, is in use"
	if err := CheckFree(map[int]string{number: "order"}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v for a port in use, want %s", err, want)
	}
}
