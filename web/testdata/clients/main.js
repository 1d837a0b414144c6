// A page of another origin that publishes and plays with other people's clients of WHIP and WHEP.
import { WHIPClient } from "@eyevinn/whip-web-client";
import { WebRTCPlayer } from "@eyevinn/webrtc-player";

const until = async (what, holds) => {
  const end = performance.now() + 60000;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (performance.now() > end) throw new Error("not in time: " + what);
    await new Promise((next) => setTimeout(next, 100));
  }
};

// status is what a page reads of a request's outcome: its status, or "blocked" where the browser keeps it.
const status = async (url, init) => {
  try {
    return (await fetch(url, init)).status;
  } catch {
    return "blocked";
  }
};

const publish = async (endpoint, token, stream) => {
  const client = new WHIPClient({ endpoint, opts: { authkey: token, iceServers: [], debug: true } });
  await client.ingest(stream);
  await until("published", () => client.peer.connectionState === "connected");
  return client;
};

// play asks again while there is nothing to watch: the player itself gives up at the first 409.
const play = async (endpoint, authorization) => {
  const video = document.body.appendChild(document.createElement("video"));
  video.autoplay = video.muted = true;
  const player = new WebRTCPlayer({ video, type: "whep", iceServers: [], debug: true });
  let failed = true;
  player.on("initial-connection-failed", () => (failed = true));
  const received = async () => {
    const got = { audio: 0, video: 0 };
    for (const report of (await player.peer.getStats()).values()) {
      if (report.type === "inbound-rtp") got[report.kind] += report.kind === "video" ? report.framesDecoded : report.packetsReceived;
    }
    return got;
  };
  const got = await until("played", async () => {
    if (failed) {
      failed = false;
      await player.load(new URL(endpoint), authorization);
      return false;
    }
    const now = await received();
    return now.audio > 50 && now.video > 10 && video.videoWidth > 0 && now;
  });
  return { player, got };
};

window.run = async ({ court, hearing, token }) => {
  const whip = `${court}/whip/${hearing}/document-camera`;
  const whep = `${court}/whep/${hearing}/stream-document-camera`;
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
  const client = await publish(whip, token, stream);
  const { player, got } = await play(whep, "Bearer " + token);
  const session = await client.getResourceUrl();
  const patch = (match) =>
    status(session, {
      method: "PATCH",
      headers: { Authorization: "Bearer " + token, "Content-Type": "application/trickle-ice-sdpfrag", ...match },
      body: "a=end-of-candidates\r\n",
    });
  const result = {
    ...got,
    named: await patch({ "If-Match": client.eTag }),
    unnamed: await patch({}),
    anonymous: await status(whip, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: "v=0" }),
    withCookies: await status(whip, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: "v=0", credentials: "include" }),
    elsewhere: await status(court + "/api/v1/cases", { headers: { Authorization: "Bearer " + token } }),
  };
  await player.unload();
  await client.destroy();
  return result;
};
