// Reports side by side: the first one is the baseline.

import { duration, grouped } from "../../../replay/src/page/format.js";
import { byId, fillRows, setText } from "../../../replay/src/page/dom.js";
import { bytesText, changeText, quantileText, timeText } from "./values.js";
import { highest, lineOf, mean } from "./samples.js";
import { QUANTILE_TICKS, quantilePlace, timeTicks } from "./scale.js";
import { Chart } from "./chart.js";
import { addTable, numbers } from "./run.js";

/** Colours and dashes of reports: the baseline is grey. */
const STYLES = [
  ["faint", []], ["trade", []], ["burst", []], ["orderbook", []], ["gap", []], ["fault", [6, 3]], ["marketdata", [6, 3]], ["accent", [2, 3]],
];

/** The name of a report: A for the baseline, then B and so on. */
export function nameOf(index) {
  return String.fromCharCode(65 + index);
}

/** Rows of the table of metrics. */
export function metricRows(metrics) {
  return metrics.map((row) => ({
    cells: [row.metric, ...row.shown.map((shown, index) => {
      const change = changeText(row.unit, row.changes[index]);
      const text = [shown, change && `(${change})`, row.regressed[index] && "✗"].filter(Boolean).join(" ");
      return { text, className: row.regressed[index] ? "number bad" : "number" };
    }), numbers(row.tolerance === null ? "not judged" : `${row.tolerance} ${row.unit === "percent" ? "points" : "%"}`)],
  }));
}

/** Rows of the table of thresholds. */
export function verdictRows(thresholds) {
  return thresholds.map((row) => ({
    cells: [row.threshold, ...row.ok.map((ok, index) => {
      if (ok === null) return { text: "–", className: "number" };
      return { text: `${ok ? "✓" : "✗"} ${row.shown[index]}`, className: ok ? "number ok" : "number bad" };
    })],
  }));
}

/** Pairs of a quantile and its values in all reports: the quantiles that every report with latency has. */
export function pairedQuantiles(reports) {
  const maps = reports.map((report) => new Map(report.distribution));
  const first = maps.find((map) => map.size > 0) ?? new Map();
  const common = [...first.keys()].filter((quantile) => maps.every((map) => map.size === 0 || map.has(quantile)));
  return common.map((quantile) => [quantile, maps.map((map) => map.get(quantile) ?? null)]);
}

export class ComparisonView {
  constructor(parent, reports) {
    const names = reports.map((_, index) => nameOf(index));
    const lines = names.map((name, index) => ({ name, colour: STYLES[index % STYLES.length][0], dash: STYLES[index % STYLES.length][1] }));
    const table = (id, title, columns) => addTable(parent, { id, title, columns, wide: true });
    const time = (options) => new Chart(parent, { place: timeText, lines, ...options });
    this.reports = table("reports", "Reports", ["", "file", "scenario", "result", "run"]);
    this.metrics = table("metrics", "Metrics", ["metric", ...names.map(numbers), numbers("tolerance")]);
    this.thresholds = table("thresholds", "Thresholds", ["condition", ...names.map(numbers)]);
    this.latency = time({ id: "latency", title: "Latency p99", label: duration, logarithmic: true });
    this.distribution = new Chart(parent, {
      id: "distribution", title: "Latency of all messages, by quantile", label: duration, logarithmic: true, lines,
      place: (at) => quantileText(this.quantiles?.find(([quantile]) => quantilePlace(quantile) === at)?.[0] ?? 0),
    });
    this.rate = time({ id: "rate", title: "Messages that arrived, a second", label: grouped });
    this.backlog = time({ id: "backlog", title: "Queue: messages sent that did not arrive yet", label: grouped });
    this.memory = time({ id: "memory", title: "Memory of the process", label: bytesText });
    this.percentiles = table("percentiles", "Percentiles of latency", ["quantile", ...names.map(numbers)]);
    this.differences = table("differences", "What differs in the scenarios", ["what", ...names]);
  }

  show(comparison, reports) {
    setText(byId("title"), "Load tests compared");
    setText(byId("state"), comparison.ok ? "no regression" : "regression");
    byId("state").className = `badge ${comparison.ok ? "ok" : "bad"}`;
    const worse = comparison.regressions.map(({ report, what, from, to }) => `${nameOf(report)}: ${what} ${from} → ${to}`);
    setText(byId("headline"), worse.length > 0 ? `Worse than ${nameOf(0)}: ${worse.join("; ")}` : `${reports.length} reports`);
    fillRows(this.reports, comparison.reports.map(({ path, name, headline, complete, ok }, index) => ({
      cells: [nameOf(index), path, name, ok ? "passed" : complete ? "failed" : "not finished", headline],
    })));
    fillRows(this.metrics, metricRows(comparison.metrics));
    fillRows(this.thresholds, verdictRows(comparison.thresholds));
    fillRows(this.differences, comparison.differences.map(({ what, values }) => ({ cells: [what, ...values] })));
    this.quantiles = pairedQuantiles(reports);
    fillRows(this.percentiles, this.quantiles.map(([quantile, values]) => ({
      cells: [quantileText(quantile), ...values.map((ms) => ({ text: ms === null ? "–" : duration(ms), className: "number" }))],
    })));
    this.showCharts(reports);
  }

  showCharts(reports) {
    const end = Math.max(1, ...reports.map(({ samples }) => samples.length));
    const axis = { end, ticks: timeTicks(end) };
    const show = (chart, pick, combine) => chart.show({
      axis, points: reports.map((report) => lineOf(report.samples, (sample) => pick(sample, report), combine)),
    });
    show(this.latency, (sample) => sample.p99, highest);
    show(this.rate, (sample, { target }) => sample.delivered / Math.max(1, target.clients ?? 1), mean);
    show(this.backlog, (sample) => sample.backlog, highest);
    show(this.memory, (sample) => sample.rss, highest);
    this.distribution.show({
      axis: { end: QUANTILE_TICKS.length - 1, ticks: QUANTILE_TICKS },
      points: reports.map((_, index) => this.quantiles.map(([quantile, values]) => [quantilePlace(quantile), values[index]])),
    });
  }
}
