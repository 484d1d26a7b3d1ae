"""Identifiers: unique over processes, and sorted by time."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime

import pytest

from pellucid._util.timestamps import TIMESTAMP_FORMAT, unique_timestamp

DRAW = """
import sys
from pellucid._util.timestamps import unique_timestamp
drawn = [unique_timestamp() for _ in range(int(sys.argv[1]))]
assert drawn == sorted(drawn)
sys.stdout.write("\\n".join(drawn))
"""


def test_an_identifier_begins_with_the_time_it_was_drawn_at() -> None:
    moment, _, rest = unique_timestamp().partition("Z-")
    assert datetime.strptime(f"{moment}Z+0000", f"{TIMESTAMP_FORMAT}%z").year >= 2024
    assert re.fullmatch(r"[0-9]{3}[0-9a-f]{12}", rest)


def test_an_identifier_is_a_file_name_also_where_case_does_not_count() -> None:
    drawn = unique_timestamp()
    assert re.fullmatch(r"[0-9A-Za-z.\-]+", drawn)
    assert len(drawn) == 43


@pytest.mark.processes
def test_eight_processes_that_draw_a_million_draw_none_twice_and_each_in_order() -> None:
    command = [sys.executable, "-c", DRAW, "125000"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    drawn: set[str] = set()
    for process in processes:
        drawn.update(process.communicate()[0].split("\n"))
    assert [process.returncode for process in processes] == [0] * 8
    assert len(drawn) == 1_000_000
