package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// A message is its length in four bytes, big endian, and JSON.
const (
	maxRequest = 16 << 20
	maxAnswer  = 8 << 20 // of texts of 1 MiB, however they are escaped, and of problems
)

var (
	errTooLong = errors.New("the message is too long")
	errCutOff  = errors.New("the message is cut off")
)

func send(to io.Writer, message any, limit int) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(body) > limit {
		return errTooLong
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body))) //nolint:gosec // it is below the limit
	_, err = to.Write(append(head, body...))
	return err
}

// receive reads a message. io.EOF is the end between two messages.
func receive(from io.Reader, message any, limit int) error {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head[:])
	if int64(length) > int64(limit) {
		return errTooLong
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(from, body); err != nil {
		return errors.Join(errCutOff, err)
	}
	return json.Unmarshal(body, message)
}
