"""Features, a ridge regression without dependencies, and its evaluation."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date
from itertools import pairwise
from statistics import fmean
from typing import Any

Row = dict[str, Any]


def make_features(observations: list[Row], options: dict[str, Any]) -> list[Row]:
    """For each day that has enough days before it: what was known the evening before, and the day's temperature.

    The features are the highest temperature of the last ``lags`` days, yesterday's lowest temperature, rain and wind,
    and the season as a point on a circle.
    """
    lags = int(options["lags"])
    rows = []
    for index in range(lags, len(observations)):
        today, yesterday = observations[index], observations[index - 1]
        season = 2 * math.pi * date.fromisoformat(today["date"]).timetuple().tm_yday / 365.25
        rows.append(
            {
                "date": today["date"],
                "target": today["temp_max"],
                "features": [
                    *(observations[index - lag]["temp_max"] for lag in range(1, lags + 1)),
                    yesterday["temp_min"],
                    math.log1p(yesterday["precipitation"]),
                    yesterday["wind"],
                    math.sin(season),
                    math.cos(season),
                ],
            }
        )
    return rows


def split_by_date(rows: list[Row], test_from: str) -> tuple[list[Row], list[Row]]:
    """Return the rows before ``test_from`` (YYYY-MM-DD), and those from that day on."""
    return [row for row in rows if row["date"] < test_from], [row for row in rows if row["date"] >= test_from]


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve a system of linear equations by elimination with partial pivoting."""
    size = len(right)
    table = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda line: abs(table[line][column]))
        table[column], table[pivot] = table[pivot], table[column]
        for line in range(size):
            if line != column:
                factor = table[line][column] / table[column][column]
                table[line] = [a - factor * b for a, b in zip(table[line], table[column], strict=True)]
    return [table[line][size] / table[line][line] for line in range(size)]


def fit_model(train: list[Row], options: dict[str, Any]) -> dict[str, Any]:
    """Fit a linear model to standardised features by ridge regression."""
    columns = list(zip(*(row["features"] for row in train), strict=True))
    means = [fmean(column) for column in columns]
    scales = [math.sqrt(fmean((x - m) ** 2 for x in column)) or 1.0 for column, m in zip(columns, means, strict=True)]
    inputs = [standardise(row["features"], means, scales) for row in train]
    intercept = fmean(row["target"] for row in train)
    targets = [row["target"] - intercept for row in train]
    size = len(columns)
    gram = [[sum(x[i] * x[j] for x in inputs) for j in range(size)] for i in range(size)]
    for i in range(size):
        gram[i][i] += float(options["ridge"]) * len(train)
    moments = [sum(x[i] * y for x, y in zip(inputs, targets, strict=True)) for i in range(size)]
    return {"intercept": intercept, "coefficients": solve(gram, moments), "means": means, "scales": scales}


def standardise(features: list[float], means: list[float], scales: list[float]) -> list[float]:
    """Shift and scale features as the training data was."""
    return [(x - m) / s for x, m, s in zip(features, means, scales, strict=True)]


def predict(model: dict[str, Any], test: list[Row]) -> list[Row]:
    """Predict the highest temperature of each test day, in °C."""
    return [
        {
            "date": row["date"],
            "actual": row["target"],
            "predicted": model["intercept"]
            + sum(
                c * x
                for c, x in zip(
                    model["coefficients"],
                    standardise(row["features"], model["means"], model["scales"]),
                    strict=True,
                )
            ),
        }
        for row in test
    ]


def guess_without_model(train: list[Row], test: list[Row]) -> dict[str, list[float]]:
    """Two guesses to beat: the same as the day before, and the mean of the month in earlier years, in °C."""
    months: dict[str, list[float]] = defaultdict(list)
    for row in train:
        months[row["date"][5:7]].append(row["target"])
    days = [train[-1], *test]
    return {
        "as_yesterday": [before["target"] for before, _ in pairwise(days)],
        "as_the_month": [fmean(months[row["date"][5:7]]) for row in test],
    }


def evaluate(forecast: list[Row], guesses: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Compare forecast and guesses with what was measured: mean absolute and root mean square error, in °C."""
    actual = [row["actual"] for row in forecast]
    candidates = {"model": [row["predicted"] for row in forecast], **guesses}
    return {name: errors_of(actual, values) for name, values in candidates.items()}


def errors_of(actual: list[float], predicted: list[float]) -> dict[str, float]:
    """Mean absolute and root mean square error, rounded to thousandths."""
    differences = [a - p for a, p in zip(actual, predicted, strict=True)]
    return {
        "mae": round(fmean(abs(d) for d in differences), 3),
        "rmse": round(math.sqrt(fmean(d * d for d in differences)), 3),
    }
