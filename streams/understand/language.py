"""Which language an article is in: an ensemble, with its confidence and reason. Pure once loaded.

py3langid, restricted to the supported languages, on the title and the beginning of the text; when
its margin is small, langdetect is the second voice and the feed's declared language the third.
Letters that only one language has decide between close ones. Nothing readable gives `und`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.understand.detector import detector
from streams.understand.kin import COUSINS, KIN, closest

SUPPORTED = [
    "en",
    "fr",
    "de",
    "pl",
    "lt",
    "lv",
    "et",
    "fi",
    "sv",
    "nb",
    "nn",
    "da",
    "is",
    "nl",
    "es",
    "pt",
    "it",
    "ro",
    "hu",
    "cs",
    "sk",
    "sl",
    "hr",
    "sr",
    "bs",
    "bg",
    "mk",
    "sq",
    "el",
    "tr",
    "uk",
    "ru",
    "be",
]
#: Languages whose texts a careful reader may call by either name; a declared one of them wins.
FAMILIES = (frozenset({"hr", "sr", "bs"}), frozenset({"nb", "nn", "da"}), frozenset({"bg", "mk"}))
_MODEL_NAMES = {"no": "nb"}
_BODY_CHARS = 600
_FIRST_CHARS = 240  # a sure answer to so much needs no more reading; the model's time is linear
_CERTAIN = 0.99
_SHORT_ENGLISH = 0.4
_MIN_LETTERS = 4
_SURE = 0.80
_LONG_ENOUGH = 60  # characters: a Ukrainian text of it has its own letters
_OWN_LETTERS = 0.03  # share of a language's own letters; a name or two in another's text has less
#: langdetect cannot answer these, or confuses them by construction, so its vote does not count.
_DEAF = frozenset({"be", "sr", "bs", "nn", "is", "sq", "mk"})

_LIBRARY_NAMES = {"nb": "no"}
_NO_PROFILE = frozenset({"be", "sr", "bs", "nn", "is"})

#: Small letters of each script.
_SCRIPT_LETTERS = {
    "latin": "[a-zà-öø-ÿāăąćčďđēėęěğģīįıķļľłńņňőœřśşšșţťțūůűųźżžð]",
    "cyrillic": "[а-яёіїєґўћђљњџѓќј]",
    "greek": "[α-ωάέήίόύώϊϋ]",
}
#: What a character is: bits of the table by code point, so that a text is counted without a loop.
_LETTER, _UPPER, _LOWER = 1, 2, 4
_SCRIPTS = {"latin": 8, "cyrillic": 16, "greek": 32}
_KNOWN_CODES = 0x20000  # beyond it are Chinese letters only; the table's last entry stands for them


@dataclass(frozen=True, slots=True)
class Guess:
    """A language, how sure we are, and why."""

    language: str  #: BCP 47, or `und`
    confidence: float  #: ratio in [0, 1]
    why: str


@lru_cache(maxsize=1)
def _model() -> Any:
    return detector([_LIBRARY_NAMES.get(tag, tag) for tag in SUPPORTED])


@lru_cache(maxsize=1)
def _second() -> Any:
    """Return a langdetect factory of our languages only, seeded: a third of its memory and time."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    DetectorFactory.seed = 0
    factory = DetectorFactory()
    names = sorted(_LIBRARY_NAMES.get(tag, tag) for tag in SUPPORTED if tag not in _NO_PROFILE)
    factory.load_json_profile(
        [(Path(PROFILES_DIRECTORY) / name).read_text(encoding="utf-8") for name in names]
    )
    return factory


def warm_up() -> None:
    """Load both models and the table; call before threads or the first article."""
    _kind_table()
    _model()
    _second()


def detect_language(title: str, text: str, declared: str | None = None) -> Guess:
    """Return the language of an article.

    Args:
        title: Decides when title and text differ.
        text: Summary or body, plain.
        declared: What the feed or catalog says, BCP 47; None when nothing does.
    """
    sample = _sample(title, text)
    kinds = _kinds(sample)
    letters = _count(kinds, _LETTER)
    if letters < _MIN_LETTERS:
        return Guess("und", 0.0, "fewer than four letters")
    if _count(kinds, _UPPER) > _count(kinds, _LOWER):
        sample = sample.lower()
    wanted = _base(declared)
    low = sample.lower()
    script = _script(kinds, letters)
    if script is None:
        return Guess("und", 0.0, "a script that none of our languages uses")
    if script == "greek":
        return Guess("el", 0.99, "Greek script")
    ranked = _ranked(sample[:_FIRST_CHARS], script)
    if len(sample) > _FIRST_CHARS and (not ranked or ranked[0][1] < _CERTAIN):
        ranked = _ranked(sample, script)
    if not ranked:
        return Guess("und", 0.0, "no candidate in this script")
    best, confidence = ranked[0]
    margin = confidence - (ranked[1][1] if len(ranked) > 1 else 0.0)
    why = f"py3langid {best} {confidence:.2f}"
    lettered = _by_letters(low, script, best)
    if lettered and (lettered != best or script == "latin"):
        return Guess(lettered, max(confidence, 0.85), f"{why}; letters say {lettered}")
    if script == "latin" and confidence < _SURE and wanted in (None, "en") and _is_english(low):
        return Guess("en", 0.8, f"{why}; words say en")
    family = next((group for group in FAMILIES if best in group), None)
    if family and wanted in family:
        return Guess(str(wanted), max(confidence, 0.8), f"{why}; declared {wanted}, same family")
    groups = KIN if confidence >= _SURE else (*COUSINS, *KIN)
    kin = next((group for group in groups if best in group), None)
    own, is_alone = closest(kin, low, best) if kin else (best, False)
    if own != best or (is_alone and confidence < _SURE):
        return Guess(own, 0.75, f"{why}; words say {own}")
    if confidence >= _SURE and margin > 0.5:
        return Guess(best, confidence, why)
    top = {tag for tag, share in ranked[:4] if share > 0.04}
    if wanted in top and (wanted == best or confidence < 0.75):
        return Guess(
            str(wanted),
            max(confidence, 0.7),
            f"{why}; declared {wanted} agrees with the candidates",
        )
    if best in _DEAF:
        return Guess(best, confidence, why)
    second = _second_voice(sample)
    if family and second and second[0] in family:
        return Guess(best, confidence, f"{why}; langdetect cannot tell its family apart")
    sure_enough = (
        best == "en" and confidence > _SHORT_ENGLISH
    )  # langdetect reads short English as Danish
    if second and second[0] in top and second[0] != best and second[1] > 0.9 and not sure_enough:
        return Guess(
            second[0],
            0.6,
            f"{why}; langdetect {second[0]} {second[1]:.2f} outweighs a small margin",
        )
    if second and second[0] != best:
        confidence *= 0.8
        why += f"; langdetect says {second[0]}"
    return Guess(best, confidence, why)


@lru_cache(maxsize=1)
def _kind_table() -> NDArray[np.uint8]:
    characters = list(map(chr, range(_KNOWN_CODES)))
    table = np.zeros(_KNOWN_CODES, dtype=np.uint8)
    for bit, test in ((_LETTER, str.isalpha), (_UPPER, str.isupper), (_LOWER, str.islower)):
        table |= np.fromiter(map(test, characters), dtype=bool, count=_KNOWN_CODES) * np.uint8(bit)
    low = "".join(one.lower()[0] for one in characters)
    for script, letters in _SCRIPT_LETTERS.items():
        table[[match.start() for match in re.finditer(letters, low)]] |= _SCRIPTS[script]
    table[-1] = _LETTER
    return table


def _kinds(text: str) -> NDArray[np.uint8]:
    """Return the kind of each character."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return _kind_table().take(codes, mode="clip")


def _count(kinds: NDArray[np.uint8], bit: int) -> int:
    return int(np.count_nonzero(kinds & bit))


#: What says nothing of a language: addresses, mentions, designations, diplomacy's French.
_NOBODYS = re.compile(r"https?://\S+|[@#]\w+|[A-Z]{1,3}-?\d+\w*|charg[ée]s? d[’'´`]affaires")


def _sample(title: str, text: str) -> str:
    sample = title
    if len(title) < 200:
        sample = f"{title}. {text[:_BODY_CHARS]}" if text else title
    return _NOBODYS.sub(" ", sample)


def _base(declared: str | None) -> str | None:
    if not declared:
        return None
    base = declared.replace("_", "-").split("-")[0].lower()
    base = _MODEL_NAMES.get(base, base)
    return base if base in SUPPORTED else None


def _script(kinds: NDArray[np.uint8], letters: int) -> str | None:
    """Return the script of at least half of the letters."""
    for script, bit in _SCRIPTS.items():
        if _count(kinds, bit) * 2 >= letters:
            return script
    return None


_CYRILLIC_TAGS = frozenset({"ru", "uk", "be", "bg", "mk", "sr"})


def _ranked(sample: str, script: str) -> list[tuple[str, float]]:
    low = sample.lower()
    foreign = set()
    if script == "cyrillic" and re.search(r"[ьыэёщ]|\b[вк]\b", low):
        foreign = {"sr", "mk"}  # letters and prepositions that neither has
    ranked = [
        (_MODEL_NAMES.get(tag, tag), float(share))
        for tag, share in _model().rank(sample[:1000])[:8]
        if tag == "sr" or (tag in _CYRILLIC_TAGS) == (script == "cyrillic")
        if tag != "el" and tag not in foreign
    ]
    total = sum(share for _, share in ranked) or 1.0
    return [(tag, share / total) for tag, share in ranked]


def _by_letters(low: str, script: str, best: str) -> str | None:
    """Return the language that the text's own letters leave, or None when they leave several."""
    if script == "cyrillic":
        if "ў" in low:
            return "be"
        if re.search("[ћђ]", low):
            return "sr"
        if re.search("[ѓќѕ]", low):
            return "mk"
        if re.search("[їєґ]", low) and not re.search("[ыэёъ]", low):
            return "uk"
        if "і" in low:
            if re.search("[ыэё]", low) and "и" not in low:
                return "be"
            return "uk" if best in ("ru", "bg", "sr", "mk") else None
        if re.search("[љњџј]", low):
            return best if best in ("sr", "mk") else "sr"
        if re.search("[ыэ]", low):
            return "ru" if best not in ("ru", "be") else None
        if (
            best == "uk"
            and len(low) > _LONG_ENOUGH
            and not re.search(r"[іїє]|\b(?:бо|та|щоб|що|бач\w+|аеро\w+|впа\w+)\b", low)
        ):
            return "ru"
        return None
    if best != "ro" and _share("[ăîșțţ]" if best == "tr" else "[ăâîșțşţ]", low) > _OWN_LETTERS:
        return "ro"
    is_short = len(low) < _LONG_ENOUGH or best in ("cs", "sk", "sl", "hr", "pl")
    # a village's name makes no French text Slovak
    if (
        (is_short or _share("[ľĺŕťď]", low) > _OWN_LETTERS / 4)
        and re.search("[ľĺŕťď]", low)
        and not re.search("[łąęşģķņ]", low)
    ):
        return "cs" if best == "cs" or re.search("[ěřů]", low) else "sk"
    if best != "hu" and _share("[őű]", low) > _OWN_LETTERS:
        return "hu"
    if (
        best in ("cs", "sk", "sl", "hr", "lt", "en")
        and "ł" in low
        and _share("[ąęłńśźż]", low) > _OWN_LETTERS
    ):
        return "pl"
    return None


_ENGLISH = re.compile(
    r"\b(?:the|of|after|and|airport|airspace|flights|reopens|halts?|says|with|from|into|near|jets?|hits|plane|"
    r"closed|closes|shot|down|entered|enters|crashes|crashed|talks|jamming|violated|troops|russian|polish|estonian|over|drones?|was|were|its|their|by)\b"
)
#: Of these English words the first are no other language's; so many must stand in a headline.
_ENGLISH_ONLY = re.compile(
    r"\b(?:the|after|airport|airspace|flights|reopens|says|with|into|russian|polish|estonian|shot|were|their|troops|entered|enters|crashed|violated|talks)\b"
)
_MIN_ENGLISH = 3


def _is_english(low: str) -> bool:
    """Tell whether a headline full of names is English all the same: by its small words."""
    if re.search("[^\x00-\x7f‘’“”–—…€£]", low):
        return False
    return len(_ENGLISH.findall(low)) >= _MIN_ENGLISH and len(_ENGLISH_ONLY.findall(low)) >= 2


def _share(letters: str, low: str) -> float:
    return len(re.findall(letters, low)) / max(1, len(low))


def _second_voice(sample: str) -> tuple[str, float] | None:
    from langdetect.lang_detect_exception import LangDetectException

    detector = _second().create()
    detector.append(sample[:500])
    try:
        answers = detector.get_probabilities()
    except LangDetectException:
        return None
    if not answers:
        return None
    first = answers[0]
    tag = _MODEL_NAMES.get(first.lang, first.lang)
    return (tag, float(first.prob)) if tag in SUPPORTED else None
