"""Small books of claims: literal policies, claims and their earlier valuations, through the real loader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from analysis.filters import Filters, Scope
from analysis.models import fit
from data.load import load_feed
from data.portfolio import View
from tests.portfolios import open_view, write_feed

CLAIM = (
    "claim_id,kind,insured_id,policy_id,incident_id,shipment_id,cause,loss_date,reported_at,acknowledged_at,"
    "decided_at,closed_at,status,paid_amount,reserve_amount,expense_paid,salvage_amount,evidence,disputed,"
    "fraud_flagged,fraud_confirmed,fraud_audited\n"
)
_EMPTY = dict.fromkeys(CLAIM.strip().split(","), "")
POLICY = "policy_id,insured_id,product,jurisdiction,inception_date,expiry_date,written_premium\n"
MOVE = "claim_id,moved_on,paid_amount,reserve_amount\n"


def claim(claim_id: str, **values: object) -> str:
    """A claim of insured I1 as a line of the file; what is not given is empty."""
    row = {**_EMPTY, "claim_id": claim_id, "insured_id": "I1", "cause": "handling"}
    row |= {name: str(value) for name, value in values.items()}
    return ",".join(row[name] for name in _EMPTY) + "\n"


def load_claims(
    root: Path,
    claims: Iterable[str],
    *,
    policies: Iterable[str] = (),
    moves: Iterable[str] = (),
    more: Mapping[str, str] | None = None,
    as_of: str = "2025-12-31",
    insureds: int = 7,
) -> View:
    """Load and fit a book of claims; gives a view of all of it."""
    files = {
        "insured.csv": "insured_id,name,country\n" + "".join(f"I{k},Insured {k},US\n" for k in range(1, insureds + 1)),
        "claim.csv": CLAIM + "".join(claims),
        **({"policy.csv": POLICY + "".join(policies)} if policies else {}),
        **({"claim_movement.csv": MOVE + "".join(moves)} if moves else {}),
        **(more or {}),
    }
    top = f'currency = "USD"\ntimezone = "UTC"\nas_of = "{as_of}"\n'
    load_feed(write_feed(root / "claims", files=files, name="claims", top=top), portfolio=root / "portfolio", fit=fit)
    return open_view(root)


def view_of(root: Path, *insureds: str, filters: Filters | None = None) -> View:
    """The same book as these insureds may see it; of all of them without any."""
    return open_view(root, scope=Scope(frozenset(insureds)) if insureds else Scope(), filters=filters)
