"""`flankwatch explain`: one article of a file, and what became of it in the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from streams.cli import main

STORY = [
    {
        "id": "first",
        "source": "Kurier",
        "published": "2025-09-10T05:00:00Z",
        "title": "Dron wleciał nad Polskę i spadł pod Zamościem",
        "body": "Rolnik znalazł szczątki w środę o świcie.",
    },
    {
        "id": "army",
        "source": "PAP",
        "published": "2025-09-10T05:30:00Z",
        "title": "Wojsko potwierdza: dron naruszył polską przestrzeń i spadł pod Zamościem",
        "body": "Dowództwo Operacyjne potwierdziło to w środę.",
    },
    {
        "id": "copy",
        "source": "PAP",
        "published": "2025-09-10T05:31:00Z",
        "title": "Wojsko potwierdza: dron naruszył polską przestrzeń i spadł pod Zamościem",
        "body": "Dowództwo Operacyjne potwierdziło to w środę.",
    },
    {
        "id": "market",
        "source": "Kurier",
        "published": "2025-09-10T06:00:00Z",
        "title": "Giełda w Warszawie rośnie",
        "body": "",
    },
]


def explain(path: Path, *more: str) -> list[dict[str, Any]]:
    path.write_text("".join(json.dumps(row) + "\n" for row in STORY), encoding="utf-8")
    done = CliRunner().invoke(main, ["explain", str(path), "--json", *more])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_explain_says_what_became_of_each_article_in_the_ledger(tmp_path: Path) -> None:
    first, army, copy, market = (one["ledger"] for one in explain(tmp_path / "a.jsonl", "--ledger"))
    assert (first["what"], army["what"], copy["what"]) == ("new", "joined", "immaterial")
    (incident,) = first["incidents"]
    assert incident == army["incidents"][0] == copy["incidents"][0]
    assert incident["id"].startswith("pl-2025-09-10-drone-")
    assert market["what"] == "no_report" and not market["incidents"]


def test_explain_of_one_article_folds_the_whole_file(tmp_path: Path) -> None:
    (army,) = explain(tmp_path / "a.jsonl", "--ledger", "--id", "army")
    assert army["ledger"]["what"] == "joined"


def test_explain_without_the_ledger_says_nothing_of_it(tmp_path: Path) -> None:
    assert all("ledger" not in one for one in explain(tmp_path / "a.jsonl"))


def test_explain_tells_the_ledgers_word_to_people(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    explain(path)
    done = CliRunner().invoke(main, ["explain", str(path), "--ledger", "--id", "army"])
    assert "ledger: joined: changes what was told" in done.stdout
