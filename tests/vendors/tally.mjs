// Sums of what a client received, as integers: prices in units of 0.0001. The sums of times exceed 2^53.

export class Tally {
  kinds = {};

  add(kind, ...values) {
    const sums = (this.kinds[kind] ??= [0n, ...values.map(() => 0n)]);
    sums[0] += 1n;
    values.forEach((value, at) => {
      sums[at + 1] += BigInt(value);
    });
  }

  print() {
    const lists = Object.entries(this.kinds).map(([kind, sums]) => `${JSON.stringify(kind)}: [${sums.join(", ")}]`);
    console.log(`{${lists.join(", ")}}`);
  }
}

export const price = (value) => Math.round(value * 10_000);
