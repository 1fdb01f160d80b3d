"""What an OPC UA server offers: its tree with values, types, units and status, as plain data."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from adapters.cancelling import heed_cancelling
from adapters.link import CONNECT_TIMEOUT_S, LostError, explain
from config.clock import Clock

LIMIT = 20_000
"""Nodes that are looked at; a server with more is shown in part, and the answer says so."""
NODES_A_CALL = 100
READS_A_CALL = 500
CLOSE_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 10.0

_SKIPPED = frozenset({ObjectIds.Server, ObjectIds.Aliases, ObjectIds.Locations})
"""Folders of namespace 0 that say nothing of the machine."""
_DETAILS = ("EngineeringUnits", "EURange", "EnumStrings", "EnumValues")


@dataclass(slots=True)
class Node:
    """One object or variable. ``children`` count nodes of the list that ``browse`` returns."""

    address: str
    """As a profile writes it: ``nsu=URI;s=NODE``."""
    name: str
    depth: int
    is_variable: bool
    children: list[int] = field(default_factory=list)
    type: str = ""
    value: Any = None
    status: str = "Good"
    source_time: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    enum: dict[int, str] = field(default_factory=dict)
    writable: bool = False


@dataclass(slots=True)
class Tree:
    """All nodes, parents before children; ``roots`` count those below the Objects folder."""

    nodes: list[Node]
    roots: list[int]
    truncated: bool
    namespaces: list[str]
    ids: list[ua.NodeId] = field(repr=False, default_factory=list)


@asynccontextmanager
async def session(
    url: str, clock: Clock, *, username: str | None = None, password: str | None = None
) -> AsyncIterator[Client]:
    """A session with the server. Raises ``LostError`` with what is in the way."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 4840
    client = Client(url, timeout=ANSWER_TIMEOUT_S)
    client.name = client.description = "swaptwin browse"
    client.application_uri = "urn:swaptwin:browse"
    if username:
        client.set_user(username)
        client.set_password(password or "")
    try:
        try:
            async with clock.timeout(CONNECT_TIMEOUT_S):
                await client.connect()
        except UaError as error:
            raise LostError(f"{explain(error, host, port)}{await _policies(url, clock)}") from error
        except OSError as error:
            raise LostError(explain(error, host, port)) from error
        try:
            yield client
        except (OSError, UaError) as error:
            raise LostError(explain(error, host, port)) from error
    finally:
        try:
            async with clock.timeout(CLOSE_TIMEOUT_S):
                await client.disconnect()
        except (OSError, UaError):
            # The server is gone or does not answer: it ends the session by itself after its time-out.
            pass
        client.disconnect_socket()
        heed_cancelling()


async def _policies(url: str, clock: Clock) -> str:
    """What a server that refuses a session would take, as the end of a sentence; empty where it does not say."""
    try:
        async with clock.timeout(CONNECT_TIMEOUT_S):
            endpoints = await Client(url, timeout=CONNECT_TIMEOUT_S).connect_and_get_server_endpoints()
    except (OSError, UaError):
        return ""
    offered = sorted({f"{_policy(end.SecurityPolicyUri)}/{end.SecurityMode.name.rstrip('_')}" for end in endpoints})
    users = sorted({token.TokenType.name for end in endpoints for token in end.UserIdentityTokens or ()})
    return f"; the server offers {', '.join(offered)} for {', '.join(users)}" if offered else ""


def _policy(uri: str | None) -> str:
    return (uri or "None").rsplit("#", 1)[-1]


async def browse(client: Client, *, depth: int = 12, limit: int = LIMIT) -> Tree:
    """The tree below the Objects folder, without the server's own diagnostics, with all values read once."""
    namespaces = await client.get_namespace_array()
    tree = Tree([], [], False, namespaces)
    details: list[tuple[int, str, ua.NodeId]] = []
    seen: set[ua.NodeId] = set()
    most = await _limit(client, ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse, NODES_A_CALL)
    wave: list[tuple[int | None, ua.NodeId]] = [(None, ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder)))]
    for level in range(depth + 1):
        # One level more than is shown, for the units and ranges of the deepest variables.
        below: list[tuple[int | None, ua.NodeId]] = []
        for start in range(0, len(wave), most):
            chunk = wave[start : start + most]
            for (parent, _), references in zip(
                chunk, await _references(client, [node for _, node in chunk]), strict=True
            ):
                for reference in references:
                    name, node_id = reference.BrowseName.Name or "", _local(reference.NodeId)
                    if parent is not None and name in _DETAILS and tree.nodes[parent].is_variable:
                        details.append((parent, name, node_id))
                    elif level == depth or node_id in seen or _is_skipped(node_id, reference):
                        continue
                    elif len(tree.nodes) >= limit:
                        tree.truncated = True
                    else:
                        seen.add(node_id)
                        below.append((_add(tree, parent, level, name, node_id, reference), node_id))
        wave = below
        if not wave:
            break
    await _describe(client, tree, details)
    await read(client, tree)
    return tree


def _add(tree: Tree, parent: int | None, level: int, name: str, node_id: ua.NodeId, reference: Any) -> int:
    number = len(tree.nodes)
    variable = reference.NodeClass is ua.NodeClass.Variable
    tree.nodes.append(Node(_address(node_id, tree.namespaces), name, level, variable))
    tree.ids.append(node_id)
    (tree.roots if parent is None else tree.nodes[parent].children).append(number)
    return number


async def _references(client: Client, nodes: Sequence[ua.NodeId]) -> list[list[Any]]:
    """The forward hierarchical references of each node, however many replies they take."""
    parameters = ua.BrowseParameters()
    parameters.RequestedMaxReferencesPerNode = ua.UInt32(0)
    for node in nodes:
        wanted = ua.BrowseDescription()
        wanted.NodeId = node
        wanted.BrowseDirection = ua.BrowseDirection.Forward
        wanted.ReferenceTypeId = ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences))
        wanted.IncludeSubtypes = True
        wanted.NodeClassMask = ua.UInt32(ua.NodeClass.Object | ua.NodeClass.Variable)
        wanted.ResultMask = ua.UInt32(ua.BrowseResultMask.All)
        parameters.NodesToBrowse.append(wanted)
    results = await client.uaclient.browse(parameters)
    found = [list(result.References or ()) for result in results]
    points = {number: result.ContinuationPoint for number, result in enumerate(results) if result.ContinuationPoint}
    while points:
        more = ua.BrowseNextParameters()
        more.ReleaseContinuationPoints = False
        more.ContinuationPoints = list(points.values())
        rest = await client.uaclient.browse_next(more)
        for number, result in zip(list(points), rest, strict=True):
            found[number] += result.References or ()
            points.pop(number)
            if result.ContinuationPoint:
                points[number] = result.ContinuationPoint
    # A server keeps only so many half-read answers: what it could not keep is asked for by itself.
    for number, result in enumerate(results):
        if result.StatusCode.value == StatusCodes.BadNoContinuationPoints and len(nodes) > 1:
            found[number] = (await _references(client, [nodes[number]]))[0]
    return found


async def _limit(client: Client, limit: int, most: int) -> int:
    """How much the server takes in one call; most do not say."""
    try:
        said = await client.get_node(ua.NodeId(ua.Int32(limit))).read_value()
    except UaStatusCodeError:
        return most
    return min(int(said), most) if isinstance(said, int) and said > 0 else most


def _local(node: Any) -> ua.NodeId:
    """A reference's target without the parts that only an expanded node id has."""
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


def _is_skipped(node: ua.NodeId, reference: Any) -> bool:
    return node.NamespaceIndex == 0 and node.Identifier in _SKIPPED and reference.NodeClass is ua.NodeClass.Object


def _address(node: ua.NodeId, namespaces: Sequence[str]) -> str:
    """A node id with the namespace's URI, because its index may be another one after the server's next start."""
    text = str(node.to_string())
    if node.NamespaceIndex == 0 or node.NamespaceIndex >= len(namespaces):
        return text
    return f"nsu={namespaces[node.NamespaceIndex]};{text.split(';', 1)[1]}"


async def _attributes(client: Client, wanted: Sequence[tuple[ua.NodeId, AttributeIds]]) -> list[ua.DataValue]:
    values: list[ua.DataValue] = []
    most = await _limit(client, ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead, READS_A_CALL)
    for start in range(0, len(wanted), most):
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.NodesToRead = [
            ua.ReadValueId(NodeId=node, AttributeId=attribute) for node, attribute in wanted[start : start + most]
        ]
        values += await client.uaclient.read(parameters)
    return values


async def _describe(client: Client, tree: Tree, details: list[tuple[int, str, ua.NodeId]]) -> None:
    """Types, access rights, units, ranges and the words of enumerations."""
    variables = [number for number, node in enumerate(tree.nodes) if node.is_variable]
    wanted = [(tree.ids[number], AttributeIds.DataType) for number in variables]
    wanted += [(tree.ids[number], AttributeIds.UserAccessLevel) for number in variables]
    answers = await _attributes(client, wanted + [(node, AttributeIds.Value) for _, _, node in details])
    kinds, access = answers[: len(variables)], answers[len(variables) : 2 * len(variables)]
    for number, kind, level in zip(variables, kinds, access, strict=True):
        tree.nodes[number].type = _type_name(_plain(kind))
        writable = _plain(level)
        tree.nodes[number].writable = isinstance(writable, int) and bool(writable & 2)
    for (number, name, _), answer in zip(details, answers[2 * len(variables) :], strict=True):
        _detail(tree.nodes[number], name, _plain(answer))


def _detail(node: Node, name: str, value: Any) -> None:
    if name == "EngineeringUnits" and isinstance(value, ua.EUInformation):
        node.unit = value.DisplayName.Text or ""
    elif name == "EURange" and isinstance(value, ua.Range):
        node.low, node.high = value.Low, value.High
    elif name == "EnumStrings" and isinstance(value, list):
        node.enum = {number: text.Text or "" for number, text in enumerate(value)}
    elif name == "EnumValues" and isinstance(value, list):
        node.enum = {int(entry.Value): entry.DisplayName.Text or "" for entry in value}


async def read(client: Client, tree: Tree, numbers: Sequence[int] | None = None) -> None:
    """Read the values of these nodes (default: of all variables) anew."""
    wanted = [number for number, node in enumerate(tree.nodes) if node.is_variable] if numbers is None else numbers
    answers = await _attributes(client, [(tree.ids[number], AttributeIds.Value) for number in wanted])
    for number, answer in zip(wanted, answers, strict=True):
        node = tree.nodes[number]
        node.value = _plain(answer)
        node.status = answer.StatusCode.name if answer.StatusCode else "Good"
        stamp = answer.SourceTimestamp
        node.source_time = stamp.timestamp() if stamp is not None and stamp.year > 1601 else None


def _plain(answer: ua.DataValue) -> Any:
    return answer.Value.Value if answer.Value is not None else None


def _type_name(kind: Any) -> str:
    """The name of a data type of namespace 0; of any other, its node id."""
    if not isinstance(kind, ua.NodeId):
        return ""
    number = kind.Identifier
    known = ObjectIdNames.get(number) if kind.NamespaceIndex == 0 and isinstance(number, int) else None
    return str(known or kind.to_string())
