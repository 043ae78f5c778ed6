package port

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestReserveGivesEachPortOnce(t *testing.T) {
	seen := map[int]bool{}
	ports, err := Several(50)
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range ports {
		if seen[number] || number < first || number >= last {
			t.Errorf("port %d: given twice, or out of range", number)
		}
		seen[number] = true
	}
}

func TestCheckNamesThePortAndItsPurpose(t *testing.T) {
	number, err := Reserve()
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(map[int]string{number: "order"}); err != nil {
		t.Errorf("a free port: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(number))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	want := "port " + strconv.Itoa(number) + ", for order, is in use"
	if err := Check(map[int]string{number: "order"}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("a port in use: %v, want %s", err, want)
	}
}
