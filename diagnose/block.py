"""A text → the stretches of secrets that run over several lines: PEM blocks, and tokens wrapped at a column.

Each line is its own stretch, so the number of lines never changes; a log prefix before the stretch stays.
Limits: a wrapped password without the look of a token is not followed; interleaved lines of other threads are
left alone.
"""

from collections.abc import Iterator

from diagnose.label import Hit, latin, small
from diagnose.secret import Stretch

_MARK = latin(rb"-----(BEGIN|END) [A-Z0-9 ]{2,40}-----")
# one line may hold a whole block, its line ends escaped or replaced by blanks
_NEXT_STRING = rb"\\*[\"'],[ ]?\\*[\"']"  # of a list of lines
_BODY = latin(
    rb"(?:[A-Za-z0-9+/=]+|\\+[nr]|%0[AaDd]|%2[BbFf]|%3[Dd]|[ \t]|" + _NEXT_STRING + rb"[A-Za-z0-9+/]{40,})*"
    rb"(?:(?:" + _NEXT_STRING + rb"[A-Za-z0-9+/=]+)?(?:" + _NEXT_STRING
    + rb")?-----END [A-Z0-9 ]{2,40}-----)?"
)  # fmt: skip
_TAIL = latin(rb"[A-Za-z0-9+/=]+(?:\\+[nr]?|[\"', \t\r])*\z")
_HEADER = latin(rb"(?:Proc-Type|DEK-Info|Comment|Version|Subject|PuTTY-User-Key-File-[0-9]):[^\n]*")
_REST = small(
    rb"(?=.*[A-Za-z])(?=.*[0-9!@#$^&*~?+])[A-Za-z0-9+/_.%!@#$^&*~?][A-Za-z0-9+/_.%!@#$^&*~?=-]{1,80}\z"
)
_SETTING = small(rb"[A-Za-z][\w-]*(?:\.[\w-]+)*=[^=]|(?:[a-z][A-Za-z_-]*\.){2,}[A-Za-z]")
_WRAPPED = small(rb"[ \t]*([A-Za-z0-9+/=_.%!@#$^&*~?-]+)")
_LINE_END = small(rb"[ \t\r\\]*\n")
_BODY_LINE = latin(rb"(?m)(?:^|[\s:|>\]\"'])([A-Za-z0-9+/]{60,76}={0,2})[\"',\\nr \t\r]*$")

_LAST = small(rb"[ \t\r]*\n[ \t]*([A-Za-z0-9+/]{16,75}={0,2})[ \t\r]*(?:\n|\Z)")

_FILE = small(rb"\.(?:jar|py|zip|gz|csv|json|parquet|log|sh|sql|xml|conf|git)\z")
_KEYED = small(rb"(?:[A-Za-z]?[a-z0-9_.-]*|[A-Z_]+)=[^=]")  # a token's end may hold the sign as well
_PIECE = small(rb"[A-Za-z0-9+/=_.~%-]+")
_WORDS = small(rb"[a-z]+(?:-[a-z]+)+(?:-[0-9]+)?\z|[a-z]+\z")
_ALIKE = bytes.maketrans(b"123456789", b"000000000")

_IN_NAME = frozenset([b"-", b"_", b"."])  # what stands before a part of a name or path, and of no body

MAX_BLOCK_LINES = 200  # an RSA key of 16,384 bits has 196
MIN_BODY_CHARS = 16  # a shorter last word of a line may be a word of another thread's message
MIN_COLUMN = 16  # of equal pieces
MIN_WRAP_COLUMN = 40  # nobody wraps earlier
MIN_SCREEN_COLUMN = 60  # a line this long may have been cut by a terminal
MAX_SKIPPED_LINES = 3  # of other threads between two lines of a block
MAX_WRAPPED_LINES = 100
MAX_ONE_LINE_BYTES = 512  # a line that goes on longer after BEGIN holds its block itself


def pem_blocks(data: bytes) -> Iterator[list[Stretch]]:
    """PEM blocks, one list of stretches each; a block without its head or its end counts as well."""
    if b"-----BEGIN " in data or b"-----END " in data:
        yield from _marked_blocks(data)
    yield from _bare_bodies(data)


def _marked_blocks(data: bytes) -> Iterator[list[Stretch]]:
    done = 0
    for mark in _MARK.finditer(data):
        if mark.start() < done:
            continue
        if mark.group(1) == b"END":
            yield [*_body_before(data, mark.start(), done), mark.span()]
            done = mark.end()
            continue
        head = _single_line(data, mark.span())
        closed = head[1] > mark.end() and data.endswith(b"-----", 0, head[1])
        block = [head] if closed else [head, *_body_after(data, mark.end())]
        done = block[-1][1]
        yield block


def _single_line(data: bytes, mark: Stretch) -> Stretch:
    body = _BODY.match(data, mark[1])
    return (mark[0], body.end() if body else mark[1])


def _lines_after(data: bytes, position: int, limit: int) -> Iterator[Stretch]:
    start = data.find(b"\n", position) + 1
    for _ in range(limit):
        if start == 0 or start >= len(data):
            return
        end = data.find(b"\n", start)
        yield (start, len(data) if end < 0 else end)
        start = end + 1


def _body_after(data: bytes, position: int) -> list[Stretch]:
    """The lines after a BEGIN that is not closed on its own line."""
    found: list[Stretch] = []
    if data.find(b"\n", position, position + MAX_ONE_LINE_BYTES) < 0:
        return found
    skipped: list[
        Stretch
    ] = []  # lines since the last one of the body: another thread's, or the body's short end
    for start, end in _lines_after(data, position, MAX_BLOCK_LINES):
        mark = _MARK.search(data, start, end)
        if mark and mark.group(1) == b"BEGIN":
            return found
        if mark:
            last = [tail for tail in (_tail(data, *line) for line in skipped[-1:]) if tail]
            return [*found, *last, ((_tail(data, start, mark.start()) or mark.span())[0], mark.end())]
        stretch = _body_stretch(data, start, end)
        if stretch:
            found.append(stretch)
            skipped = []
            continue
        skipped.append((start, end))
        if len(skipped) > MAX_SKIPPED_LINES:
            return found
    return found


def _tail(data: bytes, start: int, end: int) -> Stretch | None:
    """The base64 at the end of a line."""
    start = max(start, end - MAX_ONE_LINE_BYTES)
    match = _TAIL.search(data[start:end])
    if match and data[start + match.start() - 1 : start + match.start()] in _IN_NAME:
        return None
    body = match.group().rstrip(b"\"',\\ \t\r") if match else b""
    return (start + match.start(), start + match.start() + len(body)) if body else None


def _body_stretch(data: bytes, start: int, end: int) -> Stretch | None:
    """The part of a block on one line: a header, or base64 that is long, padded, mixed or all of the line."""
    header = _HEADER.search(data, start, end)
    if header:
        return header.span()  # type: ignore[no-any-return]  # re2 has no type information
    tail = _tail(data, start, end)
    if not tail:
        return None
    body = data[tail[0] : tail[1]]
    long = len(body) >= MIN_BODY_CHARS and (_mixed(body) or len(body) >= MIN_WRAP_COLUMN)
    alone = not data[start : tail[0]].strip() and len(body) >= 4 and not (body.islower() or body.isupper())
    return tail if long or alone or body.endswith(b"=") else None


def _body_before(data: bytes, position: int, floor: int) -> list[Stretch]:
    """The base64 lines right before an END whose BEGIN was cut off."""
    floor = max(floor, position - MAX_BLOCK_LINES * MAX_ONE_LINE_BYTES)
    start = max(data.rfind(b"\n", max(floor, position - MAX_ONE_LINE_BYTES), position) + 1, floor)
    same = _tail(data, start, position)
    found = [same] if same else []
    for _ in range(MAX_BLOCK_LINES):
        end = start - 1
        if end <= floor:
            break
        start = max(data.rfind(b"\n", floor, end) + 1, floor)
        stretch = _body_stretch(data, start, end)
        if not stretch:
            break
        found.insert(0, stretch)
    return found


def _bare_bodies(data: bytes) -> Iterator[list[Stretch]]:
    """Two or more neighbouring lines of 60 to 76 characters of base64: a block without head and end."""
    run: list[Stretch] = []
    for match in _BODY_LINE.finditer(data):
        span = match.span(1)
        if run and data.count(b"\n", run[-1][1], span[0]) > 1:
            if len(run) > 1:
                yield run
            run = []
        if _mixed(match.group(1)):
            run.append(span)
    if len(run) > 1:
        last = _LAST.match(data, run[-1][1])
        yield [*run, last.span(1)] if last and _mixed(last.group(1)) else run


def _mixed(body: bytes) -> bool:
    """Base64 of real bytes mixes cases and digits; rules, hexadecimal digests and words do not."""
    return not body.islower() and not body.isupper() and any(48 <= byte <= 57 for byte in body)


def wrapped(data: bytes, start: int, end: int) -> list[Stretch]:
    """The stretches on the following lines onto which a token that ends its line was wrapped."""
    found: list[Stretch] = _columns(data, start, end)
    if found or not _wraps(data, start, end):
        return found
    head = data.rfind(b"\n", max(0, end - MAX_ONE_LINE_BYTES), start) + 1
    for line_start, line_end in _lines_after(data, end, MAX_WRAPPED_LINES):
        match = _WRAPPED.match(data, line_start, line_end)
        if match and _continues(data, match.span(1), line_end):
            found.append(match.span(1))
        else:
            match = _behind(data, data[head:start], line_start, line_end)
            if not match:
                return found
            found.append(match.span())
        if data[match.end() : line_end].strip(b" \t\r\\"):
            return found
    return found


def _behind(data: bytes, first: bytes, start: int, end: int) -> Hit:
    """The piece of a token that is all of a line but for the prefix that it shares with the first one."""
    shared = _shared(first, data[start:end])
    piece = _PIECE.match(data, start + shared, end) if shared else None
    if (
        not piece
        or data[piece.end() : end].strip(b" \t\r\"',;")
        or piece.end() - piece.start() < MIN_BODY_CHARS
    ):
        return None
    text = piece.group()
    return None if not _mixed(text) or _KEYED.match(text) or _FILE.search(text) else piece


def _columns(data: bytes, start: int, end: int) -> list[Stretch]:
    """The pieces of a token that was cut into equal ones, each on a line of its own behind the same prefix.

    The first is as wide as the value's own part, or as its line; only the last may be shorter.
    """
    found: list[Stretch] = []
    if end - start < MIN_COLUMN or not _LINE_END.match(data, end):
        return found
    head = data.rfind(b"\n", max(0, end - MAX_ONE_LINE_BYTES), start) + 1
    width = 0
    for line_start, line_end in _lines_after(data, end, MAX_WRAPPED_LINES):
        shared = _shared(data[head:start], data[line_start:line_end])
        piece = _PIECE.match(data, line_start + shared, line_end)
        if not piece or data[piece.end() : line_end].strip(b" \t\r\\\"',;"):
            break
        text, size = piece.group(), piece.end() - piece.start()
        if not width:
            if (
                size not in {end - start, end - head - shared}
                or size < MIN_COLUMN
                or _SETTING.match(text)
                or text.islower()
                or text.isupper()
            ):
                break
            width = size
        other = _KEYED.match(text) or _WORDS.match(text) or _FILE.search(text)
        if size > width or (size < width and other):
            break
        found.append(piece.span())
        if size < width:
            break
    return found


def _shared(one: bytes, other: bytes) -> int:
    """How long the prefix is that two lines share but for digits; it ends behind a blank."""
    pairs = zip(one.translate(_ALIKE), other.translate(_ALIKE), strict=False)
    same = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    return one.rfind(b" ", 0, same) + 1


def _wraps(data: bytes, start: int, end: int) -> bool:
    if _cut(data, end):
        return True
    if end - start < MIN_BODY_CHARS or not _LINE_END.match(data, end):
        return False
    return data.rfind(b"\n", max(0, end - MIN_WRAP_COLUMN), end) < 0


def _cut(data: bytes, end: int) -> bool:
    """Whether a value ends with its line because the line is full, or a backslash joins it to the next."""
    if data[end : end + 2] == b"\\\n" or data[end - 1 : end + 1] == b"\\\n":
        return True
    column = end - data.rfind(b"\n", 0, end) - 1
    return data[end : end + 1] == b"\n" and column >= MIN_SCREEN_COLUMN


def _continues(data: bytes, span: Stretch, line_end: int) -> bool:
    text, after = data[span[0] : span[1]], data[span[1] : line_end].strip(b" \t\r\\")
    if not after and data[span[0] - 2 : span[0]] == b"\\\n":
        return True
    if _SETTING.match(text) or _WORDS.match(text) or _FILE.search(text):  # a line of its own
        return False
    if not after and data[span[0] - 1 : span[0]] == b"\n" and _cut(data, span[0] - 1) and _REST.match(text):
        return True
    if after[:1] not in {b"", b'"', b"'", b",", b"}", b")", b"]", b"&"}:
        return False
    if b"=" in text.rstrip(b"="):  # a parameter of its own
        return False
    digit = any(48 <= byte <= 57 for byte in text)
    return (len(text) >= 6 and digit) or text.endswith(b"=") or (len(text) >= MIN_BODY_CHARS and _mixed(text))
