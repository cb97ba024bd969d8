"""Claims performance: are claims settled fast, fairly and at what cost, and what will they cost in the end?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import streamlit as st

from analysis.claim_findings import answer_words
from analysis.claim_measures import CLAIM_MEASURES
from analysis.claim_service import (
    SERVICE_ROWS,
    ClaimValue,
    Months,
    cause_caveats,
    claim_values,
    clock_caveats,
    fraud_flags,
    monthly_trend,
)
from analysis.claim_tables import ROWS_SHOWN, UNITS, Unit
from analysis.claim_trends import claim_trend, told_trends
from analysis.claims import UltimateLossRatio, ratios_by
from analysis.filters import Filters
from data.portfolio import View
from pages.shared.account import account_header, chosen_account, standings
from pages.shared.charts import Chart
from pages.shared.claim_cards import claim_cards
from pages.shared.claim_charts import (
    amount_chart,
    insured_chart,
    quarter_chart,
    quarter_name,
    reserve_chart,
    settlement_chart,
    settlement_rows,
    trend_chart,
    trend_rows,
)
from pages.shared.claim_results import (
    book_of,
    bursts_of,
    clocks_of,
    ends_of,
    late_of,
    months_of,
    ratio_of,
    rows_of,
    saved_rows,
    settlement_of,
    triangle_of,
)
from pages.shared.claim_tables import (
    CLAIM_KINDS,
    CLOCKS,
    FACTORS,
    FLAGS,
    LATE,
    MEASURES,
    SETTLEMENT,
    TREND,
    burst_columns,
    claim_columns,
    end_columns,
    insured_columns,
    measure_rows,
    origin_columns,
    saved_burst_columns,
    triangle_columns,
    triangle_rows,
)
from pages.shared.context import Context, context
from pages.shared.layout import downloads, escape, lacking, nothing_selected, page_header, show_table
from pages.shared.palette import palette

PAGE = "claims"
QUESTION = "Are claims settled fast, fairly and at what cost, and what will they cost in the end?"
CARDS = (
    "ultimate_loss_ratio", "median_severity", "days_to_decision", "automated_share", "disputed_share",
    "clocks_breached",
)  # fmt: skip

#: Of one account those by which it can be compared with its peers.
ACCOUNT_CARDS = (
    "ultimate_loss_ratio", "claim_frequency", "decided_promptly", "automated_share", "disputed_share",
    "theft_recovery",
)  # fmt: skip


def main() -> None:
    """Answer, cards, the two pictures; then one subject at a time, and the claims themselves."""
    here = context()
    page_header("Claims performance", QUESTION)
    account_header(here)
    everything = here.snapshot.view(here.scope, Filters())
    if not everything.has("claim"):
        lacking("claim", "how long claims take, what they cost, how they develop, and which deadlines were missed")
        return
    months = months_of(view_key(here), _view=here.view)
    if not len(months.service) and not len(months.cost):
        nothing_selected("claims")
        return
    values = values_of(here, here.view)
    before = values_of(here, here.comparison_view) if here.comparison_view is not None else {}
    ratio = ratio_of(view_key(here), _view=here.view)
    st.markdown(
        f"**{escape(answer_words(values, ratio))}.**  \n:small[:gray[How claims are handled is counted by month of"
        " report, what they cost by month of loss.]]"
    )
    claim_cards(
        [values[key] for key in (CARDS if chosen_account(here) is None else ACCOUNT_CARDS)],
        before,
        against=here.comparison_label,
        why_not=here.not_comparable("claim"),
        currency=here.currency,
        peers=standings(here),
    )
    show_pictures(here, months=months, ratio=ratio)
    show_subject(here, months=months, values=values, before=before, ratio=ratio)
    show_claims(here, months, values)
    show_method()


def show_method() -> None:
    """How the numbers come about."""
    with st.expander("How this page is computed", icon=":material/functions:"):
        st.markdown(
            "- **Time**: Kaplan-Meier from the report; a claim that is open counts as long as it was followed, one that"
            " was opened again counts as open. One that is closed was decided by then; one that is over without a date"
            " is left out and counted.\n"
            "- **Deadlines**: days of the calendar. Where a feed never says when a step was done, or a claim is over"
            " without saying it, it is neither met nor missed.\n"
            "- **Theft**: by the words of the cause (theft, hijacking, fraud, fictitious pickup, double brokering, ...)"
            " or by the incident.\n"
            "- **Losses**: one event is one loss; incurred is paid and reserved, claims expense included, before"
            " recoveries, at the rate of exchange of the day of loss.\n"
            "- **Ultimate**: incurred + loss ratio of the policy's class x earned premium x (1 - share known at that"
            " age). Shares known come from the chain ladder of the whole book, fitted at the load; salvage and"
            " subrogation have their own. No factor is added beyond the last age. What is still to come is reckoned at"
            " the load, the same for whoever looks: a class whose premium or losses are those of too few insureds"
            " (under five, one with more than half or two with more than 80%) takes the ratio of the whole book, and"
            " ages at which losses of too few changed are pooled.\n"
            "- **Above or below the rest**: against all others together, at 5% over all rows (Holm).\n"
            "- **Signals**: p' and u' charts allow for months that differ by more than chance; months that ended less"
            " than 60 days before the data's date are never judged.\n"
            "- **Changes** on the cards: called more than chance where the 95% interval of the difference leaves out 0"
            " (Zou and Donner 2008)."
        )


def values_of(here: Context, view: View) -> dict[str, ClaimValue]:
    """Every measure of a selection, the loss ratios first."""
    key = (here.info.id, here.scope, view.filters)
    ratio = ratio_of(key, _view=view)
    known_to = here.known_to("claim")
    months = ratio.parts.groupby("month")[["earned", "ultimate", "net_ultimate", "theft_ultimate"]].sum()
    found = {}
    for name, estimate, part in (
        ("ultimate_loss_ratio", ratio.gross, "ultimate"),
        ("net_loss_ratio", ratio.net, "net_ultimate"),
        ("theft_loss_ratio", ratio.theft, "theft_ultimate"),
    ):
        trend = monthly_trend(months[part] / months["earned"].where(months["earned"] > 0), known_to=known_to)
        found[name] = ClaimValue(CLAIM_MEASURES[name], estimate, "losses", ratio.lack, trend)
    settled = settlement_of(key, _view=view)
    return found | claim_values(months_of(key, _view=view), settled=settled)


def show_pictures(here: Context, *, months: Months, ratio: UltimateLossRatio) -> None:
    """How long claims take and, beside it, what each quarter of loss comes to."""
    ink = palette()
    settled = settlement_of(view_key(here), _view=here.view)
    left, right = st.columns(2, gap="small")
    with left.container(border=True, height="stretch"):
        if settled.decide is None and settled.close is None:
            heading("How long claims take is not known", "No claim says when it was decided or closed.")
            st.markdown(
                "Load `reported_at`, `decided_at` and `closed_at` of the table `claim`; below is how claims ended, in"
                " the feed's own words."
            )
            show_ends(here)
        else:
            show_chart(settlement_chart(settled, period=here.period, colours=ink), key=f"{PAGE}-settlement")
            show_caveats((*settled.decide_caveats, *settled.close_caveats))
            downloads("settlement", {"Settlement": (settlement_rows(settled), SETTLEMENT)}, key=f"{PAGE}-settled-save")
    with right.container(border=True, height="stretch"):
        if ratio.lack:
            table = quarters_of_cost(months)
            chart = amount_chart(table, currency=here.currency, period=here.period, colours=ink)
            show_chart(chart, key=f"{PAGE}-amounts")
            st.caption(f"{ratio.lack}.")
            columns = [column for column in insured_columns(here.currency) if column.name in {"incurred"}]
            downloads("claims by quarter", {"Quarters": (table, columns)}, key=f"{PAGE}-amounts-save")
            return
        table = by_quarter(ratio)
        target = CLAIM_MEASURES["ultimate_loss_ratio"].target
        chart = quarter_chart(table, whole=ratio.gross.value, target=target, period=here.period, colours=ink)
        show_chart(chart, key=f"{PAGE}-quarters")
        rows = table.assign(label=table["key"])
        downloads(
            "loss ratio by quarter", {"Quarters": (rows, insured_columns(here.currency))}, key=f"{PAGE}-quarters-save"
        )


def by_quarter(ratio: UltimateLossRatio) -> pd.DataFrame:
    """Loss ratios by quarter of the calendar, in the order of time."""
    quarters = pd.to_datetime(ratio.parts["month"]).dt.to_period("Q")
    table = ratios_by(ratio, quarters.astype(str))
    return table.assign(key=[f"{name[-2:]} {name[:4]}" for name in table["key"]])


def quarters_of_cost(months: Months) -> pd.DataFrame:
    """Incurred by quarter of the calendar, without premium."""
    cost = months.cost[months.cost["month"].notna()]
    quarters = pd.to_datetime(cost["month"]).dt.to_period("Q").astype(str)
    table = cost.groupby(quarters.to_numpy())[["incurred", "claims"]].sum().reset_index(names="key")
    return table.assign(key=[f"{name[-2:]} {name[:4]}" for name in table["key"]])


def show_subject(
    here: Context,
    *,
    months: Months,
    values: dict[str, ClaimValue],
    before: dict[str, ClaimValue],
    ratio: UltimateLossRatio,
) -> None:
    """One subject at a time: only what is looked at is computed."""
    subjects: dict[str, Callable[[], None]] = {
        "Trends": lambda: show_trend(here, months),
        "Insureds": lambda: show_insureds(here, ratio),
        "Development": lambda: show_development(here),
        "Late reports": lambda: show_late(here),
        "Fraud flags": lambda: show_flags(here, months, values),
        "Legal clocks": lambda: show_clocks(here, months, values),
        "Refunds": lambda: show_refunds(here, values),
        "All measures": lambda: show_measures(here, values, before),
    }
    if chosen_account(here) is not None:
        # Of one account there is nobody to set beside it but its peers, who have no names.
        del subjects["Insureds"]
    chosen = st.segmented_control(
        "Subject",
        list(subjects),
        default="Trends",
        required=True,
        key=f"{PAGE}-subject",
        bind="query-params",
        label_visibility="collapsed",
    )
    with st.container(border=True):
        subjects[chosen]()


def show_trend(here: Context, months: Months) -> None:
    """One control chart a measure: which months does chance not explain?"""
    offered = told_trends(months)
    if not offered:
        heading("Nothing can be followed by month", "No share, rate or mean of claims is known in this selection.")
        return
    key = st.selectbox(
        "Measure by month",
        offered,
        format_func=lambda one: CLAIM_MEASURES[one].label,
        key=f"{PAGE}-measure",
        bind="query-params",
        label_visibility="collapsed",
        width=260,
    )
    trend = claim_trend(months, key=key, known_to=here.known_to("claim"))
    show_chart(trend_chart(trend, colours=palette()), key=f"{PAGE}-trend")
    rows = trend_rows(trend)
    downloads(f"{trend.measure.label} by month", {"Months": (rows, TREND)}, key=f"{PAGE}-trend-save")


def show_insureds(here: Context, ratio: UltimateLossRatio) -> None:
    """What does each insured come to per premium?"""
    if ratio.lack:
        heading("Loss ratios by insured are not known", f"{ratio.lack}.")
        return
    table = ratios_by(ratio, ratio.parts["insured_id"])
    names = {str(key): here.name("insured", str(key)) for key in table["key"]}
    left, right = st.columns([0.55, 0.45], gap="small")
    with left:
        chart = insured_chart(table, names=names, whole=ratio.gross.value, period=here.period, colours=palette())
        show_chart(chart, key=f"{PAGE}-insureds")
    with right:
        rows = table.assign(label=[names[str(key)] for key in table["key"]])
        columns = insured_columns(here.currency)
        show_table(rows, columns=columns, key=f"{PAGE}-insureds-table", alt="Loss ratios by insured", height=420)
        downloads("loss ratio by insured", {"Insureds": (rows, columns)}, key=f"{PAGE}-insureds-save")
        for caveat in ratio.caveats:
            st.caption(f"{caveat}.")


def show_development(here: Context) -> None:
    """The book's chain ladder and the selection's triangle."""
    everything = here.snapshot.view(here.scope, Filters())
    origins, totals, factors = book_of((here.info.id, here.scope), _view=everything)
    gross = origins[origins["kind"] == "gross"]
    names = {int(row["origin"]): quarter_name(row["first_day"], row["last_day"]) for row in gross.to_dict("records")}
    # The page of one account may be shown to it: what the book comes to is not for it.
    is_hidden = chosen_account(here) is not None and not gross.empty
    left, right = st.columns([0.55, 0.45], gap="small")
    with left:
        if is_hidden:
            heading(
                "The book's quarters are not shown beside one account",
                "Its pattern develops the losses of this account; without the account chosen the quarters are here.",
            )
        elif gross.empty:
            heading(
                "The book's quarters are shown to those who see the whole book",
                "Its pattern, where enough insureds stand behind it, develops the losses that you see.",
            )
        else:
            total = totals[totals["kind"] == "gross"].iloc[0]
            chart = reserve_chart(gross, total, currency=here.currency, colours=palette())
            show_chart(chart, key=f"{PAGE}-reserve")
            if total["caveats"]:
                st.caption(f"{total['caveats']}.")
            if total["state"] == "too short":
                st.markdown(
                    "Earlier valuations of claims are needed: load the table `claim_movement` (claim, day, paid and"
                    ' reserve as they stood then), or reload claims with `on_conflict = "latest"`.'
                )
    with right:
        heading(
            "How much of the end is known at which age", "Chain-ladder factors of the whole book, by quarter of age"
        )
        if factors.empty:
            st.caption("No pattern is known, or too few insureds stand behind it to be shown.")
        else:
            show_table(factors, columns=FACTORS, key=f"{PAGE}-factors", alt="Chain-ladder factors", height=300)
    triangle = triangle_of(view_key(here), kind="gross", _view=here.view)
    rows, columns = triangle_rows(triangle, names=names), triangle_columns(triangle, currency=here.currency)
    heading(
        "Triangle of this selection: what each quarter's losses stood at by age",
        f"Incurred with claims expense, {here.currency}, cumulative, {here.period}; expense that earlier valuations do"
        " not state counts from the start, recoveries from the closing",
    )
    show_table(rows, columns=columns, key=f"{PAGE}-triangle", alt="Development triangle", height=300)
    downloads(
        "development",
        {
            "Triangle": (rows, columns),
            **({} if is_hidden else {"Quarters": (gross, origin_columns(here.currency))}),
            "Factors": (factors, FACTORS),
        },
        key=f"{PAGE}-development-save",
    )


def show_late(here: Context) -> None:
    """Whose claims come later than others'?"""
    unit: Unit = st.segmented_control(
        "Compare",
        [one for one in UNITS if one != "insured" or chosen_account(here) is None],
        default="carrier",
        required=True,
        format_func=lambda one: UNITS[one][1].capitalize(),
        key=f"{PAGE}-late-unit",
        bind="query-params",
        label_visibility="collapsed",
    )
    found = late_of(view_key(here), unit=unit, _view=here.view)
    one, many = UNITS[unit]
    late = found.late
    if found.frame.empty:
        heading(f"No {one} is known of claims with both dates", "It needs loss_date and reported_at.")
        return
    if late.empty:
        title = f"No {one} reports later than chance explains"
    elif len(late) == 1:
        row = late.iloc[0]
        title = (
            f"{here.name(unit, str(row['key']))} reports late: {row['value']:.0%} within 30 days, half after"
            f" {row['median_days']:.0f}"
        )
    else:
        title = f"{len(late):,} {many} report later than chance explains"
    heading(title, f"Share of claims reported within 30 days of the loss, by month of report, {here.period}")
    rows = found.frame.assign(label=[here.name(unit, str(key)) for key in found.frame["key"]])
    columns = [column for column in LATE if column.name in rows]
    show_table(rows, columns=columns, key=f"{PAGE}-late-{unit}", alt=f"Late reports by {one}", height=300)
    downloads(f"late reports by {one}", {many.capitalize(): (rows, columns)}, key=f"{PAGE}-late-save")


def show_flags(here: Context, months: Months, values: dict[str, ClaimValue]) -> None:
    """How good are fraud flags?"""
    flags = fraud_flags(months)
    if not flags.n:
        heading("Fraud flags are not known", "No claim says whether it was flagged (fraud_flagged).")
        return
    wrong = values["false_discovery_share"]
    title = (
        f"{wrong.words()} of the flags looked into were wrong"
        if wrong.estimate.value is not None
        else ("No flagged claim was looked into")
    )
    heading(title, f"Flags against what was found, by month of report, {here.period}; Begg and Greenes 1983")
    three = [values[key] for key in ("false_positive_rate", "false_discovery_share", "false_negative_rate")]
    claim_cards(three, {}, against="", why_not=" ", currency=here.currency)
    sums = months.service.sum(numeric_only=True)
    rows = pd.DataFrame(
        [
            ("Flagged", sums["flagged"], sums["flagged_fraudulent"] + sums["flagged_honest"],
             sums["flagged_fraudulent"], sums["flagged_honest"]),
            ("Not flagged", sums["unflagged"], sums["audited_fraudulent"] + sums["audited_honest"],
             sums["audited_fraudulent"], sums["audited_honest"]),
        ],
        columns=[column.name for column in FLAGS],
    )  # fmt: skip
    show_table(rows, columns=FLAGS, key=f"{PAGE}-flags", alt="Fraud flags")
    downloads("fraud flags", {"Flags": (rows, FLAGS)}, key=f"{PAGE}-flags-save")
    for caveat in flags.caveats:
        st.caption(f"{caveat}.")


def show_clocks(here: Context, months: Months, values: dict[str, ClaimValue]) -> None:
    """Which deadlines of the law were missed, and which run?"""
    rows = clocks_of(view_key(here), _view=here.view)
    if rows.empty:
        heading("No legal clock applies", f"{values['clocks_breached'].lack or 'No claim has a deadline'}.")
        return
    late, overdue, soon = (int(rows[name].sum()) for name in ("late", "overdue", "due_soon"))
    told = int(rows[["met", "late", "overdue"]].sum().sum())
    heading(
        f"{late + overdue:,} of {told:,} deadlines were missed, {overdue:,} of them still open; {soon:,} due in 7 days",
        f"Steps with a legal deadline, by month of report, {here.period}; days of the calendar from the report, as the"
        " day of proof is not known",
    )
    show_caveats(clock_caveats(months))
    show_table(rows, columns=CLOCKS, key=f"{PAGE}-clocks", alt="Legal clocks", height=300)
    downloads("legal clocks", {"Legal clocks": (rows, CLOCKS)}, key=f"{PAGE}-clocks-save")


def show_refunds(here: Context, values: dict[str, ClaimValue]) -> None:
    """Refunds and charge-backs, and bursts of refunds by one operator."""
    found = bursts_of(view_key(here), _view=here.view)
    two = [values["refund_rate"], values["chargeback_rate"]]
    claim_cards(two, {}, against="", why_not=" ", currency=here.currency)
    heading(
        found.finding,
        f"Refunds of 100 or more, three within 24 hours by one operator, {here.period}; operators are keyed hashes, in"
        " no download",
    )
    if found.lack:
        return
    told = ["▲ more than chance" if one else "ordinary" for one in found.frame["stands_out"]]
    rows = found.frame.assign(told=told)
    show_table(rows, columns=burst_columns(here.currency), key=f"{PAGE}-bursts", alt="Refunds by operator", height=300)
    downloads("refunds", {"Refunds": (rows, saved_burst_columns(here.currency))}, key=f"{PAGE}-bursts-save")


def show_measures(here: Context, values: dict[str, ClaimValue], before: dict[str, ClaimValue]) -> None:
    """Every measure with interval, n, target, change, definition and formula."""
    compared = before if not here.not_comparable("claim") else {}
    rows = measure_rows(values.values(), compared, currency=here.currency)
    against = f", changes {here.comparison_label}" if compared else ""
    heading(
        "Every measure of claims, and how it is computed", f"{here.period}{against}; targets are Lanewise's defaults"
    )
    show_table(rows, columns=MEASURES, key=f"{PAGE}-measures", alt="All measures of claims", height=460)
    downloads("claim measures", {"Measures": (rows, MEASURES)}, key=f"{PAGE}-measures-save")


def show_ends(here: Context) -> None:
    """How claims ended, in the feed's own words."""
    rows = ends_of(view_key(here), _view=here.view)
    columns = end_columns(here.currency)
    show_table(rows, columns=columns, key=f"{PAGE}-ends", alt="Claims by status", height=180)
    downloads("claims by status", {"Status": (rows, columns)}, key=f"{PAGE}-ends-save")


def show_claims(here: Context, months: Months, values: dict[str, ClaimValue]) -> None:
    """The claims themselves, the costliest first."""
    with st.container(border=True):
        chosen = st.segmented_control(
            "Claims",
            list(CLAIM_KINDS),
            default="all",
            required=True,
            format_func=CLAIM_KINDS.__getitem__,
            key=f"{PAGE}-rows",
            bind="query-params",
            label_visibility="collapsed",
        )
        rows = named(here, rows_of(view_key(here), chosen=chosen, _view=here.view))
        by = "loss" if chosen in {"large", "theft"} else "report"
        title, share = f"{CLAIM_KINDS[chosen]}: the costliest first", ""
        if chosen in SERVICE_ROWS:
            value = values[chosen]
            share = value.measure.label.lower()
            first = "those that do not" if value.measure.better == "higher" else "those that do"
            title = f"{value.words()} of {value.estimate.n:,} {value.counted} count as {share}; {first} stand first"
            if value.estimate.value is None:
                title = f"{value.measure.label}: not known. {value.lack}"
        elif chosen == "large":
            counted = values["large_losses"].words()
            title = f"{counted} large losses, with all claims of each event: the costliest claim first"
        heading(title, f"By month of {by}, {here.period}; at most {ROWS_SHOWN} are shown, a download holds all")
        if chosen == "theft":
            show_caveats(cause_caveats(months))
        if rows.empty:
            st.caption("No such claim in this selection.")
            return
        columns = claim_columns(here.currency, share=share)
        show_table(rows, columns=columns, key=f"{PAGE}-claims-{chosen}", alt="Claims", height=300)
        tables = {"Claims": (lambda: named(here, saved_rows(here.view, chosen=chosen)), columns)}
        downloads(f"claims {CLAIM_KINDS[chosen].lower()}", tables, key=f"{PAGE}-claims-save")


def named(here: Context, rows: pd.DataFrame) -> pd.DataFrame:
    """Claims with the names of their insureds."""
    return rows.assign(
        insured=[here.name("insured", one) if isinstance(one, str) else "" for one in rows["insured_id"]]
    )


def show_chart(chart: Chart, *, key: str) -> None:
    """A chart under its finding."""
    heading(chart.title, chart.note)
    st.plotly_chart(chart.figure, theme=None, key=key, config={"displayModeBar": False}, alt=chart.alt)


def show_caveats(caveats: Iterable[str]) -> None:
    """What is left out of a number, or only bounded."""
    if told := "; ".join(caveats):
        st.caption(f"{escape(told)}.")


def heading(title: str, note: str) -> None:
    """A finding, and under it measure, unit and period."""
    st.markdown(f"**{escape(title)}**  \n:small[:gray[{escape(note)}]]")


def view_key(here: Context) -> tuple[str, Any, Filters]:
    """What the view of this page depends on."""
    return here.info.id, here.scope, here.filters


main()
