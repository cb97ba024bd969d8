"""Groups against the rest: like with like, and no more verdicts than chance allows."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.duration.survfunc import survdiff

from analysis.containment import containment_durations, incident_clocks, strata_of
from analysis.containment_groups import compare_clocks, group_names, pace_words
from analysis.survival import compare_groups
from tests.analysis.incidents import Case, contained, gone, load_cases


def cases_at(site: str, minutes: list[float], **given: object) -> list[Case]:
    return [contained(f"{site or 'road'}/{given.get('category', 'theft')}/{k}", m, site=site, **given)
            for k, m in enumerate(minutes)]  # fmt: skip


#: A hub that takes hours over what others do within one; the rest alike.
SLOW = [
    *cases_at("S1", [180, 190, 200, 210, 220, 230, 240, 250], category="attempt"),
    *cases_at("S2", [20, 25, 30, 35, 40, 45, 50, 55], category="attempt"),
    *cases_at("", [21, 26, 31, 36, 41, 46, 51, 56], category="attempt", insured="I2"),
    *[gone(f"gone/{k}", site="S2") for k in range(10)],
]


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    return load_cases(tmp_path_factory.mktemp("groups"), SLOW)


def test_a_slow_hub_is_named_though_it_contains_more_in_the_end(view):
    groups = compare_clocks(incident_clocks(view), by="site", names=group_names(view, "site"))
    rows = groups.frame.set_index("key")
    # The hub contains all of its incidents, the rest half of theirs: the mean over all would call it the fast one.
    assert rows.loc["S1", "mean"] < rows.loc["S2", "mean"]
    assert rows["verdict"].to_dict() == {"S1": "slower", "S2": "not enough data"}
    assert rows.loc["S1", ["n", "contained", "within_60", "median", "mean"]].tolist() == [8, 8, 0, 210, 215]
    assert pace_words(groups).startswith("Dallas hub contains slower than the rest, at ")
    assert groups.without_group == 8


def test_pace_and_test_are_those_of_the_stratified_log_rank_test(view):
    clocks = incident_clocks(view)
    clocks = clocks.only(clocks.frame["site_id"].notna())
    durations, kinds = containment_durations(clocks), strata_of(clocks.timed)
    is_hub = (clocks.timed["site_id"] == "S1").to_numpy()
    statistic, p_value = survdiff(durations.time, durations.happened.astype(int), is_hub, strata=np.array(kinds))
    groups = compare_clocks(clocks, by="site")
    assert groups.comparison.statistic == pytest.approx(statistic)
    assert groups.comparison.p_value == pytest.approx(p_value)
    # The other has too few expected to be judged: nothing else was looked at.
    hub = groups.frame.set_index("key").loc["S1"]
    assert hub["p_value"] == pytest.approx(p_value)
    assert hub["adjusted"] == pytest.approx(p_value)
    assert hub["pace_low"] < hub["pace"] < hub["pace_high"] < 1


def test_strata_are_not_compared_with_each_other():
    time, happened = [1, 2, 3, 10, 20, 30], [True] * 6
    group = ["a", "a", "b", "b", "a", "a"]
    alone = compare_groups(time[:3], happened[:3], group[:3])
    both = compare_groups(time, happened, group, strata=["x"] * 3 + ["y"] * 3)
    other = compare_groups(time[3:], happened[3:], group[3:])
    assert both.expected == pytest.approx(alone.expected + other.expected)
    assert both.variance == pytest.approx(alone.variance + other.variance)
    with pytest.raises(ValueError, match="6 times for 2 strata"):
        compare_groups(time, happened, group, strata=["x", "y"])


def test_groups_alike_are_not_called_anything(tmp_path):
    cases = [contained(f"{k}", 10 + 7 * (k % 9), site=("S1", "S2")[k % 2], insured=f"I{k % 3 + 1}") for k in range(36)]
    view = load_cases(tmp_path, cases)
    clocks = incident_clocks(view)
    assert set(compare_clocks(clocks, by="site").frame["verdict"]) == {"no difference shown"}
    assert pace_words(compare_clocks(clocks, by="insured")) == (
        "No insured of 3 is slower or faster than the rest beyond chance"
    )
    assert pace_words(compare_clocks(clocks, by="carrier")) == "No carrier is known of these incidents"
    assert pace_words(compare_clocks(clocks, by="control")) == (
        "Controls cannot be compared: none of these incidents had one in place"
    )


def test_a_group_of_few_is_not_judged(tmp_path):
    cases = [contained(f"{k}", 500, site="S1") for k in range(4)] + [
        contained(f"q{k}", 10 + k, site="S2") for k in range(9)
    ]
    groups = compare_clocks(incident_clocks(load_cases(tmp_path, cases)), by="site")
    assert groups.frame.set_index("key")["verdict"]["S1"] == "not enough data"
    assert pace_words(groups) == "Too few incidents to compare sites"
