"""A replay as a fixture. `tradesim` must be in PATH."""

import os
import subprocess
from pathlib import Path

import pytest

RECORDING = os.environ.get("RECORDING", Path(__file__).parents[2] / "fixtures" / "minute.parquet")


@pytest.fixture
def replay():
    """The URL of a server that plays the recording from its beginning, as fast as the client reads."""
    command = ["tradesim", "replay", RECORDING, "--port", "0", "--speed", "max", "--no-env"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        said = []
        while not (line := server.stderr.readline()).startswith("listening on "):
            assert line, "tradesim replay ended: " + "".join(said)
            said.append(line)
        yield line.split()[-1]
        server.terminate()
        server.communicate()
