// A page that is left open: PROGRAM NODE_MODULES [FOLDER] [--minutes 10] [--rate 5000]. NODE_MODULES is the folder of `.ci/page`.
//
// Two servers play the same recording at about this number of messages a second, each to a client (`tail`) that reads everything. The
// page of one of them is open, with a symbol selected. Every ten seconds a line states, of both servers, the memory and the lateness of
// their client since it connected, and the heap of the page after a collection. Exit code 1 if a limit is exceeded, at the end:
//
//     memory     of the server, with the page: at most 10 % and 8 MiB more than after the first third of the time
//     lateness   p99 of the client: at most 1.2 times that without a page, and 0.2 ms
//     heap       of the page: at most 64 MiB, and at most 1.5 times that after the first third

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";

import { browser, end, folder, launch, start, tradesim } from "../tests/page/harness.mjs";

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const [minutes, rate] = [option("minutes", 10), option("rate", 5_000)];
const MIB = 1 << 20;
const SAMPLE_MS = 10_000;

/** A replay and its client. */
async function serve() {
  const args = ["replay", "hour.parquet", "--no-env", "--port", "0", "--loop", "--speed", "1x"];
  const { child, line } = await start(args, "stderr", (line) => line.startsWith("listening on "));
  const url = line.split(" ").at(-1).replace("ws:", "http:").replace(/\/?$/, "/");
  const client = spawn(resolve(process.argv[2]), ["tail", new URL(url).host, "--digest"], { stdio: "ignore" });
  return { child, url, client };
}

/** The memory of a server in MiB, without the pages of the recording, which count as soon as they are read; and the lateness of its client. */
async function sample({ child, url }) {
  const resident = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1] / 1024;
  const status = await (await fetch(`${url}status`)).json();
  const client = status.clients.find(({ id }) => id === 1) ?? status.clients[0];
  return { mib: resident, late_ms: client.late_ms, lag: client.lag_messages, seq: status.seq, clients: status.clients.length };
}

// orders are a third of the messages, and twice as frequent in this hour as on average
tradesim("record", "--no-env", "--date", "2026-02-18", "--seed", "42", `--rate=${Math.round(rate / 4.4)}`,
  "--from", "10:00", "--to", "10:20", "-o", "hour.parquet");
await browser.close();
const chromium = await launch("--js-flags=--expose-gc", "--enable-precise-memory-info");
const page = await (await chromium.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
const errors = [];
page.on("pageerror", (error) => errors.push(error.stack));
const [watched, alone] = [await serve(), await serve()];
await page.goto(watched.url);

const heap = () => page.evaluate(() => {
  globalThis.gc();
  return performance.memory.usedJSHeapSize;
});
const samples = [];
const started = Date.now();
while (Date.now() < started + minutes * 60_000) {
  await new Promise((done) => setTimeout(done, SAMPLE_MS));
  const [of_watched, of_alone, used] = await Promise.all([sample(watched), sample(alone), heap()]);
  const one = { s: Math.round((Date.now() - started) / 1000), page: of_watched, alone: of_alone, heap_mib: used / MIB };
  samples.push(one);
  console.log(JSON.stringify(one));
}
await chromium.close();
for (const { child, client } of [watched, alone]) {
  const closed = once(client, "close");
  await end(child);
  await closed;
}

const settled = samples[Math.floor(samples.length / 3)];
const last = samples.at(-1);
const most = (of) => Math.max(...samples.slice(Math.floor(samples.length / 3)).map(of));
const failures = [
  [errors.length > 0, `errors of the page: ${errors.join("\n")}`],
  [last.page.clients !== 2, `the page was not a client: ${last.page.clients} clients`],
  [last.page.mib > 1.1 * settled.page.mib + 8, `memory grew from ${settled.page.mib} to ${last.page.mib} MiB`],
  [last.page.late_ms.p99 > 1.2 * last.alone.late_ms.p99 + 0.2, `p99 is ${last.page.late_ms.p99} and ${last.alone.late_ms.p99} ms`],
  [most((one) => one.heap_mib) > Math.min(64, 1.5 * settled.heap_mib), `the heap grew to ${most((one) => one.heap_mib)} MiB`],
].filter(([failed]) => failed);
for (const [, text] of failures) console.log(`FAIL ${text}`);
rmSync(folder, { recursive: true, force: true });
console.log(`${(last.page.seq / last.s).toFixed(0)} messages/s over ${last.s} s`);
process.exit(failures.length === 0 ? 0 : 1);
