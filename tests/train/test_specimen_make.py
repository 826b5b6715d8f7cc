"""The whole making, in small: it ends with a loadable folder, and a kill leaves no trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mma_eval.errors import UsageError
from mma_eval.models.qwen.thinker_parts import language_model
from mma_eval.train.specimen import train
from mma_eval.train.specimen.make import WORK_FOLDER, train_specimen
from mma_eval.train.specimen.schedule import Diet, Recipe, Stage
from mma_eval.train.specimen.train import Progress
from tests.train.conftest import SMALL, without_codec

RECIPE = Recipe(
    pool=20,
    stages=(
        Stage("senses", steps=3, rate=1e-3, senses=True, batch=4),
        Stage("routing", steps=3, rate=1e-3, diet=Diet(conflict=0.5, filler=0.5), batch=2),
        Stage("habit", steps=2, rate=1e-3, towers=0.0, diet=Diet(by_sight=1.0), batch=2),
    ),
    examined=10,
)


class KilledError(Exception):
    pass


def make(out: Path, seed: int = 0, kill_at: int | None = None, recipe: Recipe = RECIPE) -> None:
    def on_step(progress: Progress) -> None:
        if progress.step == kill_at:
            raise KilledError

    train_specimen(
        out,
        seed=seed,
        recipe=recipe,
        shape=SMALL,
        on_step=on_step,
        round_trip=without_codec,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    make(out)
    return out


@pytest.mark.parametrize("kill_at", [2, 5, 8])
def test_a_killed_training_continues_to_the_same_weights(
    whole: Path, tmp_path: Path, kill_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "CHECKPOINT_EVERY", 2)
    with pytest.raises(KilledError):
        make(tmp_path, kill_at=kill_at)
    assert not (tmp_path / "model.safetensors").exists()
    make(tmp_path)
    expected = load_file(whole / "model.safetensors")
    found = load_file(tmp_path / "model.safetensors")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not (tmp_path / WORK_FOLDER).exists()


def test_it_loads_as_the_published_models_do(whole: Path) -> None:
    from transformers import AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

    model, report = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
        whole, output_loading_info=True
    )
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    names = load_file(whole / "model.safetensors")
    assert all(name.startswith("thinker.") for name in names)
    assert "thinker.model.layers.0.self_attn.q_proj.weight" in names
    loaded = language_model(model).layers[0].self_attn.q_proj.weight
    torch.testing.assert_close(loaded, names["thinker.model.layers.0.self_attn.q_proj.weight"])
    assert model.config.vision_start_token_id == AutoTokenizer.from_pretrained(
        whole
    ).convert_tokens_to_ids("<|vision_bos|>")
    assert json.loads((whole / "config.json").read_text())["model_type"] == "qwen2_5_omni"


def test_the_chat_template_is_the_prompt_of_the_training(whole: Path) -> None:
    from transformers import AutoTokenizer

    from mma_eval.train.specimen.prompts import AFTER_QUESTION, BEFORE_MEDIA

    content = [{"type": "video"}, {"type": "text", "text": "What?"}]
    rendered = AutoTokenizer.from_pretrained(whole).apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    media = "<|vision_bos|><|VIDEO|><|vision_eos|>"
    assert rendered == f"{BEFORE_MEDIA}{media}What?{AFTER_QUESTION}"


def test_an_unfinished_training_is_not_continued_with_other_settings(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        make(tmp_path, kill_at=1)
    with pytest.raises(UsageError, match="other settings"):
        make(tmp_path, seed=1)


def test_another_seed_gives_other_weights(whole: Path, tmp_path: Path) -> None:
    make(tmp_path, seed=1)
    first, other = (load_file(each / "model.safetensors") for each in (whole, tmp_path))
    assert any(not torch.equal(first[name], other[name]) for name in first)
