"""Sums of what a client received, as integers: prices in units of 0.0001, times in the dialect's unit.

A sum of floats would depend on their order; each price is rounded to its four decimals first, which a 64-bit float holds exactly enough.
"""

import json
import sys


class Tally:
    def __init__(self):
        self.kinds = {}

    def add(self, kind, *values):
        """Counts a message, and adds its values: integers, or prices as `price(...)` makes them."""
        sums = self.kinds.setdefault(kind, [0] * (1 + len(values)))
        sums[0] += 1
        for at, value in enumerate(values, 1):
            sums[at] += value

    def print(self):
        json.dump(self.kinds, sys.stdout)
        print(flush=True)


def price(value):
    """Returns a price in units of 0.0001."""
    return round(value * 10_000)
