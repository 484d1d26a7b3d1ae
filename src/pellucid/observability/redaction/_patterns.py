"""Secrets that are known by their form, and letters that are not to be shown as they are."""

from __future__ import annotations

import re

from pellucid._util.redaction import REDACTED, redact_urls

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|\Z)",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}"  # AWS
    r"|(?<![A-Za-z0-9])eyJ[A-Za-z0-9_=-]{8,}(?:\.[A-Za-z0-9_=-]+){1,4}"  # RFC 7519, RFC 7516
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[a-z]-[\w-]{10,}|\bAIza[\w-]{30,}"
)
_BEARER = re.compile(r"(?i:(\bbearer\s{1,3}))(?=\S{0,200}[\d._-])[A-Za-z0-9._~+/=-]{8,}")
_HEADER = re.compile(
    r"(?i:\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key))(:[ \t]{0,3})(?![ \t]{0,3}<redacted>)[^\r\n'\"]+"
)
_ASSIGNED = re.compile(
    r"((?i:passw(?:or)?d|passphrase|passcode|secret|token(?!i[sz])|credential|authorization|\bpwd|_pwd"
    r"|(?:api|access|account|private|sas|shared|signing|storage|encryption)[_-]?key|connection[_-]?string)"
    r"[\w.-]{0,40}\\?[\"']?\]?\s{0,3}(?:=>|:=|==?|:)\s{0,3})"
    r"(?:([bBfFrRuU]{0,2}\"(?!\"\"))(?:[^\"\\]|\\.)*(\"|\\?\Z)|([bBfFrRuU]{0,2}'(?!''))(?:[^'\\]|\\.)*('|\\?\Z)"
    r"|(?!…|//)([^\s]+))",
    re.DOTALL,
)
_USER = re.compile(r"(?<=://)[^\s/:@]{0,512}:(?!\d{1,5}(?:[/\"',?#\s]|$))[^\s@]*@")
# Behind a placeholder, which no URL has in it, a query is not found as that of a URL.
_QUERY = re.compile(r"(://<redacted>@[^\s?'\"<>]*\?)[^\s'\"<>]+")
_CUT_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/:@]{0,512}:(?!\d{1,5}(?:[/?#]|\Z))[^\s@]*\Z")

_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_INVISIBLE_IN_LINES = re.compile(f"(?![\t\n]){_INVISIBLE.pattern}")
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_SIGNS_AFTER = ",;.)]}\"'"


def hide_known_forms(text: str, *, is_cut: bool) -> str:
    """Return a text without keys, tokens, user information and queries of URLs, and values of secret names.

    Args:
        text: of bounded length.
        is_cut: whether there is more of it, so that what a secret ends with may be missing.
    """
    if "-----BEGIN" in text:
        text = _PRIVATE_KEY.sub(REDACTED, text)
    text = _BEARER.sub(rf"\1{REDACTED}", _TOKEN.sub(REDACTED, text))
    if "://" in text:
        text = _QUERY.sub(rf"\1{REDACTED}", redact_urls(_USER.sub(f"{REDACTED}@", text)))
        if is_cut:
            text = _CUT_URL.sub(rf"\1{REDACTED}", text)
    if ":" in text or "=" in text:
        text = _ASSIGNED.sub(_unassigned, _HEADER.sub(rf"\1\2{REDACTED}", text))
    return text


def names_secret(text: str) -> bool:
    """Tell whether something in a text is assigned to the name of a secret."""
    return _ASSIGNED.search(text) is not None or _HEADER.search(text) is not None


def visible(text: str, *, keeps_lines: bool = False) -> str:
    """Return a text in which letters that control a terminal, end a line, or turn the direction are written as escapes.

    Args:
        text: any.
        keeps_lines: leave line ends and tabulators as they are.
    """
    if text.isprintable():
        return text
    return (_INVISIBLE_IN_LINES if keeps_lines else _INVISIBLE).sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    letter = match.group()
    code = ord(letter)
    return _SHORT.get(letter) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def _unassigned(match: re.Match[str]) -> str:
    before, double, double_end, single, single_end, bare = match.groups()
    if bare is None:
        return f"{before}{double or single}{REDACTED}{double_end or single_end or ''}"
    value = bare.rstrip(_SIGNS_AFTER)
    return f"{before}{REDACTED}{bare[len(value) :]}" if value and value != REDACTED else f"{match.group()}"
