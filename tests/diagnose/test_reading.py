"""What a shipper, a console or a container puts around each line hides no table, no CSV and no value below its key."""

import json
import random
import string

import pytest

from diagnose import redact

FRAMES = {
    "airflow": "[2026-11-{n:02}T07:00:0{n}.250Z] {{subprocess.py:93}} INFO - ",
    "syslog": "Nov  7 03:12:4{n} node-1 bootstrap[41{n}7]: ",
    "compose": "loader-1  | ",
    "log4j": "26/11/22 07:00:0{n} INFO Client: ",
}
BODIES = {
    "show": "+---+---------+\n| id|api_token|\n+---+---------+\n| 17|{}|\n+---+---------+",
    "records": "-[ RECORD 1 ]---\nid | 17\napi_token | {}\nstate | failed",
    "csv": "id,api_token,state\n17,{},failed",
    "quoted": '"id","api_token","state"\n"17","{}","failed"',
    "below": "api_token:\n{}\nexit status 3",
    "block": "api_token: |\n  {}\nexit status 3",
    "entry": 'entry {{\n  key: "api_token"\n  value: "{}"\n}}',
    "pydantic": "api_token\n  Input should be a valid integer [type=int_parsing, input_value='{}', input_type=str]",
    "yaml": '  - name: API_TOKEN\n    value: "{}"',
}


def made_up(seed):
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=24)) + "a7"


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("body", BODIES)
def test_a_prefix_before_each_line_hides_no_value(frame, body):
    secret = made_up(frame + body)
    lines = BODIES[body].format(secret).split("\n")
    text = "\n".join(FRAMES[frame].format(n=number) + line for number, line in enumerate(lines))
    told = redact(text)
    assert secret not in told and told.count("REDACTED") == 1
    assert [a == b for a, b in zip(text.split("\n"), told.split("\n"), strict=True)].count(False) == 1


@pytest.mark.parametrize("body", BODIES)
def test_what_docker_keeps_as_json_is_read_line_by_line(body):
    secret = made_up(body)
    text = "\n".join(
        json.dumps(
            {"log": line + "\n", "stream": "stderr", "time": "2026-11-22T07:00:00.1Z"}, separators=(",", ":")
        )
        for line in BODIES[body].format(secret).split("\n")
    )
    told = redact(text)
    assert secret not in told and {json.loads(line)["stream"] for line in told.split("\n")} == {"stderr"}


@pytest.mark.parametrize("frame", FRAMES)
def test_a_token_goes_on_behind_the_prefix_of_the_next_line(frame):
    first, rest = made_up(frame) * 2, made_up(frame + "2")
    lines = [f"export API_TOKEN={first}", rest, "exit code 17"]
    told = redact("\n".join(FRAMES[frame].format(n=number) + line for number, line in enumerate(lines)))
    assert (
        first not in told and rest not in told and told.endswith(FRAMES[frame].format(n=2) + "exit code 17")
    )


@pytest.mark.parametrize("frame", FRAMES)
def test_a_table_without_secrets_stays_behind_a_prefix(frame):
    lines = [
        "+---+------+",
        "| id|amount|",
        "+---+------+",
        "| 17| 91.57|",
        "+---+------+",
        "groups to: ",
        "a,b,c",
    ]
    text = "\n".join(FRAMES[frame].format(n=number) + line for number, line in enumerate(lines))
    assert redact(text) == text
