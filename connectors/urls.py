"""An address's canonical form: for identity and comparing only, never shown. Pure.

url-normalize does ports, dots, case and escapes; the trackers are our own list, because its own
parameter filter drops all of them, the article's number too.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from url_normalize import url_normalize

#: Parameters that say whence a reader came, never which article: exact names.
TRACKERS = frozenset(
    [
        "fbclid",
        "gclid",
        "gclsrc",
        "dclid",
        "gbraid",
        "wbraid",
        "msclkid",
        "yclid",
        "ysclid",
        "twclid",
        "ttclid",
        "igshid",
        "igsh",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "oly_anon_id",
        "oly_enc_id",
        "vero_id",
        "vero_conv",
        "wickedid",
        "_openstat",
        "_hsenc",
        "_hsmi",
        "__hssc",
        "__hstc",
        "__hsfp",
        "hsctatracking",
        "s_cid",
        "ncid",
        "cmpid",
        "cmp",
        "cid",
        "icid",
        "ito",
        "cvid",
        "ocid",
        "sr_share",
        "smid",
        "at_medium",
        "at_campaign",
        "at_custom1",
        "at_custom2",
        "at_custom3",
        "at_custom4",
        "at_link_id",
        "at_link_type",
        "at_link_origin",
        "at_ptr_name",
        "at_bbc_team",
        "at_format",
        "ns_mchannel",
        "ns_source",
        "ns_campaign",
        "ns_linkname",
        "ns_fee",
        "spm",
        "scm",
        "ref_src",
        "ref_url",
        "referrer",
        "guccounter",
        "guce_referrer",
        "guce_referrer_sig",
        "xtor",
        "rb_clickid",
        "srsltid",
        "wt_mc",
        "wt.mc_id",
        "wtrid",
        "echobox",
        "feature_id",
        "feedtype",
        "feedname",
        "sharetype",
        "traffic_source",
    ]
)
#: Beginnings of names.
TRACKER_PREFIXES = ("utm_", "pk_", "mtm_", "matomo_", "hsa_", "at_recipient", "trk_", "stm_")


def canonical_url(url: str | None) -> str | None:
    """Return the form under which two addresses of one page are equal; None without an address.

    http and https are one, default ports, dot segments, fragments and trackers go; other
    parameters stay, in their order.
    """
    if not url:
        return None
    try:
        parts = urlsplit(str(url_normalize(url)))
    except (ValueError, UnicodeError, AttributeError):
        return url
    query = "&".join(
        part for part in parts.query.split("&") if part and not _is_tracker(part.partition("=")[0])
    )
    return urlunsplit(("https", parts.netloc, parts.path or "/", query, ""))


def _is_tracker(name: str) -> bool:
    name = name.lower()
    return name in TRACKERS or name.startswith(TRACKER_PREFIXES)
