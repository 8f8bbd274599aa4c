// Chromium plays a file: `node film.js MODULES FILE HOW`. HOW is `file` (as the source of a <video>) or the MIME type to feed it to a
// MediaSource as, in two pieces. Says in JSON what was shown.
const fs = require('fs');
const [modules, file, how] = process.argv.slice(2);
const { chromium } = require(`${modules}/playwright-core`);

(async () => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server', '--autoplay-policy=no-user-gesture-required'],
  });
  const page = await browser.newPage();
  await page.route('http://films.test/**', (route) => {
    const isPage = new URL(route.request().url()).pathname === '/';
    return route.fulfill(isPage
      ? { contentType: 'text/html', body: '<video></video>' }
      : { contentType: 'video/mp4', body: fs.readFileSync(file) });
  });
  await page.goto('http://films.test/');
  const seen = await page.evaluate(async (how) => {
    const video = document.querySelector('video');
    const over = new Promise((done) => {
      video.onended = () => done(null);
      video.onerror = () => done(video.error.message || `error ${video.error.code}`);
    });
    if (how === 'file') {
      video.src = '/film.mp4';
    } else {
      const bytes = await (await fetch('/film.mp4')).arrayBuffer();
      const source = new MediaSource();
      video.src = URL.createObjectURL(source);
      await new Promise((done) => { source.onsourceopen = done; });
      const buffer = source.addSourceBuffer(how);
      const half = bytes.byteLength >> 1;
      for (const piece of [bytes.slice(0, half), bytes.slice(half)]) {
        buffer.appendBuffer(piece);
        await new Promise((done) => { buffer.onupdateend = done; });
      }
      source.endOfStream();
    }
    const error = await Promise.race([video.play().then(() => over, (error) => error.message), over]);
    return {
      error,
      size: [video.videoWidth, video.videoHeight],
      seconds: video.duration,
      pictures: video.webkitDecodedFrameCount,
      sound: video.webkitAudioDecodedByteCount > 0,
      ranges: [...Array(video.buffered.length).keys()].map((n) => [video.buffered.start(n), video.buffered.end(n)]),
    };
  }, how);
  console.log(JSON.stringify(seen));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
