// Chromium on the camera page: `node camera.js MODULES URL SCREENSHOT`. Says in JSON what it saw.
const [modules, url, screenshot] = process.argv.slice(2);
const { chromium } = require(`${modules}/playwright-core`);
const { delays, summary } = require('./timecode.js');

/** How a picture differs from one of some time later, and how much of it has colour; each 0 to 1. */
const look = async (wait) => {
  const [video, canvas] = [document.getElementById('returned'), document.createElement('canvas')];
  const take = () => {
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };
  const first = take();
  await new Promise((done) => setTimeout(done, wait));
  const last = take();
  let [moved, coloured] = [0, 0];
  for (let at = 0; at < last.length; at += 4) {
    moved += Math.abs(last[at + 1] - first[at + 1]) > 32;
    coloured += Math.max(last[at], last[at + 1], last[at + 2]) - Math.min(last[at], last[at + 1], last[at + 2]) > 48;
  }
  return { moved: moved / (last.length / 4), coloured: coloured / (last.length / 4), size: [canvas.width, canvas.height] };
};

/** In place of the camera: a picture that says in 16 squares when it was drawn. */
const timeCode = () => {
  navigator.mediaDevices.getUserMedia = async ({ video: { width, height } }) => {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d');
    const stream = canvas.captureStream(0);
    setInterval(() => {
      const now = Math.round(performance.now()) & 0xffff;
      context.fillStyle = `hsl(${now / 20} 50% 50%)`;
      context.fillRect(0, 0, width, height);
      for (let bit = 0; bit < 16; bit += 1) {
        context.fillStyle = (now >> bit) & 1 ? '#fff' : '#000';
        context.fillRect((bit % 4) * 80 + 20, (bit >> 2) * 80 + 20, 60, 60);
      }
      stream.getVideoTracks()[0].requestFrame();
    }, 33);
    return stream;
  };
};

(async () => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--no-proxy-server',
      '--disable-features=WebRtcHideLocalIpsWithMdns', '--autoplay-policy=no-user-gesture-required', '--ignore-certificate-errors'],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: true });
  const seen = { errors: [] };
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  const start = async () => {
    await page.waitForSelector('#task option', { state: 'attached' });
    await page.click('#start');
    await page.waitForFunction(() => document.getElementById('returned').videoWidth > 0, null, { timeout: 30_000 });
    // The encoder's first moments are not what is measured.
    await page.waitForTimeout(2_000);
  };
  const texts = (selector) => page.$$eval(selector, (found) => found.map((one) => one.textContent));

  await page.goto(url);
  await start();
  seen.state = await page.textContent('#state');
  seen.plain = await page.evaluate(look, 700);
  await page.selectOption('#task', 'gray');
  await page.waitForTimeout(1_500);
  seen.grey = await page.evaluate(look, 700);
  await page.screenshot({ path: screenshot, fullPage: true });
  await page.selectOption('#task', 'blur');
  await page.locator('#settings input[name=radius]').fill('20');
  await page.waitForTimeout(1_500);
  seen.after = await page.evaluate(look, 700);
  seen.graphs = await texts('#graphs output');
  seen.trouble = await page.textContent('#trouble');
  await page.click('#start');
  seen.stopped = await page.textContent('#state');

  await page.addInitScript(timeCode);
  await page.goto(url);
  await start();
  seen.delay = summary(await page.evaluate(delays, { selector: '#returned', seconds: 4, clock: 'page' }));
  await page.click('#start');
  console.log(JSON.stringify(seen));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
