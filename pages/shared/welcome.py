"""What a person sees before there is a portfolio: what to do, with the exact commands."""

from __future__ import annotations

import streamlit as st

from data.contract import contract
from data.portfolio import default_path

FEED_EXAMPLE = """name = "claims-2025"               # loading a feed of this name again replaces its rows
currency = "USD"
timezone = "America/New_York"      # of times that carry no offset

[[table]]
name = "claim"                     # a table of Lanewise
file = "claims-2025.xlsx"          # or csv, parquet, json, ...
[table.columns]                    # ours = yours
claim_id    = '"Claim number"'
loss_date   = '"Date of loss"'
paid_amount = '''replace("Paid", '$', '')'''
"""
STARTING_TABLES = (
    ("incident", "thefts and losses, with place and time: the map and the hour of week"),
    ("claim", "claims and what was paid: losses by month, cause and place"),
    ("shipment", "goods moved, with value: exposure, lanes and rates"),
    ("site", "warehouses, ports, yards: names and coordinates"),
    ("lane", "from which site to which, and how"),
)


def welcome() -> None:
    """Say how to load a portfolio."""
    st.title("Welcome to Lanewise", anchor=False)
    st.markdown(
        "Lanewise shows where cargo theft and loss happen, on a map and in tables. "
        "This portfolio is still empty: load files you already have."
    )
    steps, tables = st.columns([3, 2], gap="large")
    with steps:
        st.subheader("1. Describe your files", anchor=False)
        st.markdown(
            "A *feed* is a folder with your files as they are and one small text, `feed.toml`, "
            "that says which column is what:"
        )
        st.code(FEED_EXAMPLE, language="toml")
        st.subheader("2. Load them", anchor=False)
        st.code(".venv/bin/python -m data load path/to/the/folder", language="bash")
        st.markdown(
            "Every row ends loaded, left out, folded or quarantined, and the load prints the count of each. "
            "Bad cells and rows are listed with their reason on the page *Data*; your files are never changed."
        )
        st.subheader("3. Come back here", anchor=False)
        st.button("Look again", icon=":material/refresh:", type="primary")
    with tables:
        st.subheader("What to begin with", anchor=False)
        st.markdown("Any of these is enough. Each page says what it lacks.")
        for table, use in STARTING_TABLES:
            required = ", ".join(f"`{column.name}`" for column in contract()[table].columns if column.required)
            st.markdown(f"**{table}** · {use}  \n:small[:gray[needs] {required}]")
        st.markdown("`.venv/bin/python -m data describe` lists all tables and columns with their units.")
        st.markdown("`.venv/bin/python -m data sample` writes a synthetic portfolio to look around in.")
        st.caption(
            f"This portfolio: {default_path().absolute()}. Another: set LANEWISE_PORTFOLIO before the app starts."
        )
