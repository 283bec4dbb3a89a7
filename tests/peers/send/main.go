// A peer in Go: servers of gRPC with and without reflection, and of HTTP, all on loopback. It prints their addresses as one line of JSON, and ends
// when its standard input does.
//
//	peer FOLDER    writes the certificate of its own authority into the folder, as ca.pem
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: peer FOLDER")
	}
	certificate, authority, err := ownAuthority()
	if err != nil {
		log.Fatalf("no certificate: %v", err)
	}
	if err := os.WriteFile(filepath.Join(os.Args[1], "ca.pem"), authority, 0o644); err != nil {
		log.Fatal(err)
	}
	addresses := map[string]string{}
	listen := func(name string) net.Listener {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		addresses[name] = listener.Addr().String()
		return listener
	}
	serveGrpc(listen, certificate)
	serveHTTP(listen, certificate)
	line, err := json.Marshal(addresses)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
	// Whoever started it holds the other end.
	_, _ = io.Copy(io.Discard, os.Stdin)
}
