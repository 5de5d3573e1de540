"""The quick detector of language gives the library's own answers; kinds of letters are Python's."""

from __future__ import annotations

import json
from pathlib import Path

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from streams.understand import language
from streams.understand.detector import detector

BLIND = Path(__file__).parent / "data" / "blind" / "round-1.jsonl"
ODD = ["", "a", "12:30", "\U0001f680" * 5, "ab \ud800 cd", "МОСКВА", "Ψ drones"]


def texts() -> list[str]:
    lines = [json.loads(line) for line in BLIND.read_text(encoding="utf-8").splitlines()]
    return [*ODD, *(line["title"] for line in lines), *(str(line)[:600] for line in lines[:100])]


def test_ranks_as_the_library_does() -> None:
    tags = ["en", "no", "nn", "pl", "ru", "uk", "sr", "el", "lt"]
    own = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    own.set_languages(tags)
    quick = detector(tags)
    for text in texts():
        assert quick.rank(text) == own.rank(text), text


def test_counts_letters_as_python_does() -> None:
    for text in [
        *texts(),
        "İstanbul ŞOK",
        "\U0001d5d5\U0001d5e5 news",
        "\U00020000\U00020001 中文",
    ]:
        kinds = language._kinds(text)
        assert language._count(kinds, language._LETTER) == sum(map(str.isalpha, text)), text
        assert language._count(kinds, language._UPPER) == sum(map(str.isupper, text)), text
        assert language._count(kinds, language._LOWER) == sum(map(str.islower, text)), text


def test_tells_the_script_of_most_letters() -> None:
    for text, script in (
        ("Drones over Riga", "latin"), ("Дрони над Києвом і NATO", "cyrillic"),
        ("Ελλάδα και drone", "greek"), ("新闻标题", None),
    ):  # fmt: skip
        kinds = language._kinds(text)
        assert language._script(kinds, language._count(kinds, language._LETTER)) == script, text
