// The parts of the page of a load that need no browser: `node --test tests/page`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { metricRows, nameOf, pairedQuantiles, verdictRows } from "../../load/src/page/comparison.js";
import { factsOf, figuresOf, thresholdRows, verdictOf } from "../../load/src/page/run.js";
import { highest, joined, lineOf, mean, POINTS_MAX } from "../../load/src/page/samples.js";
import { nearest, quantilePlace, timeTicks, valueScale } from "../../load/src/page/scale.js";
import { planOf, rateAt } from "../../load/src/page/schedule.js";
import { bytesText, changeText, quantileText, timeText, valueText } from "../../load/src/page/values.js";

test("values are shown as the program prints them", () => {
  assert.deepEqual([0, 999, 1_000, 999_949, 999_950, 5e15].map(bytesText), ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "5000.0 TB"]);
  for (const [unit, value, text] of [
    ["ms", 0.25, "250 µs"], ["ms", 1_500, "1.50 s"], ["count", 1_234.4, "1,234"], ["per_second", 5_000, "5,000/s"],
    ["percent", -3.04, "-3.0 %"], ["bytes", 2e6, "2.0 MB"], ["count", null, "not measured"], ["ms", undefined, "not measured"],
  ]) assert.equal(valueText(unit, value), text, `${unit} ${value}`);
  assert.deepEqual([changeText("ms", 12.34), changeText("ms", -0.5), changeText("percent", 2), changeText("ms", null)], ["+12.3 %", "−0.5 %", "+2.0 points", ""]);
  assert.deepEqual([0, 59.9, 60, 3_599, 3_600, 90_061].map(timeText), ["0 s", "59 s", "1:00", "59:59", "1:00:00", "25:01:01"]);
  assert.deepEqual([0, 0.5, 0.99, 0.9995, 1].map(quantileText), ["min", "p50", "p99", "p99.95", "max"]);
});

test("a schedule is a line over time", () => {
  const plan = planOf(["10s:10", "30s:10->5000", "0.5s:5000"]);
  assert.deepEqual(plan, [[0, 10], [10, 10], [10, 10], [40, 5_000], [40, 5_000], [40.5, 5_000]]);
  for (const [second, rate] of [[0, 10], [9.9, 10], [25, 2_505], [40, 5_000], [40.5, null], [-1, null]]) {
    assert.equal(rateAt(plan, second), rate, `second ${second}`);
  }
  for (const stages of [[], null, ["soon"], ["10s:10", "10s:1e3"]]) assert.equal(planOf(stages), null);
});

test("samples follow one another without holes", () => {
  assert.deepEqual(joined([1, 2], 2, [3]), [1, 2, 3]);
  assert.deepEqual(joined([1, 2, 9], 2, [3]), [1, 2, 3]);
  assert.deepEqual(joined([], 0, []), []);
  assert.equal(joined([1], 2, [3]), null);
});

test("long runs have several seconds in a point, and holes stay holes", () => {
  const samples = (count) => Array.from({ length: count }, (_, second) => ({ second, due: second, p99: second === 1 ? null : second }));
  assert.deepEqual(lineOf(samples(3), (sample) => sample.p99, highest), [[0, 0], [1, null], [2, 2]]);
  const long = lineOf(samples(2 * POINTS_MAX), (sample) => sample.due, mean);
  assert.deepEqual([long.length, long[0], long[1]], [POINTS_MAX, [0, 0.5], [2, 2.5]]);
  assert.equal(lineOf(samples(86_400), (sample) => sample.due, highest).at(-1)[1], 86_399);
  assert.ok(lineOf(samples(POINTS_MAX + 1), (sample) => sample.due, mean).length <= POINTS_MAX);
});

test("axes hold their values", () => {
  const linear = valueScale([0, 100, null], false);
  assert.ok(linear.share(0) === 0 && linear.share(100) > 0.9 && linear.share(100) <= 1);
  const decades = valueScale([0, 0.2, 30, null], true);
  assert.deepEqual(decades.ticks, [0.1, 1, 10, 100]);
  assert.equal(decades.share(0), 0);
  assert.ok(Math.abs(decades.share(100) - 1) < 1e-12);
  for (const logarithmic of [true, false]) {
    const none = valueScale([], logarithmic);
    assert.ok(none.ticks.length > 0 && Number.isFinite(none.share(0)));
    // many values: a call has a limit of arguments
    assert.ok(Number.isFinite(valueScale(Array.from({ length: 400_000 }, () => 1), logarithmic).share(1)));
  }
  for (const end of [1, 28, 600, 3_600, 86_400, 400_000]) {
    const labels = timeTicks(end);
    assert.ok(labels.length >= 2 && labels.length <= 9 && labels.at(-1).at <= end, `${end}: ${labels.length}`);
  }
  assert.deepEqual([0, 0.45, 0.9, 0.99, 0.9999, 1].map(quantilePlace), [0, 0.5, 1, 2, 4, 5]);
});

test("the nearest point is found", () => {
  const points = [[0, 1], [10, 2], [11, 3]];
  for (const [at, index] of [[-5, 0], [4, 0], [6, 1], [10.4, 1], [10.6, 2], [99, 2]]) assert.equal(nearest(points, at), index, `${at}`);
  assert.equal(nearest([], 1), -1);
});

test("a run that lasts has no verdict yet", () => {
  assert.deepEqual(verdictOf({ ok: false, complete: false }, "running"), ["running", "open"]);
  assert.deepEqual(verdictOf({ ok: false, complete: false }, null), ["not finished", "open"]);
  assert.deepEqual(verdictOf({ ok: false, complete: true }, "over"), ["failed", "bad"]);
  assert.deepEqual(verdictOf({ ok: true, complete: true }, null), ["passed", "ok"]);
  const thresholds = [{ threshold: "lost == 0", shown: "not measured", value: null, ok: false }];
  const sign = (isOver) => thresholdRows(thresholds, isOver)[0].cells[0].text;
  assert.deepEqual([sign(false), sign(true)], ["…", "✗"]);
});

const report = {
  sent: 10, delivered: 9, lost: null, missing: null, dead_lettered: 0, faults: null, disconnects: 1, throughput: null, latency_ms: null,
  late_ms: null, backlog_max: 3, recovery_ms: 1_500, drain_ms: null, memory: { max_bytes: null, growth_percent: -1.25 },
  recording: { record: null, digest: "blake3:aa" }, load: { stages: [], speed: "max" }, version: "1.0.0",
  target: { kind: "kafka", delivery: "exactly-once", embedded: true }, digests: { sent: null, expected: null, arrived: ["blake3:bb"] },
};

test("what was not measured is not a number", () => {
  const figures = Object.fromEntries(figuresOf(report));
  assert.deepEqual(
    [figures.lost, figures["dead letters"], figures["largest memory"], figures["growth of memory"], figures["longest pause"]],
    ["not measured", "0", "not measured", "-1.3 %", "1.50 s"],
  );
  assert.equal("latency p50" in figures, false);
  const facts = Object.fromEntries(factsOf(report));
  assert.deepEqual([facts.target, facts.schedule], ["embedded brokers, exactly-once", "max"]);
});

test("reports are paired by quantile", () => {
  const of = (...distribution) => ({ distribution });
  assert.deepEqual(pairedQuantiles([of([0.5, 1], [0.99, 4]), of([0.5, 2], [0.9, 3], [0.99, 5])]), [[0.5, [1, 2]], [0.99, [4, 5]]]);
  assert.deepEqual(pairedQuantiles([of(), of([0.5, 2])]), [[0.5, [null, 2]]]);
  assert.deepEqual(pairedQuantiles([of(), of()]), []);
  assert.deepEqual([nameOf(0), nameOf(7)], ["A", "H"]);
});

test("regressions are marked in the tables", () => {
  const metric = {
    metric: "latency.p99", unit: "ms", tolerance: 10, shown: ["4.00 ms", "6.00 ms"], changes: [null, 50], regressed: [false, true],
  };
  const [row] = metricRows([metric, { ...metric, tolerance: null }]);
  assert.deepEqual(row.cells.map((cell) => cell.text ?? cell), ["latency.p99", "4.00 ms", "6.00 ms (+50.0 %) ✗", "10 %"]);
  assert.equal(metricRows([{ ...metric, tolerance: null }])[0].cells[3].text, "not judged");
  const [verdict] = verdictRows([{ threshold: "lost == 0", ok: [true, null], shown: ["0", null] }]);
  assert.deepEqual(verdict.cells.map((cell) => cell.text ?? cell), ["lost == 0", "✓ 0", "–"]);
});
