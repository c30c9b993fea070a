"""Finding versions: which shelf, which version, and whether it is what was released and promoted."""

import shutil
from pathlib import Path

import pytest

from diagnose import shelf
from diagnose.errors import PromptError
from diagnose.prompt import version_sha256
from diagnose.shelf import find_root, load_prompt, read_active


class Shelf:
    """A shelf on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "diagnosis").mkdir(parents=True)

    def folder(self, name):
        return self.root / "diagnosis" / name

    def put(self, name, words="Words."):
        folder = self.folder(name)
        folder.mkdir()
        (folder / "system.j2").write_text(words)
        (folder / "user.j2").write_text("{{ gaps }}{{ excerpt }}")
        (folder / "repair.j2").write_text("{{ problem }}")
        (folder / "meta.toml").write_text(
            f'name = "{name}"\ndescription = "d"\ndate = 2026-11-22\nhints = false\n'
        )
        return self

    def sha256(self, name):
        return version_sha256({p.name: p.read_text() for p in self.folder(name).iterdir()})

    def release(self, name, day="2026-11-22"):
        with (self.root / "released.toml").open("a") as file:
            file.write(f'[{name}]\nsha256 = "{self.sha256(name)}"\nreleased = {day}\n')
        return self

    def promote(self, name, gate="PASS", sha256=None):
        lines = {
            "version": name,
            "sha256": sha256 or self.sha256(name),
            "gate": gate,
            "reason": "r",
            "run_id": "1",
        }
        text = "".join(f'{key} = "{value}"\n' for key, value in lines.items())
        (self.root / "active.toml").write_text(text)
        return self

    def load(self, name=None):
        return load_prompt(name, roots=[self.root])


@pytest.fixture
def here(tmp_path):
    return Shelf(tmp_path / "prompts")


def test_a_version_is_taken_by_its_name(here):
    here.put("v1").put("v2", "Other words.").release("v1")
    prompt = here.load("v1")
    assert (prompt.version.name, prompt.version.sha256) == ("v1", here.sha256("v1"))
    assert (prompt.released, prompt.gate) == (True, "none")
    assert here.load("v2").version.system == "Other words."


def test_an_unlisted_version_is_a_draft(here):
    assert not here.put("v1").put("v2").release("v1").load("v2").released
    assert not Shelf(here.root.parent / "bare").put("v1").load("v1").released


def test_without_a_promotion_the_newest_released_version_is_taken(here):
    for name in ("v2", "v9", "v10", "v11"):
        here.put(name)
    here.release("v10").release("v9").release("v2")
    assert here.load().version.name == "v10"
    assert here.load().gate == "none"
    here.release("v11", day="2026-11-21")
    assert here.load().version.name == "v10", "the day counts before the number"


def test_the_promoted_version_is_taken_and_brings_its_gate(here):
    here.put("v1").put("v2").release("v1").release("v2").promote("v1")
    assert (here.load().version.name, here.load().gate) == ("v1", "PASS")
    assert here.load("v1").gate == "PASS"
    assert here.load("v2").gate == "none"


def test_a_draft_can_be_promoted_without_proof(here):
    prompt = here.put("v1").put("v2").release("v1").promote("v2", gate="none").load()
    assert (prompt.version.name, prompt.released, prompt.gate) == ("v2", False, "none")


def test_a_gate_is_only_said_of_the_texts_that_it_saw(here):
    here.put("v1").promote("v1")
    (here.folder("v1") / "system.j2").write_text("Better words.")
    assert here.load("v1").gate == "none"
    with pytest.raises(PromptError, match="v1 was altered after its promotion"):
        here.load()


@pytest.mark.parametrize("file", ["system.j2", "user.j2", "repair.j2", "meta.toml"])
def test_an_altered_release_is_refused_by_name_by_path_and_by_default(here, file):
    here.put("v1").release("v1")
    with (here.folder("v1") / file).open("a") as opened:
        opened.write("{# more #}" if file.endswith("j2") else "# more")
    for name in ("v1", str(here.folder("v1")), None):
        with pytest.raises(PromptError, match=r"v1 was altered after its release.*make a new version"):
            here.load(name)


def test_line_ends_of_a_checkout_are_no_alteration(here):
    here.put("v1", "Two\nlines.").release("v1")
    for path in here.folder("v1").iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert here.load("v1").released


def test_a_folder_anywhere_is_a_draft(here, tmp_path, monkeypatch):
    here.put("v1").release("v1").put("v3", "New.")
    shutil.move(here.folder("v3"), tmp_path / "v3")
    prompt = here.load(str(tmp_path / "v3"))
    assert (prompt.version.system, prompt.released, prompt.gate) == ("New.", False, "none")
    monkeypatch.chdir(tmp_path)
    assert here.load("./v3").version.name == "v3"
    assert load_prompt("./v3", roots=[]).version.name == "v3"
    with pytest.raises(PromptError, match="give the path"):
        here.load("v3")


def test_a_changed_copy_does_not_go_by_the_name_of_a_release(here, tmp_path):
    here.put("v1").release("v1")
    copy = Path(shutil.copytree(here.folder("v1"), tmp_path / "copy" / "v1"))
    assert here.load(str(copy)).released
    (copy / "system.j2").write_text("Other words.")
    with pytest.raises(PromptError, match="v1 was altered"):
        here.load(str(copy))


def test_a_path_into_another_shelf_goes_by_that_shelf(here, tmp_path):
    here.put("v1").release("v1")
    other = Shelf(tmp_path / "other").put("v1", "Other words.").release("v1").promote("v1")
    prompt = here.load(str(other.folder("v1")))
    assert (prompt.version.system, prompt.released, prompt.gate) == ("Other words.", True, "PASS")


def test_the_first_shelf_that_is_there_is_taken_whole(here, tmp_path):
    here.put("v1").release("v1")
    other = Shelf(tmp_path / "other").put("v1", "Other words.").put("v2").release("v2")
    roots = [tmp_path / "nowhere", here.root, other.root]
    assert load_prompt(roots=roots).version.system == "Words."
    with pytest.raises(PromptError, match="'v2' is not there: there are v1"):
        load_prompt("v2", roots=roots)
    assert load_prompt("v2", roots=roots[::-1]).version.name == "v2"


def test_shelves_are_the_repository_then_the_packaged_copy():
    package = Path(shelf.__file__).parent
    assert [package.parent / "prompts", package / "_prompts"] == list(shelf.ROOTS)


@pytest.mark.parametrize("name", ["v7", "../v1", "diagnosis/v1", "v1\n", "", "v1/", "~/v1", "a\x00b"])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(here, name, monkeypatch, tmp_path):
    here.put("v1").put("v2").put("v10")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    with pytest.raises(PromptError, match="v1, v2, v10"):
        here.load(name)


def test_no_shelf_and_no_release_are_said(here):
    with pytest.raises(PromptError, match="no shelf"):
        load_prompt(roots=[])
    with pytest.raises(PromptError, match="no shelf"):
        load_prompt("v1", roots=[here.root / "nowhere"])
    with pytest.raises(PromptError, match=r"no version is released .* name one of v1"):
        here.put("v1").load()


def test_a_release_or_a_promotion_of_nothing_is_said(here):
    here.put("v1").release("v1").put("v2").release("v2")
    shutil.rmtree(here.folder("v2"))
    with pytest.raises(PromptError, match=r"v2 is not in .*: there are v1"):
        here.load()
    here.promote("v3", sha256="0" * 64)
    with pytest.raises(PromptError, match=r"v3 is not in .*: there are v1"):
        here.load()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("released.toml", "[v1", "released.toml: "),
        ("released.toml", "[v1]\nsha256 = 'short'\nreleased = 2026-11-22\n", r"\[v1\] needs sha256"),
        ("released.toml", f"[v1]\nsha256 = '{'0' * 64}'\n", r"\[v1\] needs sha256"),
        ("released.toml", "v1 = 1\n", r"\[v1\] needs sha256"),
        ("active.toml", "version = 'v1'\n", "active.toml: sha256 must be given"),
        ("active.toml", "version = 1\n", "active.toml: version must be given"),
        ("active.toml", "=", "active.toml: "),
        ("diagnosis/v1/user.j2", "\udcff", "user.j2 is no UTF-8 text"),
        ("diagnosis/v1/notes.md", "x", "notes.md does not belong there"),
    ],
)
def test_files_that_are_not_right_are_named(here, file, text, message):
    here.put("v1")
    (here.root / file).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(PromptError, match=message):
        here.load("v1")


def test_files_that_cannot_be_read_are_named(here):
    here.put("v1")
    (here.folder("v1") / "user.j2").unlink()
    (here.folder("v1") / "user.j2").mkdir()
    with pytest.raises(PromptError, match=r"user\.j2 can't be read: Is a directory"):
        here.load("v1")


def test_hidden_files_are_not_the_versions(here):
    here.put("v1").release("v1")
    (here.folder("v1") / ".user.j2.swp").write_bytes(b"\xff")
    assert here.load("v1").released


def test_what_was_promoted_can_be_read_with_its_reason(here):
    assert read_active(roots=[here.root]) is None
    assert read_active(roots=[]) is None
    here.put("v1").promote("v1", gate="none")
    active = read_active(roots=[here.root])
    assert (active.version, active.sha256, active.gate) == ("v1", here.sha256("v1"), "none")
    assert (active.reason, active.run_id, active.date, active.model) == ("r", "1", "", "")
    with (here.root / "active.toml").open("a") as file:
        file.write('date = "2026-11-22T12:00:00+00:00"\ngate_sha256 = "ab"\nmodel = "m"\nmore = 1\n')
    active = read_active(roots=[here.root])
    assert (active.date, active.gate_sha256, active.model) == ("2026-11-22T12:00:00+00:00", "ab", "m")


def test_the_shelf_that_versions_come_from_is_named(here, tmp_path):
    assert find_root(roots=[tmp_path / "nowhere", here.root]) == here.root
    assert find_root(roots=[]) is None
