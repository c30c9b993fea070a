"""What tests of the REST metadata source share: made-up keys, the step that is asked about, and its reply."""

import random
import string

from emrserver import sample_meta

from diagnose.failure import Failure

CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
FAILURE = Failure(cluster_id="j-1", step_id="s-1")
PATH = "/clusters/j-1/steps/s-1"


def made_up(seed):
    rng = random.Random(seed)
    return "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(40))


KEY, NEXT_KEY = made_up(1), made_up(2)


class Pauses(list):
    """Takes the place of sleep."""

    def __call__(self, seconds):
        self.append(seconds)


class Keys:
    """Gives one key after the other, the last for ever."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]


def reply(**more):
    return {PATH: {**sample_meta(), **more}}
