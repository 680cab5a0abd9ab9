"""The sample notebooks do what they say. This file shows how a team tests its own: docs/testing-notebooks.md."""

from unittest.mock import MagicMock


def test_load_rides(notebook):
    """Rides that cannot have happened are dropped, and the others saved as a table."""
    spark = MagicMock()
    run = notebook("notebooks/01_load_rides.py", names={"spark": spark})
    rides = run.names["rides"]
    assert 0 < len(rides) < len(run.names["reported"])
    assert rides["minutes"].between(1, 24 * 60).all()
    saved, weather = (call.args[0] for call in spark.createDataFrame.call_args_list)
    assert saved is rides and {"day", "temperature_c", "rain_mm"} <= {*weather}


def test_daily_demand(notebook):
    """The view that others read is made of both tables."""
    spark = MagicMock()
    notebook("notebooks/02_daily_demand.sql", names={"spark": spark})
    view, _ = (call.args[0] for call in spark.sql.call_args_list)
    assert view.startswith("CREATE OR REPLACE VIEW bikes.daily_demand")
    assert "bikes.weather" in view and "bikes.rides" in view


def test_when_people_ride(notebook, capsys):
    """A table of the parts of the day is shown, and how many riders are members is printed."""
    run = notebook("notebooks/03_when_people_ride.ipynb")
    head, parts = (display.value for display in run.displays)
    assert len(head) == 3 and [*parts.index] == ["morning", "midday", "evening"]
    assert parts.to_numpy().sum() == len(run.names["rides"])
    assert "of the rides are by members" in capsys.readouterr().out
