"""What an OPC UA status code says of a value, in the vocabulary's quality and reason (OPC 10000-4 §7.39, 10000-8)."""

import numpy as np
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from numpy.typing import NDArray

from twin.signals import Quality, Reason

_SEVERITY = 0xC000_0000
_CODE = 0xFFFF_0000
_INFO_TYPE_AND_OVERFLOW, _OVERFLOW = 0x0C80, 0x0480
"""The info bits by which a server says that its queue was full: values before this one are gone."""

_REASONS: dict[int, Reason] = {
    getattr(StatusCodes, name) & _CODE: reason
    for reason, names in {
        Reason.NO_COMMUNICATION: (
            "BadNoCommunication",
            "BadNotConnected",
            "BadConnectionClosed",
            "BadCommunicationError",
            "BadWaitingForInitialData",
            "BadServerNotConnected",
            "BadServerHalted",
            "BadShutdown",
            "BadTimeout",
            "UncertainNoCommunicationLastUsableValue",
        ),
        Reason.NOT_CONFIGURED: (
            "BadConfigurationError",
            "BadNoData",
            "BadNodeIdUnknown",
            "BadNodeIdInvalid",
            "BadAttributeIdInvalid",
            "BadNotReadable",
            "BadUserAccessDenied",
            "BadNotSupported",
            "BadNotFound",
            "BadNotImplemented",
            "UncertainInitialValue",
        ),
        Reason.OUT_OF_RANGE: ("BadOutOfRange", "UncertainEngineeringUnitsExceeded"),
        Reason.STALE: ("BadOutOfService", "UncertainLastUsableValue"),
        Reason.SUBSTITUTED: ("UncertainSubstituteValue", "UncertainSimulatedValue"),
    }.items()
    for name in names
}


def meaning(code: int) -> tuple[Quality, Reason]:
    """Quality and reason of a status code; unknown kinds of trouble count as the sensor's.

    >>> meaning(StatusCodes.BadNoCommunication)
    (<Quality.BAD: 2>, <Reason.NO_COMMUNICATION: 2>)
    """
    severity = code & _SEVERITY
    if severity == 0:
        return Quality.GOOD, Reason.NONE
    quality = Quality.UNCERTAIN if severity == 0x4000_0000 else Quality.BAD
    return quality, _REASONS.get(code & _CODE, Reason.SENSOR_FAILURE)


def meanings(codes: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Qualities and reasons of many status codes."""
    qualities = np.zeros(len(codes), dtype=np.uint8)
    reasons = np.zeros(len(codes), dtype=np.uint8)
    for code in np.unique(codes).tolist():
        qualities[codes == code], reasons[codes == code] = meaning(code)
    return qualities, reasons


def overflows(codes: NDArray[np.uint32]) -> int:
    """How many of the values come from a queue that was full."""
    return int(np.count_nonzero((codes & _INFO_TYPE_AND_OVERFLOW) == _OVERFLOW))


def is_bad(code: int) -> bool:
    """Whether a service or a value failed."""
    return bool(code & 0x8000_0000)


def name_of(code: int) -> str:
    """The name of a status code, for people."""
    return str(ua.StatusCode(ua.UInt32(code)).name)
