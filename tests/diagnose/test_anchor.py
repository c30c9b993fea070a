import pytest

from diagnose.anchor import AnchorSearch, Interest
from diagnose.log import Line
from diagnose.record import Record, parse_header


def graded(text: str) -> Interest:
    header = parse_header(text)
    return AnchorSearch().grade(Record((Line(1, text),), header, None))


HINTS = [
    "26/11/22 08:00:01 INFO HttpClient: HTTP/1.1 503",
    "26/11/22 08:00:01 INFO sync: GET https://rates.example.com/v2/eur -> 429",
    "page 7: status=401",
    "partner answered, response code: 504",
    "got 502 from the gateway after 3 s",
    "api returned a 403",
    "failed with code=404",
    "404: Not Found",
    "500 Internal",
    "26/11/22 08:00:01 INFO loader: column order_id is missing",
    "26/11/22 08:00:01 INFO loader: missing partition dt=2026-11-21",
    "26/11/22 08:00:01 INFO loader: missing table sales",
    "26/11/22 08:00:01 INFO loader: Missing: region",
]
PLAIN = [
    "26/11/22 08:00:01 INFO CodeGenerator: Code generated in 403.1 ms",
    "26/11/22 08:00:01 INFO Executor: Finished task 404.0 in stage 2.0 (TID 503) in 401 ms",
    "26/11/22 08:00:01 INFO MemoryStore: Block broadcast_3 stored as bytes (estimated size 504.0 KiB)",
    "wrote 429 rows",
]


@pytest.mark.parametrize(
    ("text", "interest"),
    [(text, Interest.HINT) for text in HINTS] + [(text, Interest.CONTEXT) for text in PLAIN],
)
def test_a_status_is_a_hint_and_a_mere_number_is_none(text: str, interest: Interest) -> None:
    assert graded(text) is interest
