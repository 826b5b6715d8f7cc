"""The page's words and files, without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from mma_eval.errors import StoreError, UsageError
from mma_eval.eval.analysis.subject import read_subjects
from mma_eval.report.page.make import write_report
from mma_eval.report.page.render import visible
from tests.conftest import make_clip


@pytest.fixture(scope="module")
def runs(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    evaluate("mock", "aligned,misalign,audio_removed", dataset=manifest, output_path=folder)
    return folder


def report(folder: Path, *arguments: str) -> int:
    """The exit code of `mma-eval report` writing to `folder/page.html`."""
    with pytest.raises(SystemExit) as stop:
        main(["report", *arguments, "-o", str(folder / "page.html")])
    return int(str(stop.value.code))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_the_command_says_what_it_wrote(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(tmp_path, str(runs), "--gallery", "10") == 0
    assert "10 of 36 samples" in capsys.readouterr().out
    html = text_of(tmp_path / "page.html")
    assert html.count('<article class="card') == 10
    assert "10 of 36 samples, chosen by seed" in html


def test_numbers_are_those_of_the_run(runs: Path, tmp_path: Path) -> None:
    # The mock names the first option, Bird, and two of the six clips show one.
    assert report(tmp_path, str(runs), "--gallery", "0") == 0
    html = re.sub(r"\s+", " ", text_of(tmp_path / "page.html"))
    row = re.search(
        r"<tr> <th scope=\"row\">[^/]*?<br><code>aligned_<wbr>visual</code>.*?</tr>", html
    )
    assert row is not None
    numbers = re.findall(r"<b>([^<]*)</b>", row.group())
    assert numbers[0] == "33.3"


def test_classes_that_are_taken_for_others_are_named(runs: Path, tmp_path: Path) -> None:
    assert report(tmp_path, str(runs), "--gallery", "0") == 0
    html = re.sub(r"\s+", " ", text_of(tmp_path / "page.html"))
    rows = re.findall(r"<bdi>(\w+)</bdi></td> <td><bdi>(\w+)</bdi></td> <td[^>]*>([^<]*)<", html)
    assert rows[:2] == [("Cat", "Bird", "2 of 2"), ("Door", "Bird", "2 of 2")]


def test_without_a_gallery_there_are_no_clips(runs: Path, tmp_path: Path) -> None:
    assert report(tmp_path, str(runs), "--gallery", "0") == 0
    html = text_of(tmp_path / "page.html")
    assert "<article" not in html
    assert 'href="#gallery' not in html
    assert len(html) < 250_000


def test_media_past_the_limit_lie_beside_and_old_ones_go(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path / "page_files"
    assert report(tmp_path, str(runs), "--max-embedded", "0") == 0
    # Six clips, with their own sound, with another's, and silenced.
    assert len(list(files.iterdir())) == 18
    assert "18 clips that go with the page" in " ".join(capsys.readouterr().out.split())
    html = text_of(tmp_path / "page.html")
    linked = set(re.findall(r'data-href="\./page_files/([^"]+)"', html))
    assert linked == {file.name for file in files.iterdir()}
    (files / "notes.txt").write_text("mine")
    assert report(tmp_path, str(runs)) == 0
    assert [file.name for file in files.iterdir()] == ["notes.txt"]


def test_an_old_page_is_replaced_whole(runs: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")
    assert report(tmp_path, str(runs), "--title", "Ears & eyes") == 0
    assert "<title>Ears &amp; eyes</title>" in text_of(page)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_clip_that_changed_or_is_missing_is_named_instead_of_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for name, label in (("a", "Bird"), ("b", "Cat"), ("c", "Cat")):
        make_clip(tmp_path / f"{name}.mp4", shade=50)
        rows.append(
            {"id": name, "video": f"{name}.mp4", "visual_label": label, "audio_label": label}
        )
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluate("mock", "aligned_visual", dataset=manifest, output_path=tmp_path / "runs")
    make_clip(tmp_path / "b.mp4", shade=99)
    (tmp_path / "c.mp4").unlink()
    capsys.readouterr()
    assert report(tmp_path, str(tmp_path / "runs")) == 0
    assert "2 without their clip" in capsys.readouterr().out
    html = text_of(tmp_path / "page.html")
    assert html.count("<article") == 3
    assert html.count('class="play') == 1
    assert html.count("changed since the run") == 1
    assert html.count("c.mp4") == 1


def test_failures_are_shown_with_their_reason(manifest: Path, tmp_path: Path) -> None:
    evaluate(
        "mock",
        "aligned_visual",
        dataset=manifest,
        model_args={"behaviour": "fail"},
        output_path=tmp_path / "runs",
    )
    assert report(tmp_path, str(tmp_path / "runs")) == 0
    html = text_of(tmp_path / "page.html")
    assert html.count('data-outcome="failed"') == 6
    assert html.count('<p class="error">the mock was told to fail</p>') == 6
    assert "Incomplete: 0 of 6 samples are scored" in html


def test_a_question_whose_stream_is_gone_expects_nothing(runs: Path, tmp_path: Path) -> None:
    assert report(tmp_path, str(runs)) == 0
    html = text_of(tmp_path / "page.html")
    cards = html.split("<article")[1:]
    gone = [card for card in cards if 'data-task="audio_removed_audio"' in card]
    assert len(gone) == 6
    assert all("is a leak" in card and "expected" not in card for card in gone)
    assert all("sound replaced by 1.000 s of silence" in card for card in gone)
    others = [card for card in cards if 'data-task="audio_removed_visual"' in card]
    assert len(others) == 6
    assert all("expected" in card for card in others)


def test_models_stand_side_by_side(runs: Path, manifest: Path, tmp_path: Path) -> None:
    """Bird is right for two of the six clips; the last option, Frog, for none."""
    evaluate(
        "mock",
        "aligned",
        dataset=manifest,
        model_args={"behaviour": "last"},
        output_path=tmp_path / "last",
    )
    assert report(tmp_path, str(runs), str(tmp_path / "last"), "--gallery", "0") == 0
    side = text_of(tmp_path / "page.html").split('<section id="side">')[1].split("</section>")[0]
    assert re.findall(r"<b>([^<]*)</b>", side) == ["33.3", "0", "33.3", "0"]
    assert "not all asked about the same clips" not in side


def test_other_clips_side_by_side_are_warned_of(runs: Path, manifest: Path, tmp_path: Path) -> None:
    evaluate("mock", "aligned", dataset=manifest, limit=3, output_path=tmp_path / "few")
    assert report(tmp_path, str(runs), str(tmp_path / "few"), "--gallery", "0") == 0
    assert "not all asked about the same clips" in text_of(tmp_path / "page.html")


def test_before_and_after_an_adapter(runs: Path, tmp_path: Path) -> None:
    (subject,) = read_subjects([runs])
    settings = subject.manifest.settings.model_copy(update={"adapter": Path("tuned")})
    manifest = subject.manifest.model_copy(
        update={"settings": settings, "fingerprint": "mock:with an adapter"}
    )
    tuned = type(subject)("mock + tuned", subject.runs, manifest, subject.samples, subject.scores)
    write_report([subject, tuned], tmp_path / "page.html", gallery=0)
    html = text_of(tmp_path / "page.html")
    assert '<section id="changes">' in html
    assert "mock + tuned against mock" in html
    write_report([subject], tmp_path / "page.html", gallery=0)
    assert '<section id="changes">' not in text_of(tmp_path / "page.html")


def test_the_profile_can_be_saved_alone(runs: Path, tmp_path: Path) -> None:
    picture = tmp_path / "profile.svg"
    assert report(tmp_path, str(runs), "--profile", str(picture)) == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert not (tmp_path / "page.html").exists()


def test_a_folder_cannot_be_overwritten(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        write_report(read_subjects([runs]), tmp_path)


def test_the_answers_of_a_run_cannot_be_overwritten(runs: Path) -> None:
    store = runs / "answers.sqlite"
    before = store.read_bytes()
    with pytest.raises(UsageError, match=r"answers\.sqlite: is a name under which runs"):
        write_report(read_subjects([runs]), store, gallery=0)
    assert store.read_bytes() == before


def test_a_page_that_cannot_be_written_is_one_sentence(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another -o"):
        write_report(read_subjects([runs]), tmp_path / "file" / "page.html", gallery=0)


def test_runs_that_are_not_there_are_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(tmp_path, str(tmp_path / "nothing")) == 2
    assert "there is no such run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain\ttext\nhere", "plain\ttext\nhere"),
        ("é 犬 👩‍🚀 <b>", "é 犬 👩‍🚀 <b>"),
        ("a\x00b\x1b", "a␀b␛"),
        ("\u202eabc", "⟨U+202E RIGHT-TO-LEFT OVERRIDE⟩abc"),
        ("half \ud83d", "half ⟨U+D83D⟩"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(given: str, shown: str) -> None:
    assert visible(given) == shown
