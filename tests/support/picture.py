"""Draws a run: ``pellucid runs export | python -m tests.support.picture > docs/demo-run.svg``."""

from __future__ import annotations

import json
import sys
from typing import Any
from xml.sax.saxutils import escape

ROW, NAMES, BARS, TIMES = 17, 230, 560, 70
TOP, MARGIN = 46, 14
COLOURS = {"node": "#2f6f9f", "load": "#8fbf6b", "save": "#e0a040", "run": "#5b5f97"}
OTHERS = "#9aa0a6"
LEGEND = {"session": OTHERS, **{each: COLOURS[each] for each in ("run", "node", "load", "save")}}
FAILED = "#c0392b"


def spans_of(exported: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the spans of an export (OTLP JSON)."""
    return [
        span for resource in exported["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]
    ]


def in_order(spans: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Return spans as a tree is read, each with its depth."""
    known = {span["spanId"] for span in spans}
    found: list[tuple[int, dict[str, Any]]] = []

    def visit(parent: str, depth: int) -> None:
        inside = [span for span in spans if (span.get("parentSpanId") or "") == parent]
        for span in sorted(inside, key=lambda each: int(each["startTimeUnixNano"])):
            found.append((depth, span))
            visit(span["spanId"], depth + 1)

    for root in sorted({span.get("parentSpanId") or "" for span in spans} - known):
        visit(root, 0)
    return found


def colour_of(span: dict[str, Any]) -> str:
    """Return the colour of a span's bar."""
    if span.get("status", {}).get("code") == 2:
        return FAILED
    kinds = [each["value"]["stringValue"] for each in span["attributes"] if each["key"] == "pellucid.kind"]
    return COLOURS.get(kinds[0] if kinds else "", OTHERS)


def draw(spans: list[dict[str, Any]]) -> str:
    """Return the picture, as SVG."""
    begin = min(int(span["startTimeUnixNano"]) for span in spans)
    whole = max(int(span["endTimeUnixNano"]) for span in spans) - begin
    width, height = NAMES + BARS + TIMES + 2 * MARGIN, TOP + ROW * len(spans) + MARGIN
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    font = 'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font} role="img">',
        "<title>A run of the demo, span by span</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    x = MARGIN
    for text, colour in LEGEND.items():
        parts.append(f'<rect x="{x}" y="15" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="24" fill="#333">{text}</text>')
        x += 35 + 7 * len(text)
    for row, (depth, span) in enumerate(in_order(spans)):
        start, end = int(span["startTimeUnixNano"]) - begin, int(span["endTimeUnixNano"]) - begin
        y = TOP + ROW * row
        left = MARGIN + NAMES + BARS * start / whole
        long = max(1.5, BARS * (end - start) / whole)
        if row % 2:
            parts.append(f'<rect x="0" y="{y - 3}" width="{width}" height="{ROW}" fill="#f6f7f8"/>')
        parts.append(f'<text x="{MARGIN + 12 * depth}" y="{y + 10}" fill="#222">{escape(span["name"])}</text>')
        parts.append(f'<rect x="{left:.1f}" y="{y + 1}" width="{long:.1f}" height="10" fill="{colour_of(span)}"/>')
        parts.append(
            f'<text x="{width - MARGIN}" y="{y + 10}" fill="#555" text-anchor="end">{(end - start) / 1e6:.2f} ms</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(draw(spans_of(json.load(sys.stdin))))
