"""A stream of articles as feeds give it: 80 % up to 400 characters, 20 % about 4,500.

Seven languages in equal parts. 79 in 100 articles are ordinary news; 20 are the replay corpus's
traps, which speak of drones, borders and armies; one is an incident of the corpus.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streams.records import Article, content_id

CORPUS = Path(__file__).resolve().parent.parent / "seeds" / "articles"
SHORT_CHARS = 400
LONG_CHARS = 4500
START = datetime(2026, 1, 1, tzinfo=UTC)
INCIDENT_RATIO = 0.01
TRAP_RATIO = 0.2
LONG_RATIO = 0.2
ORDINARY: dict[str, tuple[str, ...]] = {
    "en": (
        "The city council approved a budget of {n} million euros for new tram lines on Tuesday.",
        "Home supporters filled the stadium to see their side win the semi-final by {n} goals.",
        "Grain prices rose by {n} per cent this month, traders at the exchange said.",
        "A museum in the old town opens an exhibition of {n} paintings from private collections.",
        "Doctors advise older people to drink more water while temperatures stay above {n} degrees.",
        "The railway will renew {n} kilometres of track between the capital and the coast.",
    ),
    "fr": (
        "Le conseil municipal a voté un budget de {n} millions d'euros pour les écoles.",
        "L'équipe de rugby s'est imposée de {n} points devant un public venu nombreux.",
        "Le prix du pain augmente de {n} centimes, selon les boulangers de la région.",
        "Le festival de musique accueille cette année {n} groupes venus de toute l'Europe.",
        "Les médecins recommandent de boire davantage pendant la canicule annoncée pour jeudi.",
        "La ligne de train sera fermée pendant {n} semaines en raison de travaux.",
    ),
    "de": (
        "Der Stadtrat beschloss am Dienstag einen Haushalt von {n} Millionen Euro für Schulen.",
        "Die Gastgeber gewannen das Halbfinale mit {n} Toren Vorsprung vor vollen Rängen.",
        "Die Preise für Brot und Butter stiegen im vergangenen Monat um {n} Prozent.",
        "Das Museum in der Altstadt zeigt {n} Gemälde aus privaten Sammlungen.",
        "Ärzte raten bei Temperaturen über {n} Grad, mehr Wasser zu trinken.",
        "Die Bahn erneuert {n} Kilometer Gleise zwischen der Hauptstadt und der Küste.",
    ),
    "pl": (
        "Rada miasta przyjęła we wtorek budżet w wysokości {n} milionów złotych na szkoły.",
        "Gospodarze wygrali półfinał różnicą {n} bramek przy pełnych trybunach.",
        "Ceny chleba i masła wzrosły w ubiegłym miesiącu o {n} procent.",
        "Muzeum na starym mieście pokazuje {n} obrazów z prywatnych kolekcji.",
        "Lekarze radzą pić więcej wody, gdy temperatura przekracza {n} stopni.",
        "Kolej odnowi {n} kilometrów torów między stolicą a wybrzeżem.",
    ),
    "lt": (
        "Miesto taryba antradienį patvirtino {n} milijonų eurų biudžetą mokykloms.",
        "Šeimininkai pusfinalyje laimėjo {n} taškų skirtumu prie pilnų tribūnų.",
        "Duonos ir sviesto kainos praėjusį mėnesį pakilo {n} procentais.",
        "Senamiesčio muziejus rodo {n} paveikslų iš privačių kolekcijų.",
        "Gydytojai pataria gerti daugiau vandens, kai temperatūra viršija {n} laipsnių.",
        "Geležinkelis atnaujins {n} kilometrų bėgių tarp sostinės ir pajūrio.",
    ),
    "uk": (
        "Міська рада у вівторок ухвалила бюджет у {n} мільйонів гривень на школи.",
        "Господарі виграли півфінал з різницею у {n} м'ячів на очах повного стадіону.",
        "Ціни на хліб і масло минулого місяця зросли на {n} відсотків.",
        "Музей у старому місті показує {n} картин із приватних колекцій.",
        "Лікарі радять пити більше води, коли температура вища за {n} градусів.",
        "Залізниця оновить {n} кілометрів колії між столицею та узбережжям.",
    ),
    "ru": (
        "Городской совет во вторник принял бюджет в {n} миллионов на школы и больницы.",
        "Хозяева выиграли полуфинал с разницей в {n} мячей на глазах полного стадиона.",
        "Цены на хлеб и масло в прошлом месяце выросли на {n} процентов.",
        "Музей в старом городе показывает {n} картин из частных коллекций.",
        "Врачи советуют пить больше воды, когда температура выше {n} градусов.",
        "Железная дорога обновит {n} километров пути между столицей и побережьем.",
    ),
}


def corpus(name: str) -> list[dict[str, Any]]:
    """Return the lines of one corpus file."""
    text = (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def articles(count: int, seed: int = 1) -> Iterator[Article]:
    """Yield `count` articles, the same for the same seed."""
    chance = random.Random(seed)
    traps: dict[str, list[str]] = {language: [] for language in ORDINARY}
    for line in corpus("traps"):
        if line["lang"] in traps:
            traps[line["lang"]] += [line["title"], line["body"]]
    incidents = corpus("incidents")

    def sentence(language: str, is_trap: bool) -> str:
        texts = traps[language] if is_trap else ORDINARY[language]
        return chance.choice(texts).replace("{n}", str(chance.randint(2, 99)))

    for number in range(count):
        language = chance.choice(sorted(ORDINARY))
        kind = chance.random()
        is_trap = kind < INCIDENT_RATIO + TRAP_RATIO
        title = sentence(language, is_trap)
        length = LONG_CHARS if chance.random() < LONG_RATIO else SHORT_CHARS - len(title)
        body = ""
        while len(body) < length:
            body += sentence(language, is_trap and chance.random() < 0.5) + " "
        body = body[:length]
        if kind < INCIDENT_RATIO:
            line = chance.choice(incidents)
            title, body = line["title"], line["body"]
        yield Article(
            id=f"bench-{seed}-{number}",
            feed=f"bench-{number % 50}",
            publisher=f"publisher-{number % 50}",
            title=title,
            body=body,
            revision=content_id(title, body, str(number)),
            first_seen_at=START + timedelta(seconds=number),
            published_at=START + timedelta(seconds=number),
            theatre="replay",
        )
