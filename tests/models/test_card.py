"""Model cards: what is refused, and what every shipped one says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mma_eval.cli.main import main
from mma_eval.errors import CardError
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model, read_card
from mma_eval.task.load import TaskCatalogue
from tests.cli.commands import run
from tests.conftest import REPOSITORY

CARDS = sorted((REPOSITORY / "model_cards").glob("*.yaml"))
OWN = {"mock", "planted", "tiny-omni"}
"""Made for this tool, so that there is nothing elsewhere to link to."""

WHOLE = """\
name: mine
backend: mock
family: mock
summary: A card of mine
license: MIT
limits: {max_text_tokens: 100}
reported:
  - task: aligned_visual
    metric: accuracy
    value: 50.0
    source: my notes
"""


def refusal(folder: Path, card: str) -> str:
    """What is said of a card, after the folder."""
    file = folder / "card.yaml"
    file.write_text(card, encoding="utf-8")
    with pytest.raises(CardError) as caught:
        read_card(file)
    return str(caught.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("license: MIT", "licence: MIT"), "card.yaml:5: unknown key 'licence'; did you mean"),
        (("max_text_tokens", "max_tokens"), "card.yaml:6: unknown key 'max_tokens'; did you mean"),
        (("metric: accuracy", "metrics: accuracy"), "card.yaml:9: unknown key 'metrics'; did you"),
        (("license: MIT\n", ""), "card.yaml:1: the key 'license' is missing"),
        (("license: MIT", "license: ''"), "card.yaml:5: 'license': String should have at least 1"),
        (("    source: my notes\n", ""), "card.yaml:8: the key 'reported.0.source' is missing"),
        (("name: mine", "name: mine\nname: twice"), "card.yaml:2: the key 'name' is given twice"),
        (("value: 50.0", "value: half"), "card.yaml:10: 'reported.0.value':"),
    ],
)
def test_a_wrong_card_is_refused_where_it_is_wrong(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    assert WHOLE.count(change[0]) == 1
    assert refusal(tmp_path, WHOLE.replace(*change)).startswith(said)


def test_the_nearest_key_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, WHOLE.replace("license", "licence")).endswith(
        "did you mean 'license'?"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("license: MIT\n", ""), "card.yaml:1: the key 'license' is missing"),
        (
            ("backend: mock", "backend: mok"),
            "card.yaml:2: unknown model backend 'mok'; did",
        ),
        (
            ("license: MIT", "license: MIT\narguments: {behavior: last}"),
            "card.yaml:6: 'mock' takes no argument 'behavior'; did you mean 'behaviour'?",
        ),
    ],
)
def test_validate_refuses_what_would_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], said: str
) -> None:
    (tmp_path / "card.yaml").write_text(WHOLE.replace(*change), encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["validate", str(tmp_path)])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


@pytest.fixture(params=CARDS, ids=lambda path: path.stem)
def card(request: pytest.FixtureRequest) -> ModelCard:
    return read_card(request.param)


def test_a_shipped_card_is_named_like_its_file_and_makes_its_model(card: ModelCard) -> None:
    assert card.path is not None
    assert card.name == card.path.stem
    needed = {"base_url": "http://localhost:8000/v1"} if card.backend == "openai" else {}
    assert create_model(card, needed).card is card


def test_a_shipped_card_says_what_it_must(card: ModelCard) -> None:
    assert card.license and card.notes
    assert set(card.inputs) == {"text", "video", "audio"}
    assert card.decoding.temperature == 0
    if card.name in OWN:
        return
    assert card.links
    assert all(link.startswith("https://") for link in card.links.values())
    if card.weights is None or card.backend == "gemini":
        return
    assert card.links["weights"] == f"https://huggingface.co/{card.weights}"
    pinned = [card.revision, *(v for k, v in card.arguments.items() if k.endswith("_revision"))]
    assert all(re.fullmatch(r"[0-9a-f]{40}", str(revision)) for revision in pinned)
    assert card.parameters and card.context_length and card.released


def test_a_shipped_card_reports_known_tasks_with_their_source(card: ModelCard) -> None:
    tasks = set(TaskCatalogue().names())
    for reported in card.reported:
        assert reported.task in tasks
        assert reported.source.startswith("arXiv ")


def test_every_shipped_card_is_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    names = CardCatalogue().names()
    assert names == sorted(path.stem for path in CARDS)
    listed = run(capsys, "ls", "models")
    for name in names:
        assert name in listed
        shown = run(capsys, "show", name)
        assert "license:" in shown and "--model-args:" in shown
