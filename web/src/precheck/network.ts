// The connection test: the room's socket, its round trip, and a try of the media port.

import { socketURL } from "../lib/config";
import { wayOf, type Way } from "../lib/way";

export interface NetworkResult {
  socket: boolean;
  media: boolean;
  way: Way | null; // by which media was reached
  rttMs: number;
}

const limit = 8000;
const probes = 5;

/** Tests the way to the court; never throws. */
export async function testNetwork(path: string): Promise<NetworkResult> {
  const socket = new WebSocket(socketURL(path));
  const pc = new RTCPeerConnection();
  const trips: number[] = [];
  let media = false;
  let way: Way | null = null;
  try {
    await within(limit, (resolve, reject) => {
      const wantMore = () => socket.send(JSON.stringify({ type: "clock", sent: performance.now() }));
      const done = () => {
        if (media && trips.length >= probes) resolve();
      };
      pc.addTransceiver("audio", { direction: "sendonly" });
      pc.onicecandidate = (e) => {
        if (e.candidate && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "candidate", target: "pub", candidate: e.candidate.toJSON() }));
      };
      pc.onconnectionstatechange = () => {
        media = media || pc.connectionState === "connected";
        if (pc.connectionState === "failed") reject();
        done();
      };
      socket.onerror = socket.onclose = () => reject();
      socket.onopen = async () => {
        wantMore();
        socket.send(JSON.stringify({ type: "ways" }));
      };
      const begin = async (iceServers: RTCIceServer[]) => {
        pc.setConfiguration({ iceServers });
        const offer = await pc.createOffer();
        socket.send(JSON.stringify({ type: "probe", sdp: offer.sdp }));
        await pc.setLocalDescription(offer);
      };
      const early: RTCIceCandidateInit[] = [];
      socket.onmessage = async (e) => {
        const m = JSON.parse(e.data as string) as { type: string; sent: number; sdp: string; candidate: RTCIceCandidateInit; iceServers: RTCIceServer[] };
        if (m.type === "clock") {
          trips.push(performance.now() - m.sent);
          if (trips.length < probes) wantMore();
          done();
        } else if (m.type === "ways") {
          await begin(m.iceServers);
        } else if (m.type === "published") {
          await pc.setRemoteDescription({ type: "answer", sdp: m.sdp });
          for (const c of early) await pc.addIceCandidate(c).catch(() => undefined); // a candidate of no use
        } else if (m.type === "candidate") {
          if (pc.remoteDescription) await pc.addIceCandidate(m.candidate).catch(() => undefined);
          else early.push(m.candidate);
        }
      };
    });
    way = await wayOf(pc);
  } catch {
    // What was reached until then is the answer.
  } finally {
    socket.onerror = socket.onclose = socket.onmessage = null;
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "leave" }));
    socket.close();
    pc.close();
  }
  return { socket: trips.length > 0, media, way, rttMs: trips.length ? Math.round(Math.min(...trips)) : 0 };
}

function within(ms: number, run: (resolve: () => void, reject: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = window.setTimeout(reject, ms);
    run(
      () => { window.clearTimeout(timer); resolve(); },
      () => { window.clearTimeout(timer); reject(new Error("connection")); },
    );
  });
}
