"""The records' JSON Schemas are committed; a change may only add optional fields within v1."""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec
import pytest
from conftest import ROOT

from streams import records

FOLDER = ROOT / "tests" / "data" / "schemas"
ON_THE_WIRE = (
    "Article", "TaggedArticle", "Hit", "ReportSet", "Decision", "CatalogSwitch", "Tick", "Incident",
    "Outcome", "Alert", "Delivery", "FeedState",
)  # fmt: skip


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(msgspec.json.schema(getattr(records, name))))
    return found


@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_readers_of_yesterday_and_tomorrow_understand_each_other(name: str) -> None:
    path = FOLDER / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema(name), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    before, now = json.loads(path.read_text(encoding="utf-8")), schema(name)
    for struct, old in before["$defs"].items():
        new = now["$defs"].get(struct)
        assert new is not None, f"{struct} is gone: a break needs a .v2 topic"
        assert set(old.get("required", ())) >= set(new.get("required", ())), (
            f"{struct} requires more than v1 promised"
        )
        gone = set(old.get("properties", ())) - set(new.get("properties", ()))
        assert not gone, f"{struct} lost {sorted(gone)}"
        for field, kind in old.get("properties", {}).items():
            was, became = kind.get("type"), new["properties"][field].get("type")
            assert was == became, f"{struct}.{field} was {was}, became {became}"
    assert before == now, "run UPDATE_GOLDEN=1 pytest tests/test_schemas.py and review the diff"
