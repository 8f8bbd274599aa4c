"use strict";
// The page of a broadcast. It plays through MediaSource where the browser can, so that it begins at once and stays near to
// now; otherwise the browser plays the stream by itself.

const $ = (id) => document.getElementById(id);
const audio = $("audio");

/** Seconds of the recent past to begin with; how far behind we may fall; how much of what was heard is kept. */
const BURST = 3, BEHIND = 10, KEPT = 30;
const PLAY = "M8 5v14l11-7z", STOP = "M6 6h12v12H6z";

let broadcasts = [];
let player = null;
let analyser = null;

/** Feeds one audio element from one broadcast until it is stopped. */
class Player {
  constructor(broadcast) {
    this.broadcast = broadcast;
    this.abort = new AbortController();
    this.queue = [];
    this.failures = 0;
  }

  start() {
    const type = this.broadcast.type;
    this.streams = "MediaSource" in window && MediaSource.isTypeSupported(type);
    if (!this.streams) {
      audio.src = this.broadcast.path + "?t=" + Date.now();
      return;
    }
    const source = new MediaSource();
    this.url = URL.createObjectURL(source);
    audio.src = this.url;
    source.addEventListener("sourceopen", () => {
      this.buffer = source.addSourceBuffer(type);
      // The frames have no times of their own: each follows on the last.
      this.buffer.mode = "sequence";
      this.buffer.addEventListener("updateend", () => this.feed());
      this.run();
    }, { once: true });
  }

  stop() {
    this.abort.abort();
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  /** Fetches, and fetches again where the connection ends. */
  async run() {
    while (!this.abort.signal.aborted) {
      try {
        const options = { signal: this.abort.signal, cache: "no-store" };
        const response = await fetch(this.broadcast.path + "?burst=" + BURST + "s", options);
        if (!response.ok) throw new Error(await reason(response));
        const reader = response.body.getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          this.failures = 0;
          this.queue.push(value);
          this.feed();
        }
        say("The broadcast has ended", "");
      } catch (error) {
        if (this.abort.signal.aborted) return;
        say("Waiting", error instanceof TypeError ? "The connection broke; trying again." : error.message);
      }
      const wait = Math.min(15000, 500 * 2 ** this.failures++);
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  /** Hands what has come to the browser, one piece at a time, and takes back what was heard long ago. */
  feed() {
    const buffer = this.buffer;
    if (buffer.updating || this.abort.signal.aborted || audio.error) return;
    try {
      const ranges = buffer.buffered;
      if (ranges.length) {
        const [start, end] = [ranges.start(0), ranges.end(ranges.length - 1)];
        if (audio.currentTime < start || end - audio.currentTime > BEHIND) {
          audio.currentTime = Math.max(start, end - BURST);
        }
        if (audio.currentTime - start > 2 * KEPT) {
          buffer.remove(start, audio.currentTime - KEPT);
          return;
        }
      }
      if (this.queue.length) buffer.appendBuffer(join(this.queue.splice(0)));
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
    }
  }
}

function join(parts) {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function reason(response) {
  const text = (await response.text()).trim();
  return response.status === 503 ? "All places are taken; trying again." : "The server says: " + (text || response.status);
}

function say(state, trouble) {
  if (state !== null) $("state").textContent = state;
  if (trouble !== null) $("trouble").textContent = trouble;
}

function chosen() {
  return broadcasts.find((it) => it.path === $("format").value) || broadcasts[0];
}

async function play() {
  listenIn();
  player = new Player(chosen());
  show();
  say("Connecting", "");
  player.start();
  try {
    await audio.play();
  } catch (error) {
    if (!player || error.name === "AbortError") return;
    stop();
    const why = error.name === "NotAllowedError" ? "The browser did not allow sound; press Listen again." : "This browser can't play " + chosen().type + ".";
    say("Stopped", why);
  }
}

function stop() {
  if (player) player.stop();
  player = null;
  show();
  say("Stopped", "");
}

function toggle() {
  player ? stop() : play();
}

function show() {
  const on = player !== null;
  $("play").setAttribute("aria-pressed", on);
  $("verb").textContent = on ? "Stop" : "Listen";
  $("shape").setAttribute("d", on ? STOP : PLAY);
  $("radio").classList.toggle("playing", on && !audio.paused);
}

audio.addEventListener("playing", () => { say("Playing", ""); show(); });
audio.addEventListener("waiting", () => player && say("Waiting for sound", null));
audio.addEventListener("ended", () => player && restart());
audio.addEventListener("error", () => {
  if (!player || !audio.error) return;
  say("Waiting", "The sound broke off; trying again.");
  setTimeout(restart, 1500);
});

function restart() {
  if (!player) return;
  player.stop();
  play();
}

$("play").addEventListener("click", toggle);
$("volume").addEventListener("input", () => { audio.volume = $("volume").value / 100; });
$("format").addEventListener("change", () => { links(); if (player) restart(); });
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, button, a") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && broadcasts.length) { event.preventDefault(); toggle(); }
  if (event.key === "m") audio.muted = !audio.muted;
});
audio.volume = 0.9;

// What is drawn.

function listenIn() {
  if (analyser) return analyser.context.resume();
  const context = new (window.AudioContext || window.webkitAudioContext)();
  analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  analyser.smoothingTimeConstant = 0;
  context.createMediaElementSource(audio).connect(analyser).connect(context.destination);
  requestAnimationFrame(draw);
}

const samples = new Float32Array(2048);
const history = new Float32Array(300);
let peak = -60, told = 0, last = 0;

function draw(now) {
  requestAnimationFrame(draw);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (document.hidden || now - last < (calm ? 250 : 30)) return;
  last = now;
  analyser.getFloatTimeDomainData(samples);
  let [sum, most] = [0, 0];
  for (const sample of samples) {
    sum += sample * sample;
    most = Math.max(most, Math.abs(sample));
  }
  const level = Math.max(-60, 10 * Math.log10(sum / samples.length + 1e-9));
  peak = Math.max(level, peak - 0.6);
  history.copyWithin(0, 1);
  history[history.length - 1] = most;
  const part = (decibels) => 100 * (decibels + 60) / 60;
  $("bar").style.clipPath = "inset(0 " + (100 - part(level)) + "% 0 0)";
  $("peak").style.left = "calc(" + part(peak) + "% - 3px)";
  if (now - told > 1000) {
    told = now;
    $("level").setAttribute("aria-valuenow", Math.round(level));
    $("level").setAttribute("aria-valuetext", level <= -59 ? "silent" : Math.round(level) + " decibels");
  }
  paint();
}

/** The past, from left to right, as bars; over it the wave of this moment. */
function paint() {
  const canvas = $("wave"), pen = canvas.getContext("2d");
  const { width, height } = canvas, middle = height / 2, step = width / history.length;
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--wave");
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = colour;
  pen.globalAlpha = 0.35;
  history.forEach((value, at) => {
    const tall = Math.max(2, Math.min(1, value) * (height - 8));
    pen.fillRect(at * step, middle - tall / 2, step * 0.65, tall);
  });
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.lineWidth = 2.5;
  pen.beginPath();
  for (let at = 0; at < samples.length; at += 4) {
    pen.lineTo(at * width / samples.length, middle - Math.max(-1, Math.min(1, samples[at])) * (middle - 6));
  }
  pen.stroke();
}

// What there is.

async function look() {
  try {
    const status = await (await fetch("status.json", { cache: "no-store" })).json();
    tell(status);
  } catch {
    if (!player) say("The server does not answer", null);
  }
}

function tell(status) {
  broadcasts = status.broadcasts;
  const any = broadcasts.length > 0;
  $("radio").hidden = !any && !player;
  $("silence").hidden = any || player !== null || status.streams.length > 0;
  list(status.streams);
  if (!any) return;
  const select = $("format"), names = broadcasts.map((it) => it.path).join();
  if (select.dataset.names !== names) {
    const before = select.value;
    select.replaceChildren(...broadcasts.map((it) => new Option(it.path + " (" + (it.codec || it.type) + ")", it.path)));
    select.dataset.names = names;
    // Begins with one that can be fed piece by piece, where there is one.
    const quick = broadcasts.find((it) => "MediaSource" in window && MediaSource.isTypeSupported(it.type));
    select.value = broadcasts.some((it) => it.path === before) ? before : (quick || broadcasts[0]).path;
    $("formats").hidden = broadcasts.length < 2;
    links();
  }
  const now = chosen(), name = now.name || now.path;
  text("station", name);
  text("title", now.title || "");
  text("description", [now.description, now.genre].filter(Boolean).join(" · "));
  $("description").hidden = !$("description").textContent;
  text("listeners", String(broadcasts.reduce((sum, it) => sum + it.listeners, 0)));
  text("rate", now.bitRate ? Math.round(now.bitRate / 1000) + " kbit/s" : "–");
  const channels = { 1: "mono", 2: "stereo" }[now.channels] || (now.channels ? now.channels + " channels" : "");
  text("sound", now.sampleRate ? now.sampleRate / 1000 + " kHz " + channels : "–");
  text("age", span(now.seconds));
  document.title = (now.title ? now.title + " – " : "") + name;
  $("home").hidden = !now.url;
  if (now.url) $("site").href = now.url;
  if ("mediaSession" in navigator && window.MediaMetadata) {
    const [title, artist] = [now.title || name, name];
    const shown = navigator.mediaSession.metadata;
    if (!shown || shown.title !== title) navigator.mediaSession.metadata = new MediaMetadata({ title, artist });
  }
}

/** Says it only where it is new: screen readers read what is said again. */
function text(id, value) {
  if ($(id).textContent !== value) $(id).textContent = value;
}

function links() {
  const { path } = chosen();
  $("direct").href = path;
  $("m3u").href = path + ".m3u";
  $("pls").href = path + ".pls";
}

function list(streams) {
  $("streams").hidden = streams.length === 0;
  $("rows").replaceChildren(...streams.map((it) => {
    const row = document.createElement("tr");
    const cells = [it.name, it.live ? "live" : "waiting", it.codecs.join(", "), it.viewers, size(it.received), size(it.sent)];
    cells.forEach((value, at) => {
      const cell = document.createElement(at ? "td" : "th");
      if (!at) cell.scope = "row";
      cell.textContent = value;
      row.append(cell);
    });
    return row;
  }));
}

function size(bytes) {
  return bytes < 1e6 ? Math.round(bytes / 1e3) + " kB" : bytes < 1e9 ? (bytes / 1e6).toFixed(1) + " MB" : (bytes / 1e9).toFixed(2) + " GB";
}

function span(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours >= 48) return Math.floor(hours / 24) + " days";
  return hours ? hours + " h " + minutes + " min" : minutes ? minutes + " min" : Math.floor(seconds) + " s";
}

if ("mediaSession" in navigator) {
  navigator.mediaSession.setActionHandler("play", () => player || play());
  navigator.mediaSession.setActionHandler("pause", () => player && stop());
  navigator.mediaSession.setActionHandler("stop", () => player && stop());
}
look();
setInterval(() => document.hidden && !player || look(), 2000);
