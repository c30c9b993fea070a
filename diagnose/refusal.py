"""An error of the AWS SDK in, an `OSError` whose words say what it is and what to do out.

The raw message of AWS never goes on: it may hold ARNs, access key ids and signed addresses. Only the error's
code and our own words do. botocore is imported when the first error comes, not before.
Source: Amazon S3 API reference, error responses; botocore.exceptions.
"""

import errno
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from diagnose.deadline import OUT_OF_TIME

UNUSABLE: Final = errno.ENETUNREACH
"""S3 can't be used from here at all, whatever the bucket: no credentials, no network."""
_FORBIDDEN: Final = ("AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403")
_ABSENT: Final = (errno.ENOENT, "it was listed but is gone; a lifecycle rule may have removed it")
_BUSY: Final = (errno.EBUSY, "S3 is failing or too busy, after all retries; try again later")
_ELSEWHERE: Final = (errno.EREMOTE, "the bucket lies in another region; set AWS_REGION to that one")
_REFUSED: Final = (UNUSABLE, "the AWS credentials are not accepted; get fresh ones")
_CHANGED: Final = (errno.ESTALE, "it was replaced while it was read; try again")
_OTHER: Final = (errno.EIO, "S3 refused the request; look the code up in the S3 API reference")
_BY_CODE: Final = {
    "NoSuchBucket": (errno.ENOENT, "there is no such bucket; check the log location and S3_LOG_BUCKET"),
    "InvalidObjectState": (errno.EIO, "it is archived; restore it first"),
    "NoSuchKey": _ABSENT,
    "PermanentRedirect": _ELSEWHERE,
    "TemporaryRedirect": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "InvalidAccessKeyId": _REFUSED,
    "SignatureDoesNotMatch": _REFUSED,
    "ExpiredToken": _REFUSED,
    "InvalidToken": _REFUSED,
    "TokenRefreshRequired": _REFUSED,
    "RequestTimeTooSkewed": _REFUSED,
    "PreconditionFailed": _CHANGED,
    "InvalidRange": _CHANGED,
    "RequestTimeout": _BUSY,
    "SlowDown": _BUSY,
}
_BY_STATUS: Final = {301: _ELSEWHERE, 307: _ELSEWHERE, 404: _ABSENT, 412: _CHANGED, 416: _CHANGED, 429: _BUSY}
_KMS: Final = re.compile(r"\bkms\b", re.IGNORECASE)
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NO_LOGIN: Final = re.compile(r"Credential|SSO|Token|Login|Profile|MetadataRetrieval|RefreshWithMFA")
_NO_ROUTE: Final = re.compile(
    r"EndpointConnection|ConnectTimeout|ProxyConnection|SSL|NoRegion|UnknownEndpoint"
)
_NO_NAME: Final = re.compile(r"ParamValidation|InvalidDNSName|InvalidS3|UnsupportedS3|EndpointProvider")


_UNREADABLE: Final = (ValueError, TypeError, AttributeError, KeyError, RecursionError, RuntimeError)
"""What botocore raises on an answer that has the shape of none, such as a date that is no date."""


@cache
def failures() -> tuple[type[Exception], ...]:
    """Name what the SDK raises when S3 refuses, can't be reached or breaks off."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - heavy, needed here only
    from botocore.parsers import ResponseParserError  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return (ClientError, BotoCoreError, ResponseParserError, HTTPError, OSError, *_UNREADABLE)


def refused(error: Exception, *, listing: bool = False) -> OSError:
    """Turn an error of the SDK into one of the operating system's kind.

    Args:
        error: one of `failures()`.
        listing: true when a listing was refused, false when an object was.

    Returns:
        `PermissionError`, `FileNotFoundError` or another `OSError`; its `strerror` holds the words, its
        `errno` is `UNUSABLE` when no other request would fare better.
    """
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        number, words = _by_code(response, listing=listing)
    else:
        number, words = _by_class(error)
    return OSError(number, words)


def breaks_off(error: Exception) -> bool:
    """Tell whether a connection broke, so that the rest may be asked for again."""
    final = isinstance(error, TimeoutError) or type(error).__name__ == "FlexibleChecksumError"
    if final or hasattr(error, "response"):
        return False
    return not (_NO_LOGIN.search(type(error).__name__) or _NO_NAME.search(type(error).__name__))


def _by_code(response: Mapping[str, Any], *, listing: bool) -> tuple[int, str]:
    told = response.get("Error") or {}
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    code = str(told.get("Code") or status or "unknown")
    code = code if _CODE.fullmatch(code) else "unknown"
    forbidden = code in _FORBIDDEN or (status == 403 and code not in _BY_CODE)
    if code.startswith("KMS.") or (forbidden and _KMS.search(str(told.get("Message", "")))):
        return errno.EACCES, (
            f"{code}: the KMS key that encrypts it can't be used; it must be enabled, and the reader's role "
            "needs kms:Decrypt on it"
        )
    if forbidden:
        needed = "s3:ListBucket on the bucket" if listing else "s3:GetObject on the bucket's objects"
        return errno.EACCES, f"{code}: access is forbidden; the reader's role needs {needed}"
    number, words = _BY_CODE.get(code) or _by_status(status)
    return number, f"{code}: {words}"


def _by_status(status: object) -> tuple[int, str]:
    if not isinstance(status, int):
        return _OTHER
    return _BY_STATUS.get(status) or (_BUSY if status >= 500 else _OTHER)


def _by_class(error: Exception) -> tuple[int, str]:
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return errno.ETIMEDOUT, OUT_OF_TIME
    for form, number, words in _BY_NAME:
        if form.search(name):
            return number, f"{name}: {words}"
    if isinstance(error, _UNREADABLE) or name == "ResponseParserError":
        return errno.EIO, f"{name}: the answer is not one of S3's; check the endpoint and any proxy"
    return errno.ECONNRESET, f"{name}: the connection broke while it was read; try again"


_BY_NAME: Final = (
    (_NO_LOGIN, UNUSABLE, "there are no AWS credentials that can be used; give a role or a profile"),
    (_NO_ROUTE, UNUSABLE, "S3 can't be reached; check AWS_REGION, the network and the VPC endpoint"),
    (_NO_NAME, errno.EINVAL, "S3 takes no such bucket or key name; check the log location"),
    (re.compile("FlexibleChecksumError"), errno.EIO, "its bytes don't match their checksum; try again"),
)
