"""Nobody can make telemetry look better than it is: each way to try it, on a journey of a few literal minutes.

A trip lasts from minute 0; one report is due every 5 minutes, whatever a device is set to. A blackout is a gap of over
10 minutes, counted from 5 minutes after the last fix.
"""

from __future__ import annotations

import pytest

from analysis.filters import Scope
from analysis.service_measures import SERVICE_MEASURES
from analysis.telemetry import service_values
from data.portfolio import View
from tests.analysis.journeys import Journey, every, load, trip, without

DAY = 1440
SOUND = every(5, DAY)
JOURNEYS = (
    Journey("sound", DAY, SOUND),
    # Every tenth report is lost, one at a time: a gap of exactly two intervals each.
    Journey("tenth-lost", DAY, [m for k, m in enumerate(SOUND) if k % 10 != 5]),
    Journey("ten-minutes", DAY, every(10, DAY)),
    Journey("eleven-minutes", DAY, every(11, DAY)),
    Journey("slow-declared", DAY, every(20, DAY), interval_s=1200),
    Journey("short-one-ping", 20, [0]),
    Journey("short-silent", 20, []),
    # Two hours of silence around a theft on a trip that is watched well before and after it.
    Journey("off-for-theft", DAY, without(SOUND, (660, 780)), theft=(715, 725)),
    # The device is taken off the books, not only switched off, before the theft.
    Journey("unassigned-for-theft", DAY, SOUND, attached=(-30, 700), theft=(715, 725)),
    Journey("watched-at-theft", DAY, SOUND, theft=(715, 725)),
    # Ten hours of driving with a dark hour, then fourteen in a fenced yard, heard all the time.
    Journey("fenced-yard", DAY, without(SOUND, (300, 360)), stops=((600, DAY - 60, "Y1", ""),)),
    Journey("open-yard", DAY, without(SOUND, (300, 360)), stops=((600, DAY - 60, "S1", ""),)),
    # A stop of one second at a secured site every nine minutes does not cut a dark hour into harmless pieces.
    Journey(
        "chopped",
        DAY,
        without(SOUND, (300, 361)),
        stops=[(m, m + 1 / 60, "Y1", "true") for m in every(9, 351, 306)],
    ),
    Journey("yard-not-left", DAY, without(SOUND, (700, DAY + 1)), stops=((700, None, "Y1", ""),)),
    # Two hours of maintenance, announced in time, with goods on board.
    Journey("maintained-loaded", DAY, without(SOUND, (300, 420)), maintenance=((-3000, 300, 420),)),
    # The same after the goods were handed over: 20 of the 120 minutes are within 2% of a day.
    Journey(
        "maintained-empty", 1000, without(every(5, 1000), (800, 920)), delivered=700, maintenance=((-3000, 800, 920),)
    ),
    Journey("announced-late", 1000, without(every(5, 1000), (800, 920)), delivered=700, maintenance=((-60, 800, 920),)),
    # Bad trips lack an arrival.
    Journey("vanished", DAY, every(5, 300), arrives=False, scheduled=600),
    Journey("vanished-scanned", DAY, every(5, 300), arrives=False, scheduled=600, scans=(-20, 400)),
    Journey("vanished-robbed", DAY, every(5, 300), arrives=False, scheduled=600, scans=(400,), theft=(310, 330)),
    Journey("backwards", -60, SOUND, scheduled=600),
    Journey("late-upload", DAY, SOUND, received_late=SOUND[50:100]),
    Journey("doubted", DAY, SOUND, doubted=SOUND[50:100]),
    Journey("off-duty", DAY, SOUND, attached=(200, 400)),
    Journey("no-device", DAY, SOUND, attached=None),
    Journey("half-hour", DAY, without(SOUND, (305, 335))),
    Journey("over-half-hour", DAY, without(SOUND, (305, 340))),
    Journey("no-seal", DAY, SOUND, seals=()),
    Journey("sealed-after", DAY, SOUND, seals=((31, "sealed", "S1"),)),
    Journey("opened-on-way", DAY, SOUND, seals=((-10, "sealed", "S1"), (700, "opened", ""))),
    Journey("opened-there", DAY, SOUND, seals=((-10, "sealed", "S1"), (DAY + 4, "opened", "S2"))),
    Journey("tampered", DAY, SOUND, seals=((-10, "sealed", "S1"), (DAY + 4, "tampered", "S2"))),
    Journey("parcel-proved", DAY, SOUND, lane="D1", seals=(), delivered=DAY, proof="photo"),
    Journey("parcel-signed", DAY, SOUND, lane="D1", seals=(), delivered=DAY, proof="signature"),
    Journey("flight", DAY, every(5, 60), lane="A1"),
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return load(tmp_path_factory.mktemp("gaming"), *JOURNEYS)


def test_a_sound_trip_is_complete_up_and_protected(view):
    found = trip(view, "sound")
    assert (found["completeness"], found["uptime"], found["protected_part"]) == (1, 1, 1)
    assert (found["slots_due"], found["window_s"]) == (288, 86_400)


def test_lost_reports_are_missed_even_one_at_a_time(view):
    found = trip(view, "tenth-lost")
    assert found["completeness"] == pytest.approx(259 / 288)
    # A gap of exactly two intervals is not over two intervals; the stricter definition has it.
    assert found["uptime"] == 1
    strict = value(view, "tenth-lost", "uptime", "stricter")
    assert strict == pytest.approx(259 / 288)


def test_reports_every_ten_minutes_are_half_of_what_is_due(view):
    found = trip(view, "ten-minutes")
    assert found["completeness"] == 0.5
    assert found["protected_part"] == 0
    assert found["fault"] == "too few reports"
    assert value(view, "ten-minutes", "uptime", "stricter") == 0.5


def test_reports_every_eleven_minutes_are_blackouts_all_the_way(view):
    # 130 gaps of 11 minutes, 6 of them dark, and a tail of 10.
    assert trip(view, "eleven-minutes")["dark_s"] == 130 * 360


def test_a_declared_slow_interval_changes_nothing(view):
    found = trip(view, "slow-declared")
    assert found["completeness"] == 0.25
    # Of each 20 minutes the 15 after the first interval are dark.
    assert found["uptime"] == pytest.approx(0.25)


def test_one_ping_on_a_short_trip_does_not_vouch_for_it(view):
    found = trip(view, "short-one-ping")
    assert (found["slots_due"], found["completeness"], found["uptime"]) == (4, 0.25, 0.25)
    assert found["protected_part"] == 0


def test_a_trip_that_was_never_heard_is_dark_from_the_start(view):
    found = trip(view, "short-silent")
    assert (found["completeness"], found["uptime"]) == (0, 0)


def test_short_trips_weigh_as_long_as_they_last(view, tmp_path):
    both = load(tmp_path, Journey("long", 600, [0]), Journey("short", 20, every(5, 20)))
    found = service_values(both, measures=[SERVICE_MEASURES["uptime"]])["uptime"]
    # 300 of 36,000 seconds, and all of 1,200: never the mean of 0.8% and 100%.
    assert found.value == pytest.approx(1500 / 37_200)


def test_a_device_that_is_off_only_for_the_theft_is_dark_at_loss(view):
    found = trip(view, "off-for-theft")
    assert found["dark_s"] == 120 * 60
    assert found["fault"] == "blackout too long"
    assert dark(view) == {"off-for-theft": True, "unassigned-for-theft": True, "watched-at-theft": False,
                          "vanished-robbed": True}  # fmt: skip


def test_a_device_taken_off_the_books_before_the_theft_counts_as_dark(view):
    found = trip(view, "unassigned-for-theft")
    assert found["dark_s"] == (1440 - 695 - 5) * 60
    assert found["fault"] == "device not on throughout"


def test_a_fenced_yard_does_not_dilute_the_drive(view):
    found, open_yard = trip(view, "fenced-yard"), trip(view, "open-yard")
    assert found["window_s"] == (DAY - 780) * 60
    # Dark from minute 300 to 360, of 11 hours on the road; the yard would make that 24.
    assert found["dark_s"] == open_yard["dark_s"] == 60 * 60
    assert found["uptime"] == pytest.approx(1 - 60 / 660)
    assert found["uptime"] < open_yard["uptime"]


def test_seconds_at_secured_sites_do_not_cut_a_blackout_into_pieces(view):
    found = trip(view, "chopped")
    assert found["blackouts"] == 1
    # Heard at 295 and 365, six stops of a second in between are out of both sides.
    assert found["dark_s"] == 65 * 60 - 6
    assert found["window_s"] == 86_400 - 6


def test_a_secured_stop_without_an_end_takes_nothing_out(view):
    found = trip(view, "yard-not-left")
    assert found["window_s"] == 86_400
    assert found["dark_s"] == (DAY - 700) * 60


def test_maintenance_with_goods_on_board_takes_nothing_out(view):
    found = trip(view, "maintained-loaded")
    assert found["window_s"] == 86_400
    assert found["dark_s"] == 120 * 60


def test_maintenance_without_goods_takes_out_two_per_cent_at_most(view):
    found = trip(view, "maintained-empty")
    assert found["window_s"] == pytest.approx(1000 * 60 * 0.98)
    assert found["dark_s"] == pytest.approx(120 * 60 - 1000 * 60 * 0.02)


def test_maintenance_that_was_not_announced_a_day_before_takes_nothing_out(view):
    found = trip(view, "announced-late")
    assert (found["window_s"], found["dark_s"]) == (60_000, 120 * 60)


@pytest.mark.parametrize(
    ("name", "ends", "by"),
    [
        ("vanished", 600 + 720, "schedule"),
        ("vanished-scanned", 400, "last scan"),
        ("vanished-robbed", 310, "incident"),
        ("backwards", 600 + 720, "schedule"),
    ],
)
def test_a_trip_without_arrival_stays_in_and_is_unprotected(view, name, ends, by):
    found = trip(view, name)
    assert (found["ended_by"], found["window_s"]) == (by, ends * 60)
    assert (found["protected_part"], found["fault"]) == (0, "no arrival")


def test_silence_until_the_end_of_a_trip_without_arrival_is_dark(view):
    # Last heard at minute 300, waited for until 1,320.
    assert trip(view, "vanished")["dark_s"] == (1320 - 305) * 60


def test_a_late_upload_counts_by_the_time_of_its_fix(view):
    found = trip(view, "late-upload")
    assert (found["completeness"], found["late_fixes"]) == (1, 50)


def test_a_fix_that_the_device_doubts_is_none(view):
    found = trip(view, "doubted")
    assert found["completeness"] == pytest.approx(238 / 288)
    assert found["dark_s"] == 50 * 300


def test_reports_outside_the_assignment_are_not_the_trips(view):
    found = trip(view, "off-duty")
    assert found["assigned_s"] == 200 * 60
    assert found["slots_fixed"] == 40
    assert found["fault"] == "device not on throughout"


def test_a_trip_without_a_device_is_in_coverage_and_in_no_uptime(view):
    found = trip(view, "no-device")
    assert (found["tracked_part"], found["fault"]) == (0, "no device")
    assert found["slots_due"] is None
    assert service_values(open_view_of(view, "no-device"))["uptime"].value is None
    assert service_values(open_view_of(view, "no-device"))["coverage"].value == 0


def test_a_blackout_of_half_an_hour_is_the_longest_that_is_protected(view):
    assert trip(view, "half-hour")["longest_dark_s"] == 30 * 60
    assert trip(view, "half-hour")["protected_part"] == 1
    assert trip(view, "over-half-hour")["longest_dark_s"] == 35 * 60
    assert trip(view, "over-half-hour")["fault"] == "blackout too long"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("no-seal", "no seal"),
        ("sealed-after", "no seal"),
        ("opened-on-way", "seal opened on the way"),
        ("opened-there", None),
        ("tampered", "seal opened on the way"),
        ("parcel-proved", None),
        ("parcel-signed", "parcels without proof"),
    ],
)
def test_a_protected_trip_has_a_seal_that_was_not_opened_out_of_place(view, name, fault):
    found = trip(view, name)
    assert found["fault"] == fault
    assert found["protected_part"] == (0 if fault else 1)


def test_where_no_signal_can_get_out_a_trip_is_on_neither_side(view):
    found = trip(view, "flight")
    assert not found["is_due"]
    assert service_values(open_view_of(view, "flight"))["coverage"].value is None


def test_no_trick_raises_a_measure_above_that_of_the_sound_trip(view):
    rows = view.rows(
        "select trip_id, slots_fixed / slots_due, 1 - dark_s / window_s from trip_telemetry where slots_due > 0"
    )
    assert all(0 <= completeness <= 1 and 0 <= uptime <= 1 for _, completeness, uptime in rows)
    assert len(rows) == len(JOURNEYS) - 2  # all but the flight and the trip without a device


def value(view: View, name: str, key: str, definition: str) -> float:
    of = open_view_of(view, name)
    return service_values(of, measures=[SERVICE_MEASURES[key]], definition=definition)[key].value


def open_view_of(view: View, name: str) -> View:
    return view.snapshot.view(Scope(frozenset({name})), view.filters)


def dark(view: View) -> dict[str, bool]:
    return dict(view.rows("select trip_id, is_dark from loss_signal"))
