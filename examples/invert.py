#!/usr/bin/env python3
"""Takes a live stream, changes each picture, and sends it on as another live stream.

    python3 examples/invert.py rtmp://127.0.0.1/live/in rtmp://127.0.0.1/live/out --size 640x360 --rate 24

Needs numpy. Pictures come and go as raw RGB through two pipes, one program at each end. With `--program ffmpeg` the very
same words are said to ffmpeg. It runs until the stream ends or Ctrl-C; then both programs finish properly.

What happens when something is slow or goes away:
- This script is slow: the pipe fills, the reading program waits, and the server drops what it can't get rid of.
- The server of the first stream goes away: the reading program ends, the pipe with it, and the second stream is finished.
- The server of the second stream goes away: the writing program ends, and this script says so and stops reading.
"""

import argparse
import subprocess
import sys

import numpy


def main() -> int:
    wanted = arguments()
    width, height = (int(side) for side in wanted.size.split("x"))
    reader = subprocess.Popen(
        [wanted.program, "-loglevel", "warning", "-i", wanted.source,
         "-an", "-s", wanted.size, "-r", wanted.rate,
         "-f", "image2pipe", "-pix_fmt", "rgb24", "-vcodec", "rawvideo", "-"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    writer = subprocess.Popen(
        [wanted.program, "-loglevel", "warning", "-y", "-f", "rawvideo", "-vcodec", "rawvideo",
         "-s", wanted.size, "-pix_fmt", "rgb24", "-r", wanted.rate, "-i", "-", "-an",
         "-c:v", "h264", "-pix_fmt", "yuv420p", "-g", wanted.rate, "-tune", "zerolatency", "-f", "flv", wanted.target],
        stdin=subprocess.PIPE)
    change = {"invert": invert, "grey": grey}[wanted.change]
    pictures = 0
    try:
        while (raw := read_exactly(reader.stdout, width * height * 3)) is not None:
            picture = numpy.frombuffer(raw, numpy.uint8).reshape(height, width, 3)
            writer.stdin.write(change(picture).tobytes())
            pictures += 1
    except BrokenPipeError:
        print("the writing program takes no more", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    reader.terminate()
    try:
        writer.stdin.close()
    except BrokenPipeError:
        pass
    reader.wait()
    outcome = writer.wait()
    print(f"{pictures} pictures")
    return outcome


def invert(picture: numpy.ndarray) -> numpy.ndarray:
    return 255 - picture


def grey(picture: numpy.ndarray) -> numpy.ndarray:
    luma = picture @ numpy.array([0.299, 0.587, 0.114])
    return numpy.repeat(luma.round().astype(numpy.uint8)[:, :, None], 3, axis=2)


def read_exactly(pipe, count: int):
    """The next picture whole, or None at the end."""
    parts = []
    while count > 0:
        part = pipe.read(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="the stream to read: rtmp://...")
    parser.add_argument("target", help="the stream to write: rtmp://...")
    parser.add_argument("--size", default="640x360", help="of the pictures, WIDTHxHEIGHT")
    parser.add_argument("--rate", default="25", help="pictures in a second")
    parser.add_argument("--change", choices=["invert", "grey"], default="invert")
    parser.add_argument("--program", default="brooklet", help="brooklet, or ffmpeg")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
