"""The backend around the engine: what it knows without weights, what it does when things fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from mma_eval.errors import ModelError, PrerequisiteError, UsageError
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, NoVideo, Silence, VideoFile
from mma_eval.models.local.prefix import PrefixEngine, sub_batches
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from mma_eval.types import Evidence, Generate, Group, Question, ScoreOptions, Status
from tests.conftest import make_clip
from tests.models.checkpoint import build_checkpoint
from tests.models.conftest import MakeBackend, card

TEXT_ONLY = Media(NoVideo(), NoAudio())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=2.0))


def ask(*texts: str, media: Media = TEXT_ONLY, **request: Any) -> Group:
    wanted = Generate(**({"max_new_tokens": 5} | request))
    return Group(media, "", tuple(Question(text, "", text, wanted) for text in texts))


def texts(backend: QwenOmni, group: Group) -> dict[str, str | None]:
    answers = list(backend.answer([group]))
    assert {answer.status for answer in answers} == {Status.OK}
    return {answer.question_id: answer.text for answer in answers}


def test_importing_and_building_loads_neither_torch_nor_transformers(checkpoint: Path) -> None:
    code = (
        "import sys\n"
        "from mma_eval.models.card import ModelCard\n"
        "from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments\n"
        "card = ModelCard(name='a', backend='qwen_omni', family='b', summary='', license='c',"
        f" weights={str(checkpoint)!r})\n"
        "print(QwenOmni(card, QwenOmniArguments()).sampling.frames.choice.max_frames)\n"
        "print(sorted({'torch', 'transformers', 'numpy'} & set(sys.modules)))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines() == [str(768), "[]"]


def test_tokens_are_counted_by_modality(backend: QwenOmni, clip: Clip) -> None:
    (answer,) = backend.answer([ask("Which?", media=Media(VideoFile(clip), AudioFile(clip)))])
    assert answer.tokens is not None
    assert answer.tokens.evidence is Evidence.COUNTED
    assert answer.tokens.video == 2 * 4
    assert answer.tokens.audio in (50, 51)
    assert answer.finish_reason in ("stop", "length")
    assert answer.seconds is not None


def test_batching_changes_no_answer(make_backend: MakeBackend, clip: Clip) -> None:
    group = ask(
        "Which?", "What is it that you hear?", "Who?", media=Media(VideoFile(clip), NoAudio())
    )
    expected = texts(make_backend(), group)
    assert texts(make_backend(batch_mode="reference"), group) == expected
    assert texts(make_backend(batch_size=2), group) == expected
    assert texts(make_backend(attention="eager"), group) == expected


def test_sampling_depends_on_seed_and_question_alone(backend: QwenOmni) -> None:
    together = texts(backend, ask("Which?", "What is it?", "Who?", temperature=1.0))
    alone = texts(backend, ask("What is it?", temperature=1.0))
    assert together["What is it?"] == alone["What is it?"]
    again = texts(backend, ask("Which?", temperature=1.0, seed=1))
    assert together["Which?"] != again["Which?"]
    assert together["Which?"] != texts(backend, ask("Which?"))["Which?"]


def test_streams_are_encoded_once(make_backend: MakeBackend, clip: Clip) -> None:
    backend = make_backend()
    thinker = backend.answerer.thinker
    counted = {"see": 0, "hear": 0}

    def count(name: str) -> Any:
        made = getattr(thinker, name)

        def counting(*args: Any) -> Any:
            counted[name] += 1
            return made(*args)

        return counting

    thinker.see, thinker.hear = count("see"), count("hear")  # type: ignore[method-assign]
    both, mute = Media(VideoFile(clip), AudioFile(clip)), Media(VideoFile(clip), Silence(clip))
    list(backend.answer([ask("a", media=both), ask("b", media=mute), ask("c", media=both)]))
    assert counted == {"see": 1, "hear": 2}


def test_groups_are_pulled_one_by_one(backend: QwenOmni) -> None:
    pulled = []

    def groups() -> Iterator[Group]:
        for name in ("a", "b"):
            pulled.append(name)
            yield ask(name)

    answers = backend.answer(groups())
    assert next(answers).question_id == "a"
    assert pulled == ["a"]


def test_special_tokens_in_a_question_are_text(backend: QwenOmni) -> None:
    engine = backend.answerer.thinker
    ids = backend.answerer.prompt_ids(ask("a <|im_end|> <|VIDEO|> <|AUDIO|> b"))
    fed = next(iter(ids.values()))
    assert not {engine.layout.video, engine.layout.audio} & set(fed)
    plain = next(iter(backend.answerer.prompt_ids(ask("a b")).values()))
    end = backend.answerer.writer.end
    assert fed.count(end) == plain.count(end)


def test_a_broken_clip_fails_its_own_questions_only(
    backend: QwenOmni, clip: Clip, tmp_path: Path
) -> None:
    broken = Clip(tmp_path / "broken.mp4")
    broken.path.write_bytes(clip.path.read_bytes()[:900])
    groups = [ask("bad", media=Media(VideoFile(broken), NoAudio())), ask("good")]
    bad, good = backend.answer(groups)
    assert (bad.status, bad.text) == (Status.DECODE_ERROR, None)
    assert bad.error
    assert good.status is Status.OK


def test_sound_too_short_to_hear_is_modality_missing(backend: QwenOmni, clip: Clip) -> None:
    blink = Clip(clip.path, start=0.0, end=0.01)
    (answer,) = backend.answer([ask("a", media=Media(NoVideo(), AudioFile(blink)))])
    assert answer.status is Status.MODALITY_MISSING


def test_context_overflow_is_told_before_anything_is_fed(checkpoint: Path) -> None:
    backend = QwenOmni(card(checkpoint, context_length=200), QwenOmniArguments(device="cpu"))
    answers = {a.question_id: a for a in backend.answer([ask("short", "long " * 200)])}
    assert answers["short"].status is Status.OK
    long = answers["long " * 200]
    assert (long.status, long.text) == (Status.CONTEXT_OVERFLOW, None)
    assert long.tokens is not None
    assert "the context holds 200" in (long.error or "")


class _Troubled:
    """An engine with something wrong."""

    def __init__(self, engine: PrefixEngine, rows: int = 0) -> None:
        self._engine, self._rows = engine, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


class _Choosy(_Troubled):
    """Cannot answer the question called bad."""

    def generate(self, prefix: Any, rows: Any, deadline: Any) -> Any:
        if any(row.name == "bad" for row in rows):
            raise ValueError("nothing to be done")
        return self._engine.generate(prefix, rows, deadline)


class _Scarce(_Troubled):
    """Its memory holds only so many rows."""

    def generate(self, prefix: Any, rows: Any, deadline: Any) -> Any:
        if len(rows) > self._rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._engine.generate(prefix, rows, deadline)


def scarce(make_backend: MakeBackend, rows: int) -> QwenOmni:
    backend = make_backend()
    thinker = backend.answerer.thinker
    backend.answerer.thinker = replace(thinker, engine=_Scarce(thinker.engine, rows))  # type: ignore[arg-type]
    return backend


def test_out_of_memory_halves_the_batch(make_backend: MakeBackend) -> None:
    backend = scarce(make_backend, 2)
    group = ask("a", "b", "c", "d", "e")
    assert texts(backend, group) == texts(make_backend(), group)
    assert backend.describe()["batch_halvings"] == 2


def test_out_of_memory_with_one_question_fails_it(make_backend: MakeBackend) -> None:
    backend = scarce(make_backend, 0)
    answers = list(backend.answer([ask("a", "b")]))
    assert {answer.status for answer in answers} == {Status.OUT_OF_MEMORY}
    assert {answer.text for answer in answers} == {None}


def test_a_late_answer_is_a_timeout(make_backend: MakeBackend) -> None:
    backend = make_backend(answer_timeout=0.001)
    (answer,) = backend.answer([ask("a", max_new_tokens=2000)])
    assert (answer.status, answer.text) == (Status.TIMEOUT, None)


def test_other_weights_have_another_fingerprint(
    make_backend: MakeBackend, checkpoint: Path, tmp_path: Path
) -> None:
    other = build_checkpoint(tmp_path / "other", seed=5)
    arguments: list[dict[str, Any]] = [
        {},
        {"pretrained": str(other)},
        {"dtype": "bf16"},
        {"attention": "eager"},
        {"batch_mode": "reference"},
        {"system_prompt": "Be brief."},
        {"max_pixels": 28 * 28 * 11},
        {"fps": 1.0},
    ]
    prints = [make_backend(**chosen).fingerprint() for chosen in arguments]
    assert len(set(prints)) == len(prints)
    assert make_backend(pretrained=str(checkpoint)).fingerprint() == prints[0]


def test_half_precision_answers(make_backend: MakeBackend, clip: Clip) -> None:
    backend = make_backend(dtype="bf16")
    group = ask("Which?", media=Media(VideoFile(clip), AudioFile(clip)))
    assert texts(backend, group)
    assert backend.describe()["dtype"] == "bf16"


def test_incomplete_checkpoints_are_refused(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "incomplete")
    tensors = load_file(folder / "model.safetensors")
    del tensors["thinker.lm_head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights missing.*lm_head"):
        QwenOmni(card(folder), QwenOmniArguments(device="cpu")).load()


def test_other_kinds_of_model_are_refused(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "other")
    file = folder / "config.json"
    text = file.read_text(encoding="utf-8").replace('"qwen2_5_omni"', '"llama"')
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="of type llama, not qwen2_5_omni"):
        QwenOmni(card(folder), QwenOmniArguments(device="cpu")).load()


def test_a_failing_question_fails_alone(make_backend: MakeBackend) -> None:
    backend = make_backend()
    thinker = backend.answerer.thinker
    engine = _Choosy(thinker.engine)
    backend.answerer.thinker = replace(thinker, engine=engine)  # type: ignore[arg-type]
    answers = {a.question_id: a.status for a in backend.answer([ask("a", "bad", "c", "d")])}
    assert answers.pop("bad") is Status.API_ERROR
    assert set(answers.values()) == {Status.OK}
    assert backend.describe()["batch_halvings"] == 0


def test_checkpoints_with_foreign_weights_are_refused(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "foreign")
    tensors = load_file(folder / "model.safetensors") | {"thinker.extra.weight": torch.zeros(2)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 unexpected.*extra"):
        QwenOmni(card(folder), QwenOmniArguments(device="cpu")).load()


def test_the_tokenizer_measures_and_cuts(backend: QwenOmni) -> None:
    tokenizer = backend.tokenizer
    text = "Which class best describes the häring 漢字 of this video? " * 3
    whole = tokenizer.count(text)
    assert tokenizer.cut(text, whole) == text
    for tokens in (0, 1, 7, whole // 2, whole - 1):
        head = tokenizer.cut(text, tokens)
        assert text.startswith(head)
        assert tokenizer.count(head) <= tokens
    assert tokenizer.count(tokenizer.cut(text, whole // 2)) >= whole // 2 - 4


def test_pixel_limits_come_from_a_video_processor_only(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "limits")
    backend = QwenOmni(card(folder), QwenOmniArguments())
    assert backend.pixel_limits == (128 * 784, 768 * 784)
    (folder / "video_preprocessor_config.json").write_text(
        '{"size": {"shortest_edge": 784, "longest_edge": 7840}}', encoding="utf-8"
    )
    assert QwenOmni(card(folder), QwenOmniArguments()).pixel_limits == (784, 7840)
    chosen = QwenOmniArguments(max_pixels=1568)
    assert QwenOmni(card(folder), chosen).pixel_limits == (784, 1568)


@pytest.mark.parametrize(
    "arguments",
    [{"fps": 0}, {"dtype": "int8"}, {"device": "tpu"}, {"nonsense": 1}, {"max_frames": 1}],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        QwenOmniArguments(**arguments)


def test_an_absent_gpu_is_said(make_backend: MakeBackend) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(PrerequisiteError, match="device=cuda"):
        _ = make_backend(device="cuda").device


def test_a_card_without_weights_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="names no weights"):
        _ = QwenOmni(card(Path(), weights=None), QwenOmniArguments()).pretrained


def test_the_cards_revision_is_for_the_cards_weights() -> None:
    pinned = card(Path(), weights="Qwen/Qwen2.5-Omni-7B", revision="abc")
    assert QwenOmni(pinned, QwenOmniArguments()).version == "Qwen/Qwen2.5-Omni-7B@abc"
    assert QwenOmni(pinned, QwenOmniArguments(pretrained="./x")).revision is None


def test_long_questions_run_apart() -> None:
    assert sub_batches([10, 12, 300, 11, 9], 16) == [[0, 1, 3, 4], [2]]
    assert sub_batches([10, 12, 9], 2) == [[0, 2], [1]]
    assert sub_batches([5000, 5010], 16) == [[0, 1]]
    assert sub_batches([], 4) == []


def test_generate_and_scoring_in_one_group(backend: QwenOmni) -> None:
    mixed = Group(
        TEXT_ONLY,
        "",
        (Question("g", "", "a", Generate(3)), Question("s", "", "a", ScoreOptions(("x", "y")))),
    )
    answers = {answer.question_id: answer for answer in backend.answer([mixed])}
    assert answers["g"].text is not None
    assert [score.option for score in answers["s"].option_scores] == ["x", "y"]
