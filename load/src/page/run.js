// One run: its thresholds, its charts and its figures. The same view shows it while it lasts and afterwards.

import { duration, grouped } from "../../../replay/src/page/format.js";
import { byId, fillRows, make, setText } from "../../../replay/src/page/dom.js";
import { bytesText, quantileText, timeText } from "./values.js";
import { planOf, rateAt } from "./schedule.js";
import { highest, lineOf, mean } from "./samples.js";
import { QUANTILE_TICKS, quantilePlace, timeTicks } from "./scale.js";
import { Chart } from "./chart.js";

const PHASES = { waiting: "waiting", running: "running", verifying: "checking what arrived" };

/** The result of a run in a word, and its class. */
export function verdictOf(report, phase) {
  if (PHASES[phase]) return [PHASES[phase], "open"];
  if (report.ok) return ["passed", "ok"];
  return report.complete ? ["failed", "bad"] : ["not finished", "open"];
}

/** Rows of the table of thresholds. While a run lasts, what is not measured yet is open. */
export function thresholdRows(thresholds, isOver) {
  return thresholds.map(({ threshold, shown, value, ok }) => {
    const isOpen = !isOver && !ok && value === null;
    const [sign, className] = ok ? ["✓", "ok"] : isOpen ? ["…", "open"] : ["✗", "bad"];
    const text = isOpen ? "not measured yet" : shown;
    return { cells: [{ text: sign, className: `sign ${className}` }, threshold, { text, className: "number" }] };
  });
}

/** Names and texts of the figures of a report. */
export function figuresOf(report) {
  const { latency_ms: latency, late_ms: late, memory } = report;
  const known = (value, text) => (value === null || value === undefined ? "not measured" : text(value));
  return [
    ["sent", grouped(report.sent)],
    ["arrived", grouped(report.delivered)],
    ["lost", known(report.lost, grouped)],
    ...(report.missing ? [["unavailable from the feed", grouped(report.missing)]] : []),
    ...(report.dead_lettered === null || report.dead_lettered === undefined ? [] : [["dead letters", grouped(report.dead_lettered)]]),
    ...(report.faults ? [["planted faults", grouped(report.faults.total)]] : []),
    ["disconnects", grouped(report.disconnects)],
    ["throughput", known(report.throughput, (rate) => `${grouped(rate)}/s`)],
    ...(latency ? [
      ["latency p50", duration(latency.p50)], ["latency p90", duration(latency.p90)], ["latency p99", duration(latency.p99)],
      ["latency p99.9", duration(latency.p999)], ["latency p99.99", duration(latency.p9999)], ["latency max", duration(latency.max)],
    ] : []),
    ["late at the sockets, p99", known(late, ({ p99 }) => duration(p99))],
    ["largest backlog", grouped(report.backlog_max)],
    ["longest pause", duration(report.recovery_ms)],
    ...(report.drain_ms === null || report.drain_ms === undefined ? [] : [["drained after", duration(report.drain_ms)]]),
    ["largest memory", known(memory.max_bytes, bytesText)],
    ["growth of memory", known(memory.growth_percent, (percent) => `${percent.toFixed(1)} %`)],
  ];
}

/** Names and texts of what was sent to whom. */
export function factsOf({ recording, load, target, digests, version }) {
  const schedule = load.stages.length > 0 ? load.stages.join(", ") : load.speed;
  const clients = target.clients === 1 ? "one WebSocket client" : `${target.clients} WebSocket clients`;
  const brokers = target.embedded ? "embedded brokers" : "Kafka";
  return [
    ["target", target.kind === "kafka" ? `${brokers}, ${target.delivery ?? ""}` : clients],
    ["schedule", schedule ?? "–"],
    ...(recording.record ? [["recording", `tradesim record ${recording.record}`]] : []),
    ["digest of the recording", recording.digest],
    ...(digests.sent ? [["digest of the sent messages", digests.sent]] : []),
    ...(digests.expected ? [["digest of the expected messages", digests.expected]] : []),
    ...digests.arrived.map((digest) => ["digest of the received messages", digest]),
    ["tradesim", version],
  ];
}

/** A section with a heading. */
function addSection(parent, { id, title, wide }) {
  const section = make("section", "", wide ? "wide" : "");
  section.setAttribute("aria-labelledby", `${id}-title`);
  const name = make("h2", title);
  name.id = `${id}-title`;
  section.append(name);
  parent.append(section);
  return section;
}

/** A list of names and texts in a section of its own. */
function addList(parent, options) {
  const list = make("dl");
  list.id = options.id;
  addSection(parent, options).append(list);
  return list;
}

/** Fills a list. Entries that exist are reused. */
function fillList(list, entries) {
  while (list.children.length > entries.length) list.lastElementChild.remove();
  entries.forEach(([name, text], index) => {
    let entry = list.children[index];
    if (!entry) {
      entry = make("div");
      entry.append(make("dt"), make("dd"));
      list.append(entry);
    }
    setText(entry.firstElementChild, name);
    setText(entry.lastElementChild, text);
  });
}

/** A table in a section of its own; returns its body. Columns are texts, or {text, className}. */
export function addTable(parent, { id, title, columns, wide = false }) {
  const section = addSection(parent, { id, title, wide });
  const scroll = make("div", "", "fit");
  const table = make("table");
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const { text, className } = typeof column === "object" ? column : { text: column };
    const cell = make("th", text, className);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  body.id = id;
  scroll.append(table);
  section.append(scroll);
  return body;
}

/** A column of numbers. */
export const numbers = (text) => ({ text, className: "number" });

export class RunView {
  constructor(parent) {
    const time = (options) => new Chart(parent, { place: timeText, ...options });
    this.thresholds = addTable(parent, { id: "thresholds", title: "Thresholds", columns: ["", "condition", numbers("measured")], wide: true });
    this.rate = time({
      id: "rate", title: "Messages a second", label: grouped,
      lines: [
        // the middle of the second that the other lines count
        { name: "schedule", colour: "other", dash: [4, 4], read: (at) => this.plan && rateAt(this.plan, at + 0.5) },
        { name: "due", colour: "marketdata" }, { name: "arrived", colour: "trade" },
      ],
    });
    this.latency = time({
      id: "latency", title: "Latency from when a message was due", label: duration, logarithmic: true,
      lines: [{ name: "p50", colour: "trade" }, { name: "p99", colour: "marketdata" }, { name: "max", colour: "fault", dash: [2, 3] }],
    });
    this.backlog = time({
      id: "backlog", title: "Queue: messages sent that did not arrive yet", label: grouped, lines: [{ name: "messages", colour: "burst" }],
    });
    this.memory = time({
      id: "memory", title: "Memory of the process", label: bytesText, lines: [{ name: "private memory", colour: "orderbook" }],
    });
    this.distribution = new Chart(parent, {
      id: "distribution", title: "Latency of all messages, by quantile", label: duration, logarithmic: true,
      place: (at) => quantileText(this.quantiles?.find(([, place]) => place === at)?.[0] ?? 0), lines: [{ name: "latency", colour: "trade" }],
    });
    this.events = addTable(parent, { id: "events", title: "Events", columns: ["at", "event", numbers("took")] });
    this.figures = addList(parent, { id: "figures", title: "Figures", wide: true });
    this.facts = addTable(parent, { id: "facts", title: "What was sent, and to whom", columns: ["what", ""], wide: true });
  }

  /** Shows a report with its samples. `phase` is that of a run that lasts; null for a report. */
  show(report, samples, phase) {
    const isOver = !PHASES[phase];
    const [word, className] = verdictOf(report, phase);
    setText(byId("title"), report.name);
    setText(byId("state"), word);
    byId("state").className = `badge ${className}`;
    const form = report.short ? " (short form)" : "";
    const of = `${grouped(report.delivered)} of ${grouped(report.load.messages)} messages in ${timeText(report.seconds)}${form}`;
    setText(byId("headline"), of);
    setText(byId("about"), report.about);
    const progress = byId("progress");
    progress.hidden = isOver;
    [progress.max, progress.value] = [Math.max(1, report.load.messages), report.delivered];
    setText(byId("thresholds-title"), isOver ? "Thresholds" : "Thresholds so far");
    fillRows(this.thresholds, thresholdRows(report.thresholds, isOver));
    fillRows(this.events, report.events.map(({ at_seconds: at, what, took_seconds: took }) => (
      { cells: [timeText(at), what, numbers(took === null ? "" : duration(took * 1_000))] }
    )));
    fillList(this.figures, figuresOf(report));
    fillRows(this.facts, factsOf(report).map((cells) => ({ cells })));
    this.showCharts(report, samples, isOver);
  }

  showCharts(report, samples, isOver) {
    this.plan = planOf(report.load.stages);
    const { plan } = this;
    const end = Math.max(1, samples.length, isOver ? 0 : plan?.at(-1)[0] ?? 0);
    const axis = { end, ticks: timeTicks(end) };
    const marks = report.events.map(({ at_seconds: at, what: name }) => ({ at, name }));
    const show = (chart, ...points) => chart.show({ points, axis, marks });
    const endPoints = Math.max(1, report.target.clients ?? 1);
    const value = (pick, combine) => lineOf(samples, pick, combine);
    show(
      this.rate, plan ?? [], value((sample) => sample.due, mean), value((sample) => sample.delivered / endPoints, mean),
    );
    const latency = ["p50", "p99", "max"].map((name) => value((sample) => sample[name], highest));
    show(this.latency, ...latency);
    show(this.backlog, value((sample) => sample.backlog, highest));
    show(this.memory, value((sample) => sample.rss, highest));
    this.quantiles = report.distribution.map(([quantile, ms]) => [quantile, quantilePlace(quantile), ms]);
    const points = this.quantiles.map(([, place, ms]) => [place, ms]);
    this.distribution.show({ points: [points], axis: { end: QUANTILE_TICKS.length - 1, ticks: QUANTILE_TICKS } });
  }
}
