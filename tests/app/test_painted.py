"""Colours of cells as Streamlit takes them from a pandas Styler."""

from __future__ import annotations

import pandas as pd
from pandas.io.formats.style import Styler
from streamlit.elements.lib.pandas_styler_utils import marshall_styler
from streamlit.proto.ArrowData_pb2 import ArrowData

from pages.shared.painted import painted

TABLE = pd.DataFrame({"place": ["A", "B"], "thefts": [3, 0], "ratio": [1.5, None]})
RED, GREY = (("color", "#f00"), ("font-weight", "600")), (("background-color", "#eee"),)


def test_colours_are_those_of_a_styler():
    slow = TABLE.style.map(lambda _: "color: #f00; font-weight: 600", subset=pd.IndexSlice[[0], ["place"]])
    slow = slow.map(lambda _: "background-color: #eee", subset=pd.IndexSlice[[1], :])
    wanted, found = marshalled(slow), marshalled(painted(TABLE, {RED: [(0, 0)], GREY: [(1, 0), (1, 1), (1, 2)]}))
    assert found.styler.styles.splitlines() == [
        "#T_x_row0_col0 { color: #f00; font-weight: 600 }",
        "#T_x_row1_col0, #T_x_row1_col1, #T_x_row1_col2 { background-color: #eee }",
    ]
    assert found.styler.styles == wanted.styler.styles


def marshalled(styler: Styler) -> ArrowData:
    proto = ArrowData()
    marshall_styler(proto, styler.set_uuid("x"), "x")
    return proto
