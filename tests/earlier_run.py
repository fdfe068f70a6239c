"""What an earlier run of the homework `mine` (tests/gradescope/conftest.py) has left, as Gradescope hands it over."""

from typing import Any


def file_of(scores: dict[str, float], **facts: Any) -> dict[str, Any]:
    """Its results with these scores, judged to the end unless the facts say else."""
    points = {"1": 10.0, "2(a)": 4.0}
    shown = {"name": "x", "status": "failed", "visibility": "visible"}
    tests = [
        {"number": number, "score": score, "max_score": points[number]} | shown for number, score in scores.items()
    ]
    return {"tests": tests, "output": "", "extra_data": {"homework": "mine", "finished": True} | facts}
