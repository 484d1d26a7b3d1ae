"""The spans of a run as bars over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pellucid.observability._cli._runs_text import Screen, columns_of, duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pellucid.observability.history import StoredSpan

_MOST_ROWS = 1000
_ROWS_WITH_IO = 300
_DURATION_COLUMNS = 9
_LEAST_BAR = 10
_MOST_DEPTH = 12
_LOST = "error"


class _Row(NamedTuple):
    span: StoredSpan
    depth: int
    has_failed_below: bool


def waterfall(spans: Sequence[StoredSpan], on_path: Collection[bytes], screen: Screen) -> Iterator[str]:
    """Yield a line for each span: its name, a bar, its duration, and below a failed one what happened.

    Of very many, loads and saves that succeeded are left out, and then what comes last.

    Args:
        spans: of one run.
        on_path: ids of those on the critical path, which are marked with ``*``.
        screen: what the lines must fit.
    """
    rows = _rows(spans)
    shown = rows
    if len(rows) > _ROWS_WITH_IO:
        shown = [row for row in rows if row.span.kind not in {"load", "save"} or _is_failed(row.span)]
    start, end = min(each.started_ns for each in spans), max(each.ended_ns for each in spans)
    widest = max(columns_of(_label(row)) for row in shown[:_MOST_ROWS])
    names = max(8, min(widest, (screen.columns - _DURATION_COLUMNS - 4) * 9 // 20))
    bar = max(_LEAST_BAR, screen.columns - names - _DURATION_COLUMNS - 4)
    for row in shown[:_MOST_ROWS]:
        yield _line(row, names, _Scale(start, end, bar), on_path, screen)
        if _is_failed(row.span) and not row.has_failed_below:
            yield _error(row, screen)
    left = len(rows) - len(shown[:_MOST_ROWS])
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
    if span.kind in {"load", "save"}:
        letter = screen.sign("▒", "=")
    elif span.kind != "node":
        letter = screen.sign("─", "-")
    is_marked = span.span_id in on_path
    bar = " " * first + letter * (last - first) + " " * (scale.columns - last)
    bar = (
        screen.of_result(bar, span.result or _LOST)
        if _is_failed(span)
        else screen.styled(bar, "yellow" if is_marked else None)
    )
    name = screen.cell(_label(row), names)
    name = screen.of_result(name, span.result or _LOST) if _is_failed(span) else screen.styled(name, bold=is_marked)
    return f"{'*' if is_marked else ' '} {name} {bar} {duration(span.duration_ns / 1e9):>{_DURATION_COLUMNS}}"


def _error(row: _Row, screen: Screen) -> str:
    span = row.span
    message = f": {span.error_message}" if span.error_message else ""
    indent = " " * (2 + 2 * min(row.depth, _MOST_DEPTH))
    text = f"{indent}{screen.sign('└', '`')} {span.error_type or span.result}{message}"
    return screen.of_result(screen.fitted(text, screen.columns), span.result or _LOST)


def _label(row: _Row) -> str:
    return "  " * min(row.depth, _MOST_DEPTH) + row.span.name


def _is_failed(span: StoredSpan) -> bool:
    return span.result not in {"success", "skip", ""} or bool(span.error_type)


def _rows(spans: Sequence[StoredSpan]) -> list[_Row]:
    """Return the spans, each before what is below it; those whose parent is not there stand on top."""
    known = {each.span_id for each in spans}
    below: dict[bytes, list[StoredSpan]] = {}
    for each in sorted(spans, key=lambda each: (each.started_ns, -each.ended_ns, each.span_id)):
        is_top = each.parent_id not in known or each.parent_id == each.span_id
        below.setdefault(b"" if is_top else each.parent_id, []).append(each)
    rows: list[_Row] = []
    waiting = [(each, 0) for each in reversed(below.get(b"", []))]
    while waiting:
        span, depth = waiting.pop()
        children = below.get(span.span_id, [])
        rows.append(_Row(span, depth, any(_is_failed(each) for each in children)))
        waiting += [(each, depth + 1) for each in reversed(children)]
    return rows
