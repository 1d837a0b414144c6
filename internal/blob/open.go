package blob

import "errors"

// Open opens the store at address: a directory's path or file:///dir, or
// s3://key:secret@host[:port]/bucket?region=…&prefix=…&insecure=true.
func Open(address string) (Store, error) {
	return nil, errors.New("blob: open is not built yet")
}
