"""A heat map of an answer's steps over its prompt's tokens, pooled where they are many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mma_eval.diagnose.measure import measure_attention
from mma_eval.diagnose.token_map import END, TokenMap, pooled, token_maps
from mma_eval.errors import FileError, UsageError
from mma_eval.eval.evaluate import NoProgress
from mma_eval.models.local.fed_prompt import Span
from tests.diagnose.opened import plan_on


def test_its_rows_are_what_was_measured(manifest: Path, tmp_path: Path) -> None:
    plan = plan_on(manifest, "aligned")
    run = measure_attention(plan, "generated", tmp_path, NoProgress())
    names = ["aligned_audio:clip2/audio", "aligned_visual:clip0/visual"]
    maps = token_maps(plan, names)
    assert [f"{one.task}:{one.sample}" for one in maps] == names
    for one in maps:
        task = run.task(one.task)
        mass = task.mass[task.samples.index(one.sample), -1].mean(0)
        sizes = np.array([column.tokens for column in one.input])
        for place, stream in ((1, "video"), (2, "audio")):
            members = np.array([column.stream == stream for column in one.input])
            assert members.sum() > 0
            found = (one.matrix * sizes)[:, members].sum(1).mean()
            assert found == pytest.approx(mass[place], abs=1e-5)
        assert "".join(column.text for column in one.input).count("audio content") == (
            one.task == "aligned_audio"
        )
        assert one.output[-1] == END and not one.cut
        one.save(tmp_path / "map.json")
        assert TokenMap.load(tmp_path / "map.json") == one


def test_neighbours_of_one_stream_are_pooled() -> None:
    spans = (Span("text", 0, 20), Span("video", 20, 3520), Span("text", 3520, 3620))
    pieces = pooled(spans, 400)
    assert len(pieces) <= 400
    assert [(one.start, one.stop) for one in pieces[:20]] == [(n, n + 1) for n in range(20)]
    assert [one.start for one in pieces[1:]] == [one.stop for one in pieces[:-1]]
    assert pieces[-1].stop == 3620
    assert len(pooled((*spans, Span("text", 3620, 13_000)), 400)) <= 400
    many = tuple(Span("video" if n % 2 else "audio", n, n + 1) for n in range(500))
    assert len(pooled(many, 400)) == 500


def test_names_that_are_not_there(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'aligned_visual:clip0/visual'"):
        token_maps(plan_on(manifest, "aligned_visual"), ["aligned_visual:clip0/visua"])
    (tmp_path / "map.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FileError, match="map.json: is not a map of tokens"):
        TokenMap.load(tmp_path / "map.json")
