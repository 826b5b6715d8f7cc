"""What is struck out of a record's texts, and what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval.eval.doctor.striking import Striking
from mma_eval.models.base import ModelArguments, OneByOne, Question
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("cannot open /srv/bob/x.bin: No", "cannot open [path]: No"),
        ("C:\\Users\\bob\\w.pt is missing", "[path] is missing"),
        ("[Errno 2] '~/models/x'", "[Errno 2] '[path]'"),
        ("http://gpu7.corp.local:8000/v1 said 500", "[address] said 500"),
        ("127.0.0.1:8001: no connection", "[address]: no connection"),
        ("key abc/def+ghi=jkl, abc%2Fdef%2Bghi%3Djkl", "key [key], [key]"),
        ("asked by rumpelstilz", "asked by [name]"),
        ("Qwen/Qwen2.5-Omni-7B@ae9e1669", "Qwen/Qwen2.5-Omni-7B@ae9e1669"),
        ("package:tiny-omni", "package:tiny-omni"),
        ("picture and/or sound, 24/7, 2:30", "picture and/or sound, 24/7, 2:30"),
    ],
)
def test_what_software_says_of_itself(
    monkeypatch: pytest.MonkeyPatch, told: str, kept: str
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "abc/def+ghi=jkl")
    monkeypatch.setenv("LOGNAME", "rumpelstilz")
    assert Striking(create_model(CardCatalogue().get("mock"))).from_report(told) == kept


def test_a_model_may_say_what_it_likes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOGNAME", "Bird")
    monkeypatch.setenv("HOME", str(tmp_path / "al"))
    striking = Striking(create_model(CardCatalogue().get("mock")))
    for said in ("Bird", "/b/ as in Bird", "http://example.org", f"{tmp_path.anchor}alice"):
        assert striking.from_content(said) == said
    assert striking.from_content(f"see {tmp_path}/al/work, Bird") == "see [path], Bird"
    assert striking.from_content("half \ud83d") == "half ?"


class Arguments(ModelArguments):
    api_key: str = ""
    adapter: Path = Path("a")


class Plain(OneByOne):
    """A backend that takes its key as an argument."""

    def reply(self, media: object, question: Question) -> str:
        return "Bird"


def test_arguments_that_are_keys_or_paths() -> None:
    card = ModelCard(name="x", backend="x", family="x", summary="x", license="x")
    striking = Striking(Plain(card, Arguments(api_key="0123456789")))
    assert striking.argument("api_key", "0123456789") == "[key]"
    assert striking.from_content("it was 0123456789") == "it was [key]"
    assert striking.argument("adapter", Path("a")) == "[path]"
    assert striking.from_report("a is not an adapter") == "a is not an adapter"
