"""`leaderboard.json`: the board as data, a row a line, so that a change shows as its lines."""

from __future__ import annotations

import json

from mma_eval.leaderboard.board import Board


def json_text(board: Board) -> str:
    """The file's content; `Board.model_validate_json` reads it."""
    told = board.model_dump(mode="json")
    parts = [f"{json.dumps(key)}: {_value(value)}" for key, value in told.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _value(value: object) -> str:
    """A list has an item a line."""
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in value)
    return f"[\n{lines}\n]"
