"""Aligned and swapped examples: which sounds, how many, and asked as the evaluation asks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from mma_eval.errors import PrerequisiteError, UsageError
from mma_eval.media.source import AudioFile
from mma_eval.task.dataset import read_dataset
from mma_eval.task.load import TaskCatalogue
from mma_eval.task.samples import SampleBuilder
from mma_eval.train.donors import donor_rounds
from mma_eval.train.pairs import Examples, open_clips, training_data
from mma_eval.train.recipe import DataSettings, load_recipe
from mma_eval.types import Seeds
from tests.train.clips import CLASSES, class_of, dataset_of


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@examples(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=4, max_size=8),
    swaps=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_donors_are_of_distinct_other_classes_and_used_evenly(
    sizes: list[int], swaps: int, seed: int
) -> None:
    labels = {f"{i}-{n}": CLASSES[i] for i, size in enumerate(sizes) for n in range(size)}
    rounds = donor_rounds(labels, swaps, seed, "train")
    for clip, label in labels.items():
        classes = [labels[donors[clip]] for donors in rounds]
        assert len({*classes, label}) == swaps + 1
    used = Counter(donor for donors in rounds for donor in donors.values())
    for name in {*labels.values()}:
        lent = [used[clip] for clip in labels if labels[clip] == name]
        assert max(lent) - min(lent) <= 1
    turned = dict(reversed(labels.items()))
    assert rounds == donor_rounds(turned, swaps, seed, "train")


def test_classes_of_one_size_lend_every_sound_equally_often() -> None:
    labels = {f"{i}-{n}": f"class {i}" for i in range(58) for n in range(21)}
    rounds = donor_rounds(labels, 10, 0, "train")
    used = Counter(donor for donors in rounds for donor in donors.values())
    assert {*used.values()} == {10}
    assert len(used) == len(labels)


def shown(part: Examples) -> list[tuple[str, str, str, str]]:
    return [(one.clip, one.sound, one.condition, one.ask) for one in part]


@examples(max_examples=8)
@given(
    sizes=st.lists(st.integers(3, 5), min_size=6, max_size=8),
    swaps=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_parts_share_no_clip_and_no_sound_and_conditions_weigh_the_same(
    files: Path, sizes: list[int], swaps: int, seed: int
) -> None:
    settings = DataSettings(swaps=swaps, validation=0.2, test=0.2, held_out_classes=0.5)
    data = training_data(dataset_of(files, sizes), settings, seed)
    streams: list[set[str]] = []
    for part in data.parts:
        rows = shown(part)
        assert len(rows) == len(part) == len(part.clips) * len(part.rounds) * 4
        assert {*Counter((condition, ask) for _, _, condition, ask in rows).values()} <= {
            len(part) // 4
        }
        assert all((clip == sound) == (what == "aligned") for clip, sound, what, _ in rows)
        streams.append({name for clip, sound, _, _ in rows for name in (clip, sound)})
        assert streams[-1] == {*part.clips}
    assert sum(map(len, streams)) == len(set().union(*streams))
    assert len(data.train.rounds) == swaps
    unseen = {*data.split.unseen}
    assert not unseen & {class_of(clip) for clip in streams[0]}
    assert not unseen & {example.rendered.target for example in data.train}
    again = training_data(dataset_of(files, sizes, reverse=True), settings, seed)
    assert list(map(shown, data.parts)) == list(map(shown, again.parts))


def test_prompt_options_target_and_media_are_those_of_the_evaluation(manifest: Path) -> None:
    dataset = read_dataset(manifest, "clips")
    data = training_data(dataset, DataSettings(swaps=2, validation=0, test=0), seed=4)
    catalogue = TaskCatalogue()
    for example in data.train:
        task = catalogue.get(f"{example.condition}_{example.ask}")
        donors = {example.clip: example.sound}
        builder = SampleBuilder(dataset, Seeds.all(4), chosen_donors=donors)
        assert example.rendered == builder.render(task, dataset.by_clip[example.clip])


def test_a_swapped_clip_is_heard_as_its_donor_and_seen_as_itself(manifest: Path) -> None:
    dataset = read_dataset(manifest, "clips")
    data = training_data(dataset, DataSettings(swaps=1, validation=0, test=0), seed=0)
    visual, audio = (one for one in data.train[:4] if one.condition == "misalign")
    own, donor = dataset.by_clip[visual.clip], dataset.by_clip[visual.sound]
    assert (visual.rendered.target, audio.rendered.target) == (
        own.labels.visual,
        donor.labels.audio,
    )
    sound = audio.rendered.sample.media.audio
    assert sound == AudioFile(donor.audio, fit_to=own.audio)
    assert "Frog" in audio.rendered.after_media


def test_examples_are_made_when_they_are_asked_for(files: Path) -> None:
    part = training_data(
        dataset_of(files, [4] * 8), DataSettings(swaps=7, validation=0, test=0), seed=0
    ).train
    assert part[-1] == part[len(part) - 1] == part[-3:][-1]
    assert part[5].id == "0-0/aligned/1/audio"
    with pytest.raises(IndexError):
        part[len(part)]


def test_every_distinct_medium_is_met_once(files: Path) -> None:
    part = training_data(dataset_of(files, [3] * 5), DataSettings(swaps=3, test=0), seed=0).train
    distinct = [(example.clip, example.sound) for example in part.distinct_media()]
    assert distinct == list(part.pairs())
    assert len(distinct) == len({*distinct}) == len(part.clips) * 4
    assert {*distinct} == {(example.clip, example.sound) for example in part}


def test_a_part_of_few_classes_gets_the_swaps_it_can(files: Path) -> None:
    settings = DataSettings(swaps=5, validation=0.1, test=0, held_out_classes=CLASSES[:2])
    data = training_data(dataset_of(files, [5] * 8), settings, seed=0)
    assert len(data.train.rounds) == 5
    assert len(data.held_out.rounds) == 1
    assert {class_of(example.sound) for example in data.held_out} == {*CLASSES[:2]}


@pytest.mark.parametrize(
    ("sizes", "settings", "complaint"),
    [
        ([3] * 4, DataSettings(swaps=4), "the train part has clips of 4 classes, and 4 sounds"),
        ([3], DataSettings(swaps=1, validation=0, test=0), f"of the class '{CLASSES[0]}' alone"),
        ([3] * 4, DataSettings(swaps=1, tasks=("misalign", "misalign")), "leaves the sound"),
        ([3] * 4, DataSettings(swaps=1, tasks=("aligned", "qa")), "names 0 tasks"),
    ],
)
def test_what_cannot_be_paired_says_why(
    files: Path, sizes: list[int], settings: DataSettings, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        training_data(dataset_of(files, sizes), settings, seed=0)


def test_a_recipe_without_clips_asks_for_them() -> None:
    with pytest.raises(PrerequisiteError, match=r"set data\.dataset"):
        open_clips(load_recipe("modality_aware"))
