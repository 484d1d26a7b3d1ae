import numpy as np
import pandas as pd


def split(table: pd.DataFrame, options: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = np.random.default_rng(options["seed"]).permutation(len(table))
    cut = int(len(table) * options["test_share"])
    return table.iloc[order[cut:]], table.iloc[order[:cut]]


def fit(train: pd.DataFrame, test: pd.DataFrame, features: list[str]) -> dict:
    def design(table):
        return np.column_stack([np.ones(len(table)), table[features].astype(float)])

    solution, *_ = np.linalg.lstsq(design(train), train["price"], rcond=None)
    rest = test["price"] - design(test) @ solution
    return {"features": features, "values": [round(float(v), 4) for v in solution], "mae": round(float(rest.abs().mean()), 4)}
