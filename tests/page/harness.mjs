// What the tests of pages in Chromium share. Their arguments: BINARY NODE_MODULES [FOLDER].
//
// Every page is watched: an error in its console, a request to another host, and a dialog fail the case that it was opened
// in. Waits end when something is so, never after a time.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const [binaryArgument, modules, pictures] = process.argv.slice(2);
const binary = resolve(binaryArgument);
const require = createRequire(join(resolve(modules), "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const TIMEOUT_MS = 20_000;

/** A folder for the files of a test, in which commands run. */
export const folder = mkdtempSync(join(tmpdir(), "tradesim-page-"));
const env = { ...process.env, NO_COLOR: "1" };

/** Runs a command to its end, and returns its standard output. */
export function tradesim(...args) {
  return execFileSync(binary, args, { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/** Starts a command: its process, and the first line that fits, of its standard output or error. */
export async function start(args, stream, fits = () => true) {
  const stdio = ["ignore", stream === "stdout" ? "pipe" : "ignore", stream === "stderr" ? "pipe" : "ignore"];
  const child = spawn(binary, args, { cwd: folder, env, stdio });
  const lines = createInterface(child[stream]);
  const line = await new Promise((found, failed) => {
    lines.on("line", (line) => fits(line) && found(line));
    lines.on("close", () => failed(new Error(`tradesim ${args.join(" ")} ended without the line`)));
  });
  return { child, line };
}

/** Waits until a condition holds. */
export async function until(what, condition) {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${TIMEOUT_MS / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Starts a Chromium. */
export function launch(...args) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // without a user of its own, as in a container, Chromium has no sandbox
    args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), ...args],
  });
}

export const browser = await launch();

/** Opens a page that is watched. `faults` collects what must not happen; a case may allow some of it. */
export async function open(url, { allowed = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const faults = [];
  const note = (what) => {
    if (!allowed.some((pattern) => pattern.test(what))) faults.push(what);
  };
  page.on("console", (message) => message.type() === "error" && note(`console: ${message.text()}`));
  page.on("pageerror", (error) => note(`error: ${error.stack}`));
  page.on("dialog", (dialog) => {
    note(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    const own = new URL(url);
    // a file has no host, and is itself the only request
    if (protocol !== own.protocol || host !== own.host || (protocol === "file:" && request.url() !== own.href)) {
      note(`request: ${request.url()}`);
    }
  });
  await page.goto(url);
  return {
    page,
    text: (id) => page.locator(`#${id}`).textContent(),
    close: async () => {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

/** The number of different colours on a canvas: 1 if nothing is drawn. */
export function colours(page, id) {
  return page.evaluate((id) => {
    const canvas = document.getElementById(id);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  }, id);
}

/** Expects that nothing is cut off, and that nothing serious is wrong for assistive technology. */
export async function expectAccessible(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${overflow} pixels too wide`);
  // in an isolated world, which the page's policy does not restrict
  const found = await page.evaluate(`${axe}; axe.run()`);
  const serious = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`), []);
}

/** Keeps a picture of a page, if a folder for pictures was given. */
export async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

/** How a page looks to different people: names, and options of `open`. */
export const LOOKS = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true }],
];

/** Ends a process, and waits until it has ended. */
export async function end(child) {
  const closed = once(child, "close");
  child.kill("SIGTERM");
  await closed;
}

/** Runs cases [name, run], and ends the process. `prepare` comes first; `around` runs one case. */
export async function runCases(cases, { prepare, around = (run) => run() }) {
  let failed = 0;
  try {
    await prepare();
    for (const [name, run] of cases) {
      try {
        await around(async (...args) => {
          try {
            await run(...args);
          } finally {
            // no page outlives its case, and asks a server that has ended
            await Promise.all(browser.contexts().map((context) => context.close()));
          }
        });
        console.log(`ok   ${name}`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL ${name}\n${error.stack}`);
      }
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(failed === 0 ? `all ${cases.length} cases passed` : `${failed} of ${cases.length} cases failed`);
  process.exit(failed === 0 ? 0 : 1);
}
