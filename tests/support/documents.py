"""Makes tables of ``docs/observability.md`` from the source; ``python -m tests.support.documents`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.observability.options import options_table
from pellucid.observability.semconv import ATTRIBUTES, EVENTS, METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _metrics() -> str:
    rows = [(f"`{each.name}`", each.kind, _codes(each.labels), each.text) for each in METRICS]
    buckets = {each.buckets for each in METRICS if each.buckets}
    ladders = []
    for ladder in sorted(buckets, reverse=True):
        names = _codes(each.name for each in METRICS if each.buckets == ladder)
        ladders.append(f"- {' '.join(f'{edge:g}' for edge in ladder)}: {names}")
    return "\n".join([_table(("metric", "type", "labels", ""), rows), "", "Buckets, in seconds:", "", *ladders])


def _events() -> str:
    rows = [(f"`{each.name}`", each.level, each.text, _codes(each.fields)) for each in EVENTS]
    return _table(("event", "level", "when", "fields of its own"), rows)


def _attributes() -> str:
    return _table(("attribute", "where, and what"), [(f"`{name}`", text) for name, text in ATTRIBUTES.items()])


def _options() -> str:
    rows = [
        (f"`{each.key}`", each.values, f"`{each.default}`", each.meaning, _codes(each.variables))
        for each in options_table()
    ]
    return _table(("key", "values", "default", "meaning", "variables that win over it"), rows)


def renewed(page: str) -> str:
    """Return the text of the page with its tables made anew."""
    made = {"metrics": _metrics(), "events": _events(), "attributes": _attributes(), "options": _options()}
    for name, table in made.items():
        begin, end = f"<!-- {name}: generated -->", "<!-- end -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            message = f"{PAGE.name} has no place for the table '{name}'"
            raise ValueError(message)
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
