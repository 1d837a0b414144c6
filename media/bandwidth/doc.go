// Package bandwidth estimates what one receiver's connection can take, on
// the sending side, after draft-ietf-rmcat-gcc-02 (Google Congestion Control):
// a delay gradient detector with an adaptive threshold, a loss controller, a
// rate controller, and probes upward while the media alone do not fill the link.
//
// Every packet carries a transport-wide sequence number; the receiver reports
// arrivals as in draft-holmer-rmcat-transport-wide-cc-extensions-01. Receivers
// without that are followed by their reception reports and REMB.
//
// The package does no I/O and starts no goroutine; time comes by argument.
// Inside, instants are microseconds since an arbitrary start.
package bandwidth
