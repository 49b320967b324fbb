"""Pure: from the bytes of a page to its text, as browsers read it."""

from __future__ import annotations

import codecs
import encodings
import encodings.aliases
import functools
import pkgutil
import re

from checks.http.head import Headers

NO_CHARSETS = frozenset(("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"))
"""Codecs of Python for text that are no charsets of documents."""
WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""What browsers read instead: many pages hold more letters than the charset they name."""
_ISO_WITH_WINDOWS = ("iso8859-1", "iso8859-9", "iso8859-11", "tis-620")
"""Charsets whose control characters from 0x80 on nobody writes: pages mean what Windows has there."""
_WINDOWS = {byte: bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}
LABELS = {
    "utf-8": ("unicode_1_1_utf_8", "unicode11utf8", "unicode20utf8", "x_unicode20utf8", "utf8mb4"),
    "utf-16-le": ("unicode", "ucs_2", "iso_10646_ucs_2", "csunicode", "unicodefeff"),
    "utf-16-be": ("unicodefffe",),
    "gb18030": ("csgb2312", "gb_2312", "gb_2312_80"),
    "big5hkscs": ("cn_big5", "x_x_big5"),
    "euc_jp": ("cseucpkdfmtjapanese",),
    "cp932": ("windows_31j",),
    "cp949": ("cseuckr", "csksc56011987", "iso_ir_149", "ks_c_5601_1989", "ksc_5601", "windows_949"),
    "cp874": ("dos_874", "windows_874"),
    "koi8_r": ("koi", "koi8"),
    "koi8_u": ("koi8_ru",),
    "mac_roman": ("mac", "csmacintosh"),
    "mac_cyrillic": ("x_mac_ukrainian",),
    "iso8859_6": ("csiso88596e", "csiso88596i", "iso_8859_6_e", "iso_8859_6_i"),
    "iso8859_7": ("sun_eu_greek",),
    "iso8859_8": ("csiso88598e", "csiso88598i", "iso_8859_8_e", "iso_8859_8_i", "logical", "visual"),
    "iso8859_15": ("csisolatin9",),
}
"""Names that browsers know (WHATWG) and Python does not, by Python's name."""
_LABELS = {label: codec for codec, labels in LABELS.items() for label in labels}
_LABELS |= {f"iso8859{part}": f"iso8859_{part}" for part in range(1, 17) if part != 12}
_CHARSET = re.compile(r"(?:^|[;,\s])charset\s*=\s*[\"']?([^\s;,\"']+)", re.IGNORECASE)
_DECLARED = re.compile(
    rb"""<meta\b[^>]{0,300}?\bcharset\s*=\s*["']?\s*([\w.:-]{2,40})|^\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]{2,40})""",
    re.IGNORECASE,
)
DECLARED_WITHIN = 1024
"""Bytes of a page in which it may say its charset (HTML)."""
CONTENT_TYPE_LIMIT = 1000
"""Letters of a Content-Type that are looked at."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before that of UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def text_of(body: bytes, headers: Headers, cut: bool = False) -> str:
    """Read a body as its byte order mark, Content-Type, or the page itself says; else as UTF-8, or as Latin-1."""
    for mark, charset in _MARKS.items():
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace")
    charset = charset_of(headers) or _charset_of_page(body, headers)
    # What calls itself ASCII and is none, is what the rest of the web is.
    if charset and codecs.lookup(charset).name != "ascii":
        return _decode(body, charset)
    try:
        # What was cut may end within a letter.
        return codecs.getincrementaldecoder("utf-8")().decode(body, final=not cut)
    except UnicodeDecodeError:
        return _decode(body, "latin-1")  # never fails, and ASCII survives


def _decode(body: bytes, charset: str) -> str:
    name = codecs.lookup(charset).name
    try:
        text = body.decode(charset)
    except UnicodeError:
        return body.decode(WIDER.get(name, charset), "replace")
    return text.translate(_WINDOWS) if name in _ISO_WITH_WINDOWS else text


def charset_of(headers: Headers) -> str:
    """Return the charset that Content-Type names, where it is known, by Python's name; else nothing."""
    match = _CHARSET.search(headers.get("content-type")[:CONTENT_TYPE_LIMIT])
    return _find_codec(match[1]) if match else ""


def _charset_of_page(body: bytes, headers: Headers) -> str:
    """Return the charset that a page of HTML or XML names itself, as far as it is known; else nothing."""
    kind = headers.get("content-type")[:CONTENT_TYPE_LIMIT].lower()
    match = _DECLARED.search(body[:DECLARED_WITHIN]) if not kind or "html" in kind or "xml" in kind else None
    name = _find_codec((match[1] or match[2]).decode("ascii", "ignore")) if match else ""
    # Who can read this line of a page reads no UTF-16.
    return "utf-8" if name.replace("_", "-").startswith("utf-16") else name


def _find_codec(label: str) -> str:
    name = _plain(label)
    codec = _LABELS.get(name) or _codecs().get(name) or _codecs().get(name.removeprefix("x_"))
    return codec if codec and _is_charset(codec) else ""


def is_charset(label: str) -> bool:
    """Tell whether a word is the name of a charset."""
    return bool(_find_codec(label))


@functools.cache
def _codecs() -> dict[str, str]:
    # Names are looked up here first: codecs.lookup remembers for ever each name that any server made up.
    names = {module.name for module in pkgutil.iter_modules(encodings.__path__)} | set(encodings.aliases.aliases)
    return {_plain(name): name for name in names if name != "aliases"}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _is_charset(name: str) -> bool:
    try:
        b"a".decode(name)  # LookupError for what is no encoding of text, as rot13 and zlib
    except UnicodeError:
        pass
    except (LookupError, ImportError):
        return False
    return _plain(codecs.lookup(name).name) not in NO_CHARSETS
