"""Redaction, measured: recall, evidence destroyed, speed; ours and peers' on the same texts in the same run.

Recall: share of planted secrets of which no window of six characters survives, plain or encoded.
Destroyed: share of the protected tokens (words of `tests/support/survivors.txt`) that came out changed.
Speed: the median of 100 runs over 32 KB of real log lines, a fresh session each, `Redactor` made once, with
extra patterns; and over 32 KB of which every third line holds a secret. All secrets are made from a seed.

    python benchmarks/redaction.py [--seed 7] [--peers]

Peers that are not installed are left out. Their ratios are of a sample of the same texts.
"""

# ruff: noqa: E402 - the paths come first; peers are optional
import argparse
import gzip
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "benchmarks")]

import canary
from holdout import holdout

from diagnose.redaction import Redactor, redact

Planted = tuple[str, str, str, str, str]  # kind, notation, value, text, the text with a harmless value
EXCERPT_BYTES = 32 * 1024
RUNS = 100
PEER_SAMPLE = 400
EXTRA_PATTERNS = (r"ACME-\d{4,}", r"(a+)+$", r"ticket (\w+)", r"(?i)internal-id[:=]\s*(\S+)")
SURVIVORS = (ROOT / "tests" / "support" / "survivors.txt").read_text().splitlines()


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
    """The median of the runs."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        clean(text)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def peers() -> dict[str, Callable[[str], str]]:
    """The installed peers, each as a function that replaces what it finds."""
    found = {}
    for name, make in (
        ("detect-secrets", _detect_secrets),
        ("presidio", _presidio),
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


def _presidio() -> Callable[[str], str]:
    """Presidio's pattern recognisers; its names need a language model, which is not installed here."""
    import tldextract
    from presidio_analyzer import predefined_recognizers as known

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # no network
    names = ("CreditCard", "Crypto", "Email", "Iban", "Ip", "Phone", "UsSsn", "UsBank", "UsPassport", "Url")
    made = [getattr(known, f"{name}Recognizer")() for name in names]

    def clean(text: str) -> str:
        spans = []
        for recogniser in made:
            found = recogniser.analyze(text, recogniser.supported_entities, None) or []
            spans += [(hit.start, hit.end) for hit in found if hit.score >= 0.4]
        for start, end in sorted(spans, reverse=True):
            text = text[:start] + "[X]" + text[end:]
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
    redactor = Redactor(EXTRA_PATTERNS)
    redactor.session().text("warm")
    for name, texts in (
        ("real log", windows(args.seed)),
        ("every third line a secret", [secretful(args.seed)]),
    ):
        taken = [milliseconds(text, lambda text: redactor.session().text(text)) for text in texts]
        if taken:
            rate = EXCERPT_BYTES / 1e6 / statistics.median(taken) * 1000
            print(f"32 KB, {name}: {', '.join(f'{each:.1f}' for each in taken)} ms ({rate:.1f} MB/s)")
    if args.peers:
        _compare(sets, args.seed)


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
