"""What was planted in the synthetic portfolio is found by its telemetry, and nothing else is called out beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from analysis.dark_signals import dark_at_loss
from analysis.filters import Filters, Scope
from analysis.models import fit
from analysis.service_measures import SERVICE_MEASURES
from analysis.telemetry import falling_units, service_by_unit, service_values
from data.portfolio import Portfolio, View
from data.sample import write_sample

UPTIME = SERVICE_MEASURES["uptime"]


@dataclass(frozen=True)
class Sample:
    view: View
    truths: dict[str, dict[str, Any]]

    def key(self, truth: str) -> str:
        return self.truths[truth]["keys"][0]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, seed=11, fit=fit)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return Sample(Portfolio(folder).view(Scope(), Filters()), {one["id"]: one for one in truth["truths"]})


def test_the_carrier_with_dark_devices_is_below_the_floor(sample: Sample) -> None:
    units = service_by_unit(sample.view, measure=UPTIME, unit="carrier").frame.set_index("key")
    dark = sample.key("dark-carrier")
    assert units.loc[dark, "verdict"] in sample.truths["dark-carrier"]["verdict"]
    assert units["value"].idxmin() == dark
    # About a tenth of the time, as planted, beside what single lost reports add.
    assert 0.87 < units.loc[dark, "value"] < 0.93
    called_out = set(units.index[units["verdict"].isin(["below floor", "outside funnel"])])
    assert called_out <= {dark, sample.key("falling-fleet")}


def test_a_carrier_with_few_devices_is_not_called_out(sample: Sample) -> None:
    units = service_by_unit(sample.view, measure=UPTIME, unit="carrier").frame.set_index("key")
    assert units.loc[sample.key("few-devices"), "verdict"] in {"ordinary", "not enough data"}


def test_its_devices_are_the_ones_outside_the_funnel(sample: Sample) -> None:
    devices = service_by_unit(sample.view, measure=UPTIME, unit="device").frame
    bad = devices[devices["verdict"].isin(["below floor", "outside funnel"])]["key"]
    carriers = {
        carrier
        for (carrier,) in sample.view.rows(
            "select distinct carrier_id from trip_telemetry where list_contains($devices, device_id)",
            {"devices": list(bad)},
        )
    }
    assert len(bad) >= 4
    assert carriers <= {sample.key("dark-carrier"), sample.key("falling-fleet")}


def test_the_month_from_which_a_fleet_falls_is_found(sample: Sample) -> None:
    found = falling_units(sample.view, measure=UPTIME, unit="carrier")
    truth = sample.truths["falling-fleet"]
    assert [(one.key, one.month) for one in found] == [
        (truth["keys"][0], date.fromisoformat(truth["effect"]["from"]))
    ]  # fmt: skip
    assert found[0].after < found[0].before - 0.05


def test_trackers_that_go_silent_before_a_theft_are_a_referral(sample: Sample) -> None:
    found = dark_at_loss(sample.view).frame.set_index("key")
    row = found.loc[sample.key("dark-at-loss")]
    effect = sample.truths["dark-at-loss"]["effect"]
    assert row["referral"]
    assert row["p_value"] < 1e-6
    assert row["thefts"] == effect["thefts_tracked"]
    assert row["dark"] >= effect["dark_at_loss"]


def test_most_reports_come_and_most_seals_hold(sample: Sample) -> None:
    found = service_values(sample.view)
    assert 0.95 < found["completeness"].value < 0.98
    assert found["seals_intact"].value > 0.98
    assert found["weight_match"].value == pytest.approx(0.975, abs=0.01)
    # Eight of ten line haul trips are sealed.
    assert found["seal_recorded"].value == pytest.approx(0.8, abs=0.015)
    assert found["protected_share"].value < found["coverage"].value
