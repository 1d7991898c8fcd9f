#!/usr/bin/env python3
"""Clients that are not ours against the release binary: BINARY NODE_MODULES [SUITE…]

Prints a line for each case and at the end how many passed. A folder is made for the recordings and goes away again.
"""

import sys
import tempfile

import capture
import conformance
import crowd
import cuts
import feeds
import libraries
import slow
from served import Cases, Tradesim

SUITES = ["libraries", "cuts", "crowd", "conformance", "capture", "feeds"]


def main():
    binary, node, *wanted = sys.argv[1:]
    cases = Cases()
    with tempfile.TemporaryDirectory() as folder:
        tradesim = Tradesim(binary, folder)
        hour = tradesim.record("hour.parquet", "--from", "09:30", "--to", "10:30")
        quarter = tradesim.record("quarter.parquet", "--from", "09:30", "--to", "09:45")
        # most of their time is waiting
        waiting = slow.start(cases, tradesim, hour) if not wanted or "slow" in wanted else None
        for suite in wanted or SUITES:
            if suite == "libraries":
                libraries.run_all(cases, tradesim, hour, quarter, node)
            elif suite == "cuts":
                cuts.run_all(cases, tradesim, quarter)
            elif suite == "crowd":
                crowd.run_all(cases, tradesim, hour, quarter)
            elif suite == "conformance":
                conformance.run_all(cases, tradesim, hour)
            elif suite == "capture":
                capture.run_all(cases, tradesim, quarter)
            elif suite == "feeds":
                feeds.run_all(cases, tradesim, quarter)
        if waiting:
            waiting.finish()
    sys.exit(cases.summary())


main()
