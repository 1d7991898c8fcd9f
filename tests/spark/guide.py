#!/usr/bin/env python3
"""Runs the code of a page of the guide in a new folder, block after block, as one program: PAGE. Blocks are marked `py`."""

import logging
import os
import re
import sys
import tempfile
from pathlib import Path

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ["PYSPARK_SUBMIT_ARGS"] = "--master local[2] --conf spark.ui.enabled=false --conf spark.log.level=ERROR pyspark-shell"


def main():
    page = Path(sys.argv[1]).resolve()
    blocks = re.findall(r"^```py\n(.*?)^```$", page.read_text(), re.M | re.S)
    if not blocks:
        sys.exit(f"{page.name}: no code")
    # a warning for each dictionary column of each file
    logging.getLogger("pyiceberg").setLevel(logging.ERROR)
    names = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory(prefix="tradesim-guide-") as folder:
        os.chdir(folder)
        for number, block in enumerate(blocks, 1):
            print(f"-- {page.name}, block {number} of {len(blocks)}", flush=True)
            exec(compile(block, f"{page.name} block {number}", "exec"), names)
        names["spark"].stop()


main()
