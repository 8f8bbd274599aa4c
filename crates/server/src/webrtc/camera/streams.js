// The live streams of this server, each to be watched by WHEP.

import { explain, leave, post, tokenHeader } from "./camera.js";

const $ = (id) => document.getElementById(id);
let watched = null;
/** Its URL at the server. */
let session = null;

/** Shows what is live now, and again every few seconds. */
export async function followStreams() {
  try {
    const status = await (await fetch("status.json")).json();
    // A stream that is coded anew for browsers is the same as the one that it is made from.
    const isOwn = (stream) => stream.live && stream.codecs.length && !stream.name.endsWith(" (for WebRTC)");
    show(status.streams.filter(isOwn));
  } catch {
    // The camera's own troubles say that the server is gone.
  }
  setTimeout(followStreams, 3000);
}

function show(streams) {
  $("live").hidden = streams.length === 0 && !watched;
  const known = [...$("streams").children].map((item) => item.dataset.name);
  const names = streams.map((stream) => stream.name);
  if (known.join("\n") === names.join("\n")) return;
  $("streams").replaceChildren(...streams.map((stream) => {
    const item = document.createElement("li");
    item.dataset.name = stream.name;
    const about = document.createElement("span");
    about.textContent = `${stream.name} (${stream.codecs.join(", ")})`;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "WATCH";
    button.setAttribute("aria-label", `Watch ${stream.name}`);
    button.addEventListener("click", () => watch(stream.name));
    item.append(button, about);
    return item;
  }));
}

async function watch(name) {
  $("live-trouble").textContent = "";
  stop();
  const pc = watched = new RTCPeerConnection();
  const stream = new MediaStream();
  const video = $("stream");
  video.hidden = false;
  pc.ontrack = ({ track, receiver }) => {
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    stream.addTrack(track);
    video.srcObject = stream;
  };
  pc.onconnectionstatechange = () => {
    if (pc === watched && pc.connectionState === "failed") $("live-trouble").textContent = "The stream ended, or the way to it broke.";
  };
  for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
  try {
    const { url, answer } = await post(pc, `whep/${name}`, tokenHeader());
    if (pc !== watched) return leave(url);
    session = url;
    await pc.setRemoteDescription(answer);
  } catch (error) {
    if (pc !== watched) return;
    $("live-trouble").textContent = explain(error);
    stop();
  }
}

function stop() {
  watched?.close();
  leave(session);
  watched = session = null;
}

window.addEventListener("pagehide", stop);
