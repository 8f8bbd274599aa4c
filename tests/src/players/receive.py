"""Receives a URL with PyAV, copying: receive.py URL FILE."""

import sys

import av

url, path = sys.argv[1:]
with av.open(url) as source, av.open(path, "w", format="flv") as target:
    streams = {stream.index: target.add_stream_from_template(stream, opaque=True) for stream in source.streams}
    for packet in source.demux():
        # An empty packet at the end tells decoders so; it is none of the stream's.
        if packet.size:
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
