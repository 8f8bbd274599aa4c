// A time in a picture: 16 squares in four rows, each a bit of milliseconds, for pictures that are 640 wide.

/** In a page: for some seconds, how long ago each picture that `selector` shows was drawn, in ms; `clock` is what the squares count by. */
exports.delays = ({ selector, seconds, clock }) => new Promise((done) => {
  const [video, canvas] = [document.querySelector(selector), document.createElement('canvas')];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const [seen, began] = [[], performance.now()];
  const next = () => video.requestVideoFrameCallback((now) => {
    const shown = Math.round(clock === 'epoch' ? performance.timeOrigin + now : now);
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    context.drawImage(video, 0, 0);
    const scale = canvas.width / 640;
    let drawn = 0;
    for (let bit = 0; bit < 16; bit += 1) {
      const [x, y] = [((bit % 4) * 80 + 50) * scale, ((bit >> 2) * 80 + 50) * scale];
      drawn |= (context.getImageData(x, y, 1, 1).data[1] > 128) << bit;
    }
    seen.push((shown % 0x10000 - drawn + 0x10000) % 0x10000);
    if (now - began < seconds * 1000) next(); else done(seen);
  });
  next();
});

const middle = (numbers, part) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * part)];

exports.summary = (delays) => ({ pictures: delays.length, median: middle(delays, 0.5), p95: middle(delays, 0.95) });
