"""aiortc as a peer of WebRTC: `webrtc.py send|receive|both URL SECONDS`. Says in JSON what it received."""

import asyncio
import json
import sys
import urllib.request

import av
import numpy
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack


class Camera(VideoStreamTrack):
    """320x240 in a strong colour, with a bar that moves; 30 pictures a second."""

    def __init__(self):
        super().__init__()
        self.count = 0

    async def recv(self):
        pts, base = await self.next_timestamp()
        picture = numpy.zeros((240, 320, 3), numpy.uint8)
        picture[:, :] = (40, 90, 220)
        left = self.count * 4 % 300
        picture[:, left : left + 20] = (250, 250, 40)
        self.count += 1
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, base
        return frame


async def receive(track, seen):
    last = None
    while True:
        try:
            frame = await track.recv()
        except Exception:  # aiortc ends a track with an exception of its own
            return
        seen[track.kind] = seen.get(track.kind, 0) + 1
        if track.kind == "video":
            picture = frame.to_ndarray(format="rgb24").astype(int)
            seen["size"] = [frame.width, frame.height]
            # How much colour there is, and how much of it is not where it was.
            seen["coloured"] = float(numpy.mean(picture.max(2) - picture.min(2) > 48))
            if last is not None and last.shape == picture.shape:
                seen["moved"] = max(seen.get("moved", 0.0), float(numpy.mean(abs(picture - last).max(2) > 32)))
            last = picture


async def main(verb, url, seconds):
    pc, seen = RTCPeerConnection(), {}
    tasks = []
    pc.on("track", lambda track: tasks.append(asyncio.ensure_future(receive(track, seen))))
    direction = {"send": "sendonly", "receive": "recvonly", "both": "sendrecv"}[verb]
    video = pc.addTransceiver("video" if verb == "receive" else Camera(), direction=direction)
    pc.addTransceiver("audio" if verb == "receive" else AudioStreamTrack(), direction=direction)
    codecs = RTCRtpSender.getCapabilities("video").codecs
    video.setCodecPreferences([codec for codec in codecs if codec.mimeType in ("video/H264", "video/rtx")])
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp.encode()
    request = urllib.request.Request(url, offer, {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request) as answer:
        location = answer.headers["Location"]
        await pc.setRemoteDescription(RTCSessionDescription(answer.read().decode(), "answer"))
    await asyncio.sleep(seconds)
    seen["state"] = pc.connectionState
    origin = "/".join(url.split("/")[:3])
    urllib.request.urlopen(urllib.request.Request(origin + location, method="DELETE")).close()
    await pc.close()
    for task in tasks:
        task.cancel()
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
