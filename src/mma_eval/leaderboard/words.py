"""What has to be said beside the numbers of the leaderboard."""

from __future__ import annotations

from mma_eval.leaderboard.board import Words

FLOOR = 0.8
"""The part of a version's conflict clips that a ranked row answers, and that all share."""
FEWEST_CLIPS = 30
"""Conflict clips in common below which nothing is ranked."""


def board_words() -> Words:
    return Words(
        primary=(
            "Both right: the share of clips whose sound and picture are of two classes, where the "
            "model names what is seen when asked what is seen, and what is heard when asked what "
            "is heard. A model that cannot hear, or cannot see, gets none of it, however good its "
            "other sense."
        ),
        ranking=(
            "Rows are ranked within one version of a dataset and within one kind, on the clips "
            "that all ranked rows answered. The rank is 1 and the number of rows that are surely "
            "better: a two-sided exact McNemar test on the same clips for every pair of rows, "
            "Holm-corrected over all pairs, at 5 %. Rows that no test separates share a rank. A "
            f"row that answered fewer than {FLOOR:.0%} of the version's conflict clips is shown "
            "and not ranked, and so is one that would leave less than that in common with the rows "
            "before it, or fewer "
            f"than {FEWEST_CLIPS} clips."
        ),
        kinds={
            "reproduced": (
                "A maintainer ran the model with this tool; the answers are in the submission."
            ),
            "re-scored": (
                "A submitter's answers, scored here by the same code. That they are the model's "
                "answers was not checked, and they could be forged."
            ),
            "reported": (
                "Printed by the authors of the benchmark. No answers are published, so both right "
                "is known only to lie between two bounds, and the row is not ranked."
            ),
        },
        alternatives={
            "mean_misaligned": (
                "Mean of the two questions on misaligned clips. Perfect sight without any hearing "
                "gets 50 %."
            ),
            "worst": (
                "The fewest right answers in any of the conditions that can be answered: aligned, "
                "misaligned, one stream alone, misleading caption; both questions."
            ),
            "drop": (
                "How far right answers fall from aligned to misaligned clips, mean of the two "
                "questions, in points. Low is better, and a model that is never right has no drop."
            ),
            "drop_visual": "The same for the question what is seen.",
            "drop_audio": "The same for the question what is heard.",
            "other_modality": (
                "How often the answer under conflict is the label of the modality that was not "
                "asked about. Low is better, and a model that names neither has none."
            ),
            "follows_sound": "The same where it is asked what is seen: it names what is heard.",
            "follows_sight": "The same where it is asked what is heard: it names what is seen.",
        },
        not_meant=(
            "Options are given, so the score is about telling some classes apart and not about "
            "describing what is seen or heard.",
            "Conflict is made by swapping sounds. A model may meet other conflicts in the world.",
            "Where a model lacks the ability on aligned clips, it cannot show robustness: read the "
            "score beside the aligned columns.",
            "Differences between rows of one rank may be chance. A rank is no measure of distance.",
            "Clips and labels are public. A model may have been trained on them; what is declared "
            "of that stands in the column exposure.",
            "Rows of different dataset versions are about different clips and cannot be compared.",
        ),
    )
