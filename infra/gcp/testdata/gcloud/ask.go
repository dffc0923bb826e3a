// Command ask stands for gcloud: it has serve.py, whose socket is beside it, run the
// command that it was called for, with its own environment, folder and standard
// streams, and ends as the command does.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

func main() {
	code, err := ask()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ask:", err)
	}
	os.Exit(code)
}

func ask() (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	server, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(filepath.Dir(self), "s"), Net: "unix"})
	if err != nil {
		return 1, err
	}
	folder, err := os.Open(".")
	if err != nil {
		return 1, err
	}
	asked, err := json.Marshal(map[string][]string{"arguments": os.Args[1:], "environment": os.Environ()})
	if err != nil {
		return 1, err
	}
	size := binary.BigEndian.AppendUint32(nil, uint32(len(asked)))
	if _, _, err := server.WriteMsgUnix(size, syscall.UnixRights(0, 1, 2, int(folder.Fd())), nil); err != nil {
		return 1, err
	}
	if _, err := server.Write(asked); err != nil {
		return 1, err
	}
	answer := []byte{1}
	_, err = server.Read(answer)
	return int(answer[0]), err
}
