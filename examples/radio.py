#!/usr/bin/env python3
"""Makes sound as a speech synthesiser does, phrase by phrase with pauses, and broadcasts it to a page in the browser.

    python3 examples/radio.py            # then open http://127.0.0.1:8000/

Each phrase is float32 samples at 24 kHz, written to the program's standard input as soon as it is made. Between phrases
listeners hear silence; the title changes with each. Nothing but Python's own library is used.
"""

import argparse
import array
import base64
import itertools
import math
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

RATE = 24_000
LOGIN = "radio:" + "%08x" % random.getrandbits(32)
SCALE = [220.0 * 2 ** (step / 12) for step in (0, 3, 5, 7, 10, 12, 15)]


def note(hertz, seconds):
    """A voice-like tone: a few harmonics that fade, with a little vibrato."""
    count = int(RATE * seconds)
    for n in range(count):
        t = n / RATE
        fade = min(1.0, 50 * t) * min(1.0, 8 * (seconds - t))
        phase = 2 * math.pi * hertz * t + 0.6 * math.sin(2 * math.pi * 5.5 * t)
        yield 0.3 * fade * (math.sin(phase) + 0.5 * math.sin(2 * phase) + 0.25 * math.sin(3 * phase))


def phrase(random):
    """Some notes, as float32 samples."""
    samples = array.array("f")
    for _ in range(random.randint(4, 8)):
        samples.extend(note(random.choice(SCALE), random.choice((0.2, 0.2, 0.4))))
    return samples


def listening(broadcast, url):
    """Waits until the program listens; false where it has ended instead, and has said why."""
    parts = urllib.parse.urlsplit(url)
    while broadcast.poll() is None:
        try:
            socket.create_connection((parts.hostname, parts.port or 80), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def tell(url, title):
    """Says what is being played: a request to the broadcast itself."""
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.urlencode({"mode": "updinfo", "mount": parts.path, "song": title})
    request = urllib.request.Request(f"{parts.scheme}://{parts.netloc}/admin/metadata?{query}")
    request.add_header("Authorization", "Basic " + base64.b64encode(LOGIN.encode()).decode())
    try:
        urllib.request.urlopen(request, timeout=5).close()
    except urllib.error.URLError as error:
        print(f"radio.py: nobody takes the title: {error}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000/stream.mp3")
    parser.add_argument("--phrases", type=int, help="how many; without it until Ctrl-C")
    parser.add_argument("--program", default="brooklet")
    options = parser.parse_args()
    command = [options.program, "-f", "f32le", "-acodec", "pcm_f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:"]
    command += ["-b:a", "64k", "-ice_name", "Made on the fly", "-admin", LOGIN, "-f", "mp3", "-listen", "1", options.url]
    try:
        broadcast = subprocess.Popen(command, stdin=subprocess.PIPE)
    except FileNotFoundError:
        sys.exit(f"radio.py: there is no program '{options.program}'; --program says where it is, as target/release/brooklet")
    dice = random.Random(7)
    try:
        if not listening(broadcast, options.url):
            return broadcast.returncode
        for number in itertools.islice(itertools.count(1), options.phrases):
            samples = phrase(dice)
            if sys.byteorder == "big":
                samples.byteswap()
            broadcast.stdin.write(samples.tobytes())
            broadcast.stdin.flush()
            tell(options.url, f"Phrase {number}")
            time.sleep(len(samples) / RATE + dice.uniform(0.5, 1.5))
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    broadcast.stdin.close()
    return broadcast.wait()


if __name__ == "__main__":
    sys.exit(main())
