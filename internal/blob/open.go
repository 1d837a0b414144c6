package blob

import (
	"fmt"
	"net/url"
	"strings"
)

// Open opens the store at address, which is one of
//
//	/a/directory, relative/directory, file:///a/directory
//	s3://KEY:SECRET@host[:port]/bucket[/prefix][?region=R&insecure=true&create=true]
//
// KEY and SECRET are percent-encoded. insecure=true speaks HTTP instead of
// HTTPS; create=true makes the bucket when it is missing. A directory is made
// when it is missing; an S3 bucket is looked at, so a wrong key fails here.
func Open(address string) (Store, error) {
	scheme, _, found := strings.Cut(address, "://")
	switch {
	case !found:
		return OpenDir(address)
	case scheme == "file":
		u, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("blob: address: %w", err)
		}
		if u.Host != "" && u.Host != "localhost" || u.Path == "" {
			return nil, fmt.Errorf("blob: address %q: want file:///directory", address)
		}
		return OpenDir(u.Path)
	case scheme == "s3":
		config, err := parseS3(address)
		if err != nil {
			return nil, err
		}
		return openS3(config)
	}
	return nil, fmt.Errorf("blob: address with scheme %q: want a directory, file:// or s3://", scheme)
}
