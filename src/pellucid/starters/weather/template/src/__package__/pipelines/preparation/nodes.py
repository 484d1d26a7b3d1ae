"""Cleaning, checking and summarising daily observations."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any

Observation = dict[str, Any]

NUMBERS = ("precipitation", "temp_max", "temp_min", "wind")


def clean_weather(raw_weather: list[dict[str, str]]) -> list[Observation]:
    """Give every row its types, leave out rows that do not parse or repeat a day, and sort by day."""
    days: dict[str, Observation] = {}
    for row in raw_weather:
        try:
            day = datetime.strptime(row["date"], "%Y/%m/%d").date().isoformat()
            numbers = {name: float(row[name]) for name in NUMBERS}
        except (KeyError, TypeError, ValueError):
            continue
        days.setdefault(day, {"date": day, **numbers, "weather": row["weather"]})
    return [days[day] for day in sorted(days)]


def check_calendar(observations: list[Observation]) -> dict[str, Any]:
    """Count the days that are missing, and those whose values contradict each other."""
    present = {observation["date"] for observation in observations}
    first, last = date.fromisoformat(min(present)), date.fromisoformat(max(present))
    calendar = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "days": len(observations),
        "missing_days": [day for day in calendar if day not in present],
        "contradictions": [o["date"] for o in observations if o["temp_min"] > o["temp_max"]],
    }


def describe_climate(observations: list[Observation]) -> list[dict[str, Any]]:
    """Average each month of the year: temperatures in °C, precipitation in mm a month, share of wet days."""
    months: dict[int, list[Observation]] = defaultdict(list)
    for observation in observations:
        months[int(observation["date"][5:7])].append(observation)
    years = len({observation["date"][:4] for observation in observations})
    return [
        {
            "month": month,
            "temp_max": fmean(o["temp_max"] for o in days),
            "temp_min": fmean(o["temp_min"] for o in days),
            "precipitation": sum(o["precipitation"] for o in days) / years,
            "wet_days": fmean(o["precipitation"] > 0 for o in days),
        }
        for month, days in sorted(months.items())
    ]
