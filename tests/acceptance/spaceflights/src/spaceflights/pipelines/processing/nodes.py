import pandas as pd


def clean_companies(companies: pd.DataFrame) -> pd.DataFrame:
    ratings = companies["company_rating"].str.rstrip("%").astype(float) / 100
    approved = companies["iata_approved"].eq("t")
    return companies.assign(company_rating=ratings, iata_approved=approved)


def clean_shuttles(shuttles: pd.DataFrame, cap: int) -> pd.DataFrame:
    prices = shuttles["price"].str.replace("[$,]", "", regex=True).astype(float).clip(upper=cap)
    done = shuttles["d_check_complete"].eq("t")
    return shuttles.assign(price=prices, d_check_complete=done)


def clean_reviews(reviews: pd.DataFrame) -> pd.DataFrame:
    return reviews.dropna(subset=["review_scores_rating"])


def join_tables(companies: pd.DataFrame, shuttles: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    rated = shuttles.merge(reviews, left_on="id", right_on="shuttle_id").drop(columns="id")
    table = rated.merge(companies, left_on="company_id", right_on="id")
    needed = ["engines", "passenger_capacity", "crew", "d_check_complete", "price", "company_rating"]
    return table.dropna(subset=needed).sort_values("shuttle_id").reset_index(drop=True)
