// Publishes a picture and sound by WHIP; once told to on its input, watches another stream by WHEP until enough of it is
// decoded, and prints how much. Arguments: base address, own stream, the stream to watch. It ends with its input.
const { RTCPeerConnection, nonstandard } = require('@roamhq/wrtc')
const { createInterface } = require('node:readline')

const [base, own, other] = process.argv.slice(2)
const timers = []

function camera() {
  const source = new nonstandard.RTCVideoSource()
  const [width, height] = [160, 120]
  let n = 0
  timers.push(setInterval(() => source.onFrame({ width, height, data: new Uint8ClampedArray(width * height * 3 / 2).fill(n++ % 256) }), 50))
  return source.createTrack()
}

function microphone() {
  const source = new nonstandard.RTCAudioSource()
  let n = 0
  timers.push(setInterval(() => {
    const samples = Int16Array.from({ length: 480 }, () => 8000 * Math.sin(2 * Math.PI * 440 * n++ / 48000))
    source.onData({ samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 })
  }, 10))
  return source.createTrack()
}

async function request(method, path, sdp) {
  const headers = { Authorization: 'Bearer good', ...(sdp && { 'Content-Type': 'application/sdp' }) }
  const res = await fetch(base + path, { method, headers, body: sdp })
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`)
  return { location: res.headers.get('Location'), text: await res.text() }
}

// negotiate gives the session's address.
async function negotiate(pc, path) {
  await pc.setLocalDescription(await pc.createOffer())
  if (pc.iceGatheringState !== 'complete') {
    await new Promise(done => { pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done() })
  }
  const { location, text } = await request('POST', path, pc.localDescription.sdp)
  await pc.setRemoteDescription({ type: 'answer', sdp: text })
  return location
}

// decoded resolves once enough came out of the decoder.
const decoded = (sink, event, enough, unit) => new Promise(done => {
  let n = 0
  sink[event] = data => { n += unit(data); if (n >= enough) { sink.stop(); done(n) } }
})

// heard counts the samples of what is not silence, for a sink is given silence too when nothing comes.
const heard = data => data.samples.some(s => Math.abs(s) > 1000) ? data.numberOfFrames : 0

async function main() {
  const lines = createInterface({ input: process.stdin })
  const told = new Promise(done => lines.once('line', done))
  const ended = new Promise(done => lines.once('close', done))

  const publisher = new RTCPeerConnection(), viewer = new RTCPeerConnection()
  publisher.addTrack(microphone())
  publisher.addTrack(camera())
  const sessions = [await negotiate(publisher, `/whip/r/${own}`)]
  await told

  const results = {}
  viewer.ontrack = ({ track }) => {
    results[track.kind] = track.kind === 'video'
      ? decoded(new nonstandard.RTCVideoSink(track), 'onframe', 10, () => 1)
      : decoded(new nonstandard.RTCAudioSink(track), 'ondata', 48000, heard)
  }
  viewer.addTransceiver('audio', { direction: 'recvonly' })
  viewer.addTransceiver('video', { direction: 'recvonly' })
  sessions.push(await negotiate(viewer, `/whep/r/${other}`))
  console.log(JSON.stringify({ audio: Math.floor(await results.audio / 960), video: await results.video })) // sound in Opus frames of 20 ms

  await ended
  for (const location of sessions) await request('DELETE', location)
  timers.forEach(clearInterval)
  publisher.close()
  viewer.close()
  process.exit(0)
}

main().catch(err => { console.error(err); process.exit(1) })
