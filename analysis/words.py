"""The field's own words, as this product uses them, for the Glossary, and counts of thefts in words."""

from __future__ import annotations

from typing import NamedTuple

from analysis.measures import significant


class Word(NamedTuple):
    """A word, its section of the Glossary, and what it means here."""

    name: str
    section: str
    meaning: str


WORDS = (
    Word("Insured", "Who and where", "The account: the party whose goods or liability are insured."),
    Word("Policy", "Who and where", "One period of cover of an insured, with its premium, limits and deductible."),
    Word("Carrier", "Who and where", "The company that moves the goods."),
    Word(
        "Site",
        "Who and where",
        "A hub, warehouse, yard, port, airport, truck stop or customer: where goods start, end or rest.",
    ),
    Word("Lane", "Who and where", "An origin site, a destination site and a mode: the path that shipments repeat."),
    Word(
        "Area",
        "Who and where",
        "A hexagon of the H3 grid. Its size suits what is shown: hundreds of km across on a world map, 2 km in a city. "
        "It carries the name of its largest town, or of the nearest.",
    ),
    Word("Trip", "Moving goods", "One conveyance on its way from departure to arrival: the unit that is stolen."),
    Word(
        "Shipment", "Moving goods", "Goods of one consignment. Without a table of trips each shipment is its own trip."
    ),
    Word("Device", "Moving goods", "A tracker on a vehicle, trailer, container or package."),
    Word("Ping", "Moving goods", "One position that a device reported; shown as positions."),
    Word(
        "Blackout",
        "Moving goods",
        "A gap between two fixes of over 10 minutes, two intervals of the schedule, on a trip with goods. It counts "
        "from one interval after the last fix to the next; a trip not heard from yet is dark from its departure.",
    ),
    Word(
        "Window",
        "Moving goods",
        "From departure to arrival outside secured sites: when signals are due. Without an arrival it ends at the "
        "earliest of incident, last scan, and 12 hours after the promised time.",
    ),
    Word(
        "Protected trip",
        "Moving goods",
        "A device on throughout, at least 80% of the reports due, no blackout over 30 minutes, and a seal that was not "
        "opened out of place; on the last mile the parcel's code or photo stands for the seal.",
    ),
    Word(
        "Funnel",
        "Moving goods",
        "Limits around the book's level between which 998 of 1,000 units lie that are no other than the book. They "
        "widen as a unit has less to show, and fewer devices, which differ too: a small carrier is not called bad for "
        "one bad day, nor for one bad device.",
    ),
    Word("Scan", "Moving goods", "A handling unit read, and perhaps weighed, at a site."),
    Word("Seal event", "Moving goods", "A seal set, opened or found tampered with."),
    Word("Mode", "Moving goods", "Road, rail, air, sea or another way in which goods move."),
    Word("Incident", "What goes wrong", "A theft or other event: own (an insured reports it), carrier, or market."),
    Word(
        "Market incident",
        "What goes wrong",
        "An incident that others suffered, as the market reports it. It shows where crime is; it is no loss of ours.",
    ),
    Word(
        "Attempt",
        "What goes wrong",
        "Nothing was taken. Attempts are shown apart from thefts and are no part of frequency.",
    ),
    Word(
        "Crime category",
        "What goes wrong",
        "Hijacking, robbery, burglary, fraud, theft, theft from facility, theft from vehicle, theft of vehicle, theft "
        "of trailer, truck theft, attempt: the words of TAPA. A feed's own words are kept where it has others.",
    ),
    Word(
        "Strategic theft",
        "What goes wrong",
        "Goods handed to a thief who poses as the carrier: fictitious pickup, misdirection, double brokering.",
    ),
    Word("Modus operandi", "What goes wrong", "How it was done; a column of its own beside the category."),
    Word(
        "Kind of place",
        "What goes wrong",
        "Unsecured or secured parking, rest area, origin, destination or third-party facility, or en route.",
    ),
    Word("Occurrence", "What goes wrong", "One event and one deductible, whatever the number of claims that follow."),
    Word("Claim", "Money", "What a claimant asks for after a loss. It follows an incident where the feed says which."),
    Word("Refund", "Money", "Money that a shipper gave back to a customer."),
    Word("Charge-back", "Money", "A payment that the card issuer took back."),
    Word(
        "Ground-up loss",
        "Money",
        "Value of the goods lost on the policy's valuation basis, before deductible and before any recovery.",
    ),
    Word(
        "Insured loss",
        "Money",
        "min(max(loss × coinsurance − deductible, 0), limit or sub-limit), per occurrence.",
    ),
    Word(
        "Paid and reserve", "Money", "Indemnity as recorded, cumulative at a valuation date, at 100%; expenses apart."
    ),
    Word("Incurred", "Money", "Paid plus reserve, gross. Net is less salvage and subrogation, and is shown beside it."),
    Word("Ultimate", "Money", "Incurred developed to what it will be when every claim is closed."),
    Word(
        "Base currency",
        "Money",
        "The one currency of the portfolio. Amounts are shown in it at the rate of their date.",
    ),
    Word(
        "Plan rate",
        "Money",
        "One rate of exchange for all dates, used only to compare two periods, so that exchange rates change nothing.",
    ),
    Word(
        "Without a rate",
        "Money",
        "An amount in a currency that has no rate of exchange is shown apart in its own currency, never added.",
    ),
    Word(
        "Exposure",
        "How numbers are read",
        "What could have been lost: trips, shipments, declared value, value-hours stored.",
    ),
    Word(
        "Count and rate",
        "How numbers are read",
        "A count tells where losses are; only a count per exposure tells where risk is.",
    ),
    Word(
        "Interval",
        "How numbers are read",
        "The range that chance alone leaves open at 95%: exact (Garwood) for counts of events, Wilson for shares.",
    ),
    Word(
        "As reported, adjusted",
        "How numbers are read",
        "Rates and losses of the thefts that were reported, or of all thefts under an assumption on what is not "
        "reported and on losses that nobody recorded. It is yours to edit; a published verdict never changes by it.",
    ),
    Word(
        "Share reported",
        "How numbers are read",
        "Of all thefts, those that an insured reports. Common to the whole book it cancels out of ratios and raises "
        "frequency, loss cost and excess loss; where places differ in it, their ratios move or grow less sure.",
    ),
    Word(
        "Small theft",
        "How numbers are read",
        "A theft whose loss is below a few times the deductible of its account: little would be paid, so that it is "
        "reported less often.",
    ),
    Word(
        "Immature",
        "How numbers are read",
        "The last 60 days before the data's date: still being reported, so hatched, and out of trends and verdicts.",
    ),
    Word("Data's date", "How numbers are read", "The latest day that the loaded files speak for."),
    Word("Period", "How numbers are read", "Whole months: losses by date of occurrence, shipments by departure."),
    Word(
        "Place's own time",
        "How numbers are read",
        "Hours and weekdays on the clock of the place, whatever the zone of the feed.",
    ),
    Word(
        "Peers",
        "How numbers are read",
        "The accounts of the same segment, or of the same role where no segment is known, the account itself among "
        "them; the whole book where those may not be shown. None is named. A figure of theirs is shown only if at "
        "least 5 insureds stand behind it, none with over half of what it is per and no two with over 80%; the middle "
        "half only of 8 or more. Of the insureds behind it at least 4 are others than the viewer's own.",
    ),
    Word(
        "Account view",
        "How numbers are read",
        "Every page when one insured is chosen: its figures beside those of its peers, of whole accounts over the "
        "latest 12 complete months that end at least 60 days before the data do, whatever the period and the filters.",
    ),
    Word(
        "Beyond chance",
        "How numbers are read",
        "An account differs from its peers beyond chance where its whole 95% interval lies beyond both their median "
        "and the level of all of them together. Of 20 measures about one would by chance alone.",
    ),
    Word(
        "More than chance",
        "How numbers are read",
        "A change is called news, better or worse where chance alone would make one as large in under 5% of cases, on "
        "every page alike. Of twenty numbers that did not change one is therefore called news: where several are shown "
        "at once, look at how unlikely each is.",
    ),
    Word("Feed", "Data", "A folder of the user's files with a feed.toml that says which column is what."),
    Word(
        "Snapshot", "Data", "One immutable state of the portfolio. Every number names the snapshot that it comes from."
    ),
    Word("Quarantine", "Data", "Rows that could not be loaded, each kept with its file, row, value and reason."),
    Word("Reconciliation", "Data", "Rows read = loaded + left out + folded + quarantined; the same for money."),
)


def theft_words(number: int) -> str:
    """How many thefts, in words?

    Examples
    --------
    >>> theft_words(1), theft_words(1200)
    ('1 theft', '1,200 thefts')
    """
    return f"{number:,} theft" if number == 1 else f"{number:,} thefts"


def due_words(expected: float) -> str:
    """How many were expected, in words that agree with the number as it is shown?

    Examples
    --------
    >>> due_words(15.93), due_words(1.0001)
    ('15.9 were expected', '1 was expected')
    """
    shown = significant(expected)
    return f"{shown} {'was' if shown == '1' else 'were'} expected"
