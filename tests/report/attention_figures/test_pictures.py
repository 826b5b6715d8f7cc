"""Figures of attention: what each says in words, and bytes that do not change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mma_eval.diagnose.blocks import BlockedAnswer, BlockedTask, BlockingRun, quarters
from mma_eval.diagnose.effects import effects_of
from mma_eval.diagnose.effects_file import AttentionEffects
from mma_eval.diagnose.token_map import InputTokens, TokenMap
from mma_eval.errors import FileError
from mma_eval.report.attention_figures.folder import (
    AttentionFolder,
    figures_or_reason,
    pictures_of,
)
from mma_eval.report.attention_figures.picture import Picture
from tests.diagnose.attention_runs import ORIGIN, TUNED, attention_run, tuned_run

PNG = b"\x89PNG\r\n"


def blocked(changed: Sequence[bool]) -> BlockingRun:
    """Every block changes the same answers."""
    answers = [
        BlockedAnswer(
            sample=f"clip{at}/visual",
            clip=f"clip{at}",
            before="Dog",
            after="Cat" if flips else "Dog",
            right_before=True,
            right_after=not flips,
            other_before=False,
            other_after=flips,
        )
        for at, flips in enumerate(changed)
    ]
    return BlockingRun(
        origin=TUNED,
        answer_by="generate",
        layers=3,
        tasks=tuple(
            BlockedTask.of("misalign_visual", "visual", "misalign", block, answers)
            for block in quarters(3)
        ),
        skipped=(),
    )


def token_map() -> TokenMap:
    """Of four columns, one text that no font has and one that looks like a formula."""
    return TokenMap(
        origin=TUNED,
        task="misalign_visual",
        sample="clip0/visual",
        layer=2,
        layers=3,
        output=("Dog", "<end>"),
        cut=False,
        input=(
            InputTokens(text="$x^{", stream="text", tokens=1),
            InputTokens(text="", stream="video", tokens=8),
            InputTokens(text="", stream="audio", tokens=4),
            InputTokens(text="犬\n", stream="text", tokens=1),
        ),
        attention=((0.2, 0.05, 0.025, 0.3), (0.0, 0.0, 0.0, 0.0)),
    )


@pytest.fixture(scope="module")
def found() -> AttentionFolder:
    return AttentionFolder(
        effects_of(tuned_run(), attention_run(), replicates=100),
        blocked([True, False, False, False]),
        (token_map(),),
    )


@pytest.fixture(scope="module")
def pictures(found: AttentionFolder) -> dict[str, Picture]:
    return {picture.name: picture for picture in pictures_of(found)}


def test_every_figure_is_written_twice_over_the_same(
    found: AttentionFolder, pictures: dict[str, Picture], tmp_path: Path
) -> None:
    assert found.effects.before is not None
    alone = AttentionFolder(AttentionEffects(measured=found.effects.measured), found.blocking)
    (tmp_path / "token_map_7.png").write_bytes(b"of an earlier call")
    (tmp_path / "mine.png").write_bytes(b"somebody else's")
    written, reason = figures_or_reason(alone, tmp_path)
    assert reason is None
    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in written} == {
        "mine.png"
    }
    names = {picture.name for picture in pictures_of(alone)}
    assert names < pictures.keys()
    assert {path.name for path in written} == {
        f"{name}.{ending}" for name in names for ending in ("svg", "png")
    }
    for name in ("layers_per_token", "blocking_misalign"):
        assert (tmp_path / f"{name}.svg").read_bytes() == pictures[name].svg
    assert (tmp_path / "text_share.png").read_bytes() == pictures["text_share"].png
    assert pictures["text_share"].png.startswith(PNG)


def test_before_and_after_are_drawn_together(pictures: dict[str, Picture]) -> None:
    picture = pictures["layers_per_token_before_after"]
    assert picture.svg.startswith(b"<?xml")
    assert "Before: video, aligned: d from" in picture.alt
    assert picture.numbers is not None
    assert picture.numbers.headings[1:3] == ("video, aligned, before", "video, aligned, after")


def test_figures_say_neither_when_nor_by_what(pictures: dict[str, Picture]) -> None:
    svg = pictures["token_map_1"].svg.decode()
    ElementTree.fromstring(svg)
    assert "<dc:date>" not in svg and "<dc:title>Matplotlib" not in svg


def test_captions_name_statistic_query_and_clips(pictures: dict[str, Picture]) -> None:
    caption = pictures["layers_per_token"].caption
    assert "Cohen's d, per token, by layer" in caption
    assert "the last prompt token" in caption and "n = 12 clips" in caption
    assert "audio is the mirror of video" in pictures["heads_by_mass"].caption
    assert pictures["layers_per_token_before_after"].caption.startswith(
        "tiny + tuned (after) over tiny (before)."
    )


def test_words_hold_the_numbers(found: AttentionFolder, pictures: dict[str, Picture]) -> None:
    curve = found.effects.measured.curve("misalign", "per token", "video", "layer")
    assert curve is not None and curve.d[2] is not None
    assert f"{curve.d[2]:.2f} [" in pictures["layers_per_token"].alt
    numbers = pictures["layers_per_token"].numbers
    assert numbers is not None
    assert numbers.headings[:3] == ("layer", "video, aligned", "video, misalign")
    assert numbers.rows[0][:2] == ("0", "0.000 [0.000, 0.000]")
    assert numbers.rows[2][2].startswith(f"{curve.d[2]:.2f} [")


def test_blocks_tell_how_many_answers_change(pictures: dict[str, Picture]) -> None:
    blocking = pictures["blocking_misalign"]
    assert "video hidden in all layers: 25 % change" in blocking.alt
    assert blocking.numbers is not None
    assert blocking.numbers.rows[0][2:4] == ("0 to 0", "25 [5, 70]")


def test_shares_of_a_token_map_weigh_columns_by_their_tokens(
    pictures: dict[str, Picture],
) -> None:
    # The first row: text 0.5, video 8 * 0.05, audio 4 * 0.025; the second sees nothing.
    assert "text 25.0 %, video 20.0 %, audio 5.0 %" in pictures["token_map_1"].alt


def test_without_matplotlib_one_sentence_says_what_to_install(
    found: AttentionFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    written, reason = figures_or_reason(found, tmp_path)
    assert (written, reason) == ((), "figures need matplotlib: pip install 'mma-eval[report]'")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_read_with_all_it_holds(found: AttentionFolder, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="has no effects.json; give a folder"):
        AttentionFolder.load(tmp_path)
    found.effects.save(tmp_path)
    assert AttentionFolder.load(tmp_path) == AttentionFolder(found.effects)
    assert found.blocking is not None
    found.blocking.save(tmp_path)
    found.token_maps[0].save(tmp_path / "token_map_1.json")
    assert AttentionFolder.load(tmp_path) == found


def test_left_overs_of_another_model_are_passed_over(
    found: AttentionFolder, tmp_path: Path
) -> None:
    found.effects.save(tmp_path)
    assert found.blocking is not None
    found.blocking.model_copy(update={"origin": ORIGIN}).save(tmp_path)
    found.token_maps[0].model_copy(update={"origin": ORIGIN}).save(tmp_path / "token_map_1.json")
    assert AttentionFolder.load(tmp_path) == AttentionFolder(found.effects)
