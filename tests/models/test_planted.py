"""A specimen shows the fault that was planted, and goes by nothing but what it receives."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from mma_eval import evaluate
from mma_eval.errors import ManifestError, UsageError
from mma_eval.media.source import (
    AudioFile,
    BlackVideo,
    Clip,
    Media,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
)
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.planted import PlantedFault
from mma_eval.types import NONE_OF_THE_ABOVE, Generate, Group, Question

CLASSES = ("Bird", "Cat", "Door", "Frog")
CLIPS = 400


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose manifest speaks of many clips; a specimen never opens them."""
    folder = tmp_path_factory.mktemp("planted")
    rows = [
        {"id": str(n), "video": f"{n}.mp4", "visual_label": c, "audio_label": c}
        for n, c in enumerate(CLASSES * (CLIPS // len(CLASSES)))
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "manifest.jsonl").write_text(text, encoding="utf-8")
    return folder


@cache
def card() -> ModelCard:
    return CardCatalogue().get("planted")


def prompt(ask: str, *, options: tuple[str, ...] = CLASSES, caption: str | None = None) -> str:
    before = f"Video_caption: {caption}. " if caption else ""
    listed = "{" + ", ".join(options) + "}"
    return f"{before}Which class best describes the {ask} content of this video? Options: {listed}."


def answers(asked: Sequence[tuple[Media, str]], **arguments: Any) -> list[str]:
    """What one specimen says to each question."""
    model = create_model(card(), {"skill": 1.0, **arguments})
    groups = [
        Group(media, "", (Question(f"task:{at}/ask", "", text, Generate()),))
        for at, (media, text) in enumerate(asked)
    ]
    found = [answer.text for answer in model.answer(groups)]
    assert None not in found
    return [text for text in found if text is not None]


def answer(media: Media, text: str, **arguments: Any) -> str:
    (found,) = answers([(media, text)], **arguments)
    return found


def clip(folder: Path, number: int) -> Clip:
    return Clip(folder / f"{number}.mp4")


def seen_and_heard(folder: Path, seen: int = 0, heard: int = 1) -> Media:
    """A clip with the picture of one clip and the sound of another: a bird that says Cat."""
    return Media(VideoFile(clip(folder, seen)), AudioFile(clip(folder, heard)))


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "visual", "audio"),
        [
            ("none", "Bird", "Cat"),
            ("sees_only", "Bird", "Bird"),
            ("hears_only", "Cat", "Cat"),
            ("always_abstains", NONE_OF_THE_ABOVE, NONE_OF_THE_ABOVE),
        ],
    )
    def test_under_conflict(self, clips: Path, fault: str, visual: str, audio: str) -> None:
        media = seen_and_heard(clips)
        assert answer(media, prompt("visual"), fault=fault) == visual
        assert answer(media, prompt("audio"), fault=fault) == audio

    @pytest.mark.parametrize(
        ("fault", "asked", "dominant", "own"),
        [
            ("visually_dominated", "audio", "Bird", "Cat"),
            ("aurally_dominated", "visual", "Cat", "Bird"),
        ],
    )
    def test_dominance_at_its_ends(
        self, clips: Path, fault: str, asked: str, dominant: str, own: str
    ) -> None:
        media = seen_and_heard(clips)
        assert answer(media, prompt(asked), fault=fault, strength=1.0) == dominant
        assert answer(media, prompt(asked), fault=fault, strength=0.0) == own

    def test_the_dominated_perceive_what_is_alone(self, clips: Path) -> None:
        heard = AudioFile(clip(clips, 1))
        for picture in (BlackVideo(clip(clips, 0)), NoVideo()):
            told = answer(
                Media(picture, heard), prompt("audio"), fault="visually_dominated", strength=1.0
            )
            assert told == "Cat"

    def test_captions_and_positions(self, clips: Path) -> None:
        media, text = seen_and_heard(clips), prompt("visual", caption="Frog")
        assert answer(media, text, fault="follows_captions", strength=1.0) == "Frog"
        assert answer(media, text, fault="follows_captions", strength=0.0) == "Bird"
        assert answer(media, prompt("visual"), fault="follows_captions", strength=1.0) == "Bird"
        turned = prompt("visual", options=CLASSES[::-1])
        assert answer(media, turned, fault="position_biased", strength=1.0) == "Frog"

    @pytest.mark.parametrize("fault", ["visually_dominated", "follows_captions", "position_biased"])
    def test_strength_is_a_share_of_the_questions(self, clips: Path, fault: str) -> None:
        """The target is Door; each fault names another class when it strikes."""
        text = prompt("audio", caption="Frog" if fault == "follows_captions" else None)
        asked = [(seen_and_heard(clips, 4 * n, 4 * n + 2), text) for n in range(CLIPS // 4)]
        told = answers(asked, fault=fault, strength=0.7)
        struck = sum(text != "Door" for text in told)
        assert binomtest(struck, CLIPS // 4, 0.7).pvalue > 1e-4

    def test_random_answers_do_not_depend_on_the_clip(self, clips: Path) -> None:
        asked = [(seen_and_heard(clips, n, n), prompt("visual")) for n in range(0, CLIPS, 4)]
        named = Counter(answers(asked, fault="random"))
        assert set(named) == set(CLASSES)
        assert binomtest(named["Bird"], CLIPS // 4, 0.25).pvalue > 1e-4


class TestWithoutTheStream:
    gone = (Silence(like=Clip(Path("x.mp4"))), NoAudio())

    @pytest.mark.parametrize("fault", ["none", "hears_only"])
    def test_declines_where_it_may_and_guesses_elsewhere(
        self, clips: Path, fault: PlantedFault
    ) -> None:
        may = prompt("audio", options=(*CLASSES, NONE_OF_THE_ABOVE))
        for sound in self.gone:
            media = Media(VideoFile(clip(clips, 0)), sound)
            assert answer(media, may, fault=fault) == NONE_OF_THE_ABOVE
        blind = [(Media(VideoFile(clip(clips, n)), NoAudio()), prompt("audio")) for n in range(40)]
        guesses = set(answers(blind, fault=fault))
        assert guesses == set(CLASSES)

    def test_one_that_only_sees_goes_on_by_the_picture(self, clips: Path) -> None:
        may = prompt("audio", options=(*CLASSES, NONE_OF_THE_ABOVE))
        media = Media(VideoFile(clip(clips, 0)), NoAudio())
        assert answer(media, may, fault="sees_only") == "Bird"


class TestRecognition:
    def test_skill_is_a_share_of_the_streams(self, clips: Path) -> None:
        def right(skill: float) -> int:
            asked = [(seen_and_heard(clips, n, n), prompt("visual")) for n in range(CLIPS // 2)]
            told = answers(asked, skill=skill)
            return sum(text == CLASSES[n % len(CLASSES)] for n, text in enumerate(told))

        assert right(1.0) == CLIPS // 2
        assert right(0.0) == 0
        assert binomtest(right(0.8), CLIPS // 2, 0.8).pvalue > 1e-4

    def test_a_mistake_is_the_same_in_every_question(self, clips: Path) -> None:
        """Asked in another order, with another sound or other words, it takes it for the same."""
        for n in range(20):
            told = answers(
                [
                    (media, text)
                    for media in (seen_and_heard(clips, n, n), seen_and_heard(clips, n, n + 1))
                    for text in (
                        prompt("visual"),
                        prompt("visual", options=CLASSES[::-1]),
                        prompt("visual", caption="Frog"),
                    )
                ],
                skill=0.0,
            )
            assert len(set(told)) == 1

    @pytest.mark.parametrize("fault", ["random", "visually_dominated"])
    def test_the_id_of_a_question_changes_nothing(self, clips: Path, fault: str) -> None:
        """`answers` numbers the questions; the same one again is another id."""
        asked = [(seen_and_heard(clips), prompt("audio"))] * 5
        assert len(set(answers(asked, fault=fault))) == 1

    def test_another_seed_is_another_specimen(self, clips: Path) -> None:
        def told(seed: int) -> list[str]:
            asked = [(seen_and_heard(clips, n, n), prompt("audio")) for n in range(30)]
            return answers(asked, skill=0.5, seed=seed)

        assert told(0) == told(0) != told(1)

    def test_reasoning_ends_in_a_final_answer(self, clips: Path) -> None:
        text = prompt("visual") + " Give the answer in the format: Final Answer: <class>."
        assert answer(seen_and_heard(clips), text) == "Final Answer: Bird"

    def test_a_question_that_names_no_modality_is_one_of_the_picture_first(
        self, clips: Path
    ) -> None:
        text = "What is it? Options: {Bird, Cat}."
        assert answer(seen_and_heard(clips), text) == "Bird"
        assert answer(Media(NoVideo(), AudioFile(clip(clips, 1))), text) == "Cat"


class TestTruth:
    def test_a_missing_manifest_stops_the_run(self, clips: Path, tmp_path: Path) -> None:
        media = Media(VideoFile(Clip(tmp_path / "0.mp4")), NoAudio())
        with pytest.raises(UsageError, match=r"manifest\.jsonl: there is no manifest .* truth="):
            answer(media, prompt("visual"))
        elsewhere = tmp_path / "labels.jsonl"
        row = {"video": "0.mp4", "visual_label": "Frog"}
        elsewhere.write_text(json.dumps(row), encoding="utf-8")
        assert answer(media, prompt("visual"), truth=elsewhere) == "Frog"
        with pytest.raises(UsageError, match=r"has no visual_label for .*9\.mp4"):
            answer(Media(VideoFile(Clip(tmp_path / "9.mp4")), NoAudio()), prompt("visual"),
                   truth=elsewhere)  # fmt: skip

    def test_a_bad_line_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.jsonl").write_text('{"video": "0.mp4"}\n\nnot json\n', "utf-8")
        media = Media(VideoFile(Clip(tmp_path / "0.mp4")), NoAudio())
        with pytest.raises(ManifestError, match=r"manifest\.jsonl:3: a row must be"):
            answer(media, prompt("visual"))

    def test_a_part_of_a_file_has_its_own_label(self, tmp_path: Path) -> None:
        rows = [
            {"video": "a.mp4", "start": 0.0, "end": 2.0, "visual_label": "Bird"},
            {"video": "a.mp4", "start": 2.0, "end": 4.0, "visual_label": "Cat"},
        ]
        (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        second = Media(VideoFile(Clip(tmp_path / "a.mp4", 2.0, 4.0)), NoAudio())
        assert answer(second, prompt("visual")) == "Cat"


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"fault": "deaf"}, "fault='deaf'"),
            ({"fault": "visually_dominated", "strength": 2}, "less than or equal to 1"),
            ({"fault": "sees_only", "strength": 0.5}, "fault=sees_only has no strength"),
            ({"skil": 1}, "did you mean 'skill'"),
        ],
    )
    def test_wrong_ones_are_refused(self, arguments: dict[str, object], sentence: str) -> None:
        with pytest.raises(UsageError, match=sentence):
            create_model(card(), arguments)

    def test_every_one_changes_the_fingerprint(self, tmp_path: Path) -> None:
        truth = tmp_path / "truth.jsonl"
        truth.write_text("", encoding="utf-8")

        def fingerprint(**arguments: object) -> str:
            return create_model(card(), arguments).fingerprint()

        dominated = {"fault": "visually_dominated"}
        found = [
            fingerprint(),
            fingerprint(**dominated),
            fingerprint(**dominated, strength=0.3),
            fingerprint(skill=0.9),
            fingerprint(seed=1),
            fingerprint(truth=truth),
        ]
        truth.write_text('{"video": "0.mp4"}', encoding="utf-8")
        found.append(fingerprint(truth=truth))
        assert len(set(found)) == len(found)


def test_it_runs_through_the_harness(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(
        "planted",
        "aligned,cot_misalign",
        dataset=manifest,
        output_path=tmp_path,
        model_args={"fault": "sees_only", "skill": 1.0},
    )
    assert {sample.answer for sample in run.samples if sample.task == "cot_misalign_audio"} == {
        f"Final Answer: {label}" for label in ("Bird", "Cat", "Door")
    }
    assert all(
        sample.tokens and sample.tokens.video == sample.tokens.audio == 1 for sample in run.samples
    )
