"""An object of a bucket in, a stream of its bytes out, which outlives a broken connection.

A stream that is opened ahead may lie idle until S3 closes its connection; it goes on from where it was, of
the same version, a few times. Every error is an `OSError` in our own words (`diagnose.refusal`).
Source: Amazon S3 API reference, GetObject (Range, If-Match).
"""

import io
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from diagnose.refusal import breaks_off, failures, refused

MAX_RESUMES: Final = 3
"""How often one stream is taken up again after its connection broke."""
_PIECE_BYTES: Final = 64 * 1024
"""Asked of the network at a time: what is lost when the connection breaks."""


class _Paginator(Protocol):
    def paginate(self, **arguments: object) -> Iterable[Mapping[str, Any]]: ...


class S3Client(Protocol):
    """What is used of boto3's S3 client."""

    def get_object(self, **arguments: object) -> Mapping[str, Any]:
        """Get one object."""
        ...

    def list_objects_v2(self, **arguments: object) -> Mapping[str, Any]:
        """List one page of keys."""
        ...

    def get_paginator(self, operation_name: str) -> _Paginator:
        """List page after page."""
        ...


class ObjectStream(io.RawIOBase):
    """An object's bytes in order. Raises OSError when S3 refuses, at once or later."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._offset = 0
        self._resumes_left = MAX_RESUMES
        self._failure: OSError | None = None
        answer = self._get({})
        self._etag = answer.get("ETag")
        self._body = answer["Body"]

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read exactly so many bytes, fewer at the end or before an error, which the next call raises."""
        got = bytearray()
        while (size < 0 or len(got) < size) and self._failure is None:
            try:
                block = self._piece(_PIECE_BYTES if size < 0 else min(size - len(got), _PIECE_BYTES))
            except OSError as error:
                self._failure = error
                break
            if not block:
                return bytes(got)
            got += block
        if self._failure is not None and not got:
            raise self._failure
        return bytes(got)

    def close(self) -> None:
        """Give the connection up."""
        if not self.closed and hasattr(self, "_body"):
            self._body.close()
        super().close()

    def _piece(self, size: int) -> bytes:
        while True:
            try:
                block: bytes = self._body.read(size)
            except failures() as error:
                if not self._resumes_left or not breaks_off(error):
                    raise refused(error) from None
                self._resume()
            else:
                self._offset += len(block)
                return block

    def _resume(self) -> None:
        self._resumes_left -= 1
        self._body.close()
        rest = {"Range": f"bytes={self._offset}-"} if self._offset else {}
        same = {"IfMatch": self._etag} if self._etag else {}
        self._body = self._get(rest | same)["Body"]

    def _get(self, arguments: Mapping[str, object]) -> Mapping[str, Any]:
        try:
            return self._client.get_object(**self._where, **arguments)
        except failures() as error:
            raise refused(error) from None
