// Numbers, times and commands as text. Times are whole microseconds since the Unix epoch: 2^53 of them last until the
// year 2255, so a number holds them exactly.

const MARKET_ZONE = "America/New_York";
const clockFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone: MARKET_ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const dateFormat = new Intl.DateTimeFormat("en-CA", {
  timeZone: MARKET_ZONE, year: "numeric", month: "2-digit", day: "2-digit",
});
const groupFormat = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A whole number with separators: 1,234,567. */
export function grouped(number) {
  return groupFormat.format(number);
}

/** A number with three significant digits and a suffix: 1.23 M. */
export function short(number) {
  for (const [factor, suffix] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
    if (Math.abs(number) >= factor) return Number((number / factor).toPrecision(3)) + suffix;
  }
  return String(Number(number.toPrecision(3)));
}

/** Milliseconds with a unit that fits. */
export function duration(ms) {
  if (ms >= 60_000) return `${(ms / 60_000).toFixed(1)} min`;
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(ms >= 10_000 ? 0 : 2)} s`;
  if (ms >= 1) return `${ms.toFixed(ms >= 100 ? 0 : 1)} ms`;
  return `${Math.round(ms * 1_000)} µs`;
}

/** Microseconds of a time that a server wrote: RFC 3339 with six digits and Z; NaN for anything else. */
export function microsOf(text) {
  const parts = /^(.{19})\.(\d{6})Z$/.exec(text ?? "");
  return parts ? Date.parse(`${parts[1]}Z`) * 1_000 + Number(parts[2]) : NaN;
}

/** The reverse of microsOf. */
export function rfc3339(us) {
  const seconds = Math.floor(us / 1_000_000);
  const fraction = String(us - seconds * 1_000_000).padStart(6, "0");
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** Exchange time, with milliseconds if the place is that exact. */
export function clockText(us, exact = false) {
  const text = clockFormat.format(us / 1_000);
  return exact ? `${text}.${String(Math.floor(us / 1_000) % 1_000).padStart(3, "0")}` : text;
}

/** The date in New York. */
export function dateText(us) {
  return dateFormat.format(us / 1_000);
}

/** A length of time in microseconds as a word for a bin: 1 min, 500 ms. */
export function binText(us) {
  for (const [factor, unit] of [[86_400e6, "d"], [3_600e6, "h"], [60e6, "min"], [1e6, "s"], [1e3, "ms"]]) {
    if (us >= factor && us % factor === 0) return `${us / factor} ${unit}`;
  }
  return `${us} µs`;
}

/** A word of a shell command, quoted if a shell would change it. */
export function shellWord(text) {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * The speed one step up or down, as the keys of the terminal have it: twice or half, and above a million times, max.
 * Null if there is none.
 */
export function nextSpeed(now, up) {
  const factor = now === "max" ? null : Number(now.replace(/x$/, ""));
  if (factor === null) return up ? null : "1000x";
  const next = up ? factor * 2 : factor / 2;
  if (next > 1_000_000) return "max";
  return next >= 0.000_001 ? `${Number(next.toFixed(6))}x` : null;
}
