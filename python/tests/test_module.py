"""The module, against the program that it finds. `.ci/wheel` runs this against an installed wheel."""

import ast
import datetime
import decimal
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tradesim
from tradesim._binary import flags
from websockets.sync.client import connect

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
MINUTE = FIXTURES / "minute.parquet"
MINUTE_DIGEST = "blake3:0eb970445d433611797c39f357709092e5540646163aa0be22ed00fad2bee81b"


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    return tradesim.record("2026-02-18", seed=42, limit=500, output=tmp_path_factory.mktemp("day") / "day.parquet")


def test_recording_has_path_digest_and_length(recording):
    assert recording.path.is_file()
    assert len(recording) == 500
    verified = tradesim.run("verify", recording, "--against", recording.digest, "--json")
    assert recording.digest in verified


def test_the_same_arguments_give_the_same_digest(recording, tmp_path):
    again = tradesim.record(datetime.date(2026, 2, 18), 42, limit=500, output=tmp_path / "again.parquet")
    assert again.digest == recording.digest
    other = tradesim.record("2026-02-18", 43, limit=500, output=tmp_path / "other.parquet")
    assert other.digest != recording.digest


def test_settings_in_the_environment_change_nothing(recording, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADE_GEN_RATE", "77")
    again = tradesim.record("2026-02-18", 42, limit=500, output=tmp_path / "again.parquet")
    assert again.digest == recording.digest


def test_opened_archive_has_the_digest_of_its_recording(recording):
    opened = tradesim.open(recording.path)
    assert opened.digest == recording.digest
    assert opened.info["seed"] == 42
    assert tradesim.open(MINUTE).digest == MINUTE_DIGEST


def test_existing_file_is_an_error_with_exit_code_73(recording):
    with pytest.raises(tradesim.TradesimError) as raised:
        tradesim.record("2026-02-18", 42, limit=500, output=recording.path)
    assert raised.value.exit_code == 73
    assert "--force" in raised.value.stderr
    assert "exit code 73: error: " in str(raised.value)
    forced = tradesim.record("2026-02-18", 42, limit=500, output=recording.path, force=True)
    assert forced.digest == recording.digest


def test_failures_have_the_exit_codes_of_the_program(tmp_path):
    def exit_code(call, *arguments, **options):
        with pytest.raises(tradesim.TradesimError) as raised:
            call(*arguments, **options)
        return raised.value.exit_code

    no_archive = tmp_path / "no.parquet"
    no_archive.write_bytes(b"not an archive")
    assert exit_code(tradesim.record, "2026-02-14", 1) == 2  # a Saturday
    assert exit_code(tradesim.record, "2026-02-18", 1, no_such_option=1) == 2
    assert exit_code(tradesim.open, no_archive) == 65
    assert exit_code(tradesim.open, tmp_path / "missing.parquet") == 1
    assert exit_code(tradesim.replay, tmp_path / "missing.parquet") == 1
    assert exit_code(tradesim.replay, no_archive) == 65
    assert os.listdir(tmp_path) == ["no.parquet"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 5, "from_": "09:30"}, ["--rate=5", "--from=09:30"]),
        ({"symbols": ["AAPL", "MSFT"]}, ["--symbols=AAPL,MSFT"]),
        ({"burst_at": ["10:00", "11:00"]}, ["--burst-at=10:00", "--burst-at=11:00"]),
        ({"allow_closed": True, "force": False, "limit": None}, ["--allow-closed"]),
        ({"market_hours": False}, ["--market-hours=false"]),
        ({"faults": Path("plan.toml")}, ["--faults=plan.toml"]),
    ],
)
def test_keyword_arguments_become_options(options, words):
    assert flags(options) == words


def test_tables_hold_every_message(recording):
    arrow = recording.arrow()
    assert arrow.num_rows == 500
    assert recording.polars().collect().height == 500
    frame = recording.pandas()
    assert len(frame) == 500
    assert recording.duckdb().aggregate("count(*)").fetchall() == [(500,)]
    prices = {value for value in arrow["price"].to_pylist() if value is not None}
    assert prices and all(isinstance(value, decimal.Decimal) for value in prices)
    assert set(frame["price"].dropna()) == prices


def test_missing_package_names_the_command_that_installs_it(recording, monkeypatch):
    for method, module, packages in [
        ("arrow", "pyarrow", "pyarrow"),
        ("polars", "polars", "polars"),
        ("pandas", "pandas", "pandas pyarrow"),
        ("duckdb", "duckdb", "duckdb pytz"),
    ]:
        with monkeypatch.context() as patch:
            for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
                patch.delitem(sys.modules, name)
            patch.setitem(sys.modules, module, None)
            with pytest.raises(tradesim.MissingPackageError, match=f"python -m pip install {packages}`"):
                getattr(recording, method)()


def test_replay_delivers_the_recording_and_reports_its_digest():
    with tradesim.replay(MINUTE, speed="max") as replay:
        with connect(replay.url) as socket:
            count = sum(1 for _ in socket)
        report = replay.wait(60)
    assert count == report["sent"] == 26_736
    assert report["digest"] == MINUTE_DIGEST
    assert report["complete"] is True


def test_leaving_the_block_stops_the_server(recording):
    with tradesim.replay(recording, speed=50) as replay:
        assert replay.url.startswith("ws://127.0.0.1:")
        pid = replay.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert replay.report["complete"] is False
    assert replay.report["speed_wanted"] == 50.0
    replay.stop()


def test_server_that_stays_ends_with_0_on_sigterm(recording):
    with tradesim.replay([recording, recording.path], speed="max", stay=True) as replay:
        with pytest.raises(subprocess.TimeoutExpired):
            replay.wait(0.1)
    assert replay.report is not None


def test_server_that_was_killed_is_an_error(recording):
    with pytest.raises(tradesim.TradesimError) as raised:
        with tradesim.replay(recording) as replay:
            os.kill(replay.pid, signal.SIGKILL)
            with pytest.raises(tradesim.TradesimError):
                replay.wait(60)
    assert raised.value.exit_code == -signal.SIGKILL


def test_exception_of_the_block_is_not_replaced(recording):
    with pytest.raises(KeyError):
        with tradesim.replay(recording) as replay:
            os.kill(replay.pid, signal.SIGKILL)
            raise KeyError


def test_module_runs_the_program():
    done = subprocess.run([sys.executable, "-m", "tradesim", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tradesim ")
    assert done.stdout == tradesim.run("--version")


def test_program_of_the_environment_comes_before_path(monkeypatch, tmp_path):
    monkeypatch.setattr("sysconfig.get_path", lambda *_, **__: str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="tradesim-market"):
        tradesim.find_binary()
    in_path = tmp_path / "path" / "tradesim"
    in_path.parent.mkdir()
    in_path.write_text("#!/bin/sh\n")
    in_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(in_path.parent))
    assert tradesim.find_binary() == str(in_path)
    of_environment = tmp_path / "tradesim"
    of_environment.write_text("#!/bin/sh\n")
    assert tradesim.find_binary() == str(of_environment)


def test_sources_are_python_3_9():
    for source in Path(tradesim.__file__).parent.glob("*.py"):
        ast.parse(source.read_text(), feature_version=(3, 9))
