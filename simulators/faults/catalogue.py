"""All faults by name. A new one is a file of its own and a line here."""

from simulators.faults import clocks, comm, maps, modbus, mqtt, stations, traffic, values
from simulators.faults.base import Fault

CATALOGUE: dict[str, type[Fault]] = {
    kind.name: kind
    for family in (
        comm.FAULTS,
        traffic.FAULTS,
        modbus.FAULTS,
        mqtt.FAULTS,
        values.FAULTS,
        clocks.FAULTS,
        maps.FAULTS,
        stations.FAULTS,
    )
    for kind in family
}
