"""What a view serves in place of a table as it stands: the SQL by name of table, and what scoped persons see of it."""

from __future__ import annotations

from collections.abc import Mapping

#: Tables of a snapshot's own memory, with the SQL that serves each; a scoped person gets them empty.
MEMORY: Mapping[str, str] = {
    "feed": "select name, currency, timezone, as_of, synthetic, loaded_at, sequence, toml from snap.feed",
    "source": """
        select r.source_id, r.feed, r.table_name, r.entry, r.file, r.sheet, s.dialect, s.notes, s.sha256, r.read_rows,
            r.loaded_rows, r.left_out_rows, r.folded_rows, r.quarantined_rows, r.nulled_cells
        from snap.reconciliation as r join snap.source as s using (source_id)""",
    "source_amount": "select * from snap.amount_reconciliation",
    "quarantine": """
        select q.feed, q.source_id, q.table_name, s.file, s.sheet, q.row_number, q.kind, q.problems,
            q.row_values::json as row_values
        from snap.quarantine as q join snap.source as s using (source_id)""",
    "nulled_cell": """
        select c.feed, c.source_id, c.table_name, s.file, s.sheet, c.row_number, c.column_name, c.value, c.reason
        from snap.nulled_cell as c join snap.source as s using (source_id)
        anti join snap.superseded as o on c.source_id = o.source_id and c.row_number = o.row_number
        anti join snap.quarantine as q on c.source_id = q.source_id and c.row_number = q.row_number""",
    "superseded": """
        select p.feed, p.source_id, p.table_name, s.file, s.sheet, p.row_number, p.kind, p.row_typed::json as row_values
        from snap.superseded as p join snap.source as s using (source_id)""",
    "orphan": "select * from snap.orphan",
    "reporting_lag": "select * from snap.reporting_lag",
    "class_rate": "select * from snap.class_rate",
    "class_severity": "select * from snap.class_severity",
    "hotspot_level": "select * from snap.hotspot_level",
    "model_note": "select * from snap.model_note",
    "claim_origin": "select * from snap.claim_origin",
    "claim_reserve": "select * from snap.claim_reserve",
    "claim_class": "select * from snap.claim_class",
}
#: What a scoped person sees of figures of the whole book: nothing that would give another insured away.
SHARED: Mapping[str, str] = {
    "hotspot_verdict": "select * from snap.hotspot_verdict where is_shareable",
    "hotspot_cluster": "select * from snap.hotspot_cluster where is_shareable",
    "hotspot_cluster_lane": """
        select m.* replace (
            case when m.is_shareable then m.observed end as observed,
            case when m.is_shareable then m.expected end as expected)
        from snap.hotspot_cluster_lane as m
        join snap.hotspot_cluster as c on m.cluster_id = c.cluster_id and c.is_shareable""",
    "hotspot_share": "select * replace (if(is_shareable, expected, null) as expected) from snap.hotspot_share",
    "account_small_loss": """
        select * replace (case when is_shareable then below end as below) from snap.account_small_loss""",
    "place_small_loss": """
        select * replace (case when severity_is_shareable then known end as known) from snap.place_small_loss
        where is_shareable""",
    "service_spread": """
        select measure, definition, case when is_shareable then value end as value, clusters,
            case when is_shareable then variance end as variance,
            case when is_shareable then between_variance end as between_variance, units,
            case when is_shareable then dispersion end as dispersion, is_shareable
        from snap.service_spread""",
    "claim_pattern": """
        select kind, age, shared_factor as factor, shared_to_ultimate as to_ultimate, pooled_from,
            shared_developed_share as developed_share, shared_relative_error as relative_error from snap.claim_pattern
        where is_shareable""",
    "claim_expected": """
        select * replace (if(is_shareable, to_come, null) as to_come, if(is_size_shareable, size_cv, null) as size_cv,
            if(is_shareable, relative_error, null) as relative_error,
            if(is_theft_shareable, theft_to_come, null) as theft_to_come,
            if(is_back_shareable, back_to_come, null) as back_to_come,
            if(is_size_shareable, size_mean, null) as size_mean) from snap.claim_expected""",
    "hour_hazard": "select band, from_s, to_s, if(is_shareable, hazard, 1) as hazard from snap.hour_hazard",
    # Of the five that stand behind a figure a person may know one: four are others, however many insureds they see.
    "peer_benchmark": """
        select b.* exclude (largest_share, two_largest_share)
        from snap.peer_benchmark as b
        left join (
            select measure, span, if(grouping(group_kind) = 1, 'book', group_kind) as group_kind,
                if(grouping(group_kind) = 1, 'book', group_name) as group_name, count(*) as own
            from snap.peer_value
            where list_contains(getvariable('scope_insured'), insured_id)
            group by measure, span, grouping sets ((peer_value.group_kind, peer_value.group_name), ())
        ) as m using (measure, span, group_kind, group_name)
        where b.is_shareable and b.insureds - coalesce(m.own, 0) >= 4""",
}
_SITE = """
    select t.site_id, t.name, t.kind, t.address, t.city, t.postal_code, t.country, t.region, p.latitude, p.longitude,
        p.coordinate_source, p.time_zone, t.locode, t.iata, t.geofence_m, t.secured, t.fsr_level, t.psr_level,
        t.cctv_retention_days, t._feed, t._source, t._row
    from snap.site as t join snap.site_place as p using (site_id)"""
_PING_PLACE = """
    select t.*, c.cell_3, c.cell_5, c.cell_7
    from snap.ping as t
    left join snap.ping_cell as c on round(t.latitude, 3) = c.latitude and round(t.longitude, 3) = c.longitude"""
#: Views that are more than one table of the snapshot, with the table that they need.
BODIES: Mapping[str, tuple[str, str]] = {
    "site": ("site", _SITE),
    "ping_place": ("ping", _PING_PLACE),
    "claim_loss": ("claim_service", "select * from snap.claim_service"),
}
#: What one row of a fact counts.
COUNTS: Mapping[str, str] = {
    "incident_fact": "incidents",
    "claim_fact": "claims",
    "shipment_fact": "shipments",
    "ping_fact": "pings",
}
