"""Errors of object stores by kind, in one sentence each: wrong credentials, no such bucket, a server that cannot be reached.

Does not belong here: how often a request is tried again (`store.py`).

Drivers wrap errors in theirs, some outside of OSError. botocore's carry the server's own code and status, which decide where
they are there; messages are shown only where no part of them is a secret (keys are names people know; secrets are never sent).
"""

import errno
import os
import traceback
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from turbo_forecast.addresses import Address
from turbo_forecast.text import one_line, shown_location

DRIVERS = (
    "botocore",
    "aiobotocore",
    "aiohttp",
    "fsspec",
    "s3fs",
    "asyncio",
    "urllib3",
    "gcsfs",
    "adlfs",
    "azure",
    "google",
)
_CREDENTIALS = {
    "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
    "AuthorizationHeaderMalformed", "InvalidSecurity", "TokenRefreshRequired", "401", "403",
}  # fmt: skip
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
_MISSING = {"NoSuchKey", "404", "NotFound", "NoSuchVersion"}
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_PASSING = {"SlowDown", "Throttling", "RequestTimeout", "RequestTimeTooSkewed", "InternalError", "ServiceUnavailable"}
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
LONGEST = 150


class Kind(Enum):
    """What is to be done: nothing is there; somebody else's is; try again; say so and end."""

    MISSING = "missing"
    TAKEN = "taken"
    PASSING = "passing"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error means."""

    kind: Kind
    sentence: str


class RefusedDeletionError(OSError):
    """What a server has said of one of many objects that it was to delete. response: as botocore's errors carry it."""

    def __init__(self, said: dict[str, object]) -> None:
        super().__init__(str(said.get("Code", "")))
        self.response = {"Error": said}


def classified(error: Exception, address: Address, key: str, here: Path | None = None) -> Refusal:
    """What an error of a request about a key means. here: the local file that an answer was written to.

    Raises the error itself where no driver and no system has raised it: a defect of ours.
    """
    place = address.at(key)
    code, status = _server_code(error)
    if code or status:
        return _by_code(code, status, error, address, place)
    driver = type(error).__module__.partition(".")[0] in DRIVERS or (
        isinstance(error, ValueError) and _raised_in(error) in DRIVERS  # an endpoint that is no URL, say
    )
    if not driver and not isinstance(error, OSError | TimeoutError):
        raise error
    if type(error).__name__ in (
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "TokenRetrievalError",
    ):
        return Refusal(Kind.FINAL, _credentials(address, "no credentials were found"))
    if isinstance(error, FileNotFoundError):
        return Refusal(Kind.MISSING, f"{place} is not there")
    if isinstance(error, FileExistsError):
        return Refusal(Kind.TAKEN, f"{place} is there already")
    if isinstance(error, OSError) and error.errno in _DISK:
        return Refusal(Kind.FINAL, f"{here or place} cannot be written: {os.strerror(error.errno)}")
    if isinstance(error, PermissionError):
        return Refusal(Kind.FINAL, _credentials(address, "the store does not accept the credentials"))
    if type(error).__name__ in ("ParamValidationError", "InvalidEndpointDiscoveryConfigurationError") or isinstance(
        error, ValueError
    ):
        return Refusal(Kind.FINAL, f"{place} cannot be asked for: {one_line(str(error), LONGEST)}")
    return Refusal(
        Kind.PASSING, f"{address}: the store cannot be reached, or does not answer ({_message(error)}){_where()}"
    )


def _raised_in(error: Exception) -> str:
    """The package whose code has raised the error."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return str(frames[-1][0].f_globals.get("__name__", "")).partition(".")[0] if frames else ""


def _server_code(error: Exception) -> tuple[str, int]:
    """The code and the HTTP status of the server's own answer, wherever in the chain of causes it is; empty and 0 without one."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return str(response.get("Error", {}).get("Code", "")), int(status or 0)
        seen = seen.__cause__
    return "", 0


def _by_code(code: str, status: int, error: Exception, address: Address, place: str) -> Refusal:
    if code in _NO_BUCKET:
        return Refusal(Kind.FINAL, f"{address}: there is no bucket {address.bucket}: create it, or name another one")
    if code in _TAKEN or status == 412:
        return Refusal(Kind.TAKEN, f"{place} is there already")
    if code in _MISSING:
        return Refusal(Kind.MISSING, f"{place} is not there")
    if code in _CREDENTIALS or status in (401, 403):
        return Refusal(
            Kind.FINAL, _credentials(address, f"the store does not accept the credentials ({code or status})")
        )
    if code in _PASSING or status >= 500 or status == 429:
        return Refusal(
            Kind.PASSING, f"{address}: the store answers with an error of its own ({code or status}){_where()}"
        )
    if status == 404 or isinstance(error, FileNotFoundError):
        return Refusal(Kind.MISSING, f"{place} is not there")
    return Refusal(Kind.FINAL, f"{place}: the store refuses the request ({one_line(code or str(status), LONGEST)})")


def _credentials(address: Address, why: str) -> str:
    return (
        f"{address}: {why}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to "
        "some that may list, read, write and delete there"
    )


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__


def _where() -> str:
    """The endpoint that the environment names, if it does: a wrong one is the likeliest reason."""
    named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return f" at {shown_location(named)}" if named else ""
