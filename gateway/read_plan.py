"""How a device is read, in lines for people."""

from adapters.modbus_plan import describe
from config.binding import BoundDevice
from config.sparkplug import sparkplug_id


def read_plan(device: BoundDevice) -> list[str]:
    """The requests of a device that is polled; what is subscribed to of any other."""
    return list(describe(device)) if device.profile.protocol == "modbus" else [_subscription(device)]


def _subscription(device: BoundDevice) -> str:
    interval = device.points[0].interval_s
    if device.profile.protocol == "opcua":
        return f"{device.id}: one subscription of {len(device.points)} nodes, published every {interval:g} s"
    if device.profile.protocol == "sparkplug":
        who = sparkplug_id(device)
        return (
            f"{device.id}: {len(device.points)} metrics, as born by {who.topic('DBIRTH' if who.device else 'NBIRTH')}"
        )
    topics = len({point.address for point in device.points})
    return f"{device.id}: {topics} topics with {len(device.points)} values, expected every {interval:g} s"
