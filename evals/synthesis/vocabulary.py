"""A random source → neutral names of jobs, tables, columns, buckets, hosts and places. Pure.

No word here names a failure, an error, a permission or a resource: a name must not give the label away.
"""

import random
from dataclasses import dataclass
from typing import Final

NOUNS: Final = (
    "orders", "basket", "catalog", "clicks", "sessions", "ledger", "invoices", "shipments", "meters", "tickets",
    "profiles", "reviews", "returns", "routes", "sensors", "stores", "suppliers", "campaigns", "coupons", "fares",
    "bookings", "claims", "visits", "stock", "prices", "rates", "segments", "devices", "payments", "loyalty",
)  # fmt: skip
VERBS: Final = (
    "daily", "rollup", "enrich", "publish", "compact", "merge", "snapshot", "refresh", "score", "export", "load",
    "weekly", "history", "summary", "sync", "index", "report", "features", "archive", "backfill",
)  # fmt: skip
COLUMNS: Final = (
    "customer_id", "order_ts", "amount", "store_id", "country", "channel", "unit_price", "quantity", "discount",
    "event_date", "session_id", "device_id", "tariff", "currency", "score", "segment", "sku", "region_code",
    "booked_at", "net_total", "tax_rate", "page_id", "duration_ms", "latitude", "visit_no", "batch_no",
)  # fmt: skip
DATABASES: Final = ("sales", "retail", "finance", "web", "logistics", "crm", "iot", "core", "mart", "staging")
BUCKETS: Final = ("lake", "raw", "curated", "analytics", "landing", "warehouse", "exchange", "stage")
OWNERS: Final = ("acme", "northwind", "contoso", "bluefin", "meridian", "harbor", "juniper", "alder")
PACKAGES: Final = ("etl", "pipeline", "jobs", "ingest", "batch")


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one scene. Drawn once, so both attempts of an application speak of the same things."""

    job: str
    """The application's name, like `orders_rollup`."""
    script: str
    """The file of a Python job, like `orders_rollup.py`."""
    main_class: str
    """The class of a Scala job, like `com.acme.etl.OrdersRollup`."""
    owner: str
    database: str
    table: str
    other_table: str
    columns: tuple[str, ...]
    """At least six, all different; the table's columns in order."""
    bucket: str
    other_bucket: str
    day: str
    """A partition's date, like `2026-05-03`."""
    account: str
    """Twelve digits of a made-up AWS account."""
    region: str
    service_host: str
    """A host the job talks to, like `orders-db.acme.internal`."""

    @property
    def column(self) -> str:
        """The first column."""
        return self.columns[0]

    @property
    def input_path(self) -> str:
        """A folder that the job reads: `s3://bucket/raw/table/dt=day`."""
        return f"s3://{self.bucket}/raw/{self.table}/dt={self.day}"

    @property
    def output_path(self) -> str:
        """A folder that the job writes: `s3://bucket/curated/table/dt=day`."""
        return f"s3://{self.other_bucket}/curated/{self.table}/dt={self.day}"


def draw(rng: random.Random, day: str) -> Names:
    """Draw the names of one scene; `day` is the date the job works on."""
    noun, other = rng.sample(NOUNS, 2)
    verb, owner = rng.choice(VERBS), rng.choice(OWNERS)
    zones = rng.sample(BUCKETS, 2)
    job = f"{noun}_{verb}"
    return Names(
        job=job,
        script=f"{job}.py",
        main_class=f"com.{owner}.{rng.choice(PACKAGES)}.{noun.capitalize()}{verb.capitalize()}",
        owner=owner,
        database=rng.choice(DATABASES),
        table=noun,
        other_table=other,
        columns=tuple(rng.sample(COLUMNS, 8)),
        bucket=f"{owner}-{zones[0]}",
        other_bucket=f"{owner}-{zones[1]}",
        day=day,
        account="".join(rng.choice("0123456789") for _ in range(12)),
        region=rng.choice(("us-east-1", "eu-west-1", "eu-central-1", "us-west-2")),
        service_host=f"{noun}-db.{owner}.internal",
    )
