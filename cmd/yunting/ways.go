package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"yunting/media"
	"yunting/media/relay"
)

const discoverTimeout = 20 * time.Second // of all questions for public addresses

// completeWays checks what says how clients reach media.
func (o *options) completeWays() error {
	for name, port := range map[string]int{"--media-tcp": max(o.MediaTCP, 0), "--turn-port": o.TURNPort, "--turn-tls-port": o.TURNTLSPort} {
		if port < 0 || port > 65535 {
			return fmt.Errorf("%s %d: want a port", name, port)
		}
	}
	if o.TURNTLSPort != 0 && (o.TURNPort == 0 || (o.TLSCert == "" && len(o.ACMEDomain) == 0)) {
		return fmt.Errorf("--turn-tls-port needs --turn-port, and --tls-cert or --acme-domain")
	}
	if _, _, err := o.relayPorts(); o.TURNPort != 0 && err != nil {
		return err
	}
	for _, server := range o.ICEServer {
		scheme, rest, _ := strings.Cut(server, ":")
		if !slices.Contains([]string{"stun", "stuns", "turn", "turns"}, scheme) || rest == "" {
			return fmt.Errorf("--ice-server %q: want stun:HOST:PORT or turn:HOST:PORT", server)
		}
		if strings.HasPrefix(scheme, "turn") && o.ICESecret == "" {
			return fmt.Errorf("--ice-server %q needs --ice-secret: credentials are made for each person", server)
		}
	}
	for _, address := range o.MediaAddress {
		if server, ok := strings.CutPrefix(address, "stun:"); ok {
			if _, _, err := net.SplitHostPort(server); err != nil {
				return fmt.Errorf("--media-address %q: want stun:HOST:PORT", address)
			}
			continue
		}
		if _, err := netip.ParseAddr(address); err != nil {
			return fmt.Errorf("--media-address %q: want an IP address, or stun:HOST:PORT to ask for it", address)
		}
	}
	return nil
}

// discoverAddresses puts what STUN servers see of this machine in the place of the servers.
func (c *court) discoverAddresses(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, discoverTimeout)
	defer cancel()
	var known []string
	for _, address := range c.options.MediaAddress {
		server, ask := strings.CutPrefix(address, "stun:")
		if !ask {
			known = append(known, address)
			continue
		}
		seen, err := relay.PublicAddresses(ctx, server)
		if err != nil {
			return fmt.Errorf("--media-address: %w", err)
		}
		for _, a := range seen {
			c.log.Info("the public address of media", "address", a, "by", address)
			known = append(known, a.String())
		}
	}
	c.options.MediaAddress = known
	return nil
}

func (o *options) relayPorts() (first, last int, err error) {
	if n, err := fmt.Sscanf(o.TURNPorts, "%d-%d", &first, &last); err != nil || n != 2 || first < 1024 || last < first || last > 65535 {
		return 0, 0, fmt.Errorf("--turn-relay-ports %q: want FIRST-LAST, such as 49160-49959", o.TURNPorts)
	}
	return first, last, nil
}

// mediaConfig is where media listens. Without a TCP port of its own, TCP is a help that may be missing.
func (c *court) mediaConfig() media.Config {
	o := c.options
	cfg := media.Config{Port: o.MediaPort, TCPPort: o.MediaTCP, Listen: o.mediaListen(), PublicIPs: o.MediaAddress, Voices: o.Voices, Logger: c.log, Metrics: c.metrics}
	switch o.MediaTCP {
	case 0:
		cfg.TCPPort, cfg.TCPOptional = o.MediaPort, true
	case -1:
		cfg.TCPPort = 0
	}
	return cfg
}

// openWays starts the TURN server, when one is wanted, and says what clients are told.
func (c *court) openWays() (*relay.Ways, error) {
	o := c.options
	ways := &relay.Ways{External: o.ICEServer, Secret: o.ICESecret, Now: time.Now}
	if o.TURNPort == 0 {
		return ways, nil
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil {
		return nil, err
	}
	first, last, err := o.relayPorts()
	if err != nil {
		return nil, err
	}
	ways.Embedded, err = relay.New(relay.Config{Listen: o.mediaListen(), Port: o.TURNPort, TLSPort: o.TURNTLSPort, TLS: c.relayTLS(), MinPort: first, MaxPort: last,
		Addresses: c.relayAddresses, Peers: c.sfu.Sockets, PublicPeers: o.TURNPeers == "public", Realm: public.Hostname(),
		Logs: media.PionLog(c.log), Metrics: c.metrics})
	if err != nil {
		return nil, fmt.Errorf("TURN server: %w", err)
	}
	host := public.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	ways.URLs = []string{fmt.Sprintf("turn:%s:%d?transport=udp", host, o.TURNPort), fmt.Sprintf("turn:%s:%d?transport=tcp", host, o.TURNPort)}
	if o.TURNTLSPort != 0 {
		ways.URLs = append(ways.URLs, fmt.Sprintf("turns:%s:%d?transport=tcp", host, o.TURNTLSPort))
	}
	return ways, nil
}

// relayAddresses are the addresses that relayed media comes from, as clients are told: the public ones first.
func (c *court) relayAddresses() []netip.Addr {
	var out []netip.Addr
	for _, text := range c.options.MediaAddress {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, a.Unmap())
		}
	}
	for told := range c.sfu.Sockets() {
		out = append(out, told.Addr())
	}
	return out
}

// relayTLS is the web server's certificate for TURN over TLS.
func (c *court) relayTLS() *tls.Config {
	if c.options.TURNTLSPort == 0 {
		return nil
	}
	return &tls.Config{GetCertificate: c.secure.GetCertificate, MinVersion: tls.VersionTLS12}
}
