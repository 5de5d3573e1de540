from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT

from streams.articles import articles_from_files
from streams.backtest import run_backtest
from streams.catalog import load_catalog
from streams.cli import main
from streams.compare import compare
from streams.records import Article
from streams.scorecard import Pair, Share, pairwise, scorecard

FIVE = (
    ("000_f90146d0a316d816.txt", "2025-09-11"),
    ("001_b3e7ece3108a19c5.txt", "2025-09-11"),
    ("002_25103815672e76c9.txt", "2025-08-06"),
    ("003_811e20b7552fb1bb.txt", "2025-06-09"),
    ("004_12662aacce72be46.txt", "2022-03-02"),
)
FIELDS = [
    "id",
    "lang",
    "tags",
    "incursion",
    "kind",
    "country",
    "happened",
    "freshness",
    "realis",
    "incident",
    "reports",
    "why",
]


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["backtest", *words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    lines = [
        {
            "id": "late-told",
            "title": "Drone crossed into Poland on Wednesday, army confirms",
            "body": "The army said a Russian drone entered Polish airspace on Wednesday.",
            "published": "2025-09-11T07:00:00Z",
            "source": "Second",
            "expect": {"incursion": True, "incident_id": "one", "target_country": "PL"},
        },
        {
            "id": "first-told",
            "title": "Russian drone violates Polish airspace, army says",
            "body": "",
            "published": "2025-09-10T05:00:00Z",
            "source": "First",
            "expect": {"incursion": True, "incident_id": "one", "target_country": "PL"},
        },
        {
            "id": "other",
            "title": "Bakery wins a prize",
            "body": "",
            "published": "2025-09-10T06:00:00Z",
            "source": "Third",
            "expect": {"incursion": False, "incident_id": None, "target_country": None},
        },
    ]
    file = tmp_path / "recording.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\nnot json\n", "utf-8")
    return file


def test_json_prints_one_object_for_each_article_in_input_order(recording: Path) -> None:
    code, out, err = run("--json", str(recording))
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["id"] for row in rows] == ["late-told", "first-told", "other"]
    assert all(list(row) == FIELDS for row in rows)
    assert [row["incursion"] for row in rows] == [True, True, False]
    assert rows[0]["incident"] == rows[1]["incident"] is not None
    assert rows[1]["country"] == "PL"
    assert rows[2]["incident"] is None
    assert rows[2]["why"]
    assert f"{recording}:4" in err


def test_alerts_of_watches_are_shown_and_compared(tmp_path: Path) -> None:
    lines = [
        {"id": f"t{hour}", "title": title, "body": "", "published": f"2025-09-10T0{hour}:00:00Z"}
        for hour, title in ((5, "Two teapots"), (6, "A bakery wins"), (7, "More teapots"))
    ]
    file = tmp_path / "tea.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    own = tmp_path / "seeds"
    (own / "alerts").mkdir(parents=True)
    (own / "alerts" / "teapots.toml").write_text(
        'id = "teapots"\ntitle = "Teapots"\nwatches = "articles"\nlevel = "normal"\n'
        'window_minutes = 60\nany = ["teapot"]\n[terms]\nteapot = ["teapot*"]\n'
        '[[test]]\ntext = "Two teapots"\nexpect = true\n'
        '[[test]]\ntext = "Coffee"\nexpect = false\n',
        "utf-8",
    )
    code, out, err = run("--alerts", "--seeds", str(own), str(file))
    assert code == 0, err
    alerts = [json.loads(line) for line in out.splitlines()]
    assert [alert["headline"] for alert in alerts] == [
        "Teapots: Two teapots",
        "Teapots: More teapots",
    ]
    code, out, _ = run("--against", str(own), str(file))
    assert code == 0
    assert out.count("appears: ") == 2 and "Two teapots" in out


def test_labels_never_reach_the_verdict(recording: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.jsonl"
    rows = [json.loads(line) for line in recording.read_text("utf-8").splitlines()[:3]]
    bare.write_text("\n".join(json.dumps({**row, "expect": None}) for row in rows), "utf-8")
    assert run("--json", str(recording))[1] == run("--json", str(bare))[1]


def test_same_files_give_the_same_output_twice(recording: Path) -> None:
    assert run("--json", str(recording))[1] == run("--json", str(recording))[1]
    assert run("--alerts", str(recording))[1] == run("--alerts", str(recording))[1]


def test_labelled_files_give_a_scorecard(recording: Path) -> None:
    code, out, _ = run(str(recording))
    assert code == 0
    assert "all: 3 articles" in out
    assert "recall: 1.000" in out
    assert "1 incidents" in out


def test_nothing_readable_is_a_fault(tmp_path: Path) -> None:
    code, _, err = run(str(tmp_path / "missing.jsonl"))
    assert code == 2
    assert "missing.jsonl" in err


def test_five_documents_give_what_they_tell(shared: Path) -> None:
    targets = [f"{shared / 'seeds' / name}@{date}" for name, date in FIVE]
    code, out, _ = run("--json", *targets)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    poland = rows[0]["incident"]
    assert poland is not None and poland.startswith("pl-2025-09-10")
    assert rows[1]["incident"] == poland
    assert [row["incursion"] for row in rows] == [True, True, False, False, False]
    lithuania = rows[2]["reports"]
    assert {report["freshness"] for report in lithuania} == {"late"}
    assert len({report["incident"] for report in lithuania}) == 2
    assert [row["incident"] for row in rows[3:]] == [None, None]
    assert all(row["why"] for row in rows)


def test_against_another_catalog_says_which_alerts_change(recording: Path, tmp_path: Path) -> None:
    own = tmp_path / "seeds"
    (own / "alerts").mkdir(parents=True)
    for name in ("incursion", "claim"):
        shipped = (ROOT / "seeds" / "alerts" / f"{name}.toml").read_text("utf-8")
        quiet = shipped.replace("[match]", "disabled = true\n\n[match]", 1)
        (own / "alerts" / f"{name}.toml").write_text(quiet, "utf-8")
    code, out, _ = run("--against", str(own), str(recording))
    assert code == 0
    assert out.startswith("changes: [")
    assert "[digest]" in out


def test_against_itself_changes_nothing(recording: Path) -> None:
    articles = [a for a in articles_from_files([str(recording)]) if isinstance(a, Article)]
    catalog = load_catalog()
    assert compare(run_backtest(articles, catalog), run_backtest(articles, catalog)) == []


def test_wilson_interval_of_known_shares() -> None:
    low, high = Share(9, 10).interval or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)
    assert Share(0, 0).value is None


def test_pairwise_counts_pairs_not_articles() -> None:
    found = [("a", "1"), ("a", "1"), ("b", "1"), ("b", "2"), (None, "2")]
    score = pairwise(found)
    assert score["precision"] == pytest.approx(1 / 2)
    assert score["recall"] == pytest.approx(1 / 4)


def test_scorecard_restates_precision_at_lifes_rate() -> None:
    def pair(number: int, expected: bool, found: bool) -> Pair:
        verdict = {
            "id": str(number), "incursion": found, "lang": "en", "country": None, "kind": None,
            "happened": None, "incident": None, "reports": [], "why": [],
        }  # fmt: skip
        return Pair(verdict, {"lang": "en", "expect": {"incursion": expected}})

    pairs = [pair(n, n < 50, n < 45 or n in (60, 61)) for n in range(100)]
    card = scorecard(pairs)["all"]
    assert card["recall"]["value"] == 0.9
    assert card["false_positive_rate"]["value"] == 0.04
    expected = 0.9 * 0.01 / (0.9 * 0.01 + 0.04 * 0.99)
    assert card["precision_at"]["1 in 100"] == pytest.approx(expected)
