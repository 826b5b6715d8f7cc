"""The tree of options: its shape, and scores that agree with a distribution over answers."""

from __future__ import annotations

from pathlib import Path

import torch

from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, NoVideo, VideoFile
from mma_eval.models.local.options import OptionTree
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.types import Answer, Group, Question, ScoreOptions, Status
from tests.models.conftest import MakeBackend

SILENT_TEXT = Media(NoVideo(), NoAudio())


def scored(backend: QwenOmni, *options: str, media: Media = SILENT_TEXT) -> Answer:
    question = Question("q", "", "Which sound is it?", ScoreOptions(options))
    (answer,) = backend.answer([Group(media, "", (question,))])
    assert answer.status is Status.OK
    return answer


def test_shared_beginnings_are_one_node() -> None:
    tree = OptionTree([(1, 2, 9), (1, 3, 9), (1, 2, 4, 9)])
    assert [(node.token, node.parent, node.depth) for node in tree.nodes] == [
        (1, -1, 0),
        (2, 0, 1),
        (3, 0, 1),
        (4, 1, 2),
    ]
    assert tree.steps((1, 2, 9)) == [(-1, 1), (0, 2), (1, 9)]


def test_branches_do_not_see_each_other() -> None:
    tree = OptionTree([(1, 2, 9), (1, 3, 9)])
    assert tree.ancestry().tolist() == [
        [True, False, False],
        [True, True, False],
        [True, False, True],
    ]


def test_one_option_that_begins_another_may_win_or_lose(backend: QwenOmni) -> None:
    short, long = scored(backend, "Dog", "Dog barking").option_scores
    assert short.tokens < long.tokens
    likelihoods = torch.tensor([short.log_likelihood, long.log_likelihood]).exp()
    assert float(likelihoods.sum()) <= 1


def test_other_options_do_not_change_a_score(backend: QwenOmni) -> None:
    alone = scored(backend, "Dog").option_scores[0]
    among = scored(backend, "Cat", "Dog", "Dog barking", "Duck").option_scores[1]
    assert abs(alone.log_likelihood - among.log_likelihood) < 1e-4
    assert alone.tokens == among.tokens


def test_one_token_option_and_repeated_options(backend: QwenOmni) -> None:
    scores = scored(backend, "a", "a").option_scores
    assert scores[0] == scores[1]


def test_eager_attention_takes_the_tree_too(
    clips_folder: Path, backend: QwenOmni, make_backend: MakeBackend
) -> None:
    clip = Clip(clips_folder / "canidae_aligned.mp4")
    media = Media(VideoFile(clip), AudioFile(clip))
    expected = scored(backend, "Dog", "Dog barking", "Cat", media=media).option_scores
    eager = make_backend(attention="eager")
    found = scored(eager, "Dog", "Dog barking", "Cat", media=media).option_scores
    for one, other in zip(expected, found, strict=True):
        assert abs(one.log_likelihood - other.log_likelihood) < 1e-3
