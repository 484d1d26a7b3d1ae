from collections.abc import Iterator

import pandas as pd


def compare(cheap: dict, dear: dict, currency: str) -> str:
    return f"cheap {cheap['mae']} {currency}, dear {dear['mae']} {currency}\n"


def stream(companies: pd.DataFrame, report: str) -> Iterator[str]:
    yield report
    for location, group in sorted(companies.groupby("company_location"))[:3]:
        yield f"{location}: {len(group)}\n"
