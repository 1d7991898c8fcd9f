"""The fixtures, in test sessions of their own."""

from pathlib import Path

MINUTE = Path(__file__).resolve().parents[2] / "fixtures" / "minute.parquet"


def test_replay_of_the_configured_recording(pytester):
    pytester.makeini(f"[pytest]\ntradesim_recording = {MINUTE}\n")
    pytester.makepyfile(
        """
        import pytest
        from websockets.sync.client import connect

        def test_everything_arrives(tradesim_replay, tradesim_recording):
            with connect(tradesim_replay.url) as socket:
                assert sum(1 for _ in socket) == len(tradesim_recording)

        @pytest.mark.tradesim(limit=7)
        def test_a_marker_changes_options(tradesim_replay):
            with connect(tradesim_replay.url) as socket:
                assert sum(1 for _ in socket) == 7
        """
    )
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=2)


def test_recording_is_overridden_and_made_only_once(pytester):
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def tradesim_recording(tradesim_record):
            return tradesim_record("2026-02-18", seed=42, limit=100)
        """
    )
    pytester.makepyfile(
        """
        def test_recorded_once(tradesim_record, tradesim_recording):
            assert tradesim_record("2026-02-18", 42, limit=100) is tradesim_recording
            assert tradesim_record("2026-02-18", 42, limit=99).path != tradesim_recording.path

        def test_replayed(tradesim_replay):
            assert tradesim_replay.url.startswith("ws://")
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_no_recording_is_an_error_that_says_what_to_do(pytester):
    pytester.makepyfile("def test_replayed(tradesim_replay): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*set `tradesim_recording = FILE` in the configuration of pytest*"])
