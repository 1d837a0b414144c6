package packetcache

import "testing"

func TestCache(t *testing.T) {
	c := New[int](8)
	for i := range 8 {
		if _, ok := c.Put(uint16(65530+i), i); ok {
			t.Errorf("packet %d displaced something", i)
		}
	}
	if v, ok := c.Get(1); !ok || v != 7 {
		t.Errorf("after the wrap: %d %v", v, ok)
	}
	if old, ok := c.Put(2, 8); !ok || old != 0 {
		t.Errorf("displaced %d %v, want 0", old, ok)
	}
	if _, ok := c.Get(65530); ok {
		t.Error("a displaced packet is still there")
	}
	if v, ok := c.Put(65530, 99); !ok || v != 99 {
		t.Error("an older packet displaced a newer one")
	}
	if v, ok := c.Put(2, 77); !ok || v != 77 {
		t.Error("a repeated packet was stored")
	}
	n := 0
	c.Drain(func(int) { n++ })
	if _, ok := c.Get(2); n != 8 || ok {
		t.Errorf("drained %d", n)
	}
}

// TestOldest takes packets out in the order of their numbers, over gaps, a wrap, late packets and a leap.
func TestOldest(t *testing.T) {
	c := New[int](8)
	if _, ok := c.Oldest(); ok {
		t.Error("an empty cache holds something")
	}
	c.DropOldest()
	for _, seq := range []uint16{65533, 65535, 1, 0} {
		c.Put(seq, int(seq))
	}
	take := func(want ...int) {
		t.Helper()
		for _, w := range want {
			if v, ok := c.Oldest(); !ok || v != w {
				t.Fatalf("oldest is %d %v, want %d", v, ok, w)
			}
			c.DropOldest()
			if _, ok := c.Get(uint16(w)); ok {
				t.Fatalf("%d was not dropped", w)
			}
		}
	}
	take(65533, 65535)
	c.Put(65534, 65534) // late
	take(65534, 0, 1)
	if _, ok := c.Oldest(); ok {
		t.Error("something is left")
	}
	for seq := range uint16(20) {
		c.Put(10+seq, 10+int(seq))
	}
	take(22, 23)
	c.Put(1000, 1000)
	take(1000)
	if _, ok := c.Oldest(); ok {
		t.Error("something is left after a leap")
	}
	c.Put(1001, 1001)
	take(1001)
}

func BenchmarkPutGet(b *testing.B) {
	c := New[*int](1024)
	v := new(int)
	b.ReportAllocs()
	for i := uint16(0); b.Loop(); i++ {
		c.Put(i, v)
		if _, ok := c.Get(i - 10); !ok && i > 10 && c.slots[0].used && i > 1000 {
			b.Fatal("missing")
		}
	}
}
