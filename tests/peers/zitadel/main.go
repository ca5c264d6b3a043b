// The example server of zitadel/oidc, on loopback, with keys that can be rotated.
//
//	server PORT ROTATION_PORT
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k key) ID() string                                  { return k.id }
func (k key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k key) Key() any                                    { return k.private }

type public struct{ key }

func (k public) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k public) Use() string                        { return "sig" }
func (k public) Key() any                           { return &k.private.PublicKey }

// The example's storage, but for its one key.
type rotating struct {
	*storage.Storage
	lock  sync.Mutex
	count int
	now   key
}

func (s *rotating) rotate() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.count++
	s.now = key{fmt.Sprintf("key-%d", s.count), private}
}

func (s *rotating) current() key {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.now
}

func (s *rotating) SigningKey(context.Context) (op.SigningKey, error) { return s.current(), nil }
func (s *rotating) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{public{s.current()}}, nil
}

// One user. The name is the identifier, too: the example's page for devices takes one for the other.
type alice struct{}

func (alice) user() *storage.User {
	return &storage.User{ID: "alice", Username: "alice", Password: "correct horse battery", FirstName: "Alice", LastName: "Test"}
}

func (a alice) GetUserByID(id string) *storage.User { return a.GetUserByUsername(id) }
func (alice) ExampleClientID() string               { return storage.ServiceUserID }
func (a alice) GetUserByUsername(name string) *storage.User {
	if name == "alice" {
		return a.user()
	}
	return nil
}

func main() {
	address, rotation := "127.0.0.1:"+os.Args[1], "127.0.0.1:"+os.Args[2]
	issuer := "http://" + address
	storage.RegisterClients(
		storage.NativeClient("native", "http://127.0.0.1/callback"),
		storage.WebClient("web", "secret", "http://127.0.0.1:7878/callback"),
		storage.DeviceClient("device", "secret"),
	)
	store := &rotating{Storage: storage.NewStorage(alice{})}
	store.rotate()
	go func() {
		log.Fatal(http.ListenAndServe(rotation, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { store.rotate() })))
	}()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	log.Fatal(http.ListenAndServe(address, exampleop.SetupServer(issuer, store, logger, false)))
}
