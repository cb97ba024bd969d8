"""What the verdicts count at each level of place: own thefts of the fixed window, and the exposure behind them.

The fit reads them from the tables of the whole book, a page from a person's view of the same tables: one text for both.
"""

from __future__ import annotations

#: Exposed months, one row a cell of its mart, with the place as ``place_id``.
EXPOSED = {
    "lane": """
        select m.lane_id as place_id, m.lane_id, m.insured_id, m.carrier_id, m.commodity, m.mode, m.segment, m.month,
            m.units, m.value_base
        from lane_month as m
        join fit_window as w on m.month >= w.first_month and m.month < w.end_month
        where m.in_fit and m.units > 0 and m.lane_id is not null""",
    "corridor": """
        select k.corridor as place_id, m.lane_id, m.insured_id, m.carrier_id, m.commodity, m.mode, m.segment, m.month,
            m.units, m.value_base
        from lane_month as m
        join fit_window as w on m.month >= w.first_month and m.month < w.end_month
        join lane_key as k on m.lane_id = k.lane_id
        where m.in_fit and m.units > 0 and k.corridor is not null""",
    "site": """
        select m.site_id as place_id, m.lane_id, m.insured_id, m.carrier_id, m.commodity, m.mode, m.segment, m.month,
            m.units, m.value_base
        from site_month as m
        join fit_window as w on m.month >= w.first_month and m.month < w.end_month
        where m.in_fit and m.units > 0""",
}
#: Thefts, one row each, with the place as ``place_id``. Those of a place without exposure in their segment are still
#: among them: which those are, the fit and a page know from their own tables.
LOST = {
    "lane": """
        select t.lane_id as place_id, t.incident_id, t.insured_id, t.carrier_id, t.lane_id, t.segment, t.month, t.mode,
            t.commodity
        from theft_fact as t
        join fit_window as w on t.month >= w.first_month and t.month < w.end_month
        where t.left_out is null and t.segment <> 'storage' and t.lane_id is not null""",
    "corridor": """
        select k.corridor as place_id, t.incident_id, t.insured_id, t.carrier_id, t.lane_id, t.segment, t.month, t.mode,
            t.commodity
        from theft_fact as t
        join fit_window as w on t.month >= w.first_month and t.month < w.end_month
        join lane_key as k on t.lane_id = k.lane_id
        where t.left_out is null and t.segment <> 'storage' and k.corridor is not null""",
    "site": """
        select t.site_id as place_id, t.incident_id, t.insured_id, t.carrier_id, t.lane_id, t.segment, t.month, t.mode,
            t.commodity
        from theft_fact as t
        join fit_window as w on t.month >= w.first_month and t.month < w.end_month
        where t.left_out_at_site is null and t.site_id is not null""",
}


def at_every_level(texts: dict[str, str]) -> str:
    """The rows of each level under one another, with the level in front."""
    return " union all ".join(f"select '{level}' as level, * from ({text})" for level, text in texts.items())
