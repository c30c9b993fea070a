import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
import runs

from evals.criterion import Check, FailedCase, Verdict
from evals.evaluation import Evaluation
from evals.gate import GateRecord, RunId
from evals.report import Baseline, to_page
from evals.report.page import OPEN
from evals.requirement import Requirement
from evals.run import Row

VOID = {"meta", "link", "br", "input", "wbr", "img"}
HOSTILE = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}{% raw %}\"'`"
    "\x00\x1b[31m\u202eevil\u2028\ud800"
)


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.policy = ""
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert not [name for name in given if name.startswith("on") or name == "style"]
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src", "action") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def text(self, tag: str) -> str:
        return "\n".join(data for where, data in self.texts if where == tag)


def hostile(name: str) -> Row:
    """A failed row with hostile text wherever a log, a model or a label can put it."""
    row = runs.row(name, right=False, root_cause=HOSTILE, retry_reason=HOSTILE, gaps=[HOSTILE])
    assert row.diagnosis is not None
    evidence = [each.model_copy(update={"text": HOSTILE, "file": HOSTILE}) for each in row.diagnosis.evidence]
    diagnosis = row.diagnosis.model_copy(update={"evidence": evidence, "log_evidences": [HOSTILE]})
    scores = {key: each.model_copy(update={"reason": HOSTILE}) for key, each in row.scores.items()}
    changes = {
        "diagnosis": diagnosis,
        "scores": scores,
        "description": HOSTILE,
        "excerpt": f"== {HOSTILE}:1-3 - -\n" + f"{HOSTILE}\n" * 3,
    }
    return row.model_copy(update={**changes, "dataset": HOSTILE, "cluster": HOSTILE})


@pytest.fixture
def gate(failed: Evaluation) -> GateRecord:
    run = failed.run
    checks = (
        Check(name="completeness", verdict=Verdict.PASS, measured=1.0, limit=0.99, reason="whole"),
        Check(
            name="zero: leaks",
            verdict=Verdict.FAIL,
            measured=1.0,
            limit=0.05,
            reason="1 of 9 cases",
            more_cases=58,
            failed=(FailedCase(case_id="broken", reason="shows a canary"),),
        ),
    )
    candidate = RunId(
        run_id=run.provenance.run_id,
        file="result.json",
        sha256=runs.sha256("file"),
        date=run.provenance.date,
        commit="unknown",
        analyst=run.identity.analyst,
        model_id=run.identity.model_id,
        prompt_version="v2",
        prompt_sha256=run.identity.prompt_sha256,
        cases=run.identity.cases,
        datasets=run.identity.datasets,
    )
    return GateRecord(
        verdict=Verdict.FAIL,
        date=runs.MOMENT,
        candidate=candidate,
        baseline=None,
        policy_sha256=runs.sha256("policy"),
        production=None,
        checks=checks,
        more_cases=58,
    )


def test_verdict_and_provenance_come_before_everything_and_failures_before_scores(failed: Evaluation) -> None:
    page = to_page(failed)
    places = [
        page.index(each)
        for each in ("FAILED</span>", ">commit<", "<h2>Failures", "<h2>Known misses", "<h2>Scores")
    ]
    assert places == sorted(places)
    assert f"sha256 {runs.sha256('v2')}" in page


def test_a_page_is_well_formed_and_its_ids_are_unique(
    failed: Evaluation, baseline: Baseline, gate: GateRecord
) -> None:
    reader = Reader(to_page(failed, baseline=baseline, gate=gate))
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    inside = [link.removeprefix("#") for link in reader.links if link.startswith("#")]
    assert set(inside) <= set(reader.ids)


def test_nothing_comes_from_outside(failed: Evaluation, baseline: Baseline) -> None:
    reader = Reader(to_page(failed, baseline=baseline))
    assert {link for link in reader.links if not link.startswith("#")} == {"data:,"}
    assert reader.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in reader.policy
    assert not re.search(r"@import|url\(", reader.text("style"))


def test_a_failed_case_shows_label_answer_reason_and_evidence_in_context(failed: Evaluation) -> None:
    page = to_page(failed)
    case = page[page.index('id="failure-1"') : page.index('id="failure-2"')]
    assert "MALFORMED_<wbr>INPUT" in case
    assert "UNCLASSIFIED" in case
    assert "expected DATA_QUALITY, got UNKNOWN" in case
    assert "the service refused" in case
    assert f'<mark class="t" data-n="6">{runs.LINE}</mark>' in case
    assert '<span data-n="3">line 3</span>' in case
    assert "line 2<" not in case


def test_changes_show_both_answers(failed: Evaluation, baseline: Baseline) -> None:
    reader = Reader(to_page(failed, baseline=baseline))
    assert reader.tags.count("h4") >= 8
    assert "2 of 9 cases are judged otherwise than in run old" in reader.text("p")
    assert {"Baseline", "This run"} <= set(reader.text("h4").split("\n"))


def test_the_gate_shows_every_check_the_failed_ones_first(failed: Evaluation, gate: GateRecord) -> None:
    page = to_page(failed, gate=gate)
    table = page[page.index('<section id="gate">') :]
    assert table.index("zero: leaks") < table.index("completeness")
    assert "about 58 more cases needed" in table
    assert "shows a canary" in table


def test_tokens_and_cost_are_drawn_only_where_a_model_answered(
    failed: Evaluation, passed: Evaluation
) -> None:
    assert "Tokens per answer" in to_page(failed)
    assert "Tokens per answer" not in to_page(passed)


def test_foreign_text_is_escaped_and_made_visible_everywhere() -> None:
    evaluation = runs.assessed(runs.run([hostile("a"), runs.row("b")]), Requirement)
    page = to_page(evaluation)
    reader = Reader(page)
    assert page.encode()
    assert reader.tags.count("script") == 1
    assert "img" not in reader.tags
    assert "alert" not in reader.text("script")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\u2028\ud800]", page)
    for tag in ("mark", "li", "p", "figcaption"):
        assert "{{ 7 * 7 }}" in reader.text(tag)
        assert "[U+202E]evil" in reader.text(tag)
    assert "␀␛[31m" in reader.text("mark")


def test_a_hostile_baseline_is_escaped_as_well() -> None:
    from evals.comparison import compare

    before = runs.run([hostile("a")])
    after = runs.run([runs.row("a", dataset=HOSTILE, cluster=HOSTILE)], run_id="new")
    page = to_page(
        runs.assessed(after, Requirement), baseline=Baseline(run=before, comparison=compare(before, after))
    )
    assert Reader(page).tags.count("script") == 1


def test_the_same_values_give_the_same_page(failed: Evaluation, baseline: Baseline) -> None:
    assert to_page(failed, baseline=baseline) == to_page(failed, baseline=baseline)


def test_only_the_first_failures_are_unfolded(row: Callable[..., Row]) -> None:
    wrong = [row(f"case-{number:03}", right=False) for number in range(OPEN + 5)]
    page = to_page(runs.assessed(runs.run(wrong), Requirement))
    assert len(re.findall(r'id="failure-\d+" open', page)) == OPEN
    assert len(re.findall(r'id="failure-\d+"', page)) == OPEN + 5


def test_a_page_of_many_cases_with_full_excerpts_stays_small() -> None:
    lines = "\n".join(
        f"26/11/22 09:14:{n % 60:02} INFO Stage: task {n} of a long and busy stage" for n in range(500)
    )
    excerpt = f"== stdout.gz:1-500 - -\n{lines}\n"
    shown = excerpt.splitlines()[250]
    rows = []
    for number in range(400):
        made = runs.row(f"case-{number:04}", right=number % 10 > 0)
        assert made.diagnosis is not None
        evidence = [made.diagnosis.evidence[0].model_copy(update={"text": shown, "line": 250})]
        diagnosis = made.diagnosis.model_copy(update={"evidence": evidence, "log_evidences": [shown]})
        rows.append(made.model_copy(update={"excerpt": excerpt, "diagnosis": diagnosis}))
    assert len(to_page(runs.assessed(runs.run(rows), Requirement)).encode()) < 3_000_000


def test_errors_alone_make_a_page() -> None:
    page = to_page(runs.assessed(runs.run([runs.row("a", error="gone")]), Requirement))
    assert "no answer" in page


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_words_stand_out_from_every_ground_they_stand_on(passed: Evaluation, place: int) -> None:
    style = Reader(to_page(passed)).text("style")
    palette = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", style.split(":root {")[place + 1]))
    pairs = [
        *((name, ground) for name in ("ink", "muted") for ground in ("page", "surface", "soft")),
        *((name, "surface") for name in ("accent", "good", "bad", "warn", "second")),
        *((name, f"{name}-soft") for name in ("good", "bad", "warn")),
        *(("ink", f"{name}-soft") for name in ("good", "bad", "warn", "accent")),
        *((name, "page") for name in ("accent", "good", "bad")),
        ("ink", "line"),
    ]
    for ink, ground in pairs:
        one, two = sorted((_luminance(palette[ink]), _luminance(palette[ground])))
        assert (two + 0.05) / (one + 0.05) >= 4.5, f"{ink} on {ground}"
