"""Site files for measurements: like the demo's stations, on free ports, at a rate of their own."""

from pathlib import Path

import yaml

PROFILES = {"opcua": "opcua-swap-cabinet", "modbus": "modbus-swap-cabinet", "mqtt": "mqtt-swap-cabinet"}
SCHEMES = {"opcua": "opc.tcp", "modbus": "modbus", "mqtt": "mqtt"}


def write_site(
    folder: Path,
    stations: list[tuple[str, str, int, float]],
    *,
    slots: int,
    gateway_port: int = 0,
    truth_port: int = 0,
    forecast_interval_s: float = 30.0,
    name: str = "site",
) -> Path:
    """A site file of stations ``(id, protocol, port, interval_s)``; its history lies beside it."""
    site = {
        "site": "bench",
        "name": "Benchmark",
        "gateway": {
            "port": gateway_port,
            "data": str(folder / f"{name}-data"),
            "forecast_interval_s": forecast_interval_s,
        },
        "emulation": {"truth_port": truth_port, "broker": "external"},
        "stations": [
            {
                "id": station,
                "name": station,
                "latitude": 26.8,
                "longitude": 80.9,
                "slots": slots,
                "grid_limit_w": 800.0 * slots,
                "demand": {"swaps_per_day": 12 * slots, "profile": "lucknow"},
                "devices": [
                    {
                        "id": "cabinet",
                        "profile": PROFILES[protocol],
                        "url": f"{SCHEMES[protocol]}://127.0.0.1:{port}",
                        "interval_s": interval_s,
                    }
                ],
                "emulation": {"seed": number},
            }
            for number, (station, protocol, port, interval_s) in enumerate(stations, start=1)
        ],
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(site, sort_keys=False), encoding="utf-8")
    return file
