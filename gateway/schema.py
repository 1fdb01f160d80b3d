"""The JSON shapes of the REST API, for its description at /openapi.json; tests hold the answers to them.

They describe and do not validate: what is answered was built by the gateway itself, and is encoded once.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

QualityName = Literal["good", "uncertain", "bad"]


class Shape(BaseModel):
    """More fields may come; those named here stay."""

    model_config = ConfigDict(extra="allow")


class DriftAlarm(Shape):
    """What telemetry persistently says against the site file. ``magnitude`` is relative; of SoC, an hour."""

    kind: Literal["degraded charger", "soc sensor drift", "station power mismatch"]
    slot: int | None = None
    since: float
    magnitude: float


class StationSummary(Shape):
    id: str
    name: str
    latitude: float
    longitude: float
    quality: QualityName
    reason: str | None
    data_time: float | None
    data_age_s: float | None
    slots: int
    bays: int
    occupied: int | None
    ready: int | None
    ready_quality: QualityName
    ready_reason: str | None
    charging: int | None
    faulted: int | None
    power_w: float | None
    grid_limit_w: float | None
    stockout_probability: dict[str, float] | None
    forecast_time: float | None
    swaps_today: int
    lost_today: float
    protocols: list[str]
    drifts: list[DriftAlarm]


class TwinSlot(Shape):
    soc: float | None
    temperature_c: float | None
    quality: QualityName
    reason: str | None
    drift: list[DriftAlarm]


class Slot(Shape):
    slot: int
    quality: QualityName
    reason: str | None
    source_time: float | None
    data_time: float | None
    age_s: float | None
    occupied: bool | None
    enabled: bool | None
    door_open: bool | None
    locked: bool | None
    pack_id: str | None
    soc: float | None
    soh: float | None
    temperature_c: float | None
    cycle_count: int | None
    capacity_wh: float | None
    charger_state: str | None
    power_w: float | None
    voltage_v: float | None
    current_a: float | None
    current_limit_a: float | None = None
    power_limit_w: float | None = None
    energy_wh: int | None = None
    fault_bits: int | None = None
    pack_fault_bits: int | None = None
    cell_voltage_max_v: float | None = None
    cell_voltage_min_v: float | None = None
    ready: bool | None
    not_good: dict[str, str]
    twin: TwinSlot | None


class CabinetPlace(Shape):
    """Which columns of the front belong to a cabinet; ``column`` counts from 0."""

    name: str
    column: int
    columns: int
    rows: int


class FrontLayout(Shape):
    """The doors as on the station, row by row from the top: slot numbers, null where there is none."""

    rows: int
    columns: int
    cells: list[list[int | None]]
    cabinets: list[CabinetPlace]


class StationDetail(Shape):
    """The summary, with the slots themselves in ``slots``."""

    id: str
    name: str
    quality: QualityName
    data_age_s: float | None
    ready: int | None
    layout: FrontLayout
    charger_power_w: float
    """The most that each charger gives, by the site file."""
    slots: list[Slot]


class Quantiles(Shape):
    p10: float | None
    p50: float | None
    p90: float | None


class ReadyBands(Shape):
    t: list[float]
    p05: list[float]
    p25: list[float]
    p50: list[float]
    p75: list[float]
    p95: list[float]


class Ensemble(Shape):
    """What an ensemble of futures says."""

    replicas: int
    seed: int
    stockout_probability: dict[str, float]
    lost_swaps: dict[str, float]
    time_to_stockout_s: Quantiles
    ready: ReadyBands


class EtaAnswer(Shape):
    """Seconds from ``generated_at`` until a charging pack is ready and full; null: never as power is shared now."""

    slot: int
    ready_s: float | None
    full_s: float | None


class DriversAnswer(Shape):
    """By how much P(stockout, 60 min) would fall without each cause."""

    demand: float
    charging: float
    faults: float


class AdviceOption(Shape):
    action: Literal["packs_added", "slots_repaired", "grid_limit_w", "demand_reduced"]
    amount: float
    slots: list[int]
    probability: float


class Advice(Shape):
    target: float
    probability: float
    text: str
    options: list[AdviceOption]


class ForecastAnswer(Ensemble):
    station: str
    generated_at: float
    valid_until: float
    model: str
    quality: QualityName
    reason: str | None
    data_age_s: float | None
    eta: list[EtaAnswer]
    drivers: DriversAnswer | None
    advice: Advice | None


class AdviceAnswer(Advice):
    station: str
    generated_at: float
    model: str
    quality: QualityName
    reason: str | None
    replicas: int
    seed: int


class Paired(Shape):
    """A mean difference over the same futures, with its 95 % confidence interval."""

    mean: float
    low: float
    high: float


class Differences(Shape):
    stockout_probability: dict[str, Paired]
    lost_swaps: dict[str, Paired]


class ChangeMade(Shape):
    what: str
    before: float
    after: float
    slots: list[int]


class WhatIfAnswer(Shape):
    station: str
    generated_at: float
    model: str
    quality: QualityName
    reason: str | None
    replicas: int
    seed: int
    base: Ensemble
    changed: Ensemble
    difference: Differences
    changes: list[ChangeMade]


class HistoryAnswer(Shape):
    station: str
    signal: str
    slot: int | None
    t: list[float]
    min: list[float | None]
    mean: list[float | None]
    max: list[float | None]
    last: list[float | None]
    quality: list[QualityName | None]


class Series(Shape):
    min: list[float | None]
    mean: list[float | None]
    max: list[float | None]
    last: list[float | None]
    quality: list[QualityName | None]


class HistoriesAnswer(Shape):
    """Several signals at the same times."""

    station: str
    slot: int | None
    t: list[float]
    series: dict[str, Series]


class ForecastsAnswer(Shape):
    """What was forecast, by the time at which it was made."""

    station: str
    horizon: int
    t: list[float]
    stockout_probability: list[float | None]
    ready_p50: list[float | None]
    quality: list[QualityName]


class ChargeCurve(Shape):
    t: list[float]
    soc: list[float | None]
    power_w: list[float | None]


class ChargeAnswer(Shape):
    """``until``: null while it goes on. ``expected``: a sound pack that gets all that its charger can give."""

    station: str
    slot: int
    pack_id: str | None
    since: float | None
    until: float | None
    measured: ChargeCurve
    expected: ChargeCurve


class StayAnswer(Shape):
    """A pack in a slot, also ``from`` and ``to``, which is null where it still is."""

    station: str
    slot: int
    soc_first: float | None
    soc_last: float | None
    temperature_max_c: float | None


class DeviceAnswer(Shape):
    id: str
    station: str
    protocol: str
    profile: str
    url: str
    state: Literal["connecting", "connected", "no_communication"]
    detail: str | None
    quality: QualityName
    reason: str | None
    points: int
    good: int
    stale: int
    frozen: int
    bad: int
    data_time: float | None
    data_age_s: float | None
    gaps: int
    repeats: int
    clock_skew_s: float | None


class HealthAnswer(Shape):
    status: Literal["ok", "degraded"]
    reasons: list[str]


class ReadyAnswer(Shape):
    ready: bool


class Fault(Shape):
    code: str
    message: str
    remedy: str


class ErrorAnswer(Shape):
    error: Fault
