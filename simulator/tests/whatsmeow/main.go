// An unmodified whatsmeow client, driven by commands.
//
// Commands are JSON lines on standard input, {"number": 1, "do": "send_text", "to": "…", …}. Events are JSON lines on
// standard output: {"event": "done", "number": 1, "result": …} or {"event": "failed", …} for each command, and what the
// client reports. What the library logs at WARN and above is an event too; WHATSMEOW_LOG=1 writes its whole log to
// standard error.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	waLog "go.mau.fi/whatsmeow/util/log"
)

// The longest command: a file of several megabytes in base64.
const commandBytesMax = 64 << 20

type object = map[string]any

var (
	// Standard output belongs to the events: what a library prints goes to standard error.
	stdout = os.Stdout
	output sync.Mutex
	// The client was asked to close its connection: what fails because of that is no event.
	isLeaving atomic.Bool
)

// emit writes an event.
func emit(event string, fields object) {
	line := object{"event": event}
	for name, value := range fields {
		line[name] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		text, _ = json.Marshal(object{"event": "error", "why": err.Error()})
	}
	output.Lock()
	defer output.Unlock()
	stdout.Write(append(text, '\n'))
}

// logger makes events of what the library logs at WARN and above.
type logger struct{ module string }

var verbose = os.Getenv("WHATSMEOW_LOG") != ""

func (l logger) log(level, format string, args []any) {
	text := fmt.Sprintf(format, args...)
	if verbose {
		fmt.Fprintf(os.Stderr, "%s %s: %s\n", level, l.module, text)
	}
	if (level == "WARN" || level == "ERROR") && !isLeaving.Load() {
		emit("log", object{"level": level, "module": l.module, "text": text})
	}
}

func (l logger) Errorf(format string, args ...any) { l.log("ERROR", format, args) }
func (l logger) Warnf(format string, args ...any)  { l.log("WARN", format, args) }
func (l logger) Infof(format string, args ...any)  { l.log("INFO", format, args) }
func (l logger) Debugf(format string, args ...any) { l.log("DEBUG", format, args) }
func (l logger) Sub(module string) waLog.Logger    { return logger{l.module + "/" + module} }

func main() {
	os.Stdout = os.Stderr
	emit("ready", nil)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 64<<10), commandBytesMax)
	for lines.Scan() {
		var command command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			emit("failed", object{"number": command.Number, "why": err.Error()})
			continue
		}
		if command.Do == "quit" {
			if client != nil {
				leave()
			}
			emit("done", object{"number": command.Number, "result": nil})
			return
		}
		// A command may wait for the network; others must not wait for it.
		go obey(command)
	}
}

func obey(command command) {
	perform, ok := commands[command.Do]
	if !ok {
		emit("failed", object{"number": command.Number, "why": "there is no command " + command.Do})
		return
	}
	if client == nil && command.Do != "connect" {
		emit("failed", object{"number": command.Number, "why": "connect first"})
		return
	}
	result, err := perform(command)
	if err != nil {
		emit("failed", object{"number": command.Number, "why": err.Error()})
		return
	}
	emit("done", object{"number": command.Number, "result": result})
}
