"""What counts as a ride. Imported by the notebooks, so that all of them count the same way."""

import pandas as pd

SHORTEST_MINUTES = 1.0  # a bike taken out and put back at once
LONGEST_MINUTES = 24 * 60.0  # a bike that was not docked properly


def clean(reported: pd.DataFrame) -> pd.DataFrame:
    """The rides that can have happened, with their length in minutes."""
    minutes = (reported["ended_at"] - reported["started_at"]).dt.total_seconds() / 60
    possible = minutes.between(SHORTEST_MINUTES, LONGEST_MINUTES)
    return reported.assign(minutes=minutes.round(1))[possible].reset_index(drop=True)


def is_weekend(days: pd.Series) -> pd.Series:
    """Whether each day is a Saturday or a Sunday."""
    return days.dt.day_of_week >= 5
