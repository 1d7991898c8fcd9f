// Values of metrics as text, as the program prints them.

import { duration, grouped } from "../../../replay/src/page/format.js";

/** A number of bytes with a unit of powers of 1,000. */
export function bytesText(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [count, 0];
  while (value >= 999.95 && unit + 1 < units.length) {
    value /= 1_000;
    unit += 1;
  }
  return unit === 0 ? `${count} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** A value in the unit of a metric, as a comparison names it. */
export function valueText(unit, value) {
  if (value === null || value === undefined) return "not measured";
  switch (unit) {
    case "ms": return duration(value);
    case "per_second": return `${grouped(value)}/s`;
    case "percent": return `${value.toFixed(1)} %`;
    case "bytes": return bytesText(value);
    default: return grouped(value);
  }
}

/** The change of a value, with its sign. */
export function changeText(unit, change) {
  if (change === null) return "";
  const sign = change < 0 ? "−" : "+";
  return `${sign}${Math.abs(change).toFixed(1)} ${unit === "percent" ? "points" : "%"}`;
}

/** A time of a run in seconds: 90 is 1:30. */
export function timeText(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  return `${Math.floor(whole / 3_600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** A quantile: 0.999 is p99.9. */
export function quantileText(quantile) {
  if (quantile === 0) return "min";
  if (quantile === 1) return "max";
  return `p${Number((quantile * 100).toFixed(6))}`;
}
