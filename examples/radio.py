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
import subprocess
import sys
import time
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


def tell(url, title):
    """Says what is being played: a request to the broadcast itself."""
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.urlencode({"mode": "updinfo", "mount": parts.path, "song": title})
    request = urllib.request.Request(f"{parts.scheme}://{parts.netloc}/admin/metadata?{query}")
    request.add_header("Authorization", "Basic " + base64.b64encode(LOGIN.encode()).decode())
    urllib.request.urlopen(request, timeout=5).close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000/stream.mp3")
    parser.add_argument("--phrases", type=int, help="how many; without it until Ctrl-C")
    parser.add_argument("--program", default="brooklet")
    options = parser.parse_args()
    command = [options.program, "-f", "f32le", "-acodec", "pcm_f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:"]
    command += ["-b:a", "64k", "-ice_name", "Made on the fly", "-admin", LOGIN, "-f", "mp3", "-listen", "1", options.url]
    broadcast = subprocess.Popen(command, stdin=subprocess.PIPE)
    dice = random.Random(7)
    try:
        for number in itertools.islice(itertools.count(1), options.phrases):
            samples = phrase(dice)
            if sys.byteorder == "big":
                samples.byteswap()
            broadcast.stdin.write(samples.tobytes())
            broadcast.stdin.flush()
            if number == 1:
                time.sleep(0.5)
            tell(options.url, f"Phrase {number}")
            time.sleep(len(samples) / RATE + dice.uniform(0.5, 1.5))
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    broadcast.stdin.close()
    return broadcast.wait()


if __name__ == "__main__":
    sys.exit(main())
