"""The benchmarks run, and say what they promise to say; no time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.bench.__main__ import NAMES
from tests.bench.measuring import Options, Table, Timing, interleaved

pytestmark = pytest.mark.beside

# Seconds for all benchmarks with hardly any rows; it takes five where nothing else runs.
TIMEOUT = 240

CONTESTANTS = {
    "new": ("bulk_create", "update_or_create"),
    "edits": ("bulk_update", "update_or_create"),
}


@pytest.fixture(scope="module")
def figures(request: pytest.FixtureRequest) -> Any:
    """What all benchmarks print for machines, with hardly any rows."""
    environment = {name: value for name, value in os.environ.items() if name != "PGHOST"}
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--json", "--rounds", "1", "--scale", "0.002"],
        check=False,
        cwd=request.config.rootpath,
        env=environment | {"PULSE_TEST_DB": "sqlite"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_every_benchmark_prints_figures_for_machines(figures: Any) -> None:
    assert list(figures) == list(NAMES)


def test_upload_is_compared_with_django_and_with_the_original(figures: Any) -> None:
    for kind, others in CONTESTANTS.items():
        told = figures["upload"][kind]
        assert all(told[f"ratio_to_{other}"] > 0 for other in others)
        assert all(told["over_websocket"][f"ratio_to_{other}"] > 0 for other in others)
        assert told["rows_per_second"] > 0
        assert told["over_websocket"]["rows_per_second"] > 0


def test_the_text_protocol_is_compared_with_the_binary_one(figures: Any) -> None:
    for kind in ("new", "edits"):
        assert figures["text"][kind]["ratio_to_binary"] > 0


def test_saving_and_loading_are_compared_with_a_plain_model(figures: Any) -> None:
    for kind in ("create", "changed", "unchanged"):
        assert figures["save"][kind]["ratio_to_plain"] > 0
    assert figures["load"]["ratio_to_plain"] > 0


def test_the_wire_is_counted_both_ways(figures: Any) -> None:
    assert figures["wire"]["upload"]["up"] > 0
    assert figures["wire"]["bootstrap"]["down"] > 0
    assert figures["wire"]["live_change"]["down"] > 0


def test_a_client_that_pulls_gets_every_row(figures: Any) -> None:
    assert figures["bootstrap"]["bootstrap"]["rows"] == 20
    for kind in ("bootstrap", "behind"):
        told = figures["bootstrap"][kind]
        assert told["milliseconds"] > 0
        assert told["megabytes"] > 0
        assert told["chunks"] == 1


def test_opening_rows_is_compared_with_pulling_them(figures: Any) -> None:
    told = figures["access"]
    assert told["opened"]["ratio_to_pulled"] > 0
    assert told["scattered"]["ratio_to_pulled"] > 0
    assert told["adding_milliseconds"] > 0
    assert told["heads"]["many_milliseconds"] > 0


def test_the_curve_of_a_document_is_told_for_one_writer_and_for_twenty(figures: Any) -> None:
    assert list(figures["size"]["orm"]["bytes"]) == ["1", "10", "20"]
    assert figures["size"]["orm"]["growth"] < 1.1
    assert set(figures["size"]) == {"orm", "20_devices", "20_devices_blind"}


def test_contestants_take_turns_and_a_first_round_does_not_count() -> None:
    order: list[str] = []
    contestants = {name: lambda name=name: lambda: order.append(name) for name in "ab"}
    timings = interleaved(contestants, 2)
    assert "".join(order) == "abbaab"
    assert [len(timing.seconds) for timing in timings.values()] == [2, 2]


def test_a_ratio_is_one_of_medians() -> None:
    assert Timing((9.0, 2.0, 1.0)).ratio_to(Timing((1.0, 1.0, 5.0))) == 2.0
    assert Timing((3.0, 1.0, 2.0)).spread == 1.0


def test_fewer_rows_are_never_none() -> None:
    assert Options(scale=0.0001).rows(2_000) == 2


def test_a_table_lines_its_columns_up() -> None:
    table = Table("Title", ("", "ms"), [("push", 1234.5), ("other", 7)])
    lines = str(table).splitlines()[4:]
    assert [line.split() for line in lines] == [["push", "1,234"], ["other", "7"]]
    assert len(lines[0]) == len(lines[1])
