package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store/sqlstore"
)

// The client; its account is in a database, as in programs that use the library.
var client *whatsmeow.Client

// The journal is never read again after a crash of the machine: nothing waits for the disk.
const pragmas = "?_foreign_keys=on&_journal_mode=WAL&_synchronous=OFF&_busy_timeout=10000&_txlock=immediate"

// connect makes the client on its first call, and connects it.
func connect(command command) (any, error) {
	if client == nil {
		if err := open(command); err != nil {
			return nil, err
		}
	}
	isLeaving.Store(false)
	return nil, client.Connect()
}

// leave closes the connection. The library may still be answering what it was sent, and warns that it cannot.
func leave() {
	isLeaving.Store(true)
	client.Disconnect()
}

func open(command command) error {
	key, err := hex.DecodeString(command.RootKey)
	if err != nil || len(key) != len(whatsmeow.WACertPubKey) {
		return fmt.Errorf("root_key is not a key of %d bytes in hexadecimal digits", len(whatsmeow.WACertPubKey))
	}
	copy(whatsmeow.WACertPubKey[:], key)
	transport, err := onlyTo(command.Address)
	if err != nil {
		return err
	}
	ctx := context.Background()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(command.Folder, "whatsmeow.db")+pragmas)
	if err != nil {
		return err
	}
	container := sqlstore.NewWithDB(db, "sqlite3", logger{"Database"})
	if err = container.Upgrade(ctx); err != nil {
		return err
	}
	device, err := container.GetFirstDevice(ctx)
	if err != nil {
		return err
	}
	made := whatsmeow.NewClient(device, logger{"Client"})
	// The library connects to the service by its name: these clients reach the simulated one instead.
	made.SetWebsocketHTTPClient(&http.Client{Transport: transport})
	made.SetPreLoginHTTPClient(&http.Client{Transport: transport})
	made.SetMediaHTTPClient(&http.Client{Transport: transport})
	made.SynchronousAck = command.SynchronousAck
	made.AutomaticMessageRerequestFromPhone = command.RerequestFromPhone
	made.EnableAutoReconnect = command.AutoReconnect
	made.AddEventHandler(report)
	client = made
	return nil
}

// onlyTo connects to this address, whatever name is asked for, and to nothing else.
func onlyTo(address string) (*http.Transport, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("only loopback may be reached, not %s", host)
	}
	dialer := &net.Dialer{}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
		// The simulated service signs its own certificate.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}, nil
}
