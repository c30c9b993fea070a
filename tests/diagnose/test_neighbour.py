"""A value on the line below its key, a login that a line end cuts."""

import random
import string

import pytest

from diagnose import redact


def made_up(seed, signs=string.ascii_letters + string.digits):
    return "".join(random.Random(seed).choices(signs, k=20)) + "7x"


@pytest.mark.parametrize("key", ["SONAR_TOKEN", "ldap.bind.password", '"api_key"'])
def test_what_stands_alone_below_its_key_goes(key):
    secret = made_up(key)
    told = redact(f"LogContents:\n{key}:\n{secret}\nexit status 3")
    assert secret not in told and told.endswith("\nexit status 3")


def test_a_number_of_a_person_goes_below_its_key_too():
    number = "".join(random.Random(3).choices(string.digits, k=9))
    assert number not in redact(f"burgerservicenummer:\n{number}\ndone")


@pytest.mark.parametrize("line", ["exit_code=137", "see above", "refused", "at 10:15 the job died"])
def test_another_line_below_a_key_stays(line):
    assert redact(f"password:\n{line}\n") == f"password:\n{line}\n"


def test_a_login_that_a_line_end_cuts_goes():
    first, rest = made_up(1), made_up(2)
    told = redact(
        f"26/11/22 07:00:00 INFO Client: url=amqps://etl:{first}\n{rest}@mq-1.example.net:5671/orders"
    )
    assert first not in told and rest not in told and ":5671/orders" in told
    whole = "hdfs://nn-1:8020\nmailed to team@lists.example.net"
    assert "hdfs://nn-1:8020\nmailed to " in redact(whole)
