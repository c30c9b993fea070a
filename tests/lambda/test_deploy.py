"""`make deploy` as it is, with a `sam` that tells what it was given: each parameter arrives as it was written."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stack import ROOT, Stack, read

RUNBOOK = ROOT / "docs" / "runbook.md"
SAM = """#!{python}
import json, os, sys
json.dump({{"arguments": sys.argv[1:], "folder": os.getcwd()}}, open({told!r}, "w"))
sys.exit({code})
"""
PYTHON = """#!/bin/sh
case "$1" in
  lambda/package.py) shift; echo "$@" > {packaged}; mkdir -p {folder}; echo zip > {package} ;;
  *) exec {python} "$@" ;;
esac
"""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("deploy", ROOT / "lambda" / "deploy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Deploy:
    """The recipe in a shell, with a sam and a packager that only tell of their calls."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "path").mkdir()
        (folder / "venv" / "bin").mkdir(parents=True)
        self.sam()
        self._program(
            "venv/bin/python",
            PYTHON.format(
                packaged=folder / "packaged",
                folder=folder / "made",
                package=folder / "made/package.zip",
                python=sys.executable,
            ),
        )
        (folder / "venv" / ".ready").write_text("")  # newer than what it is made of

    def _program(self, name, text):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def sam(self, code=0):
        told = str(self.folder / "told.json")
        self._program("path/sam", SAM.format(python=sys.executable, told=told, code=code))

    def shell(self, command, **environment):
        """Run a command line that begins with `make deploy`, as somebody types it."""
        assert command.startswith("make deploy")
        fixed = (
            f"make --no-print-directory VENV={self.folder}/venv PACKAGE={self.folder}/made/package.zip deploy"
        )
        (self.folder / "told.json").unlink(missing_ok=True)
        return subprocess.run(
            ["/bin/bash", "-c", fixed + command.removeprefix("make deploy")],
            cwd=ROOT,
            env={"PATH": f"{self.folder}/path:/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def told(self):
        return json.loads((self.folder / "told.json").read_text())

    def parameters(self, command, **environment):
        """What CloudFormation would be given."""
        done = self.shell(command, **environment)
        assert done.returncode == 0, done.stderr
        words = self.told()["arguments"]
        begin = words.index("--parameter-overrides") + 1
        end = next((n for n, word in enumerate(words) if n > begin and word.startswith("--")), len(words))
        return dict(map(as_sam, words[begin:end]))


def as_sam(word):
    """A parameter as sam reads it: what stands in single quotes, less the backslashes before blanks and quotes."""
    found = re.fullmatch(r"(\w+)='((?:\\.|[^'\\])*)'", word, re.DOTALL)
    assert found, word
    value = found[2]
    for sign in " \"'":
        value = value.replace("\\" + sign, sign)
    return found[1], value


@pytest.fixture
def deploy(tmp_path):
    return Deploy(tmp_path)


def test_without_parameters_the_bucket_the_processor_and_a_release_are_given(deploy):
    found = deploy.parameters("make deploy LOG_BUCKET=my-emr-logs")
    assert re.fullmatch("[0-9a-f]{16}", found.pop("Release"))
    assert found == {"LogBucketName": "my-emr-logs", "Architecture": "arm64"}
    told = deploy.told()
    assert told["folder"] == str(ROOT / "lambda")
    assert told["arguments"][:3] == ["deploy", "--template-file", "template.yaml"]
    assert "--refuse-unproven" in (deploy.folder / "packaged").read_text()


PATTERNS = [
    r'["ACME-\\d+"]',
    r'["a", "b c" ]',
    r'["quoted \"name\"", "back\\\\slash", "end\\\\"]',
    r'["^key=[^ ]+$", "TimeoutSeconds=60 and MemoryMegabytes=1"]',
    r'["a$b", "$(HOME)", "`id`", "x#y", "\u00e9"]',
    "[]",
]


@pytest.mark.parametrize("patterns", PATTERNS)
def test_a_json_list_arrives_as_it_was_written(deploy, patterns):
    text = shlex.quote(f"MemoryMegabytes=1024 RedactionExtraPatterns={patterns} TokenBudget=9")
    found = deploy.parameters(f"make deploy LOG_BUCKET=b-1 PARAMETERS={text}")
    assert found["RedactionExtraPatterns"] == patterns
    assert (found["MemoryMegabytes"], found["TokenBudget"]) == ("1024", "9")
    Stack(RedactionExtraPatterns=found["RedactionExtraPatterns"])  # its form is lawful


def test_from_the_environment_they_arrive_too(deploy):
    found = deploy.parameters(
        "make deploy LOG_BUCKET=b-1", PARAMETERS=f"RedactionExtraPatterns={PATTERNS[0]}"
    )
    assert found["RedactionExtraPatterns"] == PATTERNS[0]


def test_words_with_blanks_and_quotes_arrive(deploy):
    text = shlex.quote(
        r"""GuardrailWords="project x,it's y" InternalHostPattern=\b[a-z]+\.corp\b LogPrefix=a/b"""
    )
    found = deploy.parameters(f"make deploy LOG_BUCKET=b-1 PARAMETERS={text}")
    assert found["GuardrailWords"] == "project x,it's y"
    assert found["InternalHostPattern"] == r"\b[a-z]+\.corp\b"
    assert found["LogPrefix"] == "a/b"


def test_the_runbooks_example_works(deploy):
    (command,) = re.findall(
        r"^ {4,}(make deploy .*RedactionExtraPatterns.*)$", RUNBOOK.read_text(), re.MULTILINE
    )
    found = deploy.parameters(command.replace("…", "my-emr-logs"))
    assert json.loads(found["RedactionExtraPatterns"])
    Stack(**{name: found[name] for name in found if name in read()["Parameters"]})


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("RedactionExtraPatterns=[ACME-[0-9]+]", "RedactionExtraPatterns: not JSON"),
        ('RedactionExtraPatterns=["(?=a)"]', "not valid RE2"),
        ("RedactionExtraPatterns=[1]", "must be a JSON list of strings"),
        ('RedactionExtraPatterns=["a"] ["b"]', "give Name=value"),
        ("MemoryMegabyte=1024", "has no such parameter"),
        ("TimeoutSeconds=60 TimeoutSeconds=120", "given twice"),
        ("LogBucketName=other", "given twice"),
        ("1024", "give Name=value"),
        ("InternalHostPattern=a\\", "can't take a backslash"),
    ],
)
def test_what_can_not_work_is_refused_before_sam_is_called(deploy, parameters, told):
    done = deploy.shell(f"make deploy LOG_BUCKET=b-1 PARAMETERS={shlex.quote(parameters)}")
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert not (deploy.folder / "told.json").exists()
    assert "Traceback" not in done.stderr


def test_sams_exit_code_and_flags_pass_through(deploy):
    deploy.sam(code=3)
    done = deploy.shell("make deploy LOG_BUCKET=b-1 SAM_FLAGS='--no-confirm-changeset --region eu-west-1'")
    assert done.returncode != 0
    assert deploy.told()["arguments"][-3:] == ["--no-confirm-changeset", "--region", "eu-west-1"]


def test_a_release_is_named_after_package_template_and_parameters(script, tmp_path):
    package = tmp_path / "package.zip"
    package.write_bytes(b"1")
    first = script.release(package, {"A": "1"})
    assert first == script.release(package, {"A": "1"})
    assert first != script.release(package, {"A": "2"})
    package.write_bytes(b"2")
    assert first != script.release(package, {"A": "1"})


def test_the_scripts_names_are_the_templates(script):
    assert script.declared((ROOT / "lambda" / "template.yaml").read_text()) == set(read()["Parameters"])


@given(st.text(alphabet=" \"'\\[]{},=$`aZ0é", max_size=20))
@settings(max_examples=500, deadline=None)
def test_every_value_that_is_passed_on_comes_out_of_sams_reading_as_it_was(script, value):
    try:
        word = script.word("Name", value)
    except script.ParameterError:
        assert value.endswith("\\") or "\\'" in value
    else:
        assert as_sam(word) == ("Name", value)
