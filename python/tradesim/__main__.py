"""Runs the program: `python -m tradesim record --help`."""

import os
import sys

from tradesim._binary import find_binary

if __name__ == "__main__":
    binary = find_binary()
    os.execv(binary, [binary, *sys.argv[1:]])
