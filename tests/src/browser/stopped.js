// Chromium that stops before it is connected: `node stopped.js MODULES URL`. Says in JSON what became of the sessions.
const [modules, url] = process.argv.slice(2);
const { chromium } = require(`${modules}/playwright-core`);

(async () => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--no-proxy-server'],
  });
  const context = await browser.newContext();
  const seen = { sessions: 0, ended: 0 };
  /** What is left of a session 2 s after it was made. */
  const watch = async (location) => {
    seen.sessions += 1;
    for (let n = 0; n < 20; n += 1) {
      if ((await context.request.get(new URL(location, url).href)).status() === 404) return void (seen.ended += 1);
      await new Promise((done) => setTimeout(done, 100));
    }
  };
  /** Presses START, and does something when the server has answered and the page does not know yet. */
  const start = async (meanwhile, after = async () => {}) => {
    const page = await context.newPage();
    let [answered, count] = [null, 0];
    const location = new Promise((done) => { answered = done; });
    await page.route(/\/camera\?/, async (route) => {
      count += 1;
      if (count > 1) return route.continue();
      const response = await route.fetch();
      await meanwhile(page);
      await route.fulfill({ response });
      answered(response.headers().location);
    });
    await page.goto(url);
    await page.waitForSelector('#task option', { state: 'attached' });
    await page.click('#start');
    const made = await location;
    await after(page);
    await watch(made);
    await page.close();
  };
  // STOP while the answer is on its way; STOP and START again; and leaving the page as soon as it is there.
  await start((page) => page.click('#start'));
  await start(async (page) => {
    await page.click('#start');
    await page.click('#start');
  });
  await start(async () => {}, async (page) => {
    await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('/camera?')));
    await page.goto('about:blank');
  });
  console.log(JSON.stringify(seen));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
