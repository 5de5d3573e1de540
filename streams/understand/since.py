"""Years and months after: "two years after the drone of Gaigalava". Pure."""

from __future__ import annotations

import re

from streams.understand.lexicon import Hit
from streams.understand.sentence import Clause, Line

#: Years and months in the forms that stand behind a number, folded, in all languages.
_SPANS = re.compile(
    r"(?:years?|months?|jahre?n?|monaten?|jaar|jaren|maand(?:en)?|ar|ars|manad(?:er)?|maned(?:er)?|manudir|manudum|"
    r"arum|ans?|mois|anos?|mes(?:es)?|anni|anno|mesi|ani|luni|ev|evvel|honap(?:pal)?|vuotta|vuoden|kuukautta|"
    r"kuukauden|aastat?|kuud|gadi|gadus|gadiem|menesi(?:em)?|menesus|metai|metu|metams|menesiai|menesiams|menesiu|"
    r"lata|lat|latach|miesiac(?:e|ach)?|miesiecy|let|letech|roky|rokov|rokoch|mesic(?:e|u|ich)?|mesiac(?:e|och|ov)?|"
    r"leti|godin[aeu]?|mesec[ai]?|mesecev|mjesec[ai]?|mjeseci|vjet|vite|viti|muaj|yil|ay|χρονια|ετη|μηνες|"
    r"годин[аиу]?|месец[аи]?|лет|года?|месяц(?:а|ев)?|роки|років|рік|місяц(?:і|ів|я)|гадоу|гады|гадоў|"
    r"месяцау|месяцаў|месяцы|године|месеци)"
)
_WORDS_BEFORE = 2


def long_after(line: Line, clause: Clause) -> Hit | None:
    """Return the connector that puts a clause years or months back: "five months after the crash …"."""
    opener = clause.opener_hit
    if clause.opener != "after" or opener is None:
        return None
    before = line.field.folded[line.sentence.start : opener.start].split()[-_WORDS_BEFORE:]
    return opener if before and _SPANS.fullmatch(before[-1].strip(",:;")) else None
