"""The spans of a run as bars over time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pellucid.observability._cli._runs_text import Screen, columns_of, duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pellucid.observability.history import StoredSpan

_MOST_ROWS = 1000
_ROWS_WITH_IO = 300
_DURATION_COLUMNS = 9
_LEAST_BAR = 10
_MOST_DEPTH = 12
_LOST = "error"
_IO = frozenset({"load", "save"})


class _Row(NamedTuple):
    """A span; or all loads, or saves, of one dataset in a node, as one from the first to the last."""

    span: StoredSpan
    depth: int
    is_told_below: bool
    number: int
    duration_ns: int


def waterfall(spans: Sequence[StoredSpan], on_path: Collection[bytes], screen: Screen) -> Iterator[str]:
    """Yield a line for each span: its name, a bar, its duration, and below a failed one what happened.

    Loads and saves that a node repeats are one line, with their number and the sum of their durations. Of very many
    lines, loads and saves that succeeded are left out, and then what comes last.

    Args:
        spans: of one run.
        on_path: ids of those on the critical path, which are marked with ``*``.
        screen: what the lines must fit.
    """
    rows = _rows(spans)
    shown = rows
    if len(rows) > _ROWS_WITH_IO:
        shown = [row for row in rows if row.span.kind not in _IO or row.span.has_failed]
    start, end = min(each.started_ns for each in spans), max(each.ended_ns for each in spans)
    widest = max(columns_of(_label(row)) for row in shown[:_MOST_ROWS])
    names = max(8, min(widest, (screen.columns - _DURATION_COLUMNS - 4) * 9 // 20))
    bar = max(_LEAST_BAR, screen.columns - names - _DURATION_COLUMNS - 4)
    for row in shown[:_MOST_ROWS]:
        yield _line(row, names, _Scale(start, end, bar), on_path, screen)
        if row.span.has_failed and not row.is_told_below:
            yield _error(row, screen)
    left = len(spans) - sum(row.number for row in shown[:_MOST_ROWS])
    if left:
        yield f"  {left} more spans are in --json."


class _Scale(NamedTuple):
    start_ns: int
    end_ns: int
    columns: int

    def place(self, span: StoredSpan) -> tuple[int, int]:
        """Return the first column of a span's bar, and the one after its last; it has at least one."""
        whole = max(1, self.end_ns - self.start_ns)
        first = (span.started_ns - self.start_ns) * self.columns // whole
        first = min(max(0, first), self.columns - 1)
        last = -((self.start_ns - max(span.ended_ns, span.started_ns)) * self.columns // whole)
        return first, min(max(first + 1, last), self.columns)


def _line(row: _Row, names: int, scale: _Scale, on_path: Collection[bytes], screen: Screen) -> str:
    span = row.span
    first, last = scale.place(span)
    letter = screen.sign("█", "#")
    if span.is_open:
        letter = screen.sign("░", ".")
    elif span.kind in _IO:
        letter = screen.sign("▒", "=")
    elif span.kind != "node":
        letter = screen.sign("─", "-")
    is_marked = span.span_id in on_path
    bar = " " * first + letter * (last - first) + " " * (scale.columns - last)
    bar = (
        screen.of_result(bar, span.result or _LOST)
        if span.has_failed
        else screen.styled(bar, "yellow" if is_marked else None)
    )
    name = screen.cell(_label(row), names)
    name = screen.of_result(name, span.result or _LOST) if span.has_failed else screen.styled(name, bold=is_marked)
    return f"{'*' if is_marked else ' '} {name} {bar} {duration(row.duration_ns / 1e9):>{_DURATION_COLUMNS}}"


def _error(row: _Row, screen: Screen) -> str:
    span = row.span
    message = f": {span.error_message}" if span.error_message else ""
    indent = " " * (2 + 2 * min(row.depth, _MOST_DEPTH))
    text = f"{indent}{screen.sign('└', '`')} {span.error_name}{message}"
    return screen.of_result(screen.fitted(text, screen.columns), span.result or _LOST)


def _label(row: _Row) -> str:
    times = f"{row.number:,} x " if row.number > 1 else ""
    return f"{'  ' * min(row.depth, _MOST_DEPTH)}{times}{row.span.name}"


def _rows(spans: Sequence[StoredSpan]) -> list[_Row]:
    """Return the spans, each before what is below it; those whose parent is not there stand on top."""
    known = {each.span_id for each in spans}
    below: dict[bytes, list[StoredSpan]] = {}
    for each in sorted(spans, key=lambda each: (each.started_ns, -each.ended_ns, each.span_id)):
        is_top = each.parent_id not in known or each.parent_id == each.span_id
        below.setdefault(b"" if is_top else each.parent_id, []).append(each)
    rows: list[_Row] = []
    waiting = [([each], 0) for each in reversed(below.get(b"", []))]
    while waiting:
        same, depth = waiting.pop()
        span = same[0]
        children = below.get(span.span_id, [])
        is_told = span.has_failed and any(each.has_failed and _is_same(each, span) for each in children)
        whole = replace(span, ended_ns=max(each.ended_ns for each in same)) if len(same) > 1 else span
        rows.append(_Row(whole, depth, is_told, len(same), sum(each.duration_ns for each in same)))
        waiting += [(each, depth + 1) for each in reversed(_repeated(children, below))]
    return rows


def _repeated(children: Sequence[StoredSpan], below: Mapping[bytes, object]) -> list[list[StoredSpan]]:
    """Put the loads, and the saves, of one dataset together that succeeded and have nothing below them."""
    found: dict[object, list[StoredSpan]] = {}
    for each in children:
        is_plain = each.kind in _IO and each.result == "success" and each.span_id not in below
        found.setdefault((each.kind, each.name) if is_plain else each.span_id, []).append(each)
    return list(found.values())


def _is_same(error: StoredSpan, outer: StoredSpan) -> bool:
    """Tell whether what happened in a span is what its outer one ended with; code may survive an error of its own."""
    return bool(error.kind) or error.error_message == outer.error_message
