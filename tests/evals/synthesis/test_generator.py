"""Cases follow from the seed alone, and every template's label fits what it writes."""

from collections import Counter
from dataclasses import replace

import pytest

from diagnose.taxonomy import FACTS, Category, FailureType, RetryRule
from evals.secret import spellings
from evals.synthesis.check import holds, lines, write_lines
from evals.synthesis.generator import allot, build, generate
from evals.synthesis.ground import Ground
from evals.synthesis.scene import Scene
from evals.synthesis.template import Template, TemplateError, Truth, load_templates
from evals.synthesis.trace import Throwable

TEMPLATES = load_templates()


def refused(scene: Scene) -> Truth:
    scene.start()
    scene.fail(Throwable("java.net.ConnectException", "Connection refused"))
    return Truth(description="d", evidence=("ConnectException: Connection refused",))


def made(**over: object) -> Template:
    values: dict[str, object] = {
        "id": "t", "failure_type": FailureType.SERVICE_UNREACHABLE, "difficulty": "easy", "write": refused,
    } | over  # fmt: skip
    return Template(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
def test_a_templates_label_fits_its_logs(template: Template) -> None:
    for variant in range(3):
        case = build(template, seed=20260, variant=variant)
        label = case.case.metadata
        assert not label.evidence or holds(case.files, label.evidence)
        assert all(holds(case.files, spellings(secret)) for secret in label.canaries)
        if label.safe_to_retry:
            assert FACTS[label.failure_type].retry is RetryRule.TRANSIENT
            assert not write_lines(case.files)
            assert case.damage not in {
                "cut-archive",
                "cut-line",
                "no-driver",
                "no-containers",
                "controller-only",
            }


@pytest.mark.parametrize("name", ["spot-is-taken", "cluster-shrinks"])
def test_a_machine_is_lost_even_where_two_of_them_drew_one_address(name: str) -> None:
    template = next(each for each in TEMPLATES if each.id == name)
    scene = Scene(Ground("one address"))
    first, *others = scene.ground.workers
    scene.ground.workers = (first, *(replace(each, host=first.host, ip=first.ip) for each in others))
    truth = template.write(scene)
    text = "\n".join(stream.text for stream in scene.ground.streams.values())
    assert any(part in text for part in truth.evidence)


@pytest.mark.parametrize("template", TEMPLATES[::7], ids=lambda template: template.id)
def test_the_same_seed_gives_the_same_bytes(template: Template) -> None:
    assert build(template, seed=3, variant=1) == build(template, seed=3, variant=1)
    assert build(template, seed=3, variant=1).files != build(template, seed=4, variant=1).files


def test_a_tree_looks_like_emrs() -> None:
    case = build(made(modes=("cluster",)), seed=1, variant=0)
    root = f"logs/{case.case.vars.cluster_id}"
    step = f"{root}/steps/{case.case.vars.step_id}"
    assert {f"{step}/{name}.gz" for name in ("controller", "stderr", "stdout", "syslog")} <= set(case.files)
    assert any("_000001/stderr.gz" in path for path in case.files)
    assert any("hadoop-yarn-nodemanager-ip-10-" in path for path in case.files)
    assert "meta.json" in case.files


def test_transient_templates_get_more_cases_within_their_limit() -> None:
    others = [made(id=f"o{n}", failure_type=FailureType.CODE_ERROR) for n in range(8)]
    shares = {one.id: n for one, n in allot([*others, made(id="a"), made(id="b")], 100)}
    assert sum(shares.values()) == 100
    assert shares["a"] == shares["b"] == 12
    assert shares["o0"] in {9, 10}


def test_a_new_template_leaves_the_others_cases_alone() -> None:
    alone = {c.id: c.files for c in generate([made(id="a")], seed=1, count=3)}
    both = {c.id: c.files for c in generate([made(id="a"), made(id="b")], seed=1, count=6)}
    assert alone.items() <= both.items()


def test_no_templates_are_an_error() -> None:
    with pytest.raises(TemplateError, match="no templates"):
        list(generate([], seed=1, count=3))


def test_a_run_without_an_end_is_refused() -> None:
    def open_end(scene: Scene) -> Truth:
        scene.start()
        return Truth(description="d", evidence=("SparkContext",))

    with pytest.raises(TemplateError, match="never ends"):
        build(made(write=open_end), seed=1, variant=0)


def test_evidence_that_nobody_wrote_is_refused() -> None:
    def liar(scene: Scene) -> Truth:
        refused(scene)
        return Truth(description="d", evidence=("a line that is not there",))

    with pytest.raises(TemplateError, match="no evidence stands in any file"):
        build(made(write=liar), seed=1, variant=0)


def test_a_truth_that_claims_safety_against_the_rule_is_refused() -> None:
    def bold(scene: Scene) -> Truth:
        scene.start()
        scene.write()
        scene.exit(9)
        return Truth(
            description="d", evidence=("exited with status 9", "with exitCode 9"), safe_to_retry=True
        )

    with pytest.raises(TemplateError, match="the rule does not"):
        build(made(write=bold), seed=1, variant=0)


def test_a_write_before_the_failure_is_not_safe() -> None:
    def wrote(scene: Scene) -> Truth:
        scene.start()
        scene.write()
        scene.fail(Throwable("java.net.ConnectException", "Connection refused"))
        return Truth(description="d", evidence=("ConnectException: Connection refused",))

    assert not build(made(write=wrote), seed=1, variant=0).case.metadata.safe_to_retry
    assert build(made(plain=True), seed=1, variant=0).case.metadata.safe_to_retry


def test_what_a_damage_does_to_the_label() -> None:
    seen: Counter[str] = Counter()
    for variant in range(150):
        case = build(made(), seed=5, variant=variant)
        label = case.case.metadata
        seen[case.damage] += 1
        if case.damage in {
            "cut-archive",
            "cut-line",
            "no-driver",
            "no-containers",
            "controller-only",
        }:
            assert not label.safe_to_retry
        if not label.evidence:
            assert label.failure_type is FailureType.LOGS_UNAVAILABLE
            assert "ConnectException" not in "\n".join(lines(case.files))
    assert {"", "cut-line", "no-daemons", "small-gaps"} <= set(seen)


def test_a_second_attempt_meets_the_same_failure() -> None:
    cases = [build(made(modes=("cluster",), plain=True), seed=2, variant=variant) for variant in range(12)]
    repeated = next(case for case in cases if case.attempts == 2)
    drivers = [path for path in repeated.files if path.endswith("_000001/stderr.gz")]
    assert len(drivers) == 2


def test_a_cause_that_a_fair_reader_could_not_know_is_not_safe() -> None:
    def vague(scene: Scene) -> Truth:
        return replace(refused(scene), accept=(Category.UNKNOWN,))

    assert not build(made(write=vague, plain=True), seed=1, variant=0).case.metadata.safe_to_retry


def test_evidence_that_this_case_lacks_is_left_out_of_its_label() -> None:
    def two_forms(scene: Scene) -> Truth:
        return replace(
            refused(scene), evidence=("ConnectException: Connection refused", "only in another mode")
        )

    label = build(made(write=two_forms, plain=True), seed=1, variant=0).case.metadata
    assert label.evidence == ("ConnectException: Connection refused",)
