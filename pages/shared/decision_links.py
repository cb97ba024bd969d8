"""The link of a decision: the page that shows the thing, with its own controls set to it."""

from __future__ import annotations

from urllib.parse import urlencode

from analysis.decisions import Decision
from analysis.filters import Filters
from analysis.service_measures import SERVICE_MEASURES
from analysis.verdicts import LEVEL_NAMES
from pages.shared.claim_tables import CLAIM_KINDS
from pages.shared.incident_view import INCIDENT_KEY
from pages.shared.trip_view import TRIP_KEY


def decision_link(one: Decision, *, filters: Filters) -> str:
    """Where is this decided on? A link within the app, with this person's filters but for the period.

    Controls are set as Streamlit writes them into a link: by the words they show.
    """
    query: dict[str, str | list[str]] = {name: list(values) for name, values in filters.chosen}
    for name, value in one.query.items():
        key, text = _control(name, value, query=one.query)
        query[key] = text
    return f"/{one.page}?{urlencode(query, doseq=True)}" if query else f"/{one.page}"


def _control(name: str, value: str, *, query: object) -> tuple[str, str]:
    level = query.get("level", "lane") if isinstance(query, dict) else "lane"
    made: dict[str, tuple[str, str]] = {
        "incident": (INCIDENT_KEY, value),
        "trip": (TRIP_KEY, value),
        "claims": ("claims-rows", CLAIM_KINDS.get(value, value)),
        "subject": ("claims-subject", value),
        "level": ("hotspots-level", f"Verdicts by {LEVEL_NAMES[value][0]}" if value in LEVEL_NAMES else value),
        "place": ("lane" if level == "lane" else f"hotspots-verdict-{level}", value),
        "measure": ("telemetry-measure", SERVICE_MEASURES[value].label if value in SERVICE_MEASURES else value),
        "by_carrier": ("telemetry-carrier", value),
        "dark_by": ("telemetry-loss-by", f"By {value}"),
    }
    return made.get(name, (name, value))
