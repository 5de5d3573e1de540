"""One article in, language, tags, reports, verdict and the reasons out: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.catalog import Catalog
    from streams.records import Article
    from streams.understand.verdict import Understanding


def understand(article: Article, catalog: Catalog) -> Understanding:
    """Return what one article says; see streams/understand/verdict.py.

    Imported late: the catalog folds its terms with this package's text module.
    """
    from streams.understand.verdict import understand as really

    return really(article, catalog)
