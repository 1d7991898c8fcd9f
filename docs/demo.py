#!/usr/bin/env python3
"""Draws docs/demo.svg, the terminal recording of the README, from the output of real commands.

    docs/demo.py TRADESIM             run the commands with this binary and write docs/demo.svg
    docs/demo.py TRADESIM --check     run them and fail if the picture shows other output

Durations and rates differ from run to run and are cut off. Needs only Python, and port 8765.
"""

import html
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PICTURE = Path(__file__).with_name("demo.svg")
# the commands, what is shown of their output (a pattern for lines), and the pause after them in seconds
SCENES = [
    ("tradesim record --date 2026-02-18 --seed 42", r"^(recorded|file|blake3)", 1.5),
    ("tradesim verify 2026-02-18.seed42.parquet", r"^(structure|digest|lifecycle|prices|candles)", 1.5),
    ("tradesim filter 2026-02-18.seed42.parquet --from 09:30 --to 09:31 -o open.parquet", r"^(blake3|kept|filtered)", 1),
    ("tradesim replay open.parquet --speed 10x & tradesim tail ws://127.0.0.1:8765 --digest", r"^blake3", 1.5),
    ("tradesim demo", r"^(recorded|replayed|topics)", 4),
]
SERVER = re.compile(r"^(tradesim replay .*) & (.*)$")
WIDTH, FONT, LINE, PAD = 118, 14, 20, 16
TYPING, PRINTING = 0.02, 0.15
# the duration of a step, and what follows it in its line
MEASURED = re.compile(r" in \d[\d.,]* m?s\b.*")
COLOURS = {"prompt": "#7ee787", "command": "#e6edf3", "output": "#9da7b3", "digest": "#79c0ff"}


def run(tradesim, command, folder):
    """Runs a command and returns both of its outputs as they would appear in a terminal."""
    server = SERVER.match(command)
    if server:
        with tempfile.TemporaryFile("w+") as log:
            replay = subprocess.Popen(
                server.group(1).replace("tradesim", tradesim, 1).split(), cwd=folder, stderr=log, stdout=log, stdin=subprocess.DEVNULL,
            )
            deadline = time.monotonic() + 30
            while "listening on" not in read(log) and replay.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            output = run(tradesim, server.group(2), folder)
            if replay.wait(60) != 0:
                sys.exit(f"demo: {server.group(1)} failed:\n{read(log)}")
        return output
    done = subprocess.run(
        [tradesim, *command.split()[1:]], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    if done.returncode != 0:
        sys.exit(f"demo: exit code {done.returncode}: {command}\n{done.stdout}")
    return done.stdout


def read(log):
    log.seek(0)
    return log.read()


def scenes(tradesim):
    """Returns the lines of each scene: the command and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        for command, pattern, pause in SCENES:
            output = run(tradesim, command, folder)
            lines = [MEASURED.sub("", line).rstrip() for line in output.splitlines() if line.strip() and re.search(pattern, line)]
            yield command, lines, pause


def draw(recorded):
    rows, clock = [], 0.5
    for command, lines, pause in recorded:
        clock += len(command) * TYPING
        rows.append((clock, "command", command))
        for line in lines:
            clock += PRINTING
            rows.append((clock, "output", line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"))
        clock += pause
        rows.append((clock, "blank", ""))
    rows.pop()
    height = 2 * PAD + LINE * (len(rows) + 1)
    width = 2 * PAD + int(WIDTH * FONT * 0.602)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"'
        ' aria-label="A terminal that records, verifies, replays and delivers a market day">',
        "<!-- drawn by docs/demo.py from the output of the commands -->",
        "<style>",
        f"text {{ font: {FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre }}",
        ".r { animation: show 0.01s linear both }",
        "@keyframes show { from { visibility: hidden } to { visibility: visible } }",
        "@media (prefers-reduced-motion: reduce) { .r { animation: none } }",
        "</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
    ]
    svg += [f'<circle cx="{PAD + 6 + 18 * n}" cy="{PAD}" r="5" fill="{colour}"/>' for n, colour in enumerate(["#ff5f57", "#febc2e", "#28c840"])]
    for number, (at, kind, text) in enumerate(rows):
        y = PAD + LINE * (number + 2) - 6
        if kind == "command":
            body = f'<tspan fill="{COLOURS["prompt"]}">$ </tspan><tspan fill="{COLOURS["command"]}">{html.escape(text)}</tspan>'
        else:
            body = re.sub(r"(blake3:[0-9a-f…]+)", rf'<tspan fill="{COLOURS["digest"]}">\1</tspan>', html.escape(text))
        if text:
            svg.append(
                f'<text class="r" style="animation-delay: {at:.2f}s" x="{PAD}" y="{y}" fill="{COLOURS["output"]}" xml:space="preserve">{body}</text>'
            )
    return "\n".join(svg + ["</svg>", ""])


def main():
    tradesim = str(Path(sys.argv[1]).resolve())
    svg = draw(scenes(tradesim))
    if sys.argv[2:] == ["--check"]:
        if svg != PICTURE.read_text():
            sys.exit(f"docs/demo.svg shows other output than the commands: run docs/demo.py {sys.argv[1]}")
        print("docs/demo.svg shows what the commands print")
        return
    PICTURE.write_text(svg)


main()
