// The camera to the server, through a task, and back.

import { Graphs } from "./graphs.js";
import { drawSettings, settingsIn } from "./settings.js";
import { followStreams } from "./streams.js";

const $ = (id) => document.getElementById(id);
/** How long ICE may look for this browser's addresses before the offer goes; more follow. */
const GATHER = 500;

let tasks = [];
let iceServers = [];
let session = null;
const graphs = new Graphs($("graphs"));

/** Words for what went wrong. */
export function explain(error) {
  const words = {
    NotAllowedError: "The browser did not get leave to use the camera or microphone. Allow it beside the address, then press START again.",
    NotFoundError: "There is no such camera or microphone. Connect one, or choose another.",
    NotReadableError: "The camera or microphone can't be read. Another program may be using it.",
    OverconstrainedError: "The camera can't do that size or rate. Choose another.",
    TypeError: "The server does not answer. Is it still running?",
  };
  return words[error.name] || error.message || String(error);
}

/** `Authorization`, where a token was given. */
export function tokenHeader() {
  const token = $("token").value.trim();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Offers what a connection has to `path`: the answer, which is to be taken, and the URL of the session that comes of it. */
export async function post(pc, path, headers) {
  await pc.setLocalDescription();
  await gathered(pc);
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", ...headers },
    body: pc.localDescription.sdp,
  });
  const text = await answer.text();
  if (answer.status === 401) throw new Error("The server wants a token, or another one.");
  if (!answer.ok) throw new Error(`The server refused: ${text.trim()}`);
  return { url: new URL(answer.headers.get("Location"), answer.url).href, answer: { type: "answer", sdp: text } };
}

/** Ends a session at the server, also when the page is left. */
export function leave(url) {
  if (url) fetch(url, { method: "DELETE", keepalive: true }).catch(() => {});
}

function gathered(pc) {
  return new Promise((done) => {
    const check = () => pc.iceGatheringState === "complete" && done();
    pc.addEventListener("icegatheringstatechange", check);
    check();
    setTimeout(done, GATHER);
  });
}

/** One camera on its round trip, from START to STOP. */
class Session {
  constructor() {
    this.pc = new RTCPeerConnection({ iceServers });
    this.last = null;
  }

  async start() {
    say("Waiting for the camera …");
    const media = await navigator.mediaDevices.getUserMedia(constraints());
    if (session !== this) return stopTracks(media);
    this.media = media;
    $("sent").srcObject = media;
    listDevices();
    const returned = new MediaStream();
    this.pc.ontrack = ({ track, receiver }) => {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      returned.addTrack(track);
      $("returned").srcObject = returned;
    };
    this.pc.onconnectionstatechange = () => this.connection(this.pc.connectionState);
    for (const track of media.getTracks()) this.pc.addTrack(track, media);
    say("Connecting …");
    const query = new URLSearchParams({ task: $("task").value, ...settingsIn($("settings")) });
    const { url, answer } = await post(this.pc, `camera?${query}`, tokenHeader());
    // The server has it from here on, whatever becomes of it here: who stopped meanwhile could not name it.
    this.url = url;
    if (session !== this) return this.stop();
    await this.pc.setRemoteDescription(answer);
    this.pc.onicecandidate = ({ candidate }) => candidate?.candidate && this.patch(
      "application/trickle-ice-sdpfrag",
      `a=ice-ufrag:${candidate.usernameFragment}\r\na=${candidate.candidate}\r\n`,
    );
    this.timer = setInterval(() => this.measure().catch(() => {}), 1000);
  }

  stop() {
    clearInterval(this.timer);
    this.pc.close();
    if (this.media) stopTracks(this.media);
    leave(this.url);
    this.url = null;
  }

  connection(state) {
    if (session !== this) return;
    if (state === "connected") say("Live", true);
    if (state === "disconnected") say("The way to the server is interrupted …");
    if (state === "failed") {
      this.why().then((why) => session === this && end(why || (this.last
        ? "The connection broke. Press START to try again."
        : "No way was found between this browser and the server: something on the way stops UDP. A TURN server (--ice-server turn:…) helps.")));
    }
  }

  /** What the server says of why it ended. */
  async why() {
    const answer = await fetch(this.url);
    return answer.ok ? (await answer.json()).failure : null;
  }

  async choose(choice) {
    await this.patch("application/json", JSON.stringify(choice));
  }

  async patch(type, body) {
    if (!this.url) return;
    const answer = await fetch(this.url, { method: "PATCH", headers: { "Content-Type": type }, body });
    if (!answer.ok && answer.status !== 404) $("trouble").textContent = (await answer.text()).trim();
  }

  async measure() {
    const [stats, answer] = await Promise.all([this.pc.getStats(), fetch(this.url)]);
    if (session !== this) return;
    const report = answer.ok ? await answer.json() : null;
    if (report?.failure) return end(`It ended at the server: ${report.failure}`);
    const now = { at: performance.now() };
    for (const stat of stats.values()) {
      if (stat.type === "inbound-rtp" && stat.kind === "video") Object.assign(now, {
        frames: stat.framesDecoded, bytes: stat.bytesReceived, lost: stat.packetsLost, received: stat.packetsReceived,
      });
      if (stat.type === "candidate-pair" && stat.nominated) now.trip = stat.currentRoundTripTime * 1000;
    }
    if (this.last) {
      const seconds = (now.at - this.last.at) / 1000;
      const since = (name) => now[name] - this.last[name];
      graphs.add({
        rate: since("frames") / seconds,
        bits: since("bytes") * 8 / 1000 / seconds,
        trip: now.trip,
        lost: 100 * Math.max(0, since("lost")) / Math.max(1, since("lost") + since("received")),
        work: report?.processing,
      });
    }
    this.last = now;
  }
}

function constraints() {
  const [width, height] = $("size").value.split("x").map(Number);
  const device = (id) => (id ? { deviceId: { exact: id } } : {});
  const microphone = $("microphone").value;
  return {
    video: { width, height, frameRate: Number($("rate").value), ...device($("camera").value) },
    audio: microphone === "none" ? false : { echoCancellation: true, ...device(microphone) },
  };
}

async function listDevices() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  for (const [id, kind] of [["camera", "videoinput"], ["microphone", "audioinput"]]) {
    const select = $(id);
    const chosen = select.value;
    [...select.options].filter((option) => option.value && option.value !== "none").forEach((option) => option.remove());
    devices.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== "default")
      .forEach((device) => select.add(new Option(device.label || `${kind} ${select.length}`, device.deviceId)));
    select.value = [...select.options].some((option) => option.value === chosen) ? chosen : "";
  }
}

function stopTracks(media) {
  media.getTracks().forEach((track) => track.stop());
}

function say(text, live = false) {
  $("state").textContent = text;
  document.body.classList.toggle("live", live);
}

function begin() {
  $("trouble").textContent = "";
  graphs.clear();
  $("start").textContent = "STOP";
  $("start").classList.add("running");
  const mine = session = new Session();
  mine.start().catch((error) => session === mine && end(explain(error)));
}

function end(trouble = "") {
  session?.stop();
  session = null;
  $("sent").srcObject = $("returned").srcObject = null;
  $("start").textContent = "START";
  $("start").classList.remove("running");
  say("Ready");
  $("trouble").textContent = trouble;
}

function chosenTask() {
  const task = tasks.find((task) => task.name === $("task").value);
  if (task) drawSettings($("settings"), task, (name, value) => session?.choose({ settings: { [name]: value } }));
  return task;
}

async function load() {
  const offered = await (await fetch("camera.json", { headers: tokenHeader() })).json();
  ({ tasks, iceServers } = offered);
  $("locked").hidden = !offered.token;
  if ($("task").length === 0) {
    for (const task of tasks) $("task").add(new Option(task.title, task.name));
    chosenTask();
  }
}

$("sidebar").addEventListener("submit", (event) => {
  event.preventDefault();
  if (session) return end();
  load().then(begin, (error) => end(explain(error)));
});
$("task").addEventListener("change", () => {
  const task = chosenTask();
  session?.choose({ task: task.name, settings: settingsIn($("settings")) });
});
for (const id of ["camera", "microphone", "size", "rate"]) {
  $(id).addEventListener("change", () => { if (session) { end(); begin(); } });
}
$("hear").addEventListener("change", () => { $("returned").muted = !$("hear").checked; });
$("devices").open = matchMedia("(min-width: 48rem)").matches;
window.addEventListener("pagehide", () => session?.stop());

if (window.isSecureContext && navigator.mediaDevices) {
  navigator.mediaDevices.addEventListener("devicechange", listDevices);
  listDevices();
} else {
  $("start").disabled = true;
  $("trouble").textContent = "Browsers give the camera only to secure pages. Open this page by https:// (the server needs --https and --tls self), or on its own machine by http://127.0.0.1.";
}
load().catch((error) => { $("trouble").textContent = explain(error); });
followStreams();
