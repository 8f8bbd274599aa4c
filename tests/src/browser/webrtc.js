// Chromium as a peer of WebRTC: `node webrtc.js MODULES watch|delay|publish URL SECONDS`. Says in JSON what it saw.
const [modules, verb, url, seconds] = process.argv.slice(2);
const { chromium } = require(`${modules}/playwright-core`);
const { delays, summary } = require('./timecode.js');

const peer = async ({ verb, url, seconds }) => {
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const pc = new RTCPeerConnection();
  const seen = { states: [] };
  pc.onconnectionstatechange = () => seen.states.push(pc.connectionState);
  const video = document.createElement('video');
  video.muted = true;
  video.autoplay = true;
  document.body.append(video);
  if (verb === 'watch') {
    const stream = new MediaStream();
    pc.ontrack = ({ track, receiver }) => {
      receiver.jitterBufferTarget = 0;
      stream.addTrack(track);
      video.srcObject = stream;
    };
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
  } else {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 20 } });
    for (const track of media.getTracks()) {
      const codecs = RTCRtpSender.getCapabilities(track.kind).codecs;
      const wanted = codecs.filter(({ mimeType }) => /h264|opus|rtx/i.test(mimeType));
      pc.addTransceiver(track, { direction: 'sendonly' }).setCodecPreferences(wanted);
    }
  }
  // Candidates come as they are found, and are told once there is somebody to tell them to.
  const found = [];
  let tell = (candidate) => found.push(candidate);
  pc.onicecandidate = ({ candidate }) => { if (candidate && candidate.candidate) tell(candidate.candidate); };
  await pc.setLocalDescription();
  const headers = { 'Content-Type': 'application/sdp' };
  const answer = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
  seen.status = answer.status;
  seen.etag = answer.headers.get('ETag');
  const text = await answer.text();
  if (answer.status !== 201) return { ...seen, text };
  const session = new URL(answer.headers.get('Location'), url);
  await pc.setRemoteDescription({ type: 'answer', sdp: text });
  const fragment = `a=ice-ufrag:${/ice-ufrag:(.*)/.exec(pc.localDescription.sdp)[1].trim()}\r\n`;
  const send = (fragment, etag) => fetch(session, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': etag },
    body: fragment,
  });
  tell = (candidate) => send(`${fragment}a=${candidate}\r\n`, seen.etag).then(({ status }) => { seen.patched = status; });
  found.forEach((candidate) => tell(candidate));
  seen.hidden = found.some((candidate) => candidate.includes('.local '));
  const began = performance.now();
  const canvas = document.createElement('canvas');
  const look = () => {
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    if (!canvas.width) return null;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };
  if (verb === 'watch') {
    for (let n = 0; n < 300 && !video.videoWidth; n += 1) await sleep(50);
    seen.start = performance.now() - began;
  }
  // What is heard: the loudest frequency, and how loud it is.
  const sound = new AudioContext();
  const analyser = new AnalyserNode(sound, { fftSize: 8192 });
  if (verb === 'watch' && video.srcObject?.getAudioTracks().length) sound.createMediaStreamSource(video.srcObject).connect(analyser);
  await sleep(seconds * 500);
  const first = verb === 'watch' ? look() : null;
  await sleep(seconds * 500);
  if (first) {
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    seen.heard = { hertz: loudest * sound.sampleRate / analyser.fftSize, decibels: levels[loudest] };
    const last = look();
    let [moved, coloured] = [0, 0];
    for (let at = 0; at < last.length; at += 4) {
      moved += Math.abs(last[at] - first[at]) > 32;
      coloured += Math.max(last[at], last[at + 1], last[at + 2]) - Math.min(last[at], last[at + 1], last[at + 2]) > 48;
    }
    seen.moved = moved / (last.length / 4);
    seen.coloured = coloured / (last.length / 4);
  }
  const stats = [...(await pc.getStats()).values()];
  for (const stat of stats) {
    if (stat.type === 'inbound-rtp' || stat.type === 'outbound-rtp') seen[stat.kind] = stat;
    if (stat.type === 'codec') seen.codecs = [...(seen.codecs || []), stat.mimeType];
  }
  seen.wrong = (await send(fragment, '"another"')).status;
  seen.ended = (await fetch(session, { method: 'DELETE' })).status;
  // A recording ends with its publisher, and its server with it.
  seen.again = await fetch(session, { method: 'DELETE' }).then(({ status }) => status, () => 'gone');
  pc.close();
  return seen;
};

(async () => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream',
      // Who may use the camera may know addresses; whoever only watches hides its own behind a name.
      ...(verb === 'publish' ? ['--use-fake-ui-for-media-stream'] : []),
      '--no-proxy-server', '--autoplay-policy=no-user-gesture-required'],
  });
  const page = await browser.newPage();
  await page.goto(new URL('/health', url).href);
  const delay = verb === 'delay' && page.waitForFunction(() => document.querySelector('video')?.videoWidth > 0)
    .then(() => page.waitForTimeout(2_000))
    .then(() => page.evaluate(delays, { selector: 'video', seconds: Number(seconds) - 3, clock: 'epoch' }));
  const seen = await page.evaluate(peer, { verb: verb === 'publish' ? verb : 'watch', url, seconds: Number(seconds) });
  if (delay) seen.delay = summary(await delay);
  console.log(JSON.stringify(seen));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
