"""Which Sparkplug edge node and device a bound device is, and its topics."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from config.binding import BoundDevice

NAMESPACE = "spBv1.0"


@dataclass(frozen=True, slots=True)
class SparkplugId:
    """An edge node, and one of its devices where the points are not the edge node's own."""

    group: str
    edge_node: str
    device: str | None

    def topic(self, kind: str) -> str:
        """The topic of a message of the edge node (``N…``) or of the device (``D…``)."""
        node = f"{NAMESPACE}/{self.group}/{kind}/{self.edge_node}"
        return f"{node}/{self.device}" if kind.startswith("D") else node


def path_id(url: str) -> SparkplugId | None:
    """What the path of a device's URL says, ``None`` where there is no path.

    Raises ``ValueError`` where it does not name a group, an edge node and perhaps a device.

    >>> path_id("mqtt://broker/Operator/Edge%201")
    SparkplugId(group='Operator', edge_node='Edge 1', device=None)
    """
    path = urlsplit(url).path.strip("/")
    if not path:
        return None
    names = [unquote(name) for name in path.split("/")]
    if len(names) not in {2, 3} or not all(names) or set("".join(names)) & set("/+#"):
        raise ValueError(f"the path {path!r} does not name a Sparkplug edge node")
    return SparkplugId(names[0], names[1], names[2] if len(names) == 3 else None)


def sparkplug_id(device: BoundDevice) -> SparkplugId:
    """From the path of the device's URL where it has one, else from the profile. Raises as ``path_id`` does."""
    named = device.profile.sparkplug
    own = device.fill(named.device) if named.device is not None else None
    return path_id(device.device.url) or SparkplugId(device.fill(named.group), device.fill(named.edge_node), own)


def state_topic(host_id: str) -> str:
    """Where a host application says whether it is online."""
    return f"{NAMESPACE}/STATE/{host_id}"
