"""What an HTML page is, when a feed was expected. Pure."""

from __future__ import annotations

import re

from connectors.errors import ParseError

_CHALLENGE = (
    "/cdn-cgi/challenge-platform/",
    "cf-chl-",
    "cf_chl_opt",
    "just a moment...",
    "checking your browser",
    "ddos-guard",
    "_incapsula_resource",
    "px-captcha",
    "datadome",
)
_CAPTCHA = ("g-recaptcha", "h-captcha", "hcaptcha", "captcha")
_LOGIN = re.compile(r"""<input[^<>]{0,200}type\s*=\s*["']?password""", re.I)
_HEAD_CHARS = 64 * 1024
_PROLOG = re.compile(r"\s*<\?xml[^<>]*\?>")


def without_prolog(text: str) -> str:
    """Return a page without its XML declaration, which lxml refuses in text already decoded."""
    found = _PROLOG.match(text)
    return text[found.end() :] if found else text


def is_challenge(text: str) -> bool:
    """Return True for the page of a service that wants to see a browser."""
    low = text[:_HEAD_CHARS].lower()
    return any(mark in low for mark in _CHALLENGE)


def page_trouble(text: str) -> ParseError:
    """Return the error that fits an HTML page served in a feed's place."""
    if is_challenge(text):
        return ParseError("challenge", "a page that wants to see a browser, in the feed's place")
    low = text[:_HEAD_CHARS].lower()
    if any(mark in low for mark in _CAPTCHA):
        return ParseError("challenge", "a captcha page, in the feed's place")
    if _LOGIN.search(text[:_HEAD_CHARS]):
        return ParseError("not_a_feed", "a login page, in the feed's place")
    return ParseError("not_a_feed", "an HTML page; `flankwatch feeds discover` finds its feeds")
