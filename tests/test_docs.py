"""Every command of the README and the docs is run, and every file they show is used."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from tests.conftest import REPOSITORY
from tests.models.checkpoint import build_checkpoint

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.splitlines():
                if command := line.partition("#")[0].strip():
                    found[command] = None
    return list(found)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the pages speak of."""
    folder = tmp_path_factory.mktemp("docs")
    build_checkpoint(folder / "checkpoint")
    for page in PAGES:
        for language in ("yaml", "jinja"):
            for block in blocks(page, language):
                if named := re.match(r"\S+ (\S+/\S+\.(?:yaml|jinja))", block):
                    file = folder / named[1]
                    file.parent.mkdir(exist_ok=True)
                    file.write_text(block)
    return folder


@pytest.fixture
def place(workplace: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clips = workplace / "clips"
    if not clips.exists():
        shutil.copytree(manifest.parent, clips)
        (workplace / "questions.jsonl").write_text(
            '{"id": "q1", "video": "clips/clip0.mp4", "question": "What is it?", '
            '"options": ["Bird", "Cat"], "answer": "Bird", "asks": "visual"}\n'
        )
    monkeypatch.chdir(workplace)
    return workplace


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("mma-eval")])
def test_a_command_of_the_pages_runs(
    place: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)[1:]
    if "qwen2.5-omni" in words:
        small = f"pretrained={place / 'checkpoint'},max_pixels=12544,min_pixels=784,max_frames=4"
        at = words.index("--model-args") + 1 if "--model-args" in words else None
        if at is None:
            words += ["--model-args", small]
        else:
            words[at] = f"{words[at]},{small}".replace("device=cuda", "device=cpu")
    if words[0] == "train":
        words += ["--set", "data.dataset=demo:seed=7,count=20"]
    if words[0].startswith("-") and "--limit" not in words:
        words += ["--limit", "1"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    said = capsys.readouterr()
    assert stop.value.code == 0, said.err
    assert said.out.strip()


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("make")])
def test_make_knows_its_targets(command: str) -> None:
    subprocess.run(
        ["make", "--dry-run", "--directory", str(REPOSITORY), *command.split()[1:]],
        check=True,
        capture_output=True,
    )


def test_no_other_commands_are_shown() -> None:
    assert [c for c in commands() if not c.startswith(("mma-eval", "make "))] == []


def test_the_backend_of_the_readme_runs(manifest: Path, tmp_path: Path) -> None:
    (block,) = blocks(REPOSITORY / "README.md", "python")
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    run = evaluate("my-model", "aligned", dataset=manifest, output_path=tmp_path)
    assert run.scores is not None
    assert all(sample.answer == "Bird" for sample in run.samples)


def test_the_backend_of_the_guide_runs_and_proves_its_tokens(
    manifest: Path, tmp_path: Path
) -> None:
    (block,) = blocks(REPOSITORY / "docs" / "add-a-model.md", "python")
    exec(compile(block, "add-a-model.md", "exec"), {"__name__": "guide"})
    run = evaluate("louder", "aligned,audio_removed", dataset=manifest, output_path=tmp_path)
    said = {(s.task, s.answer, s.tokens is not None and bool(s.tokens.audio)) for s in run.samples}
    heard, silent = ("Bird", True), ("Cat", True)
    assert said == {
        ("aligned_visual", *heard),
        ("aligned_audio", *heard),
        ("audio_removed_visual", *silent),
        ("audio_removed_audio", *silent),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
