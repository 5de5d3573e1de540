"""One suite over every chat kind in the folder: hostile words, limits, verdicts, secrets."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chat_room import CANARY, NOW, message, targets
from chat_server import SIGNING, ChatServer
from standardwebhooks import Webhook, WebhookVerificationError

from connectors import registry, words
from connectors.guard import Guard
from connectors.room import Answer, Request, kind_of, retry_after
from connectors.send import Sender

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "chat_golden.json"
UPDATE_GOLDEN = os.environ.get("UPDATE_GOLDEN") == "1"
KINDS = sorted(registry.kinds("chat"))
SERVICES = [name for name in KINDS if name != "console"]
FOR_PEOPLE = [name for name in KINDS if not kind_of(name).IS_MACHINE]
HOSTILE = [json.loads(line) for line in (DATA / "hostile_headlines.jsonl").read_text().splitlines()]
_HIDDEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2060-\u206f\u200b-\u200f\ufeff]")
#: What would ping people, per kind, in the texts that the service parses.
_PINGS = {
    "slack": re.compile(r"<[!@#]"),
    "discord": re.compile(r"(?!)"),  # allowed_mentions forbids all; checked by its own property
    "mattermost": re.compile(r"(?<![\w\\])@(all|channel|here)\b"),
    "teams": re.compile(r"<at>|\{\{|\$\{"),
    "telegram": re.compile(r"(?<![\w/])@[a-zA-Z]"),
}


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and value.get("type") == "plain_text":
        return  # Slack does not parse it; its hidden characters are looked for in the whole body
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def requests(name: str, **given: Any) -> list[Request]:
    """Return all requests of a kind for a message, over targets, actions and forms."""
    kind = kind_of(name)
    made = []
    for target in targets(name):
        actions = ["post", "edit", "reply"] if kind.can_edit(target) else ["post"]
        for action in actions:
            for short in (False, True):
                made.append(kind.request(message(**given), action, target, NOW, "7.1", short))
    return made


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_says_what_it_needs(name: str) -> None:
    kind = kind_of(name)
    assert {"url", "token", "chat", "signing"} >= kind.NEEDS | kind.MAY_HAVE
    assert not kind.NEEDS & kind.MAY_HAVE
    assert kind.PER_SECOND > 0 and kind.BURST >= 1


@pytest.mark.parametrize("name", SERVICES)
async def test_the_service_takes_every_hostile_headline(name: str) -> None:
    kind = kind_of(name)
    async with ChatServer() as server, Sender(Guard("127.0.0.1")) as sender:
        for target in targets(name, f"http://127.0.0.1:{server.port}"):
            for item in HOSTILE:
                for short in (False, True):
                    given = {"url": item["url"]} if "url" in item else {}
                    now = datetime.now(UTC)  # receivers refuse old and future signatures
                    made = kind.request(
                        message(item["text"], **given), "post", target, now, None, short
                    )
                    answer = await sender.send(made)
                    assert isinstance(answer, Answer), item
                    verdict = kind.verdict(answer, NOW)
                    assert verdict.outcome == "delivered", (item["text"][:60], verdict)
                    assert kind.can_edit(target) == bool(verdict.ref)
        assert not server.faults


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_no_hostile_headline_steers_or_pings(name: str) -> None:
    for item in HOSTILE:
        for made in requests(name, text=item["text"], url=item.get("url", "https://ok.example/")):
            told = made.body.decode()
            shown = list(texts(json.loads(told))) if made.method != "PRINT" else [told]
            assert not _HIDDEN.search(told.replace("\n", "")), item
            assert not re.search(r"\\u(20[0-2]|feff|00[01])", told), item
            for text in shown:
                if name in _PINGS:
                    assert not _PINGS[name].search(text), (item, text)
                assert not re.search(r"(?i)(javascript|data):[^ ]", text), (item, text)


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_no_link_but_ours(name: str) -> None:
    for item in HOSTILE:
        for made in requests(name, text=item["text"], url="https://ok.example/story"):
            found = re.findall(r"(?i)\b[a-z]{2,20}:/+[^\s<>|\"')\]]+", made.body.decode())
            assert {url for url in found if "ok.example" not in url} <= _OWN, (item, found)


#: Addresses that belong to a service's format.
_OWN = {"http://adaptivecards.io/schemas/adaptive-card.json"}


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_hostile_addresses_are_refused_or_made_safe(name: str) -> None:
    bad = [item["url"] for item in HOSTILE if item["class"] == "urls"]
    for url in bad:
        for made in requests(name, text="Drone over Vilnius", url=url):
            told = made.body.decode()
            assert "evil.example" not in told.split("Vilnius")[-1] or "@" not in url, url
            for found in re.findall(r"https?://[^\s\"]+", told):
                if found.rstrip("\\") in _OWN:
                    continue
                host = found.split("/")[2]
                assert "@" not in host and host.isascii(), (url, found)


@pytest.mark.parametrize("name", KINDS)
def test_words_stay_readable(name: str) -> None:
    for made in requests(name, text="Dronas įskrido virš Vilniaus & 3 <km> toliau"):
        told = made.body.decode()
        shown = json.dumps(json.loads(told), ensure_ascii=False) if told[:1] == "{" else told
        for word in ("Dronas", "įskrido", "Vilniaus", "toliau"):
            assert word in shown


@pytest.mark.parametrize("name", KINDS)
def test_golden_payloads(name: str) -> None:
    samples = {
        "plain": "Drone over Lithuania: crossed the border (reported)",
        "hostile": 'A <!channel> @everyone *b* _i_ [x](http://evil.example) {{T(1)}} `c` & "q" <b>',
    }
    made = {}
    for sample, text in samples.items():
        for number, one in enumerate(requests(name, text=text)):
            body = one.body.decode()
            made[f"{sample}-{number}"] = body if one.method == "PRINT" else json.loads(body)
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if UPDATE_GOLDEN:
        golden[name] = made
        GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    assert made == golden.get(name), "look at the difference; accept it with UPDATE_GOLDEN=1"


STATUS = {
    302: {"disabled"},
    400: {"rejected"},
    401: {"disabled"},
    403: {"disabled"},
    404: {"disabled"},
    410: {"disabled"},
    413: {"rejected"},
    429: {"throttled"},
    500: {"retry"},
    502: {"unknown", "retry"},
    503: {"retry"},
    504: {"unknown", "retry"},
}


@pytest.mark.parametrize("name", SERVICES)
def test_verdicts_by_status(name: str) -> None:
    kind = kind_of(name)
    for status, outcomes in STATUS.items():
        for body in (b"", b"<html>", b"{}", b"[1]", b"null", b"\xff\xfe"):
            verdict = kind.verdict(Answer(status, {}, body), NOW)
            assert verdict.outcome in outcomes, (status, body, verdict)
    for raw, seconds in (("7", 7), ("2.5", 2.5), ("Sat, 21 Nov 2026 12:00:09 GMT", 9)):
        verdict = kind.verdict(Answer(429, {"retry-after": raw}, b""), NOW)
        assert verdict.outcome == "throttled"
        assert verdict.until is not None and verdict.until >= NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("name", KINDS)
def test_nothing_prints_a_secret(name: str) -> None:
    for target in targets(name):
        made = kind_of(name).request(message("x"), "post", target, NOW)
        assert CANARY not in repr(target) + repr(made) + str(dataclasses.replace(target))
        assert CANARY not in made.body.decode()
        assert CANARY not in target.redact(f"POST {target.url} {target.token} {made.url}")


def test_retry_after_forms() -> None:
    told = {"": None, "x": None, "-5": 0, "5": 5, "nan": None, "1e99": 7 * 86400}
    for raw, seconds in told.items():
        found = retry_after({"retry-after": raw}, NOW)
        assert found == (None if seconds is None else NOW + timedelta(seconds=seconds)), raw


@pytest.mark.parametrize("limit", [1, 2, 5, 10])
def test_cut_never_exceeds_nor_splits(limit: int) -> None:
    for text in ("abc", "e\u0301" * 20, "🚨" * 20, "&" * 20, "Ж" * 20, ""):
        for size in (len, words.utf16_units, words.utf8_bytes, lambda t: len(t) * 5):
            found = words.cut(text, limit, size)
            assert size(found) <= limit or found == ""
            assert found == text or not found or found.endswith("…")
            assert not found.removesuffix("…").endswith("e") or found == text


def test_safe_links() -> None:
    good = {
        "https://www.lrt.lt/naujienos/1": ("https://www.lrt.lt/naujienos/1", "lrt.lt"),
        "https://news.bbc.co.uk/x?a=1&b=2#f": ("https://news.bbc.co.uk/x?a=1&b=2", "bbc.co.uk"),
        "https://bücher.example/ü|x": (
            "https://xn--bcher-kva.example/%C3%BC%7Cx",
            "xn--bcher-kva.example",
        ),
    }
    for url, (safe, domain) in good.items():
        assert words.safe_link(url) == words.SafeLink(safe, domain)
    for url in (
        "javascript:x",
        "https://a@b.example/",
        "http://x y/",
        "",
        None,
        "https://\n.example",
    ):
        assert words.safe_link(url) is None


def verdict(name: str, status: int, body: str, **headers: str) -> tuple[str, str]:
    found = kind_of(name).verdict(
        Answer(status, {k.replace("_", "-"): v for k, v in headers.items()}, body.encode()), NOW
    )
    return found.outcome, found.reason


def test_services_explain_themselves_in_the_body() -> None:
    assert verdict("slack", 200, "ok") == ("delivered", "http_200")
    assert verdict("slack", 200, "invalid_blocks") == ("rejected", "invalid_blocks")
    assert verdict("slack", 200, '{"ok": false, "error": "channel_not_found"}')[0] == "disabled"
    assert verdict("slack", 200, '{"ok": false, "error": "ratelimited"}')[0] == "throttled"
    assert verdict("slack", 200, '{"ok": false, "error": "Weird Error"}') == (
        "retry",
        "slack_error",
    )
    assert verdict("slack", 404, "no_service") == ("disabled", "http_404:no_service")
    assert verdict("slack", 200, "<html>captive portal</html>")[0] == "unknown"
    assert verdict("discord", 404, '{"code": 10008}') == ("rejected", "unknown_message")
    assert verdict("discord", 404, '{"code": 10015}')[0] == "disabled"
    assert verdict("telegram", 400, '{"description": "Bad Request: message is not modified"}') == (
        "delivered",
        "not_modified",
    )
    assert (
        verdict("telegram", 400, '{"description": "Bad Request: chat not found"}')[0] == "disabled"
    )
    assert (
        verdict("teams", 200, "Microsoft Teams endpoint returned HTTP error 429")[0] == "throttled"
    )
    assert verdict("teams", 202, "") == ("delivered", "http_202")
    assert verdict("webhook", 202, "anything") == ("delivered", "http_202")


def test_waits_that_stand_in_the_body_are_kept() -> None:
    told = kind_of("telegram").verdict(Answer(429, {}, b'{"parameters": {"retry_after": 35}}'), NOW)
    assert told.until == NOW + timedelta(seconds=35)
    told = kind_of("discord").verdict(
        Answer(429, {"retry-after": "1"}, b'{"retry_after": 64.57, "global": false}'), NOW
    )
    assert told.until == NOW + timedelta(seconds=64.57)
    last = {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "1.5"}
    told = kind_of("discord").verdict(Answer(200, last, b'{"id": "1"}'), NOW)
    assert (told.outcome, told.until) == ("delivered", NOW + timedelta(seconds=1.5))


def test_the_signature_is_the_standard_one() -> None:
    """The example of the specification's own libraries, checked by their verifier."""
    made = requests("webhook", text="x")[0]
    headers = {**made.headers, "webhook-timestamp": str(int(datetime.now(UTC).timestamp()))}
    with pytest.raises(WebhookVerificationError):
        Webhook(SIGNING).verify(made.body, headers)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    signature = Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
