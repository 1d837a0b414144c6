// By which way a connection reaches the media server.

export type Way = "udp" | "tcp" | "relay";

/** The way of the pair of candidates that carries media; null while there is none. */
export async function wayOf(pc: RTCPeerConnection): Promise<Way | null> {
  const stats = await pc.getStats();
  let way: Way | null = null;
  stats.forEach((s: RTCTransportStats) => {
    if (s.type !== "transport" || !s.selectedCandidatePairId) return;
    const pair = stats.get(s.selectedCandidatePairId) as RTCIceCandidatePairStats | undefined;
    const local = pair && (stats.get(pair.localCandidateId) as { candidateType: string; protocol: string } | undefined);
    if (local) way = local.candidateType === "relay" ? "relay" : local.protocol === "tcp" ? "tcp" : "udp";
  });
  return way;
}
