// The page: asks the server how it is, shows that, and sends what people do.

import { clockText, dateText, duration, grouped, microsOf, nextSpeed, rfc3339, shellWord, short } from "./format.js";
import { announce, byId, copy, setText } from "./dom.js";
import { themeChanged } from "./canvas.js";
import { Commands, getJson } from "./server.js";
import { Outline } from "./outline.js";
import { Timeline } from "./timeline.js";
import { Series } from "./series.js";
import { showClients } from "./clients.js";
import { SymbolView } from "./symbol.js";

const POLL_MS = 500;
/** A page that no one sees asks rarely. */
const POLL_HIDDEN_MS = 5_000;

let status = null;
let outline = null;
let stream = null;

const commands = new Commands(show);
const symbolView = new SymbolView();
const timeline = new Timeline(
  { base: byId("timeline-base"), overlay: byId("timeline"), hover: byId("hover") },
  {
    seek: (seq) => commands.send("seek", { to: seq }),
    loop: (from, to) => commands.send("loop", { from, to }),
  },
);
const speedSeries = new Series(byId("speed-chart"), {
  lines: [{ name: "achieved", colour: "accent" }, { name: "requested", colour: "faint", dash: [4, 4] }],
  label: (value) => `${short(value)}x`,
});
const latenessSeries = new Series(byId("lateness-chart"), {
  lines: [
    { name: "p50", colour: "trade" },
    { name: "p99", colour: "marketdata", dash: [6, 3] },
    { name: "max", colour: "fault", dash: [2, 3] },
  ],
  label: duration,
  logarithmic: true,
});

// what the server says

async function poll() {
  try {
    show(await getJson("/status"));
    document.body.classList.remove("offline");
  } catch {
    document.body.classList.add("offline");
    setText(byId("state"), "not connected");
  }
  setTimeout(poll, document.hidden ? POLL_HIDDEN_MS : POLL_MS);
}

async function loadOutline() {
  try {
    outline = new Outline(await getJson("/timeline"));
  } catch (error) {
    setText(byId("hover"), `The timeline is not available: ${error.message}`);
    return;
  }
  timeline.setOutline(outline);
  symbolView.setSymbols(outline.symbols);
  byId("timeline-panel").hidden = outline.isEmpty;
  setText(byId("marks"), outline.marksTotal === 0 ? "" : `${grouped(outline.marksTotal)} marks, ${
    grouped(outline.marks.length)} of them shown`);
  if (status) show(status);
}

function show(next) {
  const before = status;
  status = next;
  if (next.stream !== stream) {
    // another server on this port, which may play something else
    stream = next.stream;
    setText(byId("stream"), next.stream);
    loadOutline();
  }
  setText(byId("state"), next.state);
  setText(byId("run"), next.run);
  showPosition(next);
  showDigests(next);
  timeline.setStatus(next);
  symbolView.setStatus(next);
  showClients(byId("clients"), byId("clients-caption"), next.clients);
  showControls(next);
  record(before, next);
}

function showPosition(next) {
  const us = microsOf(next.time);
  setText(byId("clock"), Number.isNaN(us) ? "–" : clockText(us, true));
  setText(byId("date"), Number.isNaN(us) ? "" : `${dateText(us)}, New York`);
  const of = next.messages === null ? "" : ` of ${grouped(next.messages)}`;
  setText(byId("seq"), `${grouped(next.seq)}${of}`);
  setText(byId("speed"), next.speed);
  setText(byId("achieved"), next.speed_achieved === null ? "–" : `${next.speed_achieved.toFixed(3)}x`);
  setText(byId("sent"), grouped(next.sent));
  const late = next.late_ms;
  setText(byId("late"), late ? `p50 ${duration(late.p50)}, p99 ${duration(late.p99)}, max ${duration(late.max)}` : "–");
  setText(byId("loop-text"), next.loop ? `${grouped(next.loop.from)} up to ${grouped(next.loop.to)}` : "none");
}

function showDigests(next) {
  const sent = next.digest_sent;
  setText(byId("digest-expected"), next.digest ?? "not known in advance");
  setText(byId("digest-sent"), sent ? `${sent.digest} after ${grouped(sent.messages)} messages` : "none: playback jumped");
  const complete = sent !== null && next.digest !== null && next.state === "ended";
  setText(byId("digest-verdict"), !complete ? "" : sent.digest === next.digest ? "✓ equal" : "✗ different");
}

function showControls(next) {
  const playing = next.state === "playing";
  const play = byId("play");
  setText(play, playing ? "Pause" : "Play");
  play.setAttribute("aria-pressed", String(playing));
  const off = next.control === "off";
  const live = outline?.live ?? false;
  for (const button of document.querySelectorAll("[data-control]")) button.disabled = off;
  for (const button of document.querySelectorAll("[data-moves]")) button.disabled = off || live;
  byId("loop-off").disabled = off || live || !next.loop;
  byId("token-field").hidden = next.control !== "token";
  byId("control-off").hidden = !off;
  const input = byId("speed-input");
  if (document.activeElement !== input) input.value = next.speed;
}

/** The achieved speed of the last half second, and the lateness so far. */
function record(before, next) {
  const at = performance.now();
  const elapsed = before ? next.seconds - before.seconds : 0;
  const played = before && next.speed_achieved !== null && before.speed_achieved !== null
    ? next.speed_achieved * next.seconds - before.speed_achieved * before.seconds
    : null;
  const achieved = elapsed > 0.05 && played !== null && played >= 0 ? played / elapsed : null;
  const requested = next.speed === "max" ? null : Number(next.speed.replace("x", ""));
  if (elapsed > 0.05 || next.state !== "playing") speedSeries.push(at, [achieved, requested]);
  const late = next.late_ms;
  latenessSeries.push(at, late ? [late.p50, late.p99, late.max] : [null, null, null]);
}

// what people do

function toggle() {
  commands.send(status?.state === "playing" ? "pause" : "resume");
}

function step(messages) {
  commands.send("step", { messages });
}

function setSpeed(speed) {
  if (speed !== null) commands.send("speed", { speed });
}

function serverUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
}

/** The stretch that commands are for: the loop, or from the position on. */
function stretch() {
  if (!outline || outline.isEmpty) return "";
  const from = rfc3339(outline.timeOf(outline.xOf(status.loop?.from ?? status.seq)));
  if (!status.loop) return ` --from ${from}`;
  // a microsecond after the last message: ends are exclusive
  const last = outline.timeOf(outline.xOf(status.loop.to - 1)) + 1;
  return ` --from ${from} --to ${rfc3339(Math.max(last, outline.timeOf(outline.xOf(status.loop.to))))}`;
}

const COMMAND_TEXTS = {
  tail: () => `tradesim tail ${shellWord(serverUrl())} --from-seq ${status.loop?.from ?? status.seq}`,
  filter: () => `tradesim filter FILE${stretch()}${symbolView.option} -o OUT.parquet`,
  capture: () => `tradesim capture ${shellWord(serverUrl())} -o OUT.parquet`,
  control: () => (status.loop
    ? `tradesim control ${shellWord(serverUrl())} loop ${status.loop.from} ${status.loop.to}`
    : `tradesim control ${shellWord(serverUrl())} seek ${status.seq}`),
};

byId("play").addEventListener("click", toggle);
for (const count of [1, 10, 1000]) byId(`step-${count}`).addEventListener("click", () => step(count));
byId("slower").addEventListener("click", () => setSpeed(nextSpeed(status.speed, false)));
byId("faster").addEventListener("click", () => setSpeed(nextSpeed(status.speed, true)));
byId("max").addEventListener("click", () => setSpeed("max"));
byId("speed-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setSpeed(byId("speed-input").value.trim());
});
byId("seek-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const place = byId("seek-input").value.trim();
  if (place) commands.send("seek", { to: place });
});
byId("loop-off").addEventListener("click", () => commands.send("loop"));
byId("scale").addEventListener("change", (event) => timeline.setScale(event.target.checked));
byId("token").addEventListener("input", (event) => {
  commands.token = event.target.value.trim();
});
byId("copy").addEventListener("click", () => {
  if (status) copy(COMMAND_TEXTS[byId("command").value](), byId("command-text"));
});
byId("theme").addEventListener("change", (event) => {
  const theme = event.target.value;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeChanged();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);

/** The keys of the terminal. Where someone types, and on buttons, keys mean what they always do. */
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !status || status.control === "off") return;
  if (event.target.closest("input, select, textarea, button, summary")) return;
  const act = {
    " ": toggle,
    ArrowRight: () => step(1),
    ArrowUp: () => setSpeed(nextSpeed(status.speed, true)),
    ArrowDown: () => setSpeed(nextSpeed(status.speed, false)),
    q: () => confirmStop(),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

/** Stopping ends the program for everyone, so one key alone does not. */
function confirmStop() {
  const now = performance.now();
  if (now - (confirmStop.asked ?? -Infinity) < 3_000) {
    commands.send("stop");
  } else {
    confirmStop.asked = now;
    announce("Press q again to stop the server.");
  }
}

poll();
