"""Text: folding keeps every offset, markup leads back to the original, time stays linear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.understand.text import MAX_BODY_CHARS, MAX_SENTENCE_CHARS, fold, make_field, sentences


@given(st.text(max_size=300))
def test_folding_keeps_the_length(text: str) -> None:
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ŁÓDŹ Übergröße", "lodz ubergrose"),
        ("МиГ-31, Ёлка, Їжак", "миг 31  елка  їжак"),
        ("İstanbul’da", "istanbul da"),
        ("Σοφός Ελλάδα", "σοφοσ ελλαδα"),
        ("ў Ў", "ў ў"),
        ("a\u2014b\u00ab\u00bb", "a b  "),
        ("🚁 дрон", "  дрон"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_short_and_long_texts_fold_alike() -> None:
    piece = "Łódź: МиГ-31 über Ğdańsk — «дрон» №5 "
    assert fold(piece * 9) == fold(piece) * 9


def test_a_span_leads_back_to_the_original() -> None:
    original = (
        "<p>L&#8217;arm&eacute;e: un dro\u200bne</p><script>drone()</script><p>est tomb&eacute;</p>"
    )
    field = make_field("body", original)
    at = field.text.index("drone")
    span = field.span(at, at + 5)
    assert original[span.start : span.end] == "dro\u200bne"
    assert "()" not in field.text
    assert "armée" in field.text and "tombé" in field.text


@given(st.text(max_size=400))
def test_spans_stay_inside_the_original(original: str) -> None:
    field = make_field("body", original)
    for sentence in sentences(field):
        span = field.span(sentence.start, sentence.end)
        assert 0 <= span.start < span.end <= len(original)


def test_sentences_and_digest_items() -> None:
    field = make_field(
        "body",
        "Gen. Jan Kowalski spoke on 10. September. A drone fell!\n07:40 Jets took off\n• Border shut",
    )
    found = [(field.text[s.start : s.end], s.is_item) for s in sentences(field)]
    assert found == [
        ("Gen. Jan Kowalski spoke on 10. September.", False),
        ("A drone fell!", False),
        ("07:40 Jets took off", True),
        ("• Border shut", True),
    ]


@pytest.mark.parametrize("text", ["", " ", "<" * 5000, "&" * 5000, "a" * 1_000_000, "\n" * 10_000])
def test_odd_texts_are_read(text: str) -> None:
    field = make_field("body", text)
    assert len(field.text) <= MAX_BODY_CHARS
    assert len(sentences(field)) <= MAX_BODY_CHARS // MAX_SENTENCE_CHARS + 1
