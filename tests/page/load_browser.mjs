// The page of a load in Chromium: BINARY NODE_MODULES [FOLDER]. Prints a line for each case; pictures go to FOLDER, if it is given.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import {
  LOOKS, colours, end, expectAccessible, folder, launch, open, picture, runCases, start, tradesim, until,
} from "./harness.mjs";

const fileUrl = (name) => pathToFileURL(join(folder, name)).href;
const CHARTS = ["rate", "latency", "backlog", "memory", "distribution"];

/** A watched run of a scenario of so many seconds. */
async function watch(seconds, ...args) {
  const name = `run-${seconds}`;
  writeFileSync(join(folder, `${name}.toml`), `
name = "${name}"
about = "200 messages a second"
thresholds = ["lost == 0", "latency.p99 < 60s", "late.p99 < 60s"]
[recording]
file = "day.parquet"
[load]
stages = ["1s:50->200", "${seconds - 1}s:200"]
[target]
kind = "websocket"
[[event]]
at = "1s"
label = "clients stall"
stall_clients = "300ms"
`);
  const { child, line } = await start(["load", "run", `${name}.toml`, "--watch", ...args], "stderr", (line) => line.startsWith("watch at "));
  return { child, url: line.slice("watch at ".length) };
}

const cases = [];
const add = (name, run) => cases.push([name, run]);

add("a run is shown while it lasts, with its verdict at the end", async () => {
  const { child, url } = await watch(5, "--report", "live.html");
  const closed = once(child, "close");
  const [one, two] = [await open(url), await open(url)];
  await until("running", async () => (await one.text("state")) === "running");
  await until("messages", async () => /^[1-9]/.test((await one.text("headline")) ?? ""));
  const before = await one.text("headline");
  await until("more messages", async () => (await one.text("headline")) !== before);
  await until("both pages", async () => (await two.text("state")) === "running");
  await until("lines", async () => (await colours(one.page, "rate")) > 4);
  assert.equal(await one.page.locator("#progress").isVisible(), true);
  assert.equal(await one.page.locator("#thresholds tr").count(), 3);
  await picture(one.page, "load-live");
  await until("the event", async () => (await one.page.locator("#events").textContent()).includes("clients stall"));
  await until("the verdict", async () => (await one.text("state")) === "passed");
  const [code] = await closed;
  assert.equal(code, 0);
  assert.equal(await one.page.locator("#progress").isVisible(), false);
  // the second page may have missed the end, which it says
  await two.page.close();
  await one.close();

  const report = await open(fileUrl("live.html"));
  assert.equal(await report.text("state"), "passed");
  await until("its charts", async () => (await colours(report.page, "rate")) > 4);
  await report.close();
});

add("a run that ends too early leaves a page that says so", async () => {
  const { child, url } = await watch(60);
  const { page, text, close } = await open(url, { allowed: [/ERR_CONNECTION/, /Failed to load/] });
  await until("running", async () => (await text("state")) === "running");
  child.kill("SIGKILL");
  await until("offline", async () => (await text("state")) === "not connected");
  assert.equal(await page.evaluate(() => document.body.classList.contains("offline")), true);
  await close();
});

add("a report is one file: charts, tables, and values by key", async () => {
  const { page, text, close } = await open(fileUrl("a.html"));
  assert.equal(await text("state"), "passed");
  for (const id of CHARTS) await until(id, async () => (await colours(page, id)) > 3);
  assert.match(await page.locator("#figures").textContent(), /latency p99/);
  assert.match(await page.locator("#facts").textContent(), /blake3:[0-9a-f]{64}/);
  await page.locator("#rate").focus();
  await page.keyboard.press("Home");
  const first = await page.locator("#rate").getAttribute("aria-valuetext");
  await page.keyboard.press("ArrowRight");
  const second = await page.locator("#rate").getAttribute("aria-valuetext");
  assert.match(first, /^0 s: schedule \d+, due \d+, arrived \d+$/);
  assert.match(second, /^1 s: schedule 200, due \d+/);
  await page.locator("#latency").hover();
  await until("values at the pointer", async () => /p50 .*, p99 .*, max /.test(await page.locator("#latency").getAttribute("aria-valuetext")));
  await close();
});

add("reports side by side mark what is worse", async () => {
  const { page, text, close } = await open(fileUrl("compared.html"));
  assert.equal(await text("state"), "regression");
  assert.match(await text("headline"), /Worse than A: B: latency.p99 /);
  for (const id of CHARTS) await until(id, async () => (await colours(page, id)) > 3);
  assert.equal(await page.locator("#metrics td.bad").count(), 1);
  assert.equal(await page.locator("#percentiles tr").count() > 5, true);
  assert.match(await page.locator("#differences").textContent(), /stages/);
  await close();
});

for (const [name, options] of LOOKS) {
  for (const file of ["a", "compared"]) {
    add(`${name}, ${file}: nothing serious is wrong for assistive technology, and nothing is cut off`, async () => {
      const { page, close } = await open(fileUrl(`${file}.html`), options);
      await until("lines", async () => (await colours(page, "rate")) > 3);
      await picture(page, `load-${file}-${name}`);
      await expectAccessible(page);
      await close();
    });
  }
}

add("hostile texts of a report are texts", async () => {
  const hostile = "</script><img src=x onerror=alert(1)>\"'`${7*7}<!--{{data}}";
  const report = JSON.parse(readFileSync(join(folder, "a.json"), "utf8"));
  report.name = report.about = report.thresholds[0].threshold = report.thresholds[0].shown = hostile;
  report.events = [{ at_seconds: 1, what: hostile, took_seconds: null }];
  writeFileSync(join(folder, "hostile.json"), JSON.stringify(report));
  try {
    tradesim("load", "compare", "a.json", "hostile.json", "--report", "hostile.html");
  } catch (error) {
    assert.equal(error.status, 3);
  }
  const { page, close } = await open(fileUrl("hostile.html"));
  assert.ok((await page.locator("#reports").textContent()).includes(hostile));
  assert.ok((await page.locator("#thresholds").textContent()).includes(hostile));
  assert.equal(await page.locator("img, iframe, object, embed").count(), 0);
  await close();
});

add("another page can neither frame it nor read it", async () => {
  const { child, url } = await watch(30);
  const { port } = new URL(url);
  const hostile = await launch("--host-resolver-rules=MAP evil.example 127.0.0.1");
  const page = await hostile.newPage();
  // its own name, rebound to the page's server
  assert.equal((await page.goto(`http://evil.example:${port}/`)).status(), 403);
  assert.equal(await page.evaluate((url) => fetch(`${url}report`).then(() => "read", () => "blocked"), url), "blocked");
  await page.setContent(`<iframe src="${url}"></iframe>`);
  const frame = page.frames()[1];
  await frame.waitForLoadState();
  assert.equal(await frame.locator("#rate").count(), 0, "it is not framed");
  await hostile.close();
  await end(child);
});

await runCases(cases, {
  prepare: async () => {
    tradesim("record", "--date", "2026-02-18", "--seed", "42", "--rate", "5", "--from", "09:30", "--to", "11:00", "-o", "day.parquet");
    const { child } = await watch(4, "--report", "a.html", "--report", "a.json");
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    const report = JSON.parse(readFileSync(join(folder, "a.json"), "utf8"));
    report.latency_ms.p99 = report.latency_ms.p99 * 2 + 1;
    report.latency_ms.count = 1_000_000;
    report.load.stages = ["4s:200"];
    for (const sample of report.samples) sample.p99 *= 3;
    writeFileSync(join(folder, "b.json"), JSON.stringify(report));
    const before = JSON.parse(readFileSync(join(folder, "a.json"), "utf8"));
    writeFileSync(join(folder, "before.json"), JSON.stringify({ ...before, latency_ms: { ...before.latency_ms, count: 1_000_000 } }));
    try {
      tradesim("load", "compare", "before.json", "b.json", "--report", "compared.html");
      assert.fail("there is a regression");
    } catch (error) {
      assert.equal(error.status, 3, error);
    }
  },
});
