"""How far devices of the book differ, and that usual carriers are not called out for it."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from analysis.service_measures import defined
from analysis.service_spread import spread_query
from analysis.telemetry import service_by_unit
from data.marts import MARTS
from tests.study.fleets import UPTIME, USUAL_DARK, Fleet, draw_view

BAD = ("below floor", "outside funnel")


def between(devices: dict[str, list[float]]) -> float | None:
    """What the statement finds, for trips of 100 seconds with these shares of uptime."""
    connection = duckdb.connect(":memory:")
    connection.execute(
        "create table trip_telemetry (insured_id varchar, device_id varchar, trip_no integer, window_s double,"
        " dark_s double, is_due boolean, slots_due integer, part double)"
    )
    rows = [(device, share) for device, shares in devices.items() for share in shares]
    connection.executemany(
        "insert into trip_telemetry values ('A', ?, ?, 100, ?, true, 1, 1)",
        [(device, number, 100 * (1 - share)) for number, (device, share) in enumerate(rows)],
    )
    connection.execute((MARTS / "service_spread.sql").read_text(encoding="utf-8"))
    connection.execute(
        spread_query(defined(UPTIME)),
        {"measure": "uptime", "definition": "schedule", "least": 5, "largest": 0.5, "two": 0.8},
    )
    ((found,),) = connection.execute("select between_variance from service_spread").fetchall()
    return found


def test_devices_no_further_apart_than_their_trips_differ_by_nothing() -> None:
    assert between({f"D{k}": [0.4, 0.6] * 50 for k in range(10)}) == 0.0


def test_devices_apart_differ_by_the_variance_of_their_angles() -> None:
    # Five devices at 0.4 and five at 0.6, each trip 0.1 above or below. The level is 0.5 and a trip's variance, around
    # it and of 100 seconds, 0.02 x 100 x 1,000 / 999; a device of 10,000 seconds has the weight 4 / 4 x 10,000 / 2.002.
    devices = {f"D{k}": [0.3, 0.5] * 50 if k < 5 else [0.5, 0.7] * 50 for k in range(10)}
    weight = 10_000 / (2 * 1_000 / 999)
    apart = (np.arcsin(np.sqrt(0.6)) - np.pi / 4) ** 2
    # No score is an outer one: all squares are the same, over what is left of a normal score's.
    expected = (10 * apart * weight / 0.678704 - 9) / (9 * weight)
    assert between(devices) == pytest.approx(expected, rel=1e-6)
    assert expected == pytest.approx(0.0164, abs=1e-4)


def test_one_device_far_off_does_not_pass_for_the_usual() -> None:
    calm = {f"D{k:02d}": [0.78, 0.82] * 50 if k % 2 else [0.74, 0.78] * 50 for k in range(40)}
    with_one = between({**calm, "D99": [0.1, 0.1] * 50})
    assert with_one is not None
    usual = between(calm)
    assert usual is not None
    assert with_one < 2 * usual + 0.001
    # That of all alike would be over ten times as much.
    angles = [np.arcsin(np.sqrt(share)) for share in [0.8, 0.76] * 20 + [0.1]]
    assert np.var(angles) > 10 * usual


def test_few_devices_do_not_tell() -> None:
    assert between({f"D{k}": [0.4, 0.6] * 50 for k in range(5)}) is None


def test_usual_carriers_whose_devices_differ_are_called_at_the_nominal_rate() -> None:
    """One in a thousand: of 300, three or more in one of 280 such samples."""
    called = 0
    for seed in range(20):
        fleets = {f"C{number:02d}": Fleet(300, 6, [USUAL_DARK]) for number in range(15)}
        units = service_by_unit(draw_view(np.random.default_rng([seed, 5]), fleets), measure=UPTIME, unit="carrier")
        called += int(units.frame["verdict"].isin(BAD).sum())
        assert units.between is not None
        assert units.between > 0
    assert called <= 2


def test_a_dark_carrier_is_still_found_among_devices_that_differ() -> None:
    fleets = {f"C{number:02d}": Fleet(300, 6, [USUAL_DARK]) for number in range(15)}
    fleets["DARK"] = Fleet(100, 6, [0.1])
    for seed in range(3):
        frame = service_by_unit(draw_view(np.random.default_rng(seed), fleets), measure=UPTIME, unit="carrier").frame
        assert frame.loc[frame["verdict"].isin(BAD), "key"].tolist() == ["DARK"]
        # The same trips on fewer devices say less.
        dark = frame.set_index("key").loc["DARK"]
        assert dark["funnel_low"] < frame.set_index("key").loc["C00", "funnel_low"]
