// Package signaling runs the hearing rooms: the socket that a person in a hearing holds, the lobby,
// the floor, who is present and why somebody is not, the transcript as it is typed, and the recording.
//
// A Hub holds the rooms; one goroutine owns each room's state. Whatever must last goes through docket
// first and is told to the others after that, so an acknowledged line or admission survives any crash,
// and a room that a restarted server opens again is rebuilt from docket alone. The protocol is
// docs/signaling-protocol.md.
package signaling
