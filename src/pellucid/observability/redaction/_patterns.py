"""Secrets that are known by their form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pellucid._util.lazily import LazyPattern
from pellucid._util.redaction import REDACTED, redact_urls
from pellucid._util.rows import Row
from pellucid.observability.redaction._assigned import hide_assigned

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.redaction._assigned import NamesSecret

# By a letter that is rare in ordinary texts, so that little of them is looked at.
MARKS = (
    r"-(?:----BEGIN|(?<![^\s'\"]-)[-upaPwU]|(?=[\w-]{10})(?:(?<=glpat-)|(?<=gl[dr]t-)|(?<=xox[a-z]-)|(?<=xapp-)|(?<=sk-)"
    r"|(?<=pypi-)|(?<=GOCSPX-)|(?<=AGE-)))"
    r"|_(?=\w{10})(?:(?<=gh[pousr]_)|(?<=hub_pat_)|(?<=[rs]k_)|(?<=hsec_)|(?<=hf_)|(?<=npm_)|(?<=dop_)"
    r"|(?<=shp[acs][ats]_)|(?<=glsa_)|(?<=glc_))"
    r"|\.(?=[\w-]{5})(?:(?<=hooks\.)slack|(?<=ya29\.)|(?<=SG\.)|(?<=hv[sb]\.))"
    r"|A(?:[KSB]IA|CCA|Iza)|J(?<=eyJ)|B(?:earer |EARER |asic |ASIC )|b(?:earer |asic )|k(?<=[Tt]ok)en |K(?<=TOK)EN "
    r"|dapi|@"
)
"""A pattern of what is in each text that a secret without ``:`` and ``=`` is found in."""

_PRIVATE_KEY = LazyPattern(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|\Z)",
    re.DOTALL,
)
_TOKEN = LazyPattern(
    # AWS: the id of a key, and the key itself where it follows
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?:[\s:,;'\"|]{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+]))?"
    r"|(?<![A-Za-z0-9])eyJ[A-Za-z0-9_=-]{8,}(?:\.[A-Za-z0-9_=-]+){1,4}"  # RFC 7519, RFC 7516
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bgl(?:pat|dt|rt)-[\w-]{16,}"
    r"|\bxox[a-z]-[\w-]{10,}|\bxapp-[\w-]{20,}|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}"
    r"|\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{20,}"
    r"|\bsk-(?:(?:proj|svcacct|admin|ant|or)-[\w-]{20,}|[A-Za-z0-9]{32,})"
    r"|\bhf_[A-Za-z0-9]{25,}|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{40,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\bdapi[0-9a-f]{32}|\bhv[sb]\.[\w-]{20,}|\bdop_v1_[0-9a-f]{40,}|\bshp(?:at|ss|ca)_[0-9a-fA-F]{32}"
    r"|\bgl(?:sa|c)_[\w=-]{20,}|\bAGE-SECRET-KEY-1[A-Z0-9]{20,}"
)
_BEARER = LazyPattern(r"(?i:(\bbearer\s{1,3}))(?=\S{0,200}[\d._-])[A-Za-z0-9._~+/=-]{8,}")
_NAMED = LazyPattern(r"(?i:(\btoken\s{1,3}))(?=[\w.~+/-]{0,200}\d)(?=[\w.~+/-]{0,200}[A-Za-z])[\w.~+/-]{16,}={0,2}")
_BASIC = LazyPattern(r"(?i:(\bbasic\s{1,3}))([A-Za-z0-9+/_-]{8,}={0,2})")
_HEADER = LazyPattern(
    r"(?i:\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key))(:[ \t]{0,3})(?![ \t]{0,3}<redacted>)[^\r\n'\"]+"
)
_ORACLE = LazyPattern(r"(?i:(\bjdbc:oracle:\w{1,10}:))[^\s@/'\"<]{1,128}/[^\s'\"]*(@)")
_SQLPLUS = LazyPattern(
    r"(\b(?:sqlplus|sqlldr|expdp|impdp)\b[^\n/@]{0,100}?\s)[^\s@/'\"<-][^\s@/'\"]{0,128}/[^\s@]+(@?)"
)
_HOOK = LazyPattern(r"(\bhooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]+")
_USER = LazyPattern(r"(?<=://)[^\s/:@]{0,512}:(?!\d{1,5}(?:[/\"',?#\s]|$))[^\s@]{0,4096}@")
# Behind a placeholder, which no URL has in it, a query is not found as that of a URL.
_QUERY = LazyPattern(r"(://<redacted>@[^\s?'\"<>]*\?)[^\s'\"<>]+")
_CUT_URL = LazyPattern(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/:@]{0,512}:(?!\d{1,5}(?:[/?#]|\Z))[^\s@]{0,4096}\Z")

# What is between a command and its flag, and between a flag and its value: as typed, or as the repr of a list.
_ARGUMENTS = r"\b[^\n|;]{0,300}?(?<=[\s'\"])"
_GAP = r"(?:\s{1,3}|['\"],\s{0,3})['\"]?"
_VALUE = r"[^\s'\"<][^\s'\"]*"
_LOGIN = LazyPattern(
    rf"(\b(?:curl|wget|https?(?!:)|smbclient){_ARGUMENTS}(?:(?:-u|-U|-a|--user|--proxy-user|--auth)(?:{_GAP}|=)|-u))"
    r"([^\s:'\"<%-][^\s:'\"%]{0,200})[:%][^\s'\"]+"
)
_PASSWORD_FLAG = LazyPattern(
    rf"(\b(?:(?:mysql|maria)[\w-]{{0,20}}{_ARGUMENTS}-p(?!\w*[=:])"
    rf"|sshpass{_ARGUMENTS}-p(?:{_GAP})?"
    rf"|(?:mongo\w{{0,10}}|docker|podman|helm|az|skopeo|buildah){_ARGUMENTS}-p{_GAP}"
    rf"|redis-cli{_ARGUMENTS}-a{_GAP}|(?:sqlcmd|bcp){_ARGUMENTS}-P(?:{_GAP})?|ldap\w{{0,10}}{_ARGUMENTS}-w{_GAP}))"
    rf"{_VALUE}"
)


_is_marked = re.compile(MARKS).search
# What is hidden may uncover what is beside it: the next flag of a command, the next word.
_MOST_TIMES = 20


class _Rule(Row):
    """What is replaced in a text if one of the marks is in it, in small letters."""

    marks: tuple[str, ...]
    pattern: LazyPattern
    by: str | Callable[[re.Match[str]], str]


def _without_basic(match: re.Match[str]) -> str:
    """Hide a user and a password as RFC 7617 writes them, and what is no word."""
    import base64

    coded = match.group(2)
    whole = coded.rstrip("=")
    raw = base64.b64decode(whole[: len(whole) // 4 * 4], altchars=b"-_" if set(coded) & set("-_") else b"+/")
    is_user = b":" in raw and all(0x20 <= each < 0x7F for each in raw)
    is_coded = len(coded) >= 16 and any(map(str.isdigit, coded)) and any(map(str.isalpha, coded))
    return f"{match.group(1)}{REDACTED}" if is_user or is_coded else match.group()


_COMMANDS = ("mysql", "maria", "sshpass", "mongo", "docker", "podman", "helm", "redis-cli", "sqlcmd", "bcp", "ldap")
_RULES = (
    _Rule(("-----begin",), _PRIVATE_KEY, REDACTED),
    _Rule(("",), _TOKEN, REDACTED),
    _Rule(("bearer",), _BEARER, rf"\1{REDACTED}"),
    _Rule(("token ",), _NAMED, rf"\1{REDACTED}"),
    _Rule(("basic ",), _BASIC, _without_basic),
    _Rule(("curl", "wget", "http", "smbclient"), _LOGIN, rf"\1{REDACTED}"),
    _Rule((*_COMMANDS, "az ", "'az'", "skopeo", "buildah"), _PASSWORD_FLAG, rf"\1{REDACTED}"),
    _Rule(("sqlplus", "sqlldr", "expdp", "impdp"), _SQLPLUS, rf"\1{REDACTED}\2"),
    _Rule(("jdbc:oracle:",), _ORACLE, rf"\1{REDACTED}\2"),
    _Rule(("hooks.slack.com",), _HOOK, rf"\1{REDACTED}"),
)


def hide_known_forms(text: str, names_secret: NamesSecret, *, is_cut: bool) -> str:
    """Return a text without keys, tokens, user information and queries of URLs, and values of secret names.

    Args:
        text: of bounded length.
        names_secret: tells for a name whether what is assigned to it is secret.
        is_cut: whether there is more of it, so that what a secret ends with may be missing.
    """
    for _ in range(_MOST_TIMES):
        shown = _hidden(text, names_secret, is_cut=is_cut)
        if shown == text:
            break
        text = shown
    return text


def _hidden(text: str, names_secret: NamesSecret, *, is_cut: bool) -> str:
    folded = text.casefold()
    if _is_marked(text):
        for marks, pattern, by in _RULES:
            if any(mark in folded for mark in marks):
                text = pattern.sub(by, text)
    if "://" in text:
        text = _QUERY.sub(rf"\1{REDACTED}", redact_urls(_USER.sub(f"{REDACTED}@", text) if "@" in text else text))
        if is_cut:
            text = _CUT_URL.sub(rf"\1{REDACTED}", text)
    if "authorization" in folded or "cookie" in folded or "x-api-key" in folded:
        text = _HEADER.sub(rf"\1\2{REDACTED}", text)
    return hide_assigned(text, names_secret)
