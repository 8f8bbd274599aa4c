// Chromium with a camera whose pictures say when they were drawn, sent to URL (an offer, `POST`) and back:
// `node echo.js MODULES URL SECONDS`. Says in JSON what came back, and how late.
const [modules, url, seconds] = process.argv.slice(2);
const { chromium } = require(`${modules}/playwright-core`);
const { delays, summary } = require('./timecode.js');

const begin = async ({ url }) => {
  const [width, height] = [640, 480];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  const camera = canvas.captureStream(0);
  setInterval(() => {
    const now = Math.round(performance.now()) & 0xffff;
    context.fillStyle = `hsl(${now / 20} 50% 50%)`;
    context.fillRect(0, 0, width, height);
    for (let bit = 0; bit < 16; bit += 1) {
      context.fillStyle = (now >> bit) & 1 ? '#fff' : '#000';
      context.fillRect((bit % 4) * 80 + 20, (bit >> 2) * 80 + 20, 60, 60);
    }
    camera.getVideoTracks()[0].requestFrame();
  }, 33);
  const pc = new RTCPeerConnection();
  window.pc = pc;
  const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
  document.body.append(video);
  pc.ontrack = ({ track, receiver }) => {
    receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([track]);
  };
  const codecs = RTCRtpReceiver.getCapabilities('video').codecs.filter(({ mimeType }) => /h264|rtx/i.test(mimeType));
  const transceiver = pc.addTransceiver(camera.getVideoTracks()[0], { direction: 'sendrecv' });
  transceiver.setCodecPreferences(codecs);
  await pc.setLocalDescription();
  await new Promise((done) => {
    const check = () => pc.iceGatheringState === 'complete' && done();
    pc.addEventListener('icegatheringstatechange', check);
    check();
    setTimeout(done, 500);
  });
  const headers = { 'Content-Type': 'application/sdp' };
  const answer = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
  if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  // Whatever the way is believed to carry, the pictures keep their size.
  const { sender } = transceiver;
  await sender.setParameters({ ...sender.getParameters(), degradationPreference: 'maintain-resolution' });
  window.session = new URL(answer.headers.get('Location'), url).href;
};

const end = async () => {
  const seen = {};
  for (const stat of (await window.pc.getStats()).values()) {
    if (/^(in|out)bound-rtp$/.test(stat.type) && stat.kind === 'video') seen[stat.type.split('-')[0]] = stat;
  }
  await fetch(window.session, { method: 'DELETE' });
  window.pc.close();
  return seen;
};

(async () => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server', '--disable-features=WebRtcHideLocalIpsWithMdns',
      '--autoplay-policy=no-user-gesture-required'],
  });
  const page = await browser.newPage();
  await page.goto(new URL('/health', url).href);
  await page.evaluate(begin, { url });
  await page.waitForFunction(() => document.querySelector('video').videoWidth > 0, null, { timeout: 30_000 });
  // The encoders' first moments are not what is measured.
  await page.waitForTimeout(3_000);
  const late = await page.evaluate(delays, { selector: 'video', seconds: Number(seconds), clock: 'page' });
  console.log(JSON.stringify({ delay: summary(late), ...await page.evaluate(end) }));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
