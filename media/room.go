package media

// Room is a set of peers that forward to each other. Its methods are safe
// for concurrent use.
type Room struct{}

// Join adds a peer. A peer that joins under an id that is present replaces
// the old one, which is closed with the reason "replaced".
func (r *Room) Join(id string, opts JoinOptions) (*Peer, error) { return &Peer{}, nil }

// Peer returns the peer with this id, or nil.
func (r *Room) Peer(id string) *Peer { return nil }

// Tracks lists what is published now and permitted.
func (r *Room) Tracks() []TrackInfo { return nil }

// Record hands every present and future track of the room to sinks that
// newSink makes, until stop is called. stop returns when the last sink was
// closed.
func (r *Room) Record(newSink NewSink) (stop func()) { return func() {} }

// Close closes all peers of the room and forgets it.
func (r *Room) Close() {}
