// Package seal protects outgoing RTP with AEAD_AES_128_GCM (SRTP: RFC 3711,
// RFC 7714), straight from the shared payload into the room from which it is
// sent. It is pure: keys come in, packets go out. Receiving, with its replay
// protection, and RTCP are not its matter.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

const (
	// Overhead is what protection adds to a packet, in bytes.
	Overhead = 16
	// KeySize and SaltSize are the master key's and salt's bytes (RFC 7714 section 12).
	KeySize  = 16
	SaltSize = 12

	labelKey  = 0 // RFC 3711 section 4.3.1
	labelSalt = 2

	fixedHeader = 12
)

var errKeys = errors.New("seal: keys of another size than AEAD_AES_128_GCM's")

// Sealer protects the packets of one connection. It is immutable and safe for
// concurrent use.
type Sealer struct {
	aead cipher.AEAD
	salt [SaltSize]byte
}

// New derives the session's keys from its master key and salt.
func New(masterKey, masterSalt []byte) (*Sealer, error) {
	if len(masterKey) != KeySize || len(masterSalt) != SaltSize {
		return nil, errKeys
	}
	master, err := aes.NewCipher(masterKey)
	if err != nil {
		return nil, err
	}
	key, salt := derive(master, masterSalt, labelKey), derive(master, masterSalt, labelSalt)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	s := &Sealer{}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	copy(s.salt[:], salt[:])
	return s, nil
}

// derive is the key derivation of RFC 3711 section 4.3.3 with a rate of 0;
// one block of AES-CM is all that these keys take.
func derive(master cipher.Block, salt []byte, label byte) (out [16]byte) {
	var in [16]byte
	copy(in[:14], salt)
	in[7] ^= label
	master.Encrypt(out[:], in[:])
	return out
}

// Stream is the packet index of one SSRC (RFC 3711 section 3.3.1). Two streams
// of one Sealer must never have the same SSRC, and a packet index never two
// contents (RFC 7714 section 8.2). It is not safe for concurrent use: the
// sender of the SSRC owns it.
type Stream struct {
	started bool
	highest uint64 // 48 bits: rollover counter and sequence number
	nonce   [SaltSize]byte
}

// rollover is the counter that belongs to seq: that of the nearest index to the highest.
func (s *Stream) rollover(seq uint16) uint32 {
	if !s.started {
		s.started, s.highest = true, uint64(seq)
		return 0
	}
	index := int64(s.highest) + int64(int16(seq-uint16(s.highest)))
	if index < 0 { // before the first wrap there is nothing
		index += 1 << 16
	}
	s.highest = max(s.highest, uint64(index))
	return uint32(index >> 16)
}

// Seal protects a packet. room begins with the packet's header and has space for
// exactly header, payload and Overhead; payload must not lie in room.
func (k *Sealer) Seal(room []byte, header int, payload []byte, s *Stream) error {
	if header < fixedHeader || len(room) != header+len(payload)+Overhead {
		return errors.New("seal: room of another size than the packet's")
	}
	n := &s.nonce // RFC 7714 section 8.1
	seq := room[2:4]
	n[0], n[1] = 0, 0
	copy(n[2:6], room[8:12])
	binary.BigEndian.PutUint32(n[6:10], s.rollover(binary.BigEndian.Uint16(seq)))
	copy(n[10:12], seq)
	for i := range n {
		n[i] ^= k.salt[i]
	}
	k.aead.Seal(room[header:header], n[:], payload, room[:header])
	return nil
}
