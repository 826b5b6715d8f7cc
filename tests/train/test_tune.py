"""A tuning from a recipe to an adapter, stopped and continued, and what makes it stop."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from mma_eval.errors import MediaError, ModelError, StoreError, UsageError
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.model import LocalModel
from mma_eval.models.local.weights import local_folder
from mma_eval.task.dataset import open_dataset
from mma_eval.train.collate import Collator
from mma_eval.train.curves import CurvePoint, read_curves
from mma_eval.train.feed import training_prompt
from mma_eval.train.folder import TrainingFolder
from mma_eval.train.pairs import training_data
from mma_eval.train.record import TrainingRecord, read_record
from mma_eval.train.tune import Tuned, tune, tuning_model
from tests.models.conftest import card
from tests.models.qwen3_checkpoint import build_qwen3_checkpoint
from tests.train.small_tuning import Watch, small_recipe

WEIGHTS = "adapter_model.safetensors"


def stop_after(step: int) -> Watch:
    def stop(point: CurvePoint) -> None:
        if point.step == step:
            raise KeyboardInterrupt

    return Watch(stop)


@pytest.fixture(scope="module")
def whole(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A training that nothing interrupts."""
    return tune(small_recipe(manifest), tmp_path_factory.mktemp("whole") / "adapter")


def without_seconds(points: tuple[CurvePoint, ...]) -> list[CurvePoint]:
    return [point.model_copy(update={"seconds": 0.0}) for point in points]


@pytest.mark.parametrize("step", [2, 3])
def test_a_stopped_training_ends_as_one_that_was_not(
    step: int, whole: Tuned, manifest: Path, tmp_path: Path
) -> None:
    recipe, out = small_recipe(manifest), tmp_path / "adapter"
    with pytest.raises(KeyboardInterrupt):
        tune(recipe, out, progress=stop_after(step))
    watch = Watch()
    continued = tune(recipe, out, progress=watch)
    assert watch.begun == [(4, step - 1)]
    assert (out / WEIGHTS).read_bytes() == (whole.folder / WEIGHTS).read_bytes()
    assert without_seconds(continued.curves) == without_seconds(whole.curves)
    assert continued.record.best == whole.record.best


def first_logits(model: LocalModel, manifest: Path) -> torch.Tensor:
    """`[vocabulary]` of the first answer token of one training example."""
    answerer = model.answerer
    data = training_data(open_dataset(str(manifest)), small_recipe(manifest).data, seed=0)
    fed = training_prompt(answerer, data.train[2]).fed
    with torch.inference_mode():
        hidden = answerer.engine.decoder(**fed.inputs, use_cache=False).last_hidden_state
        logits: torch.Tensor = answerer.engine.head(hidden[0, -1])
    return logits


def specimen(**arguments: Any) -> LocalModel:
    model = create_model(CardCatalogue().get("tiny-omni"), {"max_frames": 2, **arguments})
    assert isinstance(model, LocalModel)
    return model


def test_a_training_stopped_after_its_last_step_takes_no_other(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = small_recipe(manifest, training={"max_steps": 3}), tmp_path / "adapter"

    def stop(folder: Path, record: TrainingRecord) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("mma_eval.train.adapter_card.write_card", stop)
        tune(recipe, out)
    before = (out / WEIGHTS).read_bytes()
    watch = Watch()
    made = tune(recipe, out, progress=watch)
    assert watch.points == []
    assert made.record.steps == 3
    assert made.record.status == "finished"
    assert (out / WEIGHTS).read_bytes() == before
    assert (out / "README.md").is_file()


def test_plain_peft_and_the_evaluation_read_the_same_adapter(whole: Tuned, manifest: Path) -> None:
    import peft
    import transformers

    plain = specimen()
    folder = local_folder(plain.pretrained)
    assert folder is not None
    thinker = transformers.Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(str(folder))
    loaded = peft.PeftModel.from_pretrained(thinker, str(whole.folder)).get_base_model().eval()
    plain.answerer.thinker.model = loaded  # type: ignore[attr-defined]
    plain.answerer.engine.decoder = loaded.model.language_model
    by_peft = first_logits(plain, manifest)
    ours = first_logits(specimen(adapter=whole.folder), manifest)
    assert torch.equal(by_peft, ours)
    assert float((ours - first_logits(specimen(), manifest)).abs().max()) > 0.01


def test_the_adapter_says_where_it_comes_from(whole: Tuned, manifest: Path) -> None:
    stated = json.loads((whole.folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert stated["base_model_name_or_path"] == "package:tiny-omni"
    readme = (whole.folder / "README.md").read_text(encoding="utf-8")
    assert str(manifest.parent) not in readme
    assert whole.record.base.fingerprint in readme
    record = read_record(whole.folder)
    assert record == whole.record
    assert whole.record.status == "finished"
    assert whole.record.steps == 4
    assert read_curves(whole.folder) == whole.curves
    assert [p.step for p in whole.curves if p.aligned_visual is not None] == [0, 2, 4]
    assert not list((whole.folder / "checkpoints").iterdir())


def test_a_finished_training_is_not_done_again(whole: Tuned, manifest: Path) -> None:
    watch = Watch()
    assert tune(small_recipe(manifest), whole.folder, progress=watch) == whole
    assert watch.begun == []


def test_the_loss_falls(manifest: Path, tmp_path: Path) -> None:
    recipe = small_recipe(
        manifest,
        lora={"dropout": 0.0, "r": 8, "alpha": 16},
        training={"max_steps": 10, "epochs": 100, "batch_size": 8, "accumulation": 1}
        | {"save_every": 100, "evaluate_every": 100, "validation_samples": 1}
        | {"learning_rate": 0.02},
    )
    curves = tune(recipe, tmp_path / "adapter").curves
    losses = [point.loss for point in curves if point.loss is not None]
    assert losses[-1] < losses[0] / 2


def test_another_recipe_is_refused_and_fresh_starts_anew(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    with pytest.raises(KeyboardInterrupt):
        tune(small_recipe(manifest), out, progress=stop_after(2))
    other = small_recipe(manifest, training={"learning_rate": 0.02, "max_steps": 1})
    with pytest.raises(UsageError, match=r"learning_rate was 0\.01 and is 0\.02.*--fresh"):
        tune(other, out)
    assert tune(other, out, fresh=True).record.steps == 1


def test_a_folder_of_something_else_is_left_alone(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    for fresh in (False, True):
        with pytest.raises(UsageError, match=r"not empty \(README\.md\)"):
            tune(small_recipe(manifest), tmp_path, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_loss_that_is_no_number_stops_the_training(manifest: Path, tmp_path: Path) -> None:
    recipe, out = small_recipe(manifest, lora={"dropout": 0.0}), tmp_path / "adapter"
    model = tuning_model(recipe)

    def spoil(point: CurvePoint) -> None:
        if point.step == 3:
            model.answerer.engine.decoder.norm.weight.data.fill_(float("nan"))

    with pytest.raises(ModelError, match=r"loss became nan at step 4.*learning_rate"):
        tune(recipe, out, progress=Watch(spoil), model=model)
    kept = TrainingFolder(out).last_checkpoint()
    assert kept is not None
    assert kept.name == "checkpoint-3"
    assert (out / WEIGHTS).is_file()


def test_a_full_disk_keeps_the_checkpoint_before(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = small_recipe(manifest), tmp_path / "adapter"

    def full(tensors: Any, path: Path) -> None:
        if path.parent.name == "checkpoint-3":
            raise OSError(28, "No space left on device")
        save_file(tensors, path)

    monkeypatch.setattr("mma_eval.train.trainer.save_file", full)
    with pytest.raises(StoreError, match="No space left on device"):
        tune(recipe, out)
    kept = TrainingFolder(out).last_checkpoint()
    assert kept is not None
    assert kept.name == "checkpoint-2"
    assert not (out / "checkpoints" / "checkpoint-3").exists()


def test_a_broken_clip_is_named_before_anything_is_trained(manifest: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["video"] = str(manifest.parent / row["video"])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes((manifest.parent / "clip0.mp4").read_bytes()[:600])
    rows[0]["video"] = str(broken)
    copy = tmp_path / "manifest.jsonl"
    copy.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = tmp_path / "adapter"
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        tune(small_recipe(copy), out)
    assert not out.exists()


def test_a_training_killed_before_its_first_checkpoint_begins_again(
    whole: Tuned, manifest: Path, tmp_path: Path
) -> None:
    @dataclass
    class Killed(Watch):
        def begin(self, steps: int, done: int) -> None:
            raise KeyboardInterrupt

    recipe, out = small_recipe(manifest), tmp_path / "adapter"
    with pytest.raises(KeyboardInterrupt):
        tune(recipe, out, progress=Killed())
    half = out / "checkpoints" / "checkpoint-2"
    half.mkdir(parents=True)
    (half / "trained.safetensors").write_bytes(b"cut off")
    watch = Watch()
    tune(recipe, out, progress=watch)
    assert watch.begun == [(4, 0)]
    assert (out / WEIGHTS).read_bytes() == (whole.folder / WEIGHTS).read_bytes()


def test_a_clip_that_breaks_on_the_way_leaves_the_checkpoint(
    manifest: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "clips"
    shutil.copytree(manifest.parent, folder)
    recipe = small_recipe(
        folder / manifest.name, training={"encoded_cache_mb": 0, "encoded_disk_mb": 0}
    )

    def lose(point: CurvePoint) -> None:
        if point.step == 1:
            for clip in folder.glob("*.mp4"):
                clip.unlink()

    with pytest.raises(MediaError, match=r"clip\d\.mp4.*last checkpoint is kept"):
        tune(recipe, tmp_path / "adapter", progress=Watch(lose))
    kept = TrainingFolder(tmp_path / "adapter").last_checkpoint()
    assert kept is not None
    assert kept.name == "checkpoint-1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": {"precision": "fp16"}}, "fp16 needs a GPU"),
        ({"base": "mock", "model_args": {}}, "takes no adapter"),
        ({"model_args": {"adapter": "somewhere"}}, "starts from the base model"),
        ({"model_args": {"dtype": "bf16"}, "training": {"precision": "fp32"}}, "contradicts"),
    ],
)
def test_what_cannot_be_tuned(changes: dict[str, Any], said: str, manifest: Path) -> None:
    with pytest.raises(UsageError, match=said):
        tuning_model(small_recipe(manifest, **changes))


def test_targets_are_of_the_language_model(manifest: Path, tmp_path: Path) -> None:
    recipe = small_recipe(manifest, lora={"targets": ("no_proj",)})
    with pytest.raises(UsageError, match=r"no linear 'no_proj'"):
        tune(recipe, tmp_path / "adapter")


def test_want_of_memory_says_what_to_change(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(collator: Collator, prompts: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    monkeypatch.setattr(Collator, "__call__", too_large)
    with pytest.raises(ModelError) as told:
        tune(small_recipe(manifest), tmp_path / "adapter")
    assert str(told.value) == (
        "memory ran out in training: try training.gradient_checkpointing=true, or "
        "training.batch_size=1 training.accumulation=4, or a smaller model_args.max_pixels; "
        "the last checkpoint is kept"
    )


def test_sixteen_bits_train_adapters_of_thirty_two(manifest: Path, tmp_path: Path) -> None:
    recipe = small_recipe(
        manifest,
        model_args={"max_frames": 2, "dtype": "bf16"},
        lora={"targets": "all_linear"},
        training={"precision": "bf16", "gradient_checkpointing": True, "max_steps": 1}
        | {"batch_size": 1, "validation_samples": 1},
    )
    made = tune(recipe, tmp_path / "adapter")
    tensors = load_file(made.folder / WEIGHTS)
    assert {name.split(".")[-4] for name in tensors} == {"self_attn", "mlp"}
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_qwen3_omni_is_tuned_and_read_back(manifest: Path, tmp_path: Path) -> None:
    stated = card(build_qwen3_checkpoint(tmp_path / "weights"), family="qwen3-omni")
    file = tmp_path / "card.yaml"
    file.write_text(yaml.safe_dump(stated.model_dump(mode="json", exclude_unset=True)))
    small = {"max_frames": 4, "min_pixels": 4096, "max_pixels": 32 * 32 * 6, "device": "cpu"}
    training = {"max_steps": 3, "batch_size": 6, "accumulation": 1, "evaluate_every": "epoch"}
    recipe = small_recipe(manifest, base=str(file), model_args=small, training=training)
    made = tune(recipe, tmp_path / "adapter")
    assert [p.step for p in made.curves if p.swapped_audio is not None] == [0, 2, 3]
    tensors = load_file(made.folder / WEIGHTS)
    assert len(tensors) == 2 * 2 * 4, "A and B of q and v in four layers, and nothing of a tower"
    plain, tuned = (
        create_model(stated, {**small, **more}) for more in ({}, {"adapter": made.folder})
    )
    assert isinstance(plain, LocalModel)
    assert isinstance(tuned, LocalModel)
    before, after = first_logits(plain, manifest), first_logits(tuned, manifest)
    assert float((after - before).abs().max()) > 1e-4
