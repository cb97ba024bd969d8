"""The synthetic portfolio: the same for a seed, consistent, calibrated, and true to what it says was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.contract import contract
from data.errors import LanewiseError
from data.sample import write_feed, write_sample
from data.sample.design import draw_evenly
from tests.data.conftest import Sample

OWN = "source = 'own' and category <> 'attempt'"


def same_tables(first: Path, second: Path) -> list[str]:
    names = sorted(path.name for path in first.glob("*.parquet"))
    assert names == sorted(path.name for path in second.glob("*.parquet"))
    return [name for name in names if not pq.read_table(first / name).equals(pq.read_table(second / name))]


def test_a_seed_gives_the_same_rows_and_another_seed_others(tmp_path: Path) -> None:
    truths = []
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        (tmp_path / name).mkdir()
        truths.append(write_feed(tmp_path / name, seed=seed))
    assert same_tables(tmp_path / "first", tmp_path / "again") == []
    assert truths[0] == truths[1]
    assert {"ping-000.parquet", "incident-000.parquet", "shipment-000.parquet"} <= set(
        same_tables(tmp_path / "first", tmp_path / "other")
    )


def test_the_same_seed_has_the_same_content_hash(sample: Sample, tmp_path: Path) -> None:
    # Personal data are hashed with the portfolio's own key: the content is the same under the same key.
    key = tmp_path / "personal_data.key"
    key.write_bytes((sample.folder / "personal_data.key").read_bytes())
    key.chmod(0o600)
    assert write_sample(tmp_path, seed=7).content_hash == sample.result.content_hash


def test_an_unknown_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LanewiseError, match="'huge' is no size"):
        write_feed(tmp_path, size="huge")  # type: ignore[arg-type]


def test_every_table_of_the_contract_is_filled(sample: Sample) -> None:
    assert [name for name in contract() if not sample.value(f"select count(*) from {name}")] == []


def test_nothing_is_quarantined_orphaned_or_nulled(sample: Sample) -> None:
    assert sample.result.synthetic
    assert [f for f in sample.result.files if f.read != f.loaded or f.cells_nulled] == []
    assert sample.value("select count(*) from orphan") == 0


def test_it_has_the_stated_size(sample: Sample) -> None:
    assert sample.value("select count(*) from insured") == 15
    assert sample.value("select count(*) from lane") == 150
    assert sample.value("select count(*) from trip") == 12_000
    assert sample.value("select count(*) from shipment") == 60_000
    assert 900_000 < sample.value("select count(*) from ping") < 1_100_000
    assert 5_500 < sample.value("select count(*) from claim") < 6_500
    assert 115 <= sample.value(f"select count(*) from incident where {OWN}") <= 125
    assert sample.row("select min(departed_at)::date::varchar, max(departed_at)::date::varchar from trip") == (
        "2023-07-01",
        "2026-06-30",
    )


def test_nothing_happens_after_the_data_s_date(sample: Sample) -> None:
    moments = [
        (table.name, column.name)
        for table in contract().values()
        for column in table.columns
        if column.type == "TIMESTAMP" and column.name not in {"scheduled_at", "due_at"}
    ]
    late = [
        (table, column)
        for table, column in moments
        if sample.value(f"select count(*) from {table} where {column} >= timestamp '2026-07-01'")
    ]
    assert late == []


def test_trips_take_8_to_40_hours(sample: Sample) -> None:
    shortest, longest = sample.row(
        "select min(epoch(arrived_at - departed_at)) / 3600, max(epoch(arrived_at - departed_at)) / 3600 from trip"
    )
    assert shortest >= 8
    assert longest <= 40


def test_some_accounts_track_nearly_all_trips_and_others_few(sample: Sample) -> None:
    shares = sample.connection.execute(
        "select count(distinct a.trip_id) / count(distinct s.trip_id) from shipment as s"
        " left join device_assignment as a on s.trip_id = a.trip_id group by s.insured_id order by 1"
    ).fetchall()
    tracked = [share for (share,) in shares]
    assert len([share for share in tracked if share > 0.9]) == 4
    assert len([share for share in tracked if share < 0.2]) == 11


class TestConsistency:
    def test_a_stolen_load_never_arrives(self, sample: Sample) -> None:
        gone = "select trip_id from incident where category in ('theft of trailer', 'theft of vehicle', 'hijacking')"
        assert sample.value(f"select count(*) from trip where trip_id in ({gone})") > 5
        assert sample.value(f"select count(*) from trip where trip_id in ({gone}) and arrived_at is not null") == 0
        assert (
            sample.value(f"select count(*) from shipment where trip_id in ({gone}) and delivery_status <> 'stolen'")
            == 0
        )
        assert sample.value(
            "select count(*) from shipment as s join scan as c using (shipment_id)"
            " where s.delivery_status = 'stolen' and c.kind = 'delivery'"
        ) == 0  # fmt: skip

    def test_every_trip_without_arrival_was_stolen_or_is_on_its_way(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from trip as t where arrived_at is null and departed_at < timestamp '2026-06-28'"
            f" and not exists (select 1 from incident as i where i.trip_id = t.trip_id and {OWN})"
        ) == 0  # fmt: skip

    def test_a_theft_happens_while_its_trip_is_under_way(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from incident as i join trip as t using (trip_id) where i.occurred_from < t.departed_at"
            " or i.occurred_to > coalesce(t.arrived_at, timestamp '2026-07-01')"
        ) == 0  # fmt: skip

    def test_a_theft_names_the_account_lane_and_goods_of_its_trip(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from incident as i join shipment as s using (shipment_id) where i.trip_id <> s.trip_id"
            " or i.insured_id <> s.insured_id or i.lane_id <> s.lane_id or i.currency <> s.currency"
        ) == 0  # fmt: skip

    def test_no_theft_takes_more_than_is_on_board(self, sample: Sample) -> None:
        assert sample.value(
            "with aboard as (select trip_id, sum(declared_value) as value from shipment group by trip_id)"
            " select count(*) from incident join aboard using (trip_id) where loss_amount > value"
        ) == 0  # fmt: skip

    def test_the_clocks_of_an_incident_run_forward(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from incident where first_alarm_at < occurred_from or detected_at < first_alarm_at"
            " or contained_at < coalesce(first_alarm_at, detected_at) or insurer_notified_at < detected_at"
            " or closed_at < contained_at"
        ) == 0  # fmt: skip

    def test_a_claim_follows_its_incident(self, sample: Sample) -> None:
        assert sample.value("select count(*) from claim where cause = 'theft' and incident_id is null") == 0
        assert sample.value(
            "select count(*) from claim as c join incident as i using (incident_id)"
            " where c.reported_at < i.occurred_from"
            " or abs(c.loss_date - i.occurred_from::date) > 1 or c.insured_id <> i.insured_id or c.cause <> 'theft'"
        ) == 0  # fmt: skip

    def test_a_claim_s_steps_follow_one_another(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from claim where acknowledged_at < reported_at or decided_at < acknowledged_at"
            " or closed_at < decided_at or (closed_at is not null and reserve_amount <> 0)"
        ) == 0  # fmt: skip

    def test_the_policy_in_force_answers_on_its_terms(self, sample: Sample) -> None:
        wrong = sample.row(
            "select count(*) filter (c.loss_date < p.inception_date or c.loss_date >= p.expiry_date),"
            " count(*) filter (c.insured_id <> p.insured_id or c.currency <> p.currency),"
            " count(*) filter (c.deductible_applied > p.deductible_amount),"
            " count(*) filter (c.paid_amount + c.reserve_amount > p.limit_amount * 2),"
            " count(*) filter (c.status = 'closed' and abs(c.paid_amount - least(greatest(c.claimed_amount"
            "  * p.coinsurance - c.deductible_applied, 0), p.limit_amount, coalesce(t.amount, 1e12))) > 0.02"
            "  and c.paid_amount < 0.39 * p.limit_amount)"
            " from claim as c join policy as p using (policy_id)"
            " left join policy_term as t on t.policy_id = p.policy_id and t.kind = 'sub-limit' and c.cause = 'theft'"
        )
        assert wrong == (0, 0, 0, 0, 0)

    def test_an_occurrence_bears_one_deductible_and_stays_within_the_limit(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from (select incident_id, sum(deductible_applied) as taken, sum(paid_amount) as paid,"
            " any_value(policy_id) as policy_id from claim where incident_id is not null group by incident_id)"
            " join policy using (policy_id) where taken > deductible_amount + 0.02 or paid > limit_amount + 0.02"
        ) == 0  # fmt: skip
        assert sample.value(
            "select count(*) from (select incident_id from claim where incident_id is not null group by 1"
            " having count(*) > 1)"
        ) > 0  # fmt: skip

    def test_the_last_valuation_of_a_closed_claim_is_the_claim(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from claim as c join (select claim_id, max_by(paid_amount, moved_on) as paid,"
            " max_by(reserve_amount, moved_on) as reserve from claim_movement group by claim_id) as m using (claim_id)"
            " where c.status in ('closed', 'denied') and (abs(m.paid - c.paid_amount) > 0.01 or m.reserve <> 0)"
        ) == 0  # fmt: skip

    def test_policies_follow_one_another_without_a_gap(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from policy as p join policy as q on p.prior_policy_id = q.policy_id"
            " where p.inception_date <> q.expiry_date or p.insured_id <> q.insured_id"
        ) == 0  # fmt: skip
        assert sample.value(
            "select count(*) from shipment as s where not exists (select 1 from policy as p where"
            " p.insured_id = s.insured_id and s.departed_at::date >= p.inception_date - 1"
            " and s.departed_at::date < p.expiry_date)"
        ) == 0  # fmt: skip

    def test_premium_moves_add_up_to_what_was_written(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from (select policy_id, sum(gross_premium) as moved from premium_movement group by 1)"
            " join policy using (policy_id) where expiry_date < date '2026-05-01'"
            " and abs(moved - written_premium) > 0.02"
        ) == 0  # fmt: skip

    def test_no_device_or_vehicle_is_in_two_places(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from (select attached_at,"
            " lag(detached_at) over (partition by device_id order by attached_at) as before"
            " from device_assignment) where attached_at < before"
        ) == 0  # fmt: skip
        assert sample.value(
            "select count(*) from (select departed_at,"
            " lag(arrived_at) over (partition by vehicle_id order by departed_at) as before"
            " from trip) where departed_at < before"
        ) == 0  # fmt: skip

    def test_positions_follow_the_trip_of_their_device(self, sample: Sample) -> None:
        assert sample.value(
            "select count(*) from ping as p where not exists (select 1 from device_assignment as a where"
            " a.device_id = p.device_id and p.pinged_at >= a.attached_at"
            " and (a.detached_at is null or p.pinged_at <= a.detached_at))"
        ) == 0  # fmt: skip
        # Nobody drives at 200 km/h: consecutive positions of one trip are close enough to have been driven.
        fastest = sample.value(
            "with step as (select a.trip_id, l.mode, pinged_at, latitude, longitude,"
            " lag(pinged_at) over w as t0, lag(latitude) over w as lat0, lag(longitude) over w as lon0"
            " from ping as p join device_assignment as a on p.device_id = a.device_id and p.pinged_at >= a.attached_at"
            " and p.pinged_at < a.detached_at join trip as t on a.trip_id = t.trip_id join lane as l using (lane_id)"
            " window w as (partition by a.trip_id order by pinged_at))"
            " select max(111.2 * sqrt((latitude - lat0) ** 2 + ((longitude - lon0) * cos(radians(latitude))) ** 2)"
            " / (epoch(pinged_at - t0) / 3600)) from step where mode = 'road' and t0 is not null"
        )
        assert 60 < fastest < 130

    def test_lanes_are_real_roads_not_straight_lines(self, sample: Sample) -> None:
        assert sample.value("select count(*) from lane where mode = 'road' and planned_route is null") == 12
        longest = sample.value("select max(len(string_split(planned_route, ','))) from lane")
        assert longest > 20
        assert sample.value("select count(*) from stop where site_id is null") == 0

    def test_operators_are_hashed(self, sample: Sample) -> None:
        assert sample.value("select count(*) from scan where operator_id like 'operator%'") == 0
        assert sample.value("select count(*) from refund where operator_id like 'clerk%'") == 0
        assert sample.value("select count(distinct operator_id) from refund") > 20


class TestCalibration:
    def test_theft_is_13_per_cent_of_claim_cost_behind_accidents_and_handling(self, sample: Sample) -> None:
        costs = dict(
            sample.connection.execute("select cause, sum(incurred_base)::double from claim_fact group by 1").fetchall()
        )
        assert costs["theft"] / sum(costs.values()) == pytest.approx(0.13, abs=0.02)
        assert min(costs["accident"], costs["handling"]) > costs["theft"]

    def test_value_is_known_for_a_part_of_thefts(self, sample: Sample) -> None:
        assert 0.3 <= sample.value(f"select count(loss_amount) / count(*) from incident where {OWN}") <= 0.65
        assert 0.3 <= sample.value("select count(loss_amount) / count(*) from incident where source = 'market'") <= 0.65

    def test_two_thirds_of_thefts_cost_under_50_000(self, sample: Sample) -> None:
        share = sample.value(
            "select count(*) filter (claimed_amount < 50000) / count(*) from claim where cause = 'theft'"
        )
        assert 0.55 <= share <= 0.8

    def test_market_values_and_counts_follow_the_published_ones(self, sample: Sample) -> None:
        means = dict(
            sample.connection.execute(
                "select year(month), avg(loss_base)::double from incident_fact where source = 'market' group by 1"
            ).fetchall()
        )
        assert means[2024] == pytest.approx(202_364, rel=0.15)
        assert means[2025] == pytest.approx(273_990, rel=0.15)
        assert sample.value("select count(*) from incident_fact where source = 'market' and year(month) = 2024") == (
            pytest.approx(0.05 * 3625, rel=0.06)
        )
        assert sample.value("select count(*) from incident where source <> 'own' and insured_id is not null") == 0

    def test_when_thefts_happen(self, sample: Sample) -> None:
        own = "from incident_fact where source = 'own' and not is_attempt"
        assert 0.2 <= sample.value(f"select avg((hour < 6)::int) {own}") <= 0.42
        assert sample.value(f"select avg((weekday >= 6)::int) {own}") <= 0.2
        market = "from incident_fact where source = 'market'"
        assert sample.value(f"select avg((hour < 6)::int) {market}") == pytest.approx(0.32, abs=0.07)
        assert sample.value(f"select avg((weekday >= 6)::int) {market}") == pytest.approx(0.10, abs=0.05)

    def test_most_stolen_freight_is_not_found_again(self, sample: Sample) -> None:
        share = sample.value(
            f"select avg((goods_recovered_amount > 0)::int) from incident where {OWN} and loss_amount is not null"
        )
        assert 0.1 <= share <= 0.4

    def test_some_thefts_are_by_deception(self, sample: Sample) -> None:
        assert 0.15 <= sample.value(f"select avg((category = 'fraud')::int) from incident where {OWN}") <= 0.45

    def test_premium_is_about_in_line_with_losses(self, sample: Sample) -> None:
        earned = sample.value(
            "select sum(written_premium * (least(expiry_date, date '2026-07-01') - greatest(inception_date,"
            " date '2023-07-01')) / (expiry_date - inception_date)) from policy where currency = 'USD'"
        )
        lost = sample.value("select sum(paid_amount + reserve_amount) from claim where currency = 'USD'")
        assert 0.45 <= float(lost) / float(earned) <= 0.85


class TestPlanted:
    def test_every_truth_says_where_what_and_who_finds_it(self, sample: Sample) -> None:
        assert sample.truth["synthetic"] is True
        assert (sample.truth["size"], sample.truth["seed"], sample.truth["as_of"]) == ("small", 7, "2026-06-30")
        names = {truth["id"] for truth in sample.truth["truths"]}
        assert names == {
            "hotspot-lane", "hotspot-site", "busy-ordinary-lane", "small-lane-1", "small-lane-2", "small-lane-3",
            "dark-carrier", "falling-fleet", "few-devices", "dark-at-loss", "late-reporter", "slow-hub", "seals-work",
            "reconciliation-useless", "refund-ring", "high-deductible", "other-currency", "bad-year",
        }  # fmt: skip
        for truth in sample.truth["truths"]:
            assert truth["description"]
            assert truth["verdict"]
            assert truth["effect"]
            table = contract()[truth["table"]]
            for key in truth["keys"]:
                assert sample.value(f"select count(*) from {truth['table']} where {table.key[0]} = '{key}'") == 1

    def test_the_planted_lane_is_busy_and_robbed(self, sample: Sample) -> None:
        lane = sample.planted("hotspot-lane")
        busiest = sample.connection.execute(
            "select lane_id from trip group by 1 order by count(*) desc limit 3"
        ).fetchall()
        assert (lane["keys"][0],) in busiest
        thefts, share = sample.row(
            f"select count(*) filter (lane_id = '{lane['keys'][0]}'),"
            f" (select count(*) filter (lane_id = '{lane['keys'][0]}') / count(*) from trip) from incident where {OWN}"
        )
        total = sample.value(f"select count(*) from incident where {OWN}")
        assert share * total >= 12
        assert thefts == lane["effect"]["thefts"]
        assert thefts / (share * total) > 2.5

    def test_the_planted_site_is_busy_and_robbed(self, sample: Sample) -> None:
        site = sample.planted("hotspot-site")["keys"][0]
        touches = f"origin_site_id = '{site}' or destination_site_id = '{site}'"
        share = sample.value(f"select count(*) filter ({touches}) / count(*) from trip join lane using (lane_id)")
        assert share * sample.value(f"select count(*) from incident where {OWN}") >= 12
        robbed = sample.value(f"select count(*) from incident where {OWN} and site_id = '{site}'")
        assert robbed == sample.planted("hotspot-site")["effect"]["thefts"]

    def test_the_ordinary_busy_lane_has_the_portfolio_s_rate(self, sample: Sample) -> None:
        assert sample.planted("busy-ordinary-lane")["effect"]["ratio"] == pytest.approx(1.0, abs=0.06)
        assert sample.planted("busy-ordinary-lane")["must_be_found"] is False

    def test_the_dark_carrier_and_the_falling_fleet_are_dark(self, sample: Sample) -> None:
        dark = dict(
            sample.connection.execute(
                "with gap as (select a.trip_id, pinged_at, lead(pinged_at) over (partition by a.trip_id order by"
                " pinged_at) as following from ping as p join device_assignment as a on p.device_id = a.device_id"
                " and p.pinged_at between a.attached_at and a.detached_at)"
                " select t.carrier_id || case when t.departed_at >= timestamp '2025-11-01' then ' after' else '' end,"
                " sum(case when following - pinged_at > interval 10 minute then epoch(following - pinged_at) - 300 end)"
                " / sum(epoch(following - pinged_at)) from gap join trip as t using (trip_id) join lane as l"
                " on t.lane_id = l.lane_id where l.mode = 'road' group by 1"
            ).fetchall()
        )
        carrier, fleet, few = (sample.planted(n)["keys"][0] for n in ("dark-carrier", "falling-fleet", "few-devices"))
        assert dark[carrier] > 0.06
        assert dark[fleet] < 0.03
        assert dark[f"{fleet} after"] > 0.06
        assert max(dark.get(few, 0.0), dark.get(f"{few} after", 0.0)) < 0.06

    def test_one_fleet_is_dark_at_loss(self, sample: Sample) -> None:
        insured = sample.planted("dark-at-loss")["keys"][0]
        dark, all_of_them = sample.row(
            "with theft as (select i.incident_id, i.occurred_from, a.device_id from incident as i"
            f" join device_assignment as a using (trip_id) where i.insured_id = '{insured}' and i.{OWN})"
            " select count(*) filter (pings = 0), count(*) from (select t.incident_id, count(p.device_id) as pings"
            " from theft as t left join ping as p on p.device_id = t.device_id"
            " and p.pinged_at between t.occurred_from - interval 30 minute and t.occurred_from group by 1)"
        )
        assert all_of_them >= 8
        assert dark / all_of_them >= 0.6

    def test_the_slow_hub_takes_hours(self, sample: Sample) -> None:
        hub = sample.planted("slow-hub")["keys"][0]
        slow, usual, count = sample.row(
            f"select median(minutes) filter (site_id = '{hub}'),"
            f" median(minutes) filter (site_id is distinct from '{hub}'),"
            f" count(*) filter (site_id = '{hub}') from (select site_id, epoch(contained_at -"
            " least(first_alarm_at, detected_at)) / 60 as minutes from incident where contained_at is not null)"
        )
        assert count >= 10
        assert slow > 2.5 * usual

    def test_the_late_reporter_reports_late(self, sample: Sample) -> None:
        carrier = sample.planted("late-reporter")["keys"][0]
        late, usual = sample.row(
            f"select median(days) filter (carrier_id = '{carrier}'),"
            f" median(days) filter (carrier_id <> '{carrier}')"
            " from (select s.carrier_id, c.reported_at::date - c.loss_date as days from claim as c"
            " join shipment as s using (shipment_id))"
        )
        assert late > 30
        assert usual < 7

    def test_the_refund_ring_acts_in_bursts(self, sample: Sample) -> None:
        ring = sample.planted("refund-ring")
        assert len(ring["keys"]) == ring["effect"]["refunds"] >= 24
        bursts = sample.connection.execute(
            "with hit as (select operator_id, count(*) over (partition by operator_id order by refunded_at"
            " range between interval 24 hour preceding and current row) as n from refund where amount > 100)"
            " select operator_id, max(n) from hit group by 1 having max(n) >= 3"
        ).fetchall()
        assert len(bursts) == 1
        (operator,) = sample.row(f"select distinct operator_id from refund where refund_id = '{ring['keys'][0]}'")
        assert bursts[0][0] == operator

    def test_terms_and_currencies_are_as_planted(self, sample: Sample) -> None:
        high, other = (sample.planted(name)["keys"][0] for name in ("high-deductible", "other-currency"))
        assert sample.connection.execute(
            f"select distinct deductible_amount from policy where insured_id = '{high}'"
        ).fetchall() == [(50_000,)]
        assert sample.value(f"select max(deductible_amount) from policy where insured_id <> '{high}'") <= 1_000
        assert sample.row(f"select distinct currency from shipment where insured_id = '{other}'") == ("EUR",)
        assert sample.value("select count(*) from fx_rate where currency = 'EUR'") > 36

    def test_the_bad_year_is_worse_than_the_others(self, sample: Sample) -> None:
        bad, other = sample.row(
            "select count(*) filter (year(month) = 2025) / 12, count(*) filter (year(month) <> 2025) / 24"
            " from incident_fact where source = 'own' and not is_attempt"
        )
        assert 1.2 < bad / other < 2.4

    def test_the_control_that_works_and_the_one_that_does_not(self, sample: Sample) -> None:
        effect = sample.planted("seals-work")["effect"]
        ratio = (effect["thefts_after"] / effect["expected_after_without"]) / (
            effect["thefts_before"] / effect["expected_before"]
        )
        assert ratio == pytest.approx(1 - effect["reduction"], abs=0.15)
        assert sample.planted("reconciliation-useless")["effect"]["reduction"] == 0.0


def test_even_draws_follow_the_weights() -> None:
    weights = np.array([0.0, 1.0, 1.0, 1.0, 3.0, 0.0])
    drawn = draw_evenly(weights, 3, np.random.default_rng(1))
    assert len(set(drawn.tolist())) == 3
    assert 4 in drawn
    assert not {0, 5} & set(drawn.tolist())
    assert draw_evenly(weights, 9, np.random.default_rng(1)).tolist() == [1, 2, 3, 4]
