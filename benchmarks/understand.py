"""Understanding: milliseconds an article, and the ratio to langdetect on the same texts. Run by hand.

    python benchmarks/understand.py [--count 2000]

The stream is what RSS gives: 80 % up to 400 characters, 20 % about 4,500; one article in twenty
speaks of drones, jets or borders (half of these tell an incident). CPU time on one core; every
figure comes from the same run, and the last line divides langdetect's time by ours.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stream import articles

from streams.catalog import load_catalog
from streams.records import Article
from streams.understand import understand
from streams.understand.language import warm_up
from streams.understand.verdict import Understanding, lexicon_of

CANDIDATE_RATIO = 0.05
LONG_CHARS = 3000


def rss_megabytes() -> float:
    """Return this process's resident memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def spent(work: Callable[[Article], object], article: Article) -> float:
    """Return the CPU milliseconds of one call."""
    began = time.process_time()
    work(article)
    return (time.process_time() - began) * 1000


def told(name: str, each: list[float]) -> None:
    cuts = statistics.quantiles(each, n=100)
    print(
        f"{name}: {len(each)} articles, mean {statistics.mean(each):.3f} ms,"
        f" p50 {cuts[49]:.3f}, p95 {cuts[94]:.3f}, p99 {cuts[98]:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    count = parser.parse_args().count
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    before = rss_megabytes()
    began = time.process_time()
    catalog = load_catalog()
    loaded = time.process_time() - began
    then = rss_megabytes()
    began = time.process_time()
    for language in catalog.languages.values():
        lexicon_of(language, catalog)
    compiled = time.process_time() - began
    warm_up()
    print(
        f"catalog of {len(catalog.languages)} languages and {len(catalog.places.places)} places:"
        f" {loaded:.2f} s, its words compiled in {compiled:.2f} s;"
        f" RSS {before:.0f} → {then:.0f} MB loaded, {rss_megabytes():.0f} MB with both detectors"
    )

    def ours(article: Article) -> Understanding:
        return understand(article, catalog)

    pool = list(articles(count * 2))
    candidates = [a for a in pool if ours(a).candidates]
    plain = [a for a in pool if not ours(a).candidates]
    mixed = plain[: int(count * (1 - CANDIDATE_RATIO))] + candidates[: int(count * CANDIDATE_RATIO)]
    random.Random(7).shuffle(mixed)
    each = {article.id: spent(ours, article) for article in mixed}
    told("stream", list(each.values()))
    told("long, about 4,500 characters", [each[a.id] for a in mixed if len(a.body) > LONG_CHARS])
    told("candidates", [spent(ours, a) for a in candidates])

    from langdetect import detect

    sample = mixed[:200]
    theirs = [spent(lambda a: detect(f"{a.title}. {a.body}"), a) for a in sample]
    mine = [spent(ours, a) for a in sample]
    told("langdetect.detect alone", theirs)
    print(f"ratio: langdetect takes {sum(theirs) / sum(mine):.1f} times as long as understanding")


if __name__ == "__main__":
    main()
