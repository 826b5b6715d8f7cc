"""Parts of a data set: nothing leaks, every class has its share, and too little is said so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from mma_eval.errors import UnknownNameError, UsageError
from mma_eval.train.recipe import DataSettings
from mma_eval.train.split import split_clips
from tests.train.clips import CLASSES, class_of, dataset_of

SIZES = st.lists(st.integers(2, 6), min_size=4, max_size=len(CLASSES))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@examples(max_examples=25)
@given(sizes=SIZES, seed=st.integers(0, 99), held_out=st.sampled_from([None, 0.5]))
def test_every_clip_is_in_one_part_and_held_out_classes_in_none_of_training(
    files: Path, sizes: list[int], seed: int, held_out: float | None
) -> None:
    settings = DataSettings(validation=0.25, test=0.25, held_out_classes=held_out)
    split = split_clips(dataset_of(files, sizes), settings, seed)
    together = [clip for part in split.parts.values() for clip in part]
    assert sorted(together) == sorted({*together})
    assert len(together) == sum(sizes)
    assert {class_of(clip) for clip in split.train} == {*split.seen}
    assert {class_of(clip) for clip in split.held_out} == {*split.unseen}
    assert not {*split.seen} & {*split.unseen}


@examples(max_examples=15)
@given(sizes=SIZES, seed=st.integers(0, 99))
def test_the_order_of_the_manifest_makes_no_difference(
    files: Path, sizes: list[int], seed: int
) -> None:
    settings = DataSettings(validation=0.3, test=0, held_out_classes=0.5, limit=14)
    one = split_clips(dataset_of(files, sizes), settings, seed)
    assert one == split_clips(dataset_of(files, sizes, reverse=True), settings, seed)


def test_another_seed_draws_other_parts(files: Path) -> None:
    dataset = dataset_of(files, [6] * 8)
    drawn = {split_clips(dataset, DataSettings(), seed).test for seed in range(5)}
    assert len(drawn) > 1


def test_every_class_has_its_share_in_every_part(files: Path) -> None:
    split = split_clips(
        dataset_of(files, [8] * 4), DataSettings(validation=0.25, test=0.125), seed=3
    )
    for name in split.seen:
        by_part = [
            sum(class_of(clip) == name for clip in part)
            for part in (split.train, split.validation, split.test)
        ]
        assert by_part == [5, 2, 1]


def test_clips_that_share_their_bytes_stay_together(files: Path) -> None:
    same = {f"{label}-{member}": f"{label}-0" for label in range(4) for member in (1, 2)}
    dataset = dataset_of(files, [6] * 4, files=same)
    for seed in range(10):
        split = split_clips(dataset, DataSettings(validation=0.3, test=0.2), seed)
        homes = {clip: part for part, clips in split.parts.items() for clip in clips}
        assert all(homes[clip] == homes[other] for clip, other in same.items())


def test_a_recording_with_a_held_out_class_lends_nothing_to_training(files: Path) -> None:
    dataset = dataset_of(files, [3] * 4, files={"0-0": "3-0"})
    settings = DataSettings(held_out_classes=(CLASSES[2], CLASSES[3]), validation=0, test=0)
    split = split_clips(dataset, settings, seed=0)
    assert split.left_out == ("0-0",)
    assert "3-0" in split.held_out
    assert "0-0" not in split.train


def test_a_limit_takes_classes_in_turn_and_a_larger_one_only_adds(files: Path) -> None:
    dataset = dataset_of(files, [6] * 4)
    small, large = (
        split_clips(dataset, DataSettings(validation=0, test=0, limit=limit), seed=5).train
        for limit in (8, 13)
    )
    assert {*small} < {*large}
    assert all(sum(class_of(clip) == name for clip in small) == 2 for name in CLASSES[:4])


def test_the_manifests_own_column_is_taken_at_its_word(files: Path) -> None:
    splits = {"0-0": "train", "1-0": "Training", "0-1": "val", "1-1": "test"}
    dataset = dataset_of(files, [2, 2], splits=splits)
    split = split_clips(dataset, DataSettings(split="column"), seed=0)
    assert split.train == ("0-0", "1-0")
    assert (split.validation, split.test) == (("0-1",), ("1-1",))


@pytest.mark.parametrize(
    ("splits", "complaint"),
    [
        ({"0-0": "train"}, "the clip '0-1' has the split ''"),
        ({"0-0": "train", "0-1": "eval"}, "has the split 'eval'"),
        ({"0-0": "test", "0-1": "test"}, "no clip is left for training"),
    ],
)
def test_a_column_that_cannot_be_read_is_named(
    files: Path, splits: dict[str, str], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        split_clips(dataset_of(files, [2], splits=splits), DataSettings(split="column"), seed=0)


def test_a_column_that_parts_one_file_is_an_error(files: Path) -> None:
    dataset = dataset_of(
        files,
        [2, 2],
        files={"1-0": "0-0"},
        splits=dict.fromkeys(("0-0", "0-1", "1-1"), "train") | {"1-0": "test"},
    )
    with pytest.raises(UsageError, match=r"'0-0' \(train\) and '1-0' \(test\) share a file"):
        split_clips(dataset, DataSettings(split="column"), seed=0)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (DataSettings(validation=0.01, test=0), "the validation part is empty"),
        (DataSettings(held_out_classes=(CLASSES[0],)), "holds out 1 of 4 classes"),
        (DataSettings(held_out_classes=(CLASSES[0], CLASSES[7])), "no clip shows the class"),
        (DataSettings(held_out_classes=CLASSES[:4], validation=0, test=0), "no clip is left for"),
    ],
)
def test_too_few_clips_or_classes_say_what_to_do(
    files: Path, settings: DataSettings, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        split_clips(dataset_of(files, [2] * 4), settings, seed=0)


def test_a_class_that_is_not_there_gets_the_nearest_name(files: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'Class A'"):
        split_clips(
            dataset_of(files, [2] * 4), DataSettings(held_out_classes=("Clas A", "Class B")), seed=0
        )
