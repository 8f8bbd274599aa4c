"""aiortc as a WHEP server: `whep_server.py PORT TOKEN`. Whoever shows the token sees a camera and hears 440 Hz at any path but
`/empty` (404) and `/counter` (406), until the first goodbye; then it says in JSON what it saw."""

import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import av
import numpy
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription
from webrtc import Camera

RATE = 48000
loop = asyncio.new_event_loop()
peers = {}
seen = {}
done = threading.Event()


class Tone(AudioStreamTrack):
    async def recv(self):
        frame = await super().recv()  # silence, when it is due
        at = (numpy.arange(frame.samples) + frame.pts) / frame.sample_rate
        tone = (numpy.sin(at * 440 * 2 * numpy.pi) * 8000).astype(numpy.int16)
        made = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        made.pts, made.sample_rate, made.time_base = frame.pts, frame.sample_rate, frame.time_base
        return made


async def answer(path, offer):
    pc = peers[path] = RTCPeerConnection()
    pc.addTrack(Camera())
    pc.addTrack(Tone())
    await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    return pc.localDescription.sdp


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers["Authorization"] != f"Bearer {sys.argv[2]}":
            return self.say(401)
        if self.path == "/empty":
            return self.say(404, "nobody is here\n")
        if self.path == "/counter":
            return self.say(406)
        if self.path == "/moved":
            return self.say(307, headers={"Location": "/folder/live?x=1"})
        seen["type"], seen["recvonly"] = self.headers["Content-Type"], offer.count("a=recvonly")
        sdp = asyncio.run_coroutine_threadsafe(answer("/folder/session/1", offer), loop).result()
        self.say(201, sdp, {"Content-Type": "application/sdp", "Location": "session/1"})

    def do_DELETE(self):
        seen["deleted"], seen["token"] = self.path, self.headers["Authorization"]
        asyncio.run_coroutine_threadsafe(peers[self.path].close(), loop).result()
        self.say(200)
        done.set()

    def say(self, status, body="", headers={"Content-Type": "text/plain"}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


threading.Thread(target=loop.run_forever, daemon=True).start()
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
done.wait(100)
server.shutdown()
print(json.dumps(seen))
