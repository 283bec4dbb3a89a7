package main

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// story is what the encoded answers say, many times over.
const story = "An order came, was paid for, and left the house; "

// serveHTTP serves the same in plain text, over TLS, and over TLS without HTTP/2.
func serveHTTP(listen func(string) net.Listener, certificate tls.Certificate) {
	handler := pages()
	plain := listen("http")
	go func() { log.Fatal(http.Serve(plain, handler)) }()
	secured := listen("https")
	server := &http.Server{Handler: handler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	go func() { log.Fatal(server.ServeTLS(secured, "", "")) }()
	older := listen("https_1")
	first := &http.Server{
		Handler:      handler,
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{certificate}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	go func() { log.Fatal(first.ServeTLS(older, "", "")) }()
}

type pair [2]string

type file struct {
	Field       string `json:"field"`
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Hex         string `json:"hex"`
}

// request is what the server read of one.
type request struct {
	Method   string `json:"method"`
	Target   string `json:"target"`
	Host     string `json:"host"`
	Protocol string `json:"protocol"`
	Headers  []pair `json:"headers"`
	Length   int64  `json:"length"`
	Hex      string `json:"hex"`
	Fields   []pair `json:"fields,omitempty"`
	Files    []file `json:"files,omitempty"`
}

func sorted(values map[string][]string) []pair {
	var pairs []pair
	for name, all := range values {
		for _, value := range all {
			pairs = append(pairs, pair{name, value})
		}
	}
	sort.SliceStable(pairs, func(a, b int) bool { return pairs[a][0] < pairs[b][0] })
	return pairs
}

// seen is what came, but for its body.
func seen(r *http.Request) request {
	return request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Protocol: r.Proto, Headers: sorted(r.Header), Length: r.ContentLength}
}

func tell(w http.ResponseWriter, told request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(told); err != nil {
		log.Print(err)
	}
}

func pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		told := seen(r)
		told.Hex = hex.EncodeToString(body)
		tell(w, told)
	})
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		var order struct {
			Sku      string      `json:"sku"`
			Quantity json.Number `json:"quantity"`
		}
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		told := seen(r)
		told.Fields = []pair{{"sku", order.Sku}, {"quantity", order.Quantity.String()}}
		tell(w, told)
	})
	mux.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		told := seen(r)
		told.Fields = sorted(r.PostForm)
		tell(w, told)
	})
	mux.HandleFunc("/multipart", multipart)
	mux.HandleFunc("/encoded/", func(w http.ResponseWriter, r *http.Request) { encoded(w, r, 10_000) })
	// So much that no reader is to take all of it: 1 GiB.
	mux.HandleFunc("/bomb/", func(w http.ResponseWriter, r *http.Request) { encoded(w, r, 1<<30/len(story)) })
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for number := 1; number <= 5; number++ {
			fmt.Fprintf(w, "event: tick\nid: %d\ndata: {\"number\":%d}\n\n", number, number)
			w.(http.Flusher).Flush()
		}
		if r.URL.Query().Has("forever") {
			<-r.Context().Done()
		}
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Checksum")
		for number := 0; number < 100; number++ {
			fmt.Fprintf(w, "part %d;", number)
			w.(http.Flusher).Flush()
		}
		w.Header().Set("Checksum", "abc123")
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo/arrived", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop", http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/basic", func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "ann" || password != "p:ä ss" {
			w.Header().Set("WWW-Authenticate", `Basic realm="peers"`)
			http.Error(w, "who asks?", http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "welcome")
	})
	mux.HandleFunc("/bearer", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-4711" {
			http.Error(w, "who asks?", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "welcome")
	})
	mux.HandleFunc("/fails", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the database is gone", http.StatusInternalServerError)
	})
	mux.HandleFunc("/panics", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		mib, err := strconv.Atoi(r.URL.Query().Get("mib"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		part := []byte(strings.Repeat("0123456789abcdef", 1<<16))
		for number := 0; number < mib; number++ {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	})
	return mux
}

func multipart(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	told := seen(r)
	told.Fields = sorted(r.MultipartForm.Value)
	for field, files := range r.MultipartForm.File {
		for _, header := range files {
			content, err := header.Open()
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			bytes, err := io.ReadAll(content)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			told.Files = append(told.Files, file{field, header.Filename, header.Header.Get("Content-Type"), hex.EncodeToString(bytes)})
		}
	}
	sort.Slice(told.Files, func(a, b int) bool { return told.Files[a].Field < told.Files[b].Field })
	tell(w, told)
}

// encoded answers as the path's end says, such as gzip, with the story so many times.
func encoded(w http.ResponseWriter, r *http.Request, times int) {
	name := path.Base(r.URL.Path)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Encoding", name)
	var writer io.WriteCloser
	switch name {
	case "gzip":
		writer = gzip.NewWriter(w)
	case "br":
		writer = brotli.NewWriter(w)
	case "zstd":
		zstdWriter, err := zstd.NewWriter(w)
		if err != nil {
			log.Fatal(err)
		}
		writer = zstdWriter
	case "deflate":
		writer = zlib.NewWriter(w)
	case "raw":
		// What some servers call deflate.
		w.Header().Set("Content-Encoding", "deflate")
		flateWriter, err := flate.NewWriter(w, flate.DefaultCompression)
		if err != nil {
			log.Fatal(err)
		}
		writer = flateWriter
	default:
		http.NotFound(w, r)
		return
	}
	for number := 0; number < times; number++ {
		if _, err := io.WriteString(writer, story); err != nil {
			return
		}
	}
	// Whoever has gone needs no end.
	_ = writer.Close()
}
