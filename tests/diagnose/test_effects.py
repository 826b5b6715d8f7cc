"""Cohen's d of made-up attention, against the same computed token by token."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mma_eval.diagnose.effects import effects_of
from mma_eval.diagnose.effects_file import COLUMNS, AttentionEffects, Curve, Effects
from mma_eval.diagnose.measured import Measured
from mma_eval.diagnose.origin import Origin
from mma_eval.errors import FileError, UsageError
from mma_eval.metrics.effect_size import cohens_d
from tests.diagnose.attention_runs import ORIGIN, Made, attention_run, made, measured_of, tuned_run


@pytest.fixture(scope="module")
def effects() -> AttentionEffects:
    return effects_of(tuned_run(), attention_run())


@pytest.fixture(scope="module")
def pair() -> tuple[Made, Made]:
    return made("aligned", "visual"), made("aligned", "audio")


def of_pair(pair: tuple[Made, Made]) -> Effects:
    return effects_of(attention_run(*(one.measured for one in pair)), replicates=10).measured


def curve(run: Effects, *which: Any) -> Curve:
    found = run.curve("aligned", *which)
    assert found is not None
    return found


def renormalised(one: Made, stream: str) -> NDArray[np.float64]:
    """`[n, L, H, tokens]`: text dropped."""
    both = one.stream("video").sum(-1) + one.stream("audio").sum(-1)
    share: NDArray[np.float64] = one.stream(stream) / both[..., None]
    return share


@pytest.mark.parametrize("stream", ["video", "audio"])
def test_per_token_every_token_of_every_head_is_an_observation(
    pair: tuple[Made, Made], stream: Any
) -> None:
    run = of_pair(pair)
    one, other = (renormalised(side, stream) for side in pair)
    for layer, d in enumerate(curve(run, "per token", stream, "layer").d):
        assert d == pytest.approx(cohens_d(one[:, layer], other[:, layer]), abs=1e-9)
    for head, d in enumerate(curve(run, "per token", stream, "head").d):
        assert d == pytest.approx(cohens_d(one[:, :, head], other[:, :, head]), abs=1e-9)


def test_by_mass_every_sample_is_an_observation(pair: tuple[Made, Made]) -> None:
    run = of_pair(pair)
    one, other = (renormalised(side, "video").sum(-1) for side in pair)
    for layer, d in enumerate(curve(run, "by mass", "video", "layer").d):
        expected = cohens_d(one[:, layer].mean(-1), other[:, layer].mean(-1))
        assert d == pytest.approx(expected, abs=1e-9)
    for head, d in enumerate(curve(run, "by mass", "video", "head").d):
        expected = cohens_d(one[:, :, head].mean(1), other[:, :, head].mean(1))
        assert d == pytest.approx(expected, abs=1e-9)


def test_by_mass_audio_mirrors_video(effects: AttentionEffects) -> None:
    video = curve(effects.measured, "by mass", "video", "layer").d
    audio = curve(effects.measured, "by mass", "audio", "layer").d
    assert np.array(video, float) == pytest.approx(-np.array(audio, float))


def test_attention_that_is_the_same_gives_zero_and_is_certain(effects: AttentionEffects) -> None:
    layer = curve(effects.measured, "per token", "video", "layer")
    assert (layer.d[0], layer.low[0], layer.high[0]) == (0, 0, 0)


def test_leaning_to_the_asked_stream_is_positive_for_video(effects: AttentionEffects) -> None:
    video = curve(effects.measured, "per token", "video", "layer")
    audio = curve(effects.measured, "per token", "audio", "layer")
    assert all(low is not None and low > 0 for low in video.low[1:])
    assert all(high is not None and high < 0 for high in audio.high[1:])


def test_what_does_not_vary_and_differs_is_undefined() -> None:
    one, other = np.full((6, 1, 1, 15), 1 / 15), np.full((6, 1, 1, 15), 1 / 15)
    other[..., 4:10] *= 2
    clips = "abcdef"
    run = attention_run(
        measured_of("aligned", "visual", clips, one), measured_of("aligned", "audio", clips, other)
    )
    layer = curve(effects_of(run).measured, "by mass", "video", "layer")
    assert (layer.d, layer.low, layer.high) == ((None,), (None,), (None,))


def test_only_clips_under_both_questions_count(pair: tuple[Made, Made]) -> None:
    first, second = (one.measured for one in pair)
    lacking = replace(
        second,
        **{
            name: getattr(second, name)[2:]
            for name in ("samples", "clips", "sources", "mass", "squares", "tokens")
        },
    )
    layer = curve(effects_of(attention_run(first, lacking)).measured, "per token", "video", "layer")
    kept = [replace(one, rows=one.rows[2:]) for one in pair]
    expected = [renormalised(one, "video")[:, 1] for one in kept]
    assert layer.clips == 10
    assert layer.d[1] == pytest.approx(cohens_d(*expected))


def test_order_of_samples_does_not_matter(pair: tuple[Made, Made]) -> None:
    first, second = (one.measured for one in pair)
    turned: dict[str, Any] = {
        name: getattr(second, name)[::-1]
        for name in ("samples", "clips", "sources", "mass", "squares", "tokens")
    }
    one, other = (
        effects_of(attention_run(first, heard), replicates=50).measured
        for heard in (second, replace(second, **turned))
    )
    assert one.curves == other.curves


def test_text_share_is_of_all_attention(pair: tuple[Made, Made]) -> None:
    run = of_pair(pair)
    text = pair[0].stream("text").sum(-1)
    assert run.text[0].overall == pytest.approx(text.mean())
    assert run.text[0].layers == pytest.approx(tuple(text.mean((0, 2))))
    assert run.text_share == pytest.approx(np.mean([one.stream("text").sum(-1) for one in pair]))


def test_change_is_after_less_before(effects: AttentionEffects) -> None:
    assert effects.before is not None
    assert len(effects.changes) == 8
    for change in effects.changes:
        after, before = (
            next(
                one.value
                for one in run.magnitudes
                if (one.condition, one.statistic, one.stream)
                == (change.condition, change.statistic, change.stream)
            )
            for run in (effects.measured, effects.before)
        )
        assert after is not None and before is not None
        assert change.value == pytest.approx(after - before)
        assert change.low is not None and change.low > 0


def test_conflict_is_misaligned_less_aligned(effects: AttentionEffects) -> None:
    assert effects.before is not None
    contrasts = effects.before.contrasts
    assert {(one.condition, one.baseline, one.clips) for one in contrasts} == {
        ("misalign", "aligned", 12)
    }
    per_token = [one for one in contrasts if one.statistic == "per token"]
    assert all(one.low is not None and one.low > 0 for one in per_token)


def test_noise_is_not_told_from_chance() -> None:
    asks: tuple[Any, ...] = ("visual", "audio")
    still = attention_run(*(made("aligned", ask, n=40, lean=0).measured for ask in asks))
    (by_mass, *_) = effects_of(still).measured.magnitudes
    assert by_mass.value is not None and by_mass.chance is not None
    assert by_mass.value < 2.5 * by_mass.chance


def test_files_hold_what_was_found(effects: AttentionEffects, tmp_path: Path) -> None:
    effects.save(tmp_path)
    assert AttentionEffects.load(tmp_path) == effects
    with (tmp_path / "effects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    # Two runs, two conditions, two statistics, two streams: three layers and two heads each.
    assert len(rows) == 2 * 2 * 2 * 2 * (3 + 2)
    assert {row["adapter"] for row in rows} == {"", "runs/tuned"}
    point = curve(effects.measured, "per token", "audio", "head")
    (row,) = (
        row
        for row in rows
        if row["adapter"] and row["condition"] == "aligned" and row["statistic"] == "per token"
        if (row["stream"], row["axis"], row["index"]) == ("audio", "head", "1")
    )
    assert [float(row[name]) for name in ("d", "low", "high")] == [
        point.d[1],
        point.low[1],
        point.high[1],
    ]
    assert row["n"] == "12"


def test_a_hostile_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "effects.json").write_text('{"format": 1, "measured": []}', encoding="utf-8")
    with pytest.raises(
        FileError, match=r"effects\.json: is not the effects of a diagnosis \(measured"
    ):
        AttentionEffects.load(tmp_path)


def test_a_file_of_uneven_curves_is_refused(effects: AttentionEffects, tmp_path: Path) -> None:
    longer = effects.measured.model_copy(update={"layers": 4})
    AttentionEffects.model_construct(measured=longer).save(tmp_path)
    with pytest.raises(FileError, match="has not one d a layer"):
        AttentionEffects.load(tmp_path)


def test_one_question_alone_cannot_be_compared(pair: tuple[Made, Made]) -> None:
    with pytest.raises(UsageError, match="no condition was measured under both"):
        effects_of(attention_run(pair[0].measured))


def elsewhere(field: str, value: object) -> Origin:
    return ORIGIN.model_copy(update={field: value})


def fewer(one: Measured) -> Measured:
    return made(one.condition, one.ask, n=5).measured


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"origin": elsewhere("model", "other")}, "another model"),
        (
            {"origin": elsewhere("dataset", "mma_bench")},
            r"another dataset \(mma_bench, then demo\)",
        ),
        ({"origin": elsewhere("dataset_version", "v2")}, "another dataset version"),
        ({"query": "question"}, "another query"),
        ({"origin": elsewhere("seed", 1)}, "another seed"),
        ({"measured": attention_run().measured[:3]}, "misalign_audio was not measured before"),
        ({"measured": tuple(map(fewer, attention_run().measured))}, r"other clips .*5 and 12"),
    ],
)
def test_runs_that_differ_in_more_than_an_adapter(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        effects_of(attention_run(), replace(attention_run(), **changed))
