package blob

import (
	"strings"
	"testing"
)

func TestParseS3(t *testing.T) {
	for address, want := range map[string]s3Config{
		"s3://key:secret@s3.example.org/court": {
			endpoint: "s3.example.org", key: "key", secret: "secret", bucket: "court",
		},
		"s3://k%2Fey:se%3Acr%40et@127.0.0.1:7070/court/a/b/?region=cn-north-1&insecure=true&create=1": {
			endpoint: "127.0.0.1:7070", key: "k/ey", secret: "se:cr@et", bucket: "court", prefix: "a/b/",
			region: "cn-north-1", insecure: true, create: true,
		},
	} {
		if got, err := parseS3(address); err != nil || got != want {
			t.Errorf("parseS3(%q) = %+v, %v", address, got, err)
		}
	}
	for _, bad := range []string{
		"s3://host/bucket", "s3://key@host/bucket", "s3://key:topsecret@/bucket", "s3://key:topsecret@host",
		"s3://key:topsecret@host/bucket?insecure=maybe", "s3://key:topsecret@host/bucket?regoin=x", "s3://key:top%zzsecret@host/b",
	} {
		_, err := parseS3(bad)
		if err == nil {
			t.Errorf("parseS3(%q) accepts", bad)
		} else if strings.Contains(err.Error(), "topsecret") || strings.Contains(err.Error(), "zzsecret") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, bad := range []string{"ftp://host/dir", "file://host/dir", "file://", "s3://host/bucket"} {
		if _, err := Open(bad); err == nil {
			t.Errorf("Open(%q) accepts", bad)
		}
	}
}
