"""A server with aiortc that sends back what it gets: `echo.py PORT [gray]`. `POST` an offer, as to ours; the answer is a session.

H.264 is decoded, the picture handed through a function, encoded and sent, in aiortc's own way and with its own settings."""

import asyncio
import sys

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription

peers = set()


class Returned(MediaStreamTrack):
    """What a track brings, through `change`."""

    def __init__(self, track, change):
        super().__init__()
        self.kind, self.track, self.change = track.kind, track, change

    async def recv(self):
        frame = await self.track.recv()
        return frame if self.kind == "audio" else self.change(frame)


def unchanged(frame):
    return frame


def gray(frame):
    changed = av.VideoFrame.from_ndarray(frame.to_ndarray(format="gray"), format="gray")
    changed.pts, changed.time_base = frame.pts, frame.time_base
    return changed


async def answer(offer, change):
    pc = RTCPeerConnection()
    peers.add(pc)
    tracks = []
    pc.on("track", tracks.append)

    async def leave():
        if pc.connectionState in ("failed", "closed"):
            await pc.close()
            peers.discard(pc)

    pc.on("connectionstatechange", leave)
    await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    # Back by a section in which the peer takes what it sends, which need not be the one that brought it.
    for track in tracks:
        for transceiver in pc.getTransceivers():
            # What the offer lets this side do.
            may = transceiver._offerDirection
            if transceiver.kind == track.kind and may in ("sendonly", "sendrecv"):
                transceiver.sender.replaceTrack(Returned(track, change))
                transceiver.direction = may
    await pc.setLocalDescription(await pc.createAnswer())
    return pc.localDescription.sdp


def serve(change):
    async def one(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        status, sdp = "200 OK", ""
        if head.startswith("POST"):
            status, sdp = "201 Created", await answer(body.decode(), change)
        kind = "application/sdp" if sdp else "text/html"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nLocation: /session\r\nContent-Length: {len(sdp)}\r\n"
                     f"Connection: close\r\n\r\n{sdp}".encode())
        await writer.drain()
        writer.close()

    return one


async def main(port, change):
    server = await asyncio.start_server(serve(change), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), gray if sys.argv[2:] == ["gray"] else unchanged))
