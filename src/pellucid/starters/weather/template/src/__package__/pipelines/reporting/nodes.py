"""Plots as SVG and a report as Markdown, written without a plotting library."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MARGIN = 40


def svg(width: int, height: int, title: str, body: list[str]) -> str:
    """Wrap drawing instructions in a titled SVG document."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
    )
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, background, f'<text x="{MARGIN}" y="20" font-size="14">{title}</text>', *body, "</svg>\n"])


def axis(width: int, height: int, low: float, high: float) -> tuple[list[str], float]:
    """Draw horizontal lines every five degrees; return them and the pixels of one degree."""
    scale = (height - 2 * MARGIN) / (high - low)
    lines = []
    for degrees in range(int(low), int(high) + 1, 5):
        y = height - MARGIN - (degrees - low) * scale
        lines.append(f'<line x1="{MARGIN}" x2="{width - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{degrees}°</text>')
    return lines, scale


def plot_forecast(forecast: list[dict[str, Any]], options: dict[str, int]) -> str:
    """Draw measured and predicted highest temperatures over the days of the test."""
    width, height = options["width"], options["height"]
    values = [row[key] for row in forecast for key in ("actual", "predicted")]
    low, high = min(values) // 5 * 5, -(-max(values) // 5) * 5
    body, scale = axis(width, height, low, high)
    step = (width - 2 * MARGIN) / max(1, len(forecast) - 1)
    for index, (before, row) in enumerate(pairwise(forecast), start=1):
        if row["date"][:7] != before["date"][:7]:
            name = MONTHS[int(row["date"][5:7]) - 1]
            body.append(f'<text x="{MARGIN + index * step:.1f}" y="{height - MARGIN + 16}">{name}</text>')
    for key, colour in (("actual", "#999"), ("predicted", "#d1495b")):
        points = " ".join(
            f"{MARGIN + index * step:.1f},{height - MARGIN - (row[key] - low) * scale:.1f}"
            for index, row in enumerate(forecast)
        )
        body.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.4" points="{points}"/>')
    return svg(width, height, "Highest temperature of the day: measured (grey) and predicted the day before", body)


def plot_climate(climate: list[dict[str, Any]], options: dict[str, int]) -> str:
    """Draw, for each month, the span from its mean lowest to its mean highest temperature."""
    width, height = options["width"], options["height"]
    low = min(month["temp_min"] for month in climate) // 5 * 5
    high = -(-max(month["temp_max"] for month in climate) // 5) * 5
    body, scale = axis(width, height, low, high)
    step = (width - 2 * MARGIN) / len(climate)
    for index, month in enumerate(climate):
        left, top = MARGIN + index * step, height - MARGIN - (month["temp_max"] - low) * scale
        tall = (month["temp_max"] - month["temp_min"]) * scale
        body.append(
            f'<rect x="{left + step * 0.2:.1f}" y="{top:.1f}" width="{step * 0.6:.1f}" height="{tall:.1f}" '
            f'rx="4" fill="#30638e"><title>{month["precipitation"]:.0f} mm of rain</title></rect>'
        )
        name = MONTHS[month["month"] - 1]
        body.append(f'<text x="{left + step / 2:.1f}" y="{height - MARGIN + 16}" text-anchor="middle">{name}</text>')
    return svg(width, height, "Mean lowest to mean highest temperature of each month", body)


def write_report(calendar: dict[str, Any], climate: list[dict[str, Any]], scores: dict[str, dict[str, float]]) -> str:
    """Write a page of Markdown with the results and both plots."""
    wettest = max(climate, key=lambda month: month["precipitation"])
    gain = 1 - scores["model"]["mae"] / min(s["mae"] for name, s in scores.items() if name != "model")
    rows = [f"| {name.replace('_', ' ')} | {s['mae']:.2f} | {s['rmse']:.2f} |" for name, s in scores.items()]
    return "\n".join(
        [
            "# Weather in Seattle",
            "",
            f"{calendar['days']} days from {calendar['first']} to {calendar['last']}; "
            f"{len(calendar['missing_days'])} missing, {len(calendar['contradictions'])} contradictory.",
            f"The wettest month is {MONTHS[wettest['month'] - 1]} with {wettest['precipitation']:.0f} mm.",
            "",
            "## Tomorrow's highest temperature",
            "",
            f"The model is off by {scores['model']['mae']:.2f} °C on average, "
            f"{gain:.0%} better than the better of two guesses.",
            "",
            "| | mean absolute error, °C | root mean square error, °C |",
            "|---|---|---|",
            *rows,
            "",
            "![forecast](forecast.svg)",
            "",
            "![climate](climate.svg)",
            "",
        ]
    )
