package bundle

import (
	"encoding/binary"
	"math"
)

// The canonical zip (APPNOTE.TXT 6.3.10): each function derives bytes from names, sizes and checksums alone.

const (
	localMagic   = 0x04034b50
	centralMagic = 0x02014b50
	endMagic     = 0x06054b50
	end64Magic   = 0x06064b50
	locator64Sig = 0x07064b50
	localFixed   = 30 // bytes of a local header before the name
	versionPlain = 20
	version64    = 45
	madeByUnix   = 3 << 8
	flagUTF8     = 0x0800
	dosDate      = 1<<5 | 1 // 1980-01-01, the earliest; contents carry their own times
	modeFile     = 0o100644 << 16
	extra64      = 0x0001
	overflow32   = math.MaxUint32
	overflow16   = math.MaxUint16
	end64Size    = 44 // bytes that follow the size field of the zip64 end record
	localSizeAt  = 18 // offset of the compressed size in a local header
	localSumAt   = 14
	localNameAt  = 26
	extra64Local = 20 // bytes of the zip64 field of a local header
)

// member is one file of the archive.
type member struct {
	name   string
	size   int64
	crc    uint32
	offset int64 // of its local header
}

func (m member) big() bool { return m.size >= overflow32 }

// headerSize is the length of the local header.
func (m member) headerSize() int64 {
	n := int64(localFixed + len(m.name))
	if m.big() {
		n += extra64Local
	}
	return n
}

// localHeader derives the bytes before the member's content.
func (m member) localHeader() []byte {
	version, size, extra := uint16(versionPlain), uint32(m.size), 0
	if m.big() {
		version, size, extra = version64, overflow32, extra64Local
	}
	le := binary.LittleEndian
	b := le.AppendUint32(nil, localMagic)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, flagUTF8)
	b = le.AppendUint16(b, 0) // stored
	b = le.AppendUint16(b, 0) // time
	b = le.AppendUint16(b, dosDate)
	b = le.AppendUint32(b, m.crc)
	b = le.AppendUint32(b, size)
	b = le.AppendUint32(b, size)
	b = le.AppendUint16(b, uint16(len(m.name)))
	b = le.AppendUint16(b, uint16(extra))
	b = append(b, m.name...)
	if m.big() {
		b = le.AppendUint16(b, extra64)
		b = le.AppendUint16(b, 16)
		b = le.AppendUint64(b, uint64(m.size))
		b = le.AppendUint64(b, uint64(m.size))
	}
	return b
}

// centralHeader derives the member's line in the directory.
func (m member) centralHeader() []byte {
	le := binary.LittleEndian
	var extra []byte
	size, offset := uint32(overflow32), uint32(overflow32)
	if m.big() {
		extra = le.AppendUint64(extra, uint64(m.size))
		extra = le.AppendUint64(extra, uint64(m.size))
	} else {
		size = uint32(m.size)
	}
	if m.offset >= overflow32 {
		extra = le.AppendUint64(extra, uint64(m.offset))
	} else {
		offset = uint32(m.offset)
	}
	version := uint16(versionPlain)
	if len(extra) > 0 {
		version = version64
		extra = append(le.AppendUint16(le.AppendUint16(nil, extra64), uint16(len(extra))), extra...)
	}
	b := le.AppendUint32(nil, centralMagic)
	b = le.AppendUint16(b, madeByUnix|version)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, flagUTF8)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, dosDate)
	b = le.AppendUint32(b, m.crc)
	b = le.AppendUint32(b, size)
	b = le.AppendUint32(b, size)
	b = le.AppendUint16(b, uint16(len(m.name)))
	b = le.AppendUint16(b, uint16(len(extra)))
	b = le.AppendUint16(b, 0) // comment
	b = le.AppendUint16(b, 0) // disk
	b = le.AppendUint16(b, 0) // internal attributes
	b = le.AppendUint32(b, modeFile)
	b = le.AppendUint32(b, offset)
	b = append(b, m.name...)
	return append(b, extra...)
}

// directory derives everything after the last member's content, which ends at start.
func directory(members []member, start int64) []byte {
	var b []byte
	for _, m := range members {
		b = append(b, m.centralHeader()...)
	}
	le := binary.LittleEndian
	size, count := int64(len(b)), len(members)
	count16, size32, start32 := uint16(min(count, overflow16)), uint32(min(size, overflow32)), uint32(min(start, overflow32))
	if count >= overflow16 || size >= overflow32 || start >= overflow32 {
		b = le.AppendUint32(b, end64Magic)
		b = le.AppendUint64(b, end64Size)
		b = le.AppendUint16(b, madeByUnix|version64)
		b = le.AppendUint16(b, version64)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, uint64(count))
		b = le.AppendUint64(b, uint64(count))
		b = le.AppendUint64(b, uint64(size))
		b = le.AppendUint64(b, uint64(start))
		b = le.AppendUint32(b, locator64Sig)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, uint64(start+size))
		b = le.AppendUint32(b, 1)
	}
	b = le.AppendUint32(b, endMagic)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, count16)
	b = le.AppendUint16(b, count16)
	b = le.AppendUint32(b, size32)
	b = le.AppendUint32(b, start32)
	return le.AppendUint16(b, 0)
}
