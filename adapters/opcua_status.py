"""What an OPC UA status code says of a value, in the vocabulary's quality and reason (OPC 10000-4 §7.39, 10000-8)."""

from asyncua.ua.status_codes import StatusCodes

from twin.signals import Quality, Reason

_SEVERITY = 0xC000_0000
_CODE = 0xFFFF_0000

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
