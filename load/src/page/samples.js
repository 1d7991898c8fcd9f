// The samples of a run, one a second, as points of lines.

/** The most points of a line. A longer run has several seconds in a point. */
export const POINTS_MAX = 600;

/** Adds samples that a server sent to those that are known. Null if some are missing between them. */
export function joined(known, from, more) {
  return from > known.length ? null : [...known.slice(0, from), ...more];
}

/** The mean of the values of several samples. */
export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The greatest of the values of several samples. */
export function highest(values) {
  return values.reduce((most, value) => Math.max(most, value));
}

/** Points [second, value] of what `pick` takes from a sample. Samples without a value leave a hole. */
export function lineOf(samples, pick, combine) {
  const size = Math.max(1, Math.ceil(samples.length / POINTS_MAX));
  const points = [];
  for (let first = 0; first < samples.length; first += size) {
    const values = samples.slice(first, first + size).map(pick).filter((value) => value !== null && value !== undefined);
    points.push([samples[first].second, values.length > 0 ? combine(values) : null]);
  }
  return points;
}
