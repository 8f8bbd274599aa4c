"""imageio-ffmpeg with the program in ffmpeg's place: `imageio.py CLIP OUT`. Reads a second of CLIP, writes 30 pictures to OUT, and says in
JSON what it saw."""

import json
import sys

import imageio_ffmpeg

clip, out = sys.argv[1:3]
reader = imageio_ffmpeg.read_frames(clip, output_params=["-t", "1"])
seen = next(reader)
width, height = seen["size"]
sizes = [len(picture) for picture in reader]
assert all(size == width * height * 3 for size in sizes), sizes

writer = imageio_ffmpeg.write_frames(out, (320, 240))
writer.send(None)
for number in range(30):
    writer.send(bytes([number * 8]) * (320 * 240 * 3))
writer.close()
print(json.dumps({"size": [width, height], "fps": seen["fps"], "seconds": seen["duration"], "pictures": len(sizes)}))
