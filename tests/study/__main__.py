"""Studies on books whose truth is known: `python -m tests.study NAME [--seeds N]`.

hotspots also takes `--thefts N,N` and `--json FILE`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.study import hotspots, telemetry
from tests.study.report import report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a study, print its tables, and keep its sums where a file is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.study", description=__doc__)
    parser.add_argument("name", choices=["hotspots", "telemetry"], help="which study")
    parser.add_argument("--seeds", type=int, default=hotspots.SEEDS, help="books for each world and size")
    parser.add_argument("--thefts", default=",".join(map(str, hotspots.THEFTS)), help="thefts expected in the window")
    parser.add_argument("--json", type=Path, help="file for the sums behind the tables")
    asked = parser.parse_args(arguments)
    sizes = [int(size) for size in asked.thefts.split(",")]
    began = time.monotonic()
    if asked.name == "telemetry":
        print(telemetry.report(seeds=asked.seeds))
        print(f"{time.monotonic() - began:,.0f} seconds", file=sys.stderr)
        return 0
    found = hotspots.run(seeds=asked.seeds, thefts=sizes)
    print(report(found, seeds=asked.seeds))
    print(f"{time.monotonic() - began:,.0f} seconds", file=sys.stderr)
    if asked.json:
        kept = {"study": asked.name, "seeds": asked.seeds, "worlds": found}
        asked.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
