// The schedule of a load: stages such as 30s:5000 and 30s:10->5000, in messages per second over time.

const STAGE = /^([0-9.]+)s:([0-9.]+)(?:->([0-9.]+))?$/;

/**
 * The rate over time as points [second, rate]; null for a load without stages, and if a stage is not understood. A jump
 * between two stages has two points at one time.
 */
export function planOf(stages) {
  const points = [];
  let at = 0;
  for (const stage of stages ?? []) {
    const parts = STAGE.exec(stage);
    if (!parts) return null;
    const [seconds, from] = [Number(parts[1]), Number(parts[2])];
    points.push([at, from], [at + seconds, Number(parts[3] ?? from)]);
    at += seconds;
  }
  return points.length > 0 ? points : null;
}

/** The rate of a plan at a time; null after its end. */
export function rateAt(plan, second) {
  for (let index = 0; index + 1 < plan.length; index += 2) {
    const [[from, low], [to, high]] = [plan[index], plan[index + 1]];
    if (second >= from && second < to) return low + ((high - low) * (second - from)) / (to - from);
  }
  return null;
}
