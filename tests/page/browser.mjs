// The page of the player in Chromium: BINARY NODE_MODULES [FOLDER]. Prints a line for each case; pictures go to FOLDER, if it is
// given.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";

import {
  LOOKS, browser, colours, end, expectAccessible, launch, open, picture, runCases, start, tradesim, until,
} from "./harness.mjs";

/** A running `view`. */
async function view(...args) {
  const { child, line: url } = await start(["view", ...args], "stdout");
  return {
    url,
    child,
    port: new URL(url).port,
    status: async () => (await fetch(`${url}status`)).json(),
    control: async (action, body) => {
      const answer = await fetch(`${url}control/${action}`, { method: "POST", body: body && JSON.stringify(body) });
      assert.equal(answer.status, 200, `${action}: ${await answer.text()}`);
    },
    end: () => end(child),
  };
}

/** A point of the timeline, by its share of the axis. The margins are those of timeline.js. */
async function place(page, share) {
  const box = await page.locator("#timeline").boundingBox();
  return [box.x + 58 + share * (box.width - 68), box.y + box.height / 2];
}

const cases = [];
const add = (name, run) => cases.push([name, run]);

add("it shows the recording, paused at its beginning", async (server) => {
  const { page, text, close } = await open(server.url);
  await until("the state", async () => (await text("state")) === "paused");
  await until("bars", async () => (await colours(page, "timeline-base")) > 5);
  assert.match(await text("seq"), /^0 of [\d,]+$/);
  assert.match(await text("digest-expected"), /^blake3:[0-9a-f]{64}$/);
  await close();
});

add("play, pause and steps, by button and by key", async (server) => {
  const { page, text, close } = await open(server.url);
  await page.locator("#play").click();
  await until("playing", async () => (await server.status()).state === "playing");
  await until("the button", async () => (await text("play")) === "Pause");
  await page.locator("h1").click();
  await page.keyboard.press("Space");
  await until("paused", async () => (await server.status()).state === "paused");
  const { seq } = await server.status();
  await page.locator("#step-10").click();
  await until("ten steps", async () => (await server.status()).seq === seq + 10);
  await page.locator("h1").click();
  await page.keyboard.press("ArrowRight");
  await until("a step", async () => (await server.status()).seq === seq + 11);
  await close();
});

add("a click seeks, and the arrow keys of the timeline move by bins", async (server) => {
  const { page, text, close } = await open(server.url);
  await until("bars", async () => (await colours(page, "timeline-base")) > 5);
  const [x, y] = await place(page, 0.5);
  await page.mouse.move(x, y);
  await until("what is there", async () => /messages in/.test(await text("hover")));
  await page.mouse.click(x, y);
  await until("the middle", async () => (await server.status()).seq > 0);
  const middle = (await server.status()).seq;
  await page.locator("#timeline").focus();
  await page.keyboard.press("ArrowRight");
  await until("a bin later", async () => (await server.status()).seq > middle);
  await page.keyboard.press("Home");
  await until("the beginning", async () => (await server.status()).seq === 0);
  assert.match(await page.locator("#timeline").getAttribute("aria-valuetext"), /message/);
  await close();
});

add("a drag repeats a stretch, and the button ends that", async (server) => {
  const { page, close } = await open(server.url);
  await until("bars", async () => (await colours(page, "timeline-base")) > 5);
  const [from, y] = await place(page, 0.3);
  const [to] = await place(page, 0.4);
  await page.mouse.move(from, y);
  await page.mouse.down();
  await page.mouse.move(to, y, { steps: 8 });
  await page.mouse.up();
  await until("a loop", async () => (await server.status()).loop !== null);
  const { loop, messages } = await server.status();
  assert.ok(loop.from > 0 && loop.from < loop.to && loop.to < messages, JSON.stringify(loop));
  await page.locator("#max").click();
  await page.locator("#play").click();
  await until("two rounds", async () => (await server.status()).sent > 2 * (loop.to - loop.from));
  const { seq } = await server.status();
  assert.ok(seq >= loop.from && seq <= loop.to);
  await picture(page, "loop");
  await page.locator("#loop-off").click();
  await until("no loop", async () => (await server.status()).loop === null);
  await close();
});

add("speeds", async (server) => {
  // a browser logs the answer to the speed that does not exist
  const { page, close } = await open(server.url, { allowed: [/status of 400/] });
  await until("controls", () => page.locator("#faster").isEnabled());
  await page.locator("#faster").click();
  await until("twice", async () => (await server.status()).speed === "2x");
  await page.locator("#speed-input").fill("50x");
  await page.keyboard.press("Enter");
  await until("50x", async () => (await server.status()).speed === "50x");
  await page.locator("#speed-input").fill("fast");
  await page.keyboard.press("Enter");
  await until("a refusal", async () => /refused/.test(await page.locator("#message").textContent()));
  await close();
});

add("a symbol and another one", async (server) => {
  const { page, text, close } = await open(server.url);
  await server.control("speed", { speed: "50x" });
  await server.control("seek", { to: "10:00" });
  await server.control("resume");
  await until("the tape", async () => (await page.locator("#tape tr").count()) > 5);
  await until("a quote", async () => /×/.test(await text("bid")));
  await until("candles", async () => (await colours(page, "candles")) > 3);
  const clients = (await server.status()).clients;
  assert.deepEqual(clients.map((client) => client.selection), ["AAPL"]);
  await page.locator("#symbol").fill("MSFT");
  await page.keyboard.press("Enter");
  await until("the other", async () => (await server.status()).clients[0]?.selection === "MSFT");
  await until("its quote", async () => Number((await text("bid")).split(" ")[0]) > 300);
  assert.match(await text("sampling"), /the tape shows the last 50/);
  await picture(page, "symbol");
  await close();
});

add("two browsers see the same", async (server) => {
  const [one, two] = [await open(server.url), await open(server.url)];
  await one.page.locator("#play").click();
  await until("both play", async () => (await one.text("state")) === "playing" && (await two.text("state")) === "playing");
  await two.page.locator("#play").click();
  await until("both paused", async () => (await one.text("state")) === "paused" && (await two.text("state")) === "paused");
  await one.close();
  await two.close();
});

add("the page comes back with its server", async () => {
  const server = await view("day.parquet");
  const { page, text, close } = await open(server.url, { allowed: [/ERR_CONNECTION/, /WebSocket/, /Failed to load/] });
  await until("connected", async () => (await text("state")) === "paused");
  await server.end();
  await until("offline", async () => (await text("state")) === "not connected");
  const again = await view("short.parquet", "--port", server.port);
  await until("another recording", async () => (await text("state")) === "paused" && !(await text("seq")).endsWith(" of 0"));
  assert.equal(await page.evaluate(() => document.body.classList.contains("offline")), false);
  await close();
  await again.end();
});

for (const [name, options] of LOOKS) {
  add(`${name}: nothing serious is wrong for assistive technology, and nothing is cut off`, async (server) => {
    await server.control("speed", { speed: "50x" });
    await server.control("seek", { to: "10:00" });
    await server.control("resume");
    const { page, close } = await open(server.url, options);
    await until("the tape", async () => (await page.locator("#tape tr").count()) > 0);
    await until("bars", async () => (await colours(page, "timeline-base")) > 5);
    await picture(page, name);
    await expectAccessible(page);
    await close();
  });
}

add("hostile texts are texts", async (server) => {
  const hostile = "<img src=x onerror=alert(1)>\"'`${7*7}\u202e";
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults = [];
  page.on("dialog", (dialog) => {
    faults.push(dialog.message());
    dialog.dismiss();
  });
  const changed = (url, change) => page.route(url, async (route) => {
    let answer;
    try {
      answer = await (await route.fetch()).json();
    } catch {
      // the page asks on while it is being closed: it gets no answer, which its own test is about
      await route.abort().catch(() => {});
      return;
    }
    await route.fulfill({ json: change(answer) }).catch(() => {});
  });
  await changed("**/status", (status) => {
    const client = {
      id: 1, peer: hostile, protocol: hostile, seq: 1, start_seq: 0, sent: 1, lag_messages: 0, lag_bytes: 0,
      lag_seconds: null, selection: hostile, late_ms: null,
    };
    return { ...status, run: hostile, digest: hostile, clients: [client] };
  });
  await changed("**/timeline", (timeline) => {
    timeline.symbols = [hostile];
    timeline.marks = [{ kind: hostile, seq: 1, name: hostile }];
    for (const segment of timeline.segments) segment.spans = [{ ...segment.spans[0], name: hostile, symbol: hostile }];
    return timeline;
  });
  await page.goto(server.url);
  await until("the run", async () => (await page.locator("#run").textContent()) === hostile);
  await until("the client", async () => (await page.locator("#clients td").nth(1).textContent()) === hostile);
  await until("the symbol", async () => (await page.locator("#symbol").inputValue()) === hostile);
  assert.equal(await page.locator("img, iframe, object, embed").count(), 0);
  await context.close();
  assert.deepEqual(faults, []);
});

add("another page can neither frame it, nor read it, nor steer it", async (server) => {
  // "localhost" would be a loopback origin, which is let in; a name that only this browser resolves is not
  const other = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<iframe src="${server.url}"></iframe>`);
  });
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address();
  const hostile = await launch("--host-resolver-rules=MAP evil.example 127.0.0.1");
  const page = await hostile.newPage();
  await page.goto(`http://evil.example:${port}/`);
  const frame = page.frames()[1];
  await frame.waitForLoadState();
  assert.equal(await frame.locator("#timeline").count(), 0, "it is not framed");
  const read = await page.evaluate((url) => fetch(`${url}status`).then(() => "read", () => "blocked"), server.url);
  assert.equal(read, "blocked");
  const before = (await server.status()).seq;
  await page.evaluate((url) => fetch(`${url}control/step`, { method: "POST", mode: "no-cors" }), server.url);
  assert.equal((await server.status()).seq, before, "it does not steer");
  const socket = await page.evaluate((url) => new Promise((done) => {
    const socket = new WebSocket(url.replace("http", "ws"));
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
  }), server.url);
  assert.equal(socket, "refused");
  // the name of the other page, rebound to this server
  const rebound = await page.goto(`http://evil.example:${server.port}/`);
  assert.equal(rebound.status(), 403);
  await hostile.close();
  other.close();
});

add("a page that is left open does not grow", async (server) => {
  await server.control("speed", { speed: "200x" });
  await server.control("seek", { to: "09:30" });
  await server.control("resume");
  const { page, close } = await open(server.url);
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  const received = async () => Number((await page.locator("#sampling").textContent()).replaceAll(",", "").match(/^\d+/)?.[0] ?? 0);
  await until("some messages", async () => (await received()) > 500);
  const before = await heap();
  await until("many messages", async () => (await received()) > 3_000);
  const after = await heap();
  assert.ok(after < before + 4e6, `${before} bytes grew to ${after}`);
  await close();
});

await runCases(cases, {
  prepare: () => {
    tradesim("record", "--date", "2026-02-18", "--seed", "42", "--rate", "5", "--burst-at", "11:00", "--burst-for", "60s",
      "--burst-multiplier", "20", "-o", "day.parquet");
    tradesim("filter", "day.parquet", "--from", "10:00", "--to", "10:30", "-o", "short.parquet");
  },
  around: async (run) => {
    // a server of its own, so that no case depends on another
    const server = await view("day.parquet");
    try {
      await run(server);
    } finally {
      await server.end();
    }
  },
});
