"""A record of a machine: what it holds, what it never holds, and what is refused on reading."""

from __future__ import annotations

import getpass
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mma_eval import __version__
from mma_eval.errors import FileError, StoreError, UsageError
from mma_eval.eval.doctor.checks import Verdict
from mma_eval.eval.doctor.record import (
    LARGEST_BYTES,
    DoctorRecord,
    check_place,
    read_record,
    records_of,
    to_text,
    write_record,
)
from mma_eval.eval.doctor.stimuli import Variant
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.models.local.model import LocalModel
from mma_eval.paths import data_folder
from mma_eval.registry import MODELS
from mma_eval.types import Evidence, Status
from tests.eval.doctor.examined import deaf_record, examined, tiny_record
from tests.models.servers.openai_server import Behaviour, Fault, serve

KEY = "sk-test-0123456789abcdef"
ANSWERS_A_CLIP = 7 * 2 * 2 + 2 * 2
"""Seven variants, two questions and two forms; two more variants in words alone."""


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "record.json"
    size = write_record(path, tiny_record())
    assert read_record(path) == tiny_record()
    assert size == path.stat().st_size < 20_000, "ten clips stay below 200 kB"


def test_it_holds_what_was_asked_and_what_came_back() -> None:
    record = tiny_record()
    assert len(record.answers) == ANSWERS_A_CLIP
    first, scored = record.answers[:2]
    assert record.shown[first.shown].variant is Variant.OWN
    assert "visual content" in record.prompts[first.prompt].after_media
    assert first.text in record.prompts[first.prompt].options
    assert first.status is Status.OK
    assert first.tokens is not None
    assert first.tokens.evidence is Evidence.COUNTED
    assert [option for option, _, _ in scored.scores] == list(record.prompts[0].options)
    assert {check.verdict for check in record.checks} == {Verdict.OK}


def test_it_holds_where_and_with_what() -> None:
    record = tiny_record()
    assert record.model.version == "package:tiny-omni"
    assert {"weights", "adapter"} <= record.model.identity.keys()
    assert record.environment.mma_eval == __version__
    assert record.environment.packages["torch"]
    assert record.environment.model["attention"] == "sdpa"
    assert record.machine["picture decoder"].startswith(("decord ", "pyav "))
    assert record.machine["GPU"]


def test_a_stream_that_stays_has_the_same_digests() -> None:
    own, swapped, *_ = tiny_record().shown
    assert (own.video_hash, own.frames) == (swapped.video_hash, swapped.frames)
    assert own.samples != swapped.samples
    (trackless,) = (s for s in tiny_record().shown if s.variant is Variant.NO_SOUND_TRACK)
    assert (trackless.audio_hash, trackless.samples) == ("", "")


def test_no_key_and_no_address_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server repeats the key that it was sent in an error; a hub's token is in an answer."""
    token = "hf_0123456789abcdefgh"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", token)
    said = f'{{"error": "bad {KEY} at {Path.home()}/x"}}'
    telling = Fault(400, said.encode(), times=10_000, where="audio content")
    with serve(Behaviour(key=KEY, model=f"made-by-{token}", faults=[telling])) as server:
        record = examined(
            CardCatalogue().get("openai"), 1, base_url=server.address, retries=0, first_wait=0.01
        )
        assert any(KEY in str(headers) for headers in server.headers), "the key was sent"
        address = server.address.removeprefix("http://").removesuffix("/v1")
    text = to_text(record)
    assert [answer for answer in record.answers if answer.status is not Status.OK]
    for hidden in (KEY, KEY[8:], token, address, str(Path.home() / "x")):
        assert hidden not in text
    assert "[key]" in text


def test_no_folder_and_no_user_gets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "rumpelstilz")
    place = tmp_path / "home of rumpelstilz" / "weights"
    shutil.copytree(data_folder("checkpoints") / "tiny-omni", place)
    card = CardCatalogue().get("tiny-omni")
    record = examined(card, 1, pretrained=str(place))
    text = to_text(record)
    assert getpass.getuser() == "rumpelstilz"
    for hidden in ("rumpelstilz", str(tmp_path), tmp_path.name, str(data_folder("checkpoints"))):
        assert hidden not in text
    assert record.model.identity["weights"] == tiny_record().model.identity["weights"]
    assert [a.text for a in record.answers] == [a.text for a in tiny_record().answers]


def test_a_manifest_of_ones_own_is_not_named(manifest: Path) -> None:
    record = examined(CardCatalogue().get("mock"), 1, str(manifest))
    assert record.clips.dataset is None
    assert str(manifest.parent) not in to_text(record)
    assert record.model.identity == {}


Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda r: r.update(video="AAAA"), "video: Extra inputs are not permitted"),
        (lambda r: r["model"].update(key="x"), "model.key: Extra inputs"),
        (lambda r: r.update(format=2), "format: Input should be 1"),
        (lambda r: r["clips"].update(dataset="/etc/passwd"), "clips.dataset"),
        (lambda r: r["clips"].update(dataset="demo:count=99999"), "clips.dataset"),
        (lambda r: r["clips"].update(dataset="hf:nobody/nothing"), "clips.dataset"),
        (lambda r: r["answers"][0].update(shown=99), "something that the record does not hold"),
        (lambda r: r["answers"][0].update(prompt=-1), "answers.0.prompt"),
        (lambda r: r["answers"].append(r["answers"][0]), "two answers to one question"),
        (lambda r: r["answers"][0].update(text="x" * 50_000), "at most 40000 characters"),
        (lambda r: r["answers"][0].update(status="fine"), "answers.0.status"),
        (lambda r: r["answers"][1]["scores"][0].__setitem__(1, float("inf")), "finite number"),
        (lambda r: r["answers"].clear(), "answers: Tuple should have at least 1 item"),
        (lambda r: r["prompts"][0].update(after_media="Say Bird."), "not that of its text"),
        (lambda r: r["shown"][0].update(clip="other"), "a clip that it does not list: other"),
        (lambda r: r["shown"][0].update(frames="../../x"), "shown.0.frames"),
        (lambda r: r.update({"\x1b[2J": 1}), "?[2J: Extra inputs"),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(tmp_path: Path, edit: Edit, told: str) -> None:
    fields = json.loads(to_text(tiny_record()))
    edit(fields)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(fields))
    with pytest.raises(FileError) as caught:
        read_record(path)
    assert told in str(caught.value)
    assert str(caught.value).startswith(f"{path}: is not a record of the doctor")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff\xfe", b"{}", b"NaN"])
def test_what_is_not_even_like_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(FileError, match="is not a record of the doctor"):
        read_record(path)


def test_too_much_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(b" " * (LARGEST_BYTES + 1))
    with pytest.raises(FileError, match="larger than 8 MB"):
        read_record(path)
    with pytest.raises(FileError, match="cannot be read"):
        read_record(tmp_path)


def test_nothing_but_a_record_is_overwritten(tmp_path: Path) -> None:
    other = tmp_path / "pyproject.toml"
    other.write_text("[project]\n")
    with pytest.raises(UsageError, match="holds something else than a record"):
        check_place(other)
    with pytest.raises(UsageError, match="is a folder"):
        check_place(tmp_path)
    write_record(tmp_path / "record.json", tiny_record())
    check_place(tmp_path / "record.json")
    check_place(tmp_path / "new.json")


def test_a_place_that_cannot_be_written_is_found_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file/x\.json: no record can be written .*; choose"):
        check_place(tmp_path / "file" / "x.json")
    check_place(tmp_path / "new" / "x.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "nothing is left behind"


def test_architecture_parity_only_is_said_until_there_is_a_record() -> None:
    catalogue = CardCatalogue()
    for name in catalogue.names():
        card = catalogue.get(name)
        said = "architecture parity only" in " ".join((card.notes or "").casefold().split())
        records = [read_record(path) for path in records_of(name)]
        assert all(isinstance(record, DoctorRecord) for record in records)
        assert {record.model.name for record in records} <= {name}
        published = issubclass(MODELS.get(card.backend), LocalModel) and not (
            card.weights or ""
        ).startswith("package:")
        if published or said:
            shown = any(record.shows_the_model for record in records)
            assert said == (not shown), f"the card of {name} and its records disagree"


def test_a_record_of_lost_sound_does_not_show_the_model() -> None:
    assert tiny_record().shows_the_model
    assert not deaf_record().shows_the_model
    assert not tiny_record().model_copy(update={"checks": ()}).shows_the_model
