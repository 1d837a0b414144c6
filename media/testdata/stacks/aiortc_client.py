"""Publishes a picture and sound by WHIP; once told to on its input, watches another stream by WHEP until enough of it is
decoded, and prints how much. Arguments: base address, own stream, the stream to watch. It ends with its input."""
import asyncio
import json
import math
import struct
import sys
import urllib.request

from aioice import ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from av import VideoFrame

# Loopback is enough, and is there without a network.
ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

base, own, other = sys.argv[1:]


class Picture(VideoStreamTrack):
    """A small grey picture that changes."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(width=160, height=120)
        for plane in frame.planes:
            plane.update(bytes([pts // 3000 % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    """400 Hz, eight periods in each frame of 160 samples."""

    samples = struct.pack("<160h", *(int(8000 * math.sin(math.pi * n / 10)) for n in range(160)))

    async def recv(self):
        frame = await super().recv()
        frame.planes[0].update(self.samples)
        return frame


def request(method, url, text=None):
    headers = {"Authorization": "Bearer good"}
    if text is not None:
        headers["Content-Type"] = "application/sdp"
    r = urllib.request.Request(url, method=method, headers=headers, data=text and text.encode())
    with urllib.request.urlopen(r, timeout=20) as res:
        return res.headers.get("Location"), res.read().decode()


async def negotiate(pc, path):
    """Gives the session's address."""
    await pc.setLocalDescription(await pc.createOffer())
    loop = asyncio.get_running_loop()
    location, answer = await loop.run_in_executor(None, request, "POST", base + path, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return location


async def decode(track, enough):
    n = 0
    while n < enough:
        await track.recv()
        n += 1
    return n


async def main():
    loop = asyncio.get_running_loop()
    publisher, viewer = RTCPeerConnection(), RTCPeerConnection()
    publisher.addTrack(Tone())
    publisher.addTrack(Picture())
    sessions = [await negotiate(publisher, "/whip/r/" + own)]
    await loop.run_in_executor(None, sys.stdin.readline)

    tracks = {}
    viewer.on("track", lambda track: tracks.__setitem__(track.kind, track))
    viewer.addTransceiver("audio", direction="recvonly")
    viewer.addTransceiver("video", direction="recvonly")
    sessions.append(await negotiate(viewer, "/whep/r/" + other))
    audio, video = await asyncio.gather(decode(tracks["audio"], 50), decode(tracks["video"], 10))
    print(json.dumps({"audio": audio, "video": video}), flush=True)

    await loop.run_in_executor(None, sys.stdin.read)
    for location in sessions:
        await loop.run_in_executor(None, request, "DELETE", base + location)
    await asyncio.gather(publisher.close(), viewer.close())


asyncio.run(main())
