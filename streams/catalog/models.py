"""seeds/models.toml → weapon models: one normal form across languages and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

from streams.catalog.concepts import CONCEPTS
from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.languages import Term, Word
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.understand.text import fold

_LETTERS = "abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфхцчшщъыьэюяієїґαβγδεζηθικλμνξοπρστυφχψω"
#: Endings that a name may take in an inflecting language: none, one or two letters, and some longer.
ENDINGS = frozenset(
    ["", *_LETTERS, *("".join(pair) for pair in product(_LETTERS[:26], repeat=2)),
     *("".join(pair) for pair in product(_LETTERS[26:60], repeat=2)),
     "ami", "ach", "ien", "eja", "eita", "ilta", "illa", "sta", "ssa", "lla", "lta", "lle", "oita", "eista",
     "ами", "ями", "ого", "ому", "ima", "jai", "iem", "iams", "iais", "ndan", "dan", "nin", "lar", "ler"]
)  # fmt: skip


class ModelSeed(Seed):
    """One weapon model."""

    name: str
    what: str
    side: Literal["hostile", "own", ""] = ""
    forms: list[str]


class ModelsSeed(Seed):
    """The file."""

    model: list[ModelSeed] = []


@dataclass(frozen=True)
class Models:
    """All models, by their terms' text."""

    terms: tuple[Term, ...]
    by_text: dict[str, ModelSeed]


def read(sources: Sources, faults: list[Fault]) -> Models:
    """Return the models; a later layer's model of the same name replaces the earlier."""
    found: dict[str, ModelSeed] = {}
    for file in sources.single("models.toml"):
        data = read_toml(file.path, file.name, faults)
        seed = None if data is None else validate(ModelsSeed, data, file.name, faults)
        for index, model in enumerate(seed.model if seed else []):
            if model.what not in CONCEPTS:
                faults.append(
                    Fault(
                        file.name,
                        f"model[{index}].what",
                        f"unknown concept {model.what!r}{suggest(model.what, CONCEPTS)}",
                    )
                )
                continue
            found[model.name] = model
    terms: list[Term] = []
    by_text: dict[str, ModelSeed] = {}
    for model in found.values():
        for form in model.forms:
            pieces = fold(form).split()
            words = tuple(
                Word(piece, ENDINGS if last else frozenset({""}))
                for piece, last in ((p, i == len(pieces) - 1) for i, p in enumerate(pieces))
            )
            text = f"model:{model.name}:{form}"
            concepts = (model.what, "hostile") if model.side == "hostile" else (model.what,)
            terms.append(Term(text=text, words=words, concepts=concepts))
            by_text[text] = model
    return Models(tuple(terms), by_text)
