// Axes: values to shares of a length, and where their labels are.

import { ticks } from "../../../replay/src/page/canvas.js";
import { timeText } from "./values.js";

/** The vertical axis for values: {share(value), ticks}. A share is 0 at the bottom and 1 at the top. */
export function valueScale(values, logarithmic) {
  const known = values.filter((value) => value !== null && Number.isFinite(value));
  const most = known.reduce((high, value) => Math.max(high, value), 0);
  if (!logarithmic) {
    const high = most > 0 ? most * 1.05 : 1;
    return { share: (value) => value / high, ticks: ticks(0, high, 4) };
  }
  const above = known.filter((value) => value > 0);
  const least = above.reduce((low, value) => Math.min(low, value), above[0] ?? 1);
  const low = Math.floor(Math.log10(least));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(most, 10 ** low))));
  const step = Math.ceil((high - low) / 5);
  const decades = [];
  for (let power = low; power <= high; power += step) decades.push(10 ** power);
  return { share: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low), ticks: decades };
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

/** Labels {at, text} of an axis from 0 to a number of seconds. */
export function timeTicks(seconds) {
  const step = TIME_STEPS.find((step) => seconds / step <= 8) ?? Math.ceil(seconds / 8 / 86_400) * 86_400;
  const labels = [];
  for (let at = 0; at <= seconds; at += step) labels.push({ at, text: timeText(at) });
  return labels;
}

const NINES = [[0, "0 %"], [0.9, "90 %"], [0.99, "99 %"], [0.999, "99.9 %"], [0.9999, "99.99 %"], [1, "100 %"]];

/** Labels of an axis of quantiles, on which each further nine has the same length. */
export const QUANTILE_TICKS = NINES.map(([, text], at) => ({ at, text }));

/** The place of a quantile on that axis. */
export function quantilePlace(quantile) {
  const next = Math.max(1, NINES.findIndex(([nine]) => quantile <= nine));
  const [low, high] = [NINES[next - 1][0], NINES[next][0]];
  return next - 1 + (quantile - low) / (high - low);
}

/** The index of the point that is nearest to a place. Points are in order; -1 if there are none. */
export function nearest(points, at) {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - points[low - 1][0] <= points[low][0] - at ? low - 1 : points.length > 0 ? low : -1;
}
