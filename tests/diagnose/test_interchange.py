"""People in records that name a field by its place, and in the lines of a letter."""

import pytest

from diagnose import redact

RECORDS = [
    (
        "PID|1||MR30799605^^^HOSP^MR||Wolkowitz^Marjorie^A||19900527|F|||8857 Cedar Dr^^Dayton^OH^45402",
        ("30799605", "Wolkowitz", "Marjorie", "19900527", "8857 Cedar"),
    ),
    ("NM1*IL*1*KOWALCZYK*MARGARETHE****MI*FAJ764913764~", ("KOWALCZYK", "MARGARETHE", "764913764")),
    ("DMG*D8*19550521*F~", ("19550521",)),
    (
        ":50K:/4711\nGWENDOLYN LINDQVIST\n14 BAKER STREET\n:59:/4712\nJANE OKAFOR",
        ("LINDQVIST", "BAKER", "OKAFOR"),
    ),
    ("BEGIN:VCARD\nFN:Giuseppe Ferreira\nBDAY:1969-06-26", ("Ferreira", "1969-06-26")),
    ("dn: uid=23,ou=people\ncn: Jane Okafor\nsn: Okafor", ("Okafor",)),
    ("Ship to: Jane Okafor\n         7180 Foxglove Lane", ("Okafor", "Foxglove")),
    ("Job requested by: Jane Okafor (night shift)", ("Okafor",)),
    ("note: spoke to Mrs. Gutierrez about the card", ("Gutierrez",)),
    ('{"name":{"first":"Jacqueline","last":"Abernathy"}}', ("Jacqueline", "Abernathy")),
    ('{"name":[{"family":"Ferreira","given":["Bartholomew"]}]}', ("Ferreira", "Bartholomew")),
    ("Person(Jacqueline,Fitzgerald,1971-02-06)", ("Jacqueline", "Fitzgerald")),
]


@pytest.mark.parametrize(("record", "people"), RECORDS)
def test_people_go_from_records(record, people):
    told = redact(record)
    assert [part for part in people if part in told] == []
    assert redact(told) == told and told.count("\n") == record.count("\n")


@pytest.mark.parametrize(
    "line",
    [
        "26/11/22 08:50:59 INFO Executor: Finished task 3.0 in stage 5.0. 1420 bytes result sent to driver",
        "26/11/22 08:59:07 INFO BlockManager: block delivered to 3 peers",
        "Application submitted by user hadoop, approved by scheduler",
        "FN: 12 TP: 30 precision=0.71",
        "PIDs: 1127 1128",
        "com.acme.CustomerLoader(Batch,Retry,3)",
        "sn: 4711 cn: localhost",
    ],
)
def test_what_only_looks_like_a_record_stays(line):
    assert redact(line) == line
