// Opens a broadcast in Chromium, on its page or by its bare address, listens, and prints what was heard as JSON.
// Arguments: the folder of modules, the address, `page` or `bare`, how often to begin, seconds to listen, a folder for pictures.
"use strict";
const [modules, address, how, tries, seconds, folder] = process.argv.slice(2);
const { chromium } = require(modules + "/playwright-core");

/** In the page: starts to measure what its audio element plays. */
function measure(element, own) {
  const heard = { frames: 0, silent: 0, waits: 0, level: -99, hertz: 0, longest: 0 };
  window.heard = heard;
  element.addEventListener("waiting", () => heard.waits++);
  const node = own || (() => {
    const context = new AudioContext();
    const node = context.createAnalyser();
    node.fftSize = 2048;
    context.createMediaElementSource(element).connect(node).connect(context.destination);
    return node;
  })();
  const samples = new Float32Array(node.fftSize);
  let quiet = 0;
  setInterval(() => {
    node.getFloatTimeDomainData(samples);
    let [sum, ups] = [0, 0];
    for (let at = 1; at < samples.length; at++) {
      sum += samples[at] ** 2;
      if (samples[at - 1] < 0 && samples[at] >= 0) ups++;
    }
    const level = 10 * Math.log10(sum / samples.length + 1e-12);
    heard.frames++;
    if (level < -50) {
      heard.silent++;
      heard.longest = Math.max(heard.longest, ++quiet);
      return;
    }
    quiet = 0;
    heard.level = level;
    heard.hertz = ups * node.context.sampleRate / samples.length;
  }, 50);
}

/** Presses the button; milliseconds from there to the first sound. */
async function startPage(page) {
  await page.goto(address, { waitUntil: "load" });
  await page.locator("#play").waitFor({ state: "visible" });
  await page.evaluate(() => {
    const audio = document.querySelector("audio");
    document.getElementById("play").addEventListener("click", () => { window.clicked = performance.now(); }, true);
    audio.addEventListener("playing", () => { window.playing ??= performance.now(); });
  });
  await page.locator("#play").click();
  await page.waitForFunction(() => window.playing, null, { timeout: 60000 });
  return page.evaluate(() => window.playing - window.clicked);
}

/** Goes to the stream itself; milliseconds from there to the first sound. */
async function startBare(page) {
  const from = Date.now();
  await page.goto(address, { waitUntil: "commit" });
  await page.waitForSelector("video, audio", { state: "attached" });
  await page.evaluate(() => new Promise((done) => {
    const element = document.querySelector("video, audio");
    element.muted = false;
    const look = () => element.currentTime > 0 && !element.paused ? done() : setTimeout(look, 5);
    element.play().catch(() => {});
    look();
  }));
  return Date.now() - from;
}

(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--no-proxy-server", "--mute-audio"];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args });
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (line) => line.type() === "error" && errors.push(line.text()));
  const result = { errors };
  result.starts = [];
  for (let left = tries; left > 0; left--) {
    // Each try begins as somebody who has just come.
    await page.goto("about:blank");
    result.starts.push(await (how === "page" ? startPage : startBare)(page));
  }
  await page.evaluate("(" + measure + ")(document.querySelector('video, audio'), " + (how === "page" ? "analyser" : "null") + ")");
  await page.waitForTimeout(300);
  const from = await page.evaluate(() => ({ at: document.querySelector("video, audio").currentTime, now: performance.now() }));
  await page.waitForTimeout(seconds * 1000);
  const to = await page.evaluate(() => ({ at: document.querySelector("video, audio").currentTime, now: performance.now() }));
  result.played = to.at - from.at;
  result.wall = (to.now - from.now) / 1000;
  result.heard = await page.evaluate(() => window.heard);
  if (how === "page") {
    result.text = await page.evaluate(() => document.querySelector("main").innerText);
    result.title = await page.title();
    await page.screenshot({ path: folder + "/page.png" });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(300);
    result.overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    await page.screenshot({ path: folder + "/phone.png" });
    // By keyboard alone: the space bar stops, Tab leads to the button, Enter begins again.
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("Space");
    result.stopped = await page.evaluate(() => document.querySelector("audio").paused && document.getElementById("play").getAttribute("aria-pressed") === "false");
    await page.locator("#play").focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("audio").currentTime > 0 && !document.querySelector("audio").paused, null, { timeout: 60000 });
    result.again = true;
  }
  console.log(JSON.stringify(result));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
