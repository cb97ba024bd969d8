"""Start Lanewise: `streamlit run app.py`."""

import streamlit as st
from starlette.routing import Mount

from pages.shared.basemap import Basemap
from pages.shared.failures import show_failure

app = st.App("pages/shared/shell.py", routes=[Mount("/geo", Basemap())], on_script_error=show_failure)
