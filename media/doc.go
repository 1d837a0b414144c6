// Package media is the selective forwarding unit of the court: it receives
// each participant's audio, camera and screen over WebRTC and forwards the
// packets, never the pictures, to those who may receive them.
//
// The package knows no case and no person. A Room and a Peer carry opaque
// ids; what a Peer may do is said by Permissions, which the caller changes at
// any time. A client holds two PeerConnections: on "pub" the client offers
// and the server answers (Peer.Publish), on "sub" the server offers and the
// client answers (Events.Offer, Peer.AnswerSubscribe). Neither side can ever
// collide with the other.
//
// In the server's offer a track's msid names its origin: the stream id is
// StreamID(peer, source) (the peer's id for microphone and camera, so that
// browsers keep lips and voice together; the id with ".screen" for a shared
// screen) and the track id is TrackInfo.ID.
package media
