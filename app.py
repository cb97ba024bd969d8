"""Start Lanewise: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from pages.shared.failures import show_failure

# The basemap is fetched by the browser from here, once, and never from the internet.
GEO = Path(__file__).parent / "data" / "geo"

app = st.App(
    "pages/shared/shell.py",
    routes=[Mount("/geo", StaticFiles(directory=GEO))],
    on_script_error=show_failure,
)
