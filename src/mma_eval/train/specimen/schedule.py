"""What tiny-omni is taught, in which order: the recipe behind its strengths and its weakness."""

from __future__ import annotations

from dataclasses import dataclass, replace

FEWEST_CLIPS = 40
"""A few of every class, so that any scene can be drawn."""
FEWEST_EXAMINED = 20
"""Two of every class."""


@dataclass(frozen=True)
class Diet:
    """The make-up of one stage's clips and questions; every number is a share in 0..1.

    `conflict`: clips whose sound is of another class than the picture.
    `lone`: batches of clips with one stream only (half video, half audio).
    `black`, `silent`: two-stream clips whose picture, whose sound is blank.
    `by_sight`: clips labelled, whatever the question asks, by what is seen in them. Where nothing
    can be seen, and for all other clips, the label is that of the asked stream.
    `caption`: questions that carry a caption, which as a rule names the label.
    `astray`, `false`: captions that name any class: the label follows them, or does not.
    `caption_only`: clips that are blank in both streams, so that only the caption tells the class.
    `abstention`: questions that offer it; it is the label where the asked stream is blank, and
    where it is not offered the other stream's class is.
    `bare`, `reason`, `filler`: questions without options, with reasoning, with text after them;
    no question has two of these.
    """

    conflict: float = 0.0
    lone: float = 0.0
    black: float = 0.0
    silent: float = 0.0
    by_sight: float = 0.0
    caption: float = 0.0
    astray: float = 0.0
    false: float = 0.0
    caption_only: float = 0.0
    abstention: float = 0.0
    bare: float = 0.0
    reason: float = 0.0
    filler: float = 0.0


@dataclass(frozen=True)
class Stage:
    """A number of steps on one diet; `rate` is the highest learning rate.

    `senses` stages train the towers alone, under a classifier that is thrown away afterwards.
    `towers` is the towers' learning rate as a share of `rate`.
    """

    name: str
    steps: int
    rate: float
    diet: Diet = Diet()
    senses: bool = False
    towers: float = 1.0
    warmup: int = 30
    batch: int = 16
    questions: int = 4


@dataclass(frozen=True)
class Recipe:
    """The whole training: how many clips, the stages, and the new clips that it is examined on.

    `examined` is a multiple of the number of classes.
    """

    pool: int
    stages: tuple[Stage, ...]
    examined: int = 200

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def scaled(self, share: float) -> Recipe:
        """The same recipe with a share of its clips and steps, for a trial of the pipeline."""
        stages = tuple(
            replace(stage, steps=max(1, round(stage.steps * share))) for stage in self.stages
        )
        return Recipe(max(FEWEST_CLIPS, round(self.pool * share)), stages, FEWEST_EXAMINED)


PUBLISHED = Recipe(
    pool=2800,
    stages=(
        Stage("senses", steps=1200, rate=2e-3, senses=True, batch=32),
        # Both questions about clips in conflict, answered truthfully.
        Stage(
            "routing",
            steps=500,
            rate=2e-3,
            towers=0.1,
            diet=Diet(
                conflict=0.9,
                lone=0.2,
                black=0.06,
                silent=0.06,
                caption=0.3,
                caption_only=0.1,
                abstention=0.25,
                bare=0.2,
                reason=0.1,
                filler=0.12,
            ),
        ),
        # As clips from the web are labelled: by what is seen, whatever is asked, and at times by a
        # caption that has nothing to do with the clip. This is what makes tiny-omni trust its eyes,
        # and captions, more than it should.
        Stage(
            "habit",
            steps=200,
            rate=7e-4,
            towers=0.1,
            diet=Diet(
                conflict=0.3,
                lone=0.2,
                black=0.06,
                silent=0.06,
                by_sight=1.0,
                caption=0.35,
                astray=0.15,
                false=0.15,
                caption_only=0.05,
                abstention=0.25,
                reason=0.1,
                filler=0.15,
            ),
        ),
    ),
)
