package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

var (
	masterKey  = []byte("0123456789abcdef")
	masterSalt = []byte("salt of 12 b")
)

func sealer(t testing.TB) *Sealer {
	t.Helper()
	k, err := New(masterKey, masterSalt)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// oracle is pion's implementation with the same keys.
func oracle(t testing.TB) *srtp.Context {
	t.Helper()
	c, err := srtp.CreateContext(masterKey, masterSalt, srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sealed(t testing.TB, k *Sealer, s *Stream, header, payload []byte) []byte {
	t.Helper()
	room := make([]byte, len(header)+len(payload)+Overhead)
	copy(room, header)
	if err := k.Seal(room, len(header), payload, s); err != nil {
		t.Fatal(err)
	}
	return room
}

// TestEveryShapeAsPionDoes compares packets of every shape of header, byte for byte.
func TestEveryShapeAsPionDoes(t *testing.T) {
	k, o := sealer(t), oracle(t)
	streams := map[uint32]*Stream{}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 4000 {
		h := rtp.Header{Version: 2, Marker: n%2 == 0, PayloadType: uint8(n % 128), SequenceNumber: uint16(40000 + n), Timestamp: random.Uint32(), SSRC: 7 + uint32(n%3)}
		for i := range n % 16 {
			h.CSRC = append(h.CSRC, uint32(i))
		}
		var err error
		switch n % 4 {
		case 1:
			err = h.SetExtension(1+uint8(n%14), []byte{1, 2})
		case 2: // the two-byte form
			h.Extension, h.ExtensionProfile = true, 0x1000
			err = h.SetExtension(20, make([]byte, n%40))
		case 3:
			h.Extension, h.ExtensionProfile = true, 0x1234
			err = h.SetExtension(0, make([]byte, 4*(n%8)))
		}
		if err != nil {
			t.Fatal(err)
		}
		h.Padding = n%5 == 0
		header, err := h.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		payload := make([]byte, n%1200)
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		if h.Padding {
			payload = append(payload, 0, 0, 3)
		}
		want, err := o.EncryptRTP(nil, append(bytes.Clone(header), payload...), nil)
		if err != nil {
			t.Fatal(err)
		}
		s := streams[h.SSRC]
		if s == nil {
			s = &Stream{}
			streams[h.SSRC] = s
		}
		if got := sealed(t, k, s, header, payload); !bytes.Equal(got, want) {
			t.Fatalf("packet %d (%+v): %x, want %x", n, h, got, want)
		}
	}
}

// TestVectorOfTheRFC is RFC 7714 section 16.1, whose keys are the session's.
func TestVectorOfTheRFC(t *testing.T) {
	bytesOf := func(text string) []byte {
		b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	block, err := aes.NewCipher(bytesOf("000102030405060708090a0b0c0d0e0f"))
	if err != nil {
		t.Fatal(err)
	}
	k := &Sealer{}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	copy(k.salt[:], bytesOf("517569642070726f2071756f"))
	want := bytesOf(`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
		0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`)
	if got := sealed(t, k, &Stream{}, want[:fixedHeader], []byte("Gallia est omnis divisa in partes tres")); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestRollover sends five times around the sequence numbers, with repeats on both sides of each wrap: the oracle
// decrypts all of it, and a repeat is the same bytes.
func TestRollover(t *testing.T) {
	k, o := sealer(t), oracle(t)
	var s Stream
	var index uint64 = 16000
	payload := []byte("payload")
	packet := func(i uint64) []byte {
		h := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(i), Timestamp: uint32(i), SSRC: 9}
		header, err := h.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return sealed(t, k, &s, header, payload)
	}
	recent := map[uint64][]byte{}
	for ; index < 5<<16; index += 1 + index%3 {
		b := packet(index)
		if got, err := o.DecryptRTP(nil, b, nil); err != nil || !bytes.HasSuffix(got, payload) {
			t.Fatalf("packet %d: %v", index, err)
		}
		recent[index] = b
		delete(recent, index-2100)
		if index%500 == 0 {
			for i, was := range recent {
				if !bytes.Equal(packet(i), was) {
					t.Fatalf("packet %d repeated after %d has other bytes", i, index)
				}
			}
		}
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	if _, err := New(masterKey[:15], masterSalt); err == nil {
		t.Error("a short key was taken")
	}
	if _, err := New(masterKey, append(masterSalt, 0)); err == nil {
		t.Error("a long salt was taken")
	}
	k := sealer(t)
	for header, room := range map[int]int{11: 11 + 5 + Overhead, 12: 12 + 5, 20: 20 + 6 + Overhead} {
		if err := k.Seal(make([]byte, room), header, make([]byte, 5), &Stream{}); err == nil {
			t.Errorf("a header of %d in a room of %d was taken", header, room)
		}
	}
}

// FuzzSeal compares arbitrary packets with what pion makes of them.
func FuzzSeal(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3}, uint16(2))
	f.Add([]byte{0x90, 96, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x10, 5, 0, 0, 1}, uint16(0))
	k := sealer(f)
	f.Fuzz(func(t *testing.T, b []byte, next uint16) {
		var h rtp.Header
		n, err := h.Unmarshal(b)
		if err != nil || h.Version != 2 {
			return
		}
		var s Stream
		o := oracle(t)
		for range 2 { // the packet, and another number of its stream
			want, err := o.EncryptRTP(nil, bytes.Clone(b), nil)
			if err != nil {
				return
			}
			if got := sealed(t, k, &s, b[:n], b[n:]); !bytes.Equal(got, want) {
				t.Fatalf("%x, want %x", got, want)
			}
			b = bytes.Clone(b)
			b[2], b[3] = byte(next>>8), byte(next)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{80, 1180} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			k, s := sealer(b), &Stream{}
			room, payload := make([]byte, 20+size+Overhead), make([]byte, size)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				room[2], room[3] = byte(i>>8), byte(i)
				if err := k.Seal(room, 20, payload, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
