"""When is a change news? One rule for every page, so that no two of them judge the same move differently."""

from __future__ import annotations

#: A move is more than chance where chance alone would make one as large in fewer cases than this.
SIGNAL = 0.05
