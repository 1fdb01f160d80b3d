"""What operators read of each alarm, in English: what it is, why, what comes of it, and what to do."""

from typing import NamedTuple


class Text(NamedTuple):
    title: str
    cause: str
    consequence: str
    action: str


TEXTS: dict[str, Text] = {
    "smoke": Text(
        "Smoke in the cabinet",
        "The smoke sensor has tripped: a pack or a charger may be burning.",
        "Fire, and danger to people beside the cabinet.",
        "Call the fire service. Keep people away. Cut the mains from outside if that is safe. Open no door.",
    ),
    "pack_overheated": Text(
        "Pack in slot {slot} dangerously hot",
        "The pack heats by itself, or its sensor is broken.",
        "The pack may catch fire.",
        "Stop its charger and keep people away. Watch temperature and smoke. Call the fire service if it still rises.",
    ),
    "water_leak": Text(
        "Water in the cabinet",
        "The water sensor has tripped: rain, flood or condensate has come in.",
        "Short circuit and damage to chargers and packs.",
        "Stop charging and send someone to find where the water comes in.",
    ),
    "pack_hot": Text(
        "Pack in slot {slot} hot",
        "Charging in hot air, a blocked fan, or an ageing pack.",
        "The charger slows down or trips, and the pack ages faster.",
        "Lower the charger's power or take the slot out of service. Look at fan and filter at the next visit.",
    ),
    "pack_cold": Text(
        "Pack in slot {slot} too cold to charge",
        "The pack was brought in from frost, or the cabinet's heater does not work.",
        "Charging a frozen pack damages its cells for good.",
        "Let the pack warm up before it is charged. Check the heater.",
    ),
    "cabinet_hot": Text(
        "Cabinet too warm inside",
        "A fan or the cooling has failed, a filter is blocked, or the sun stands on the cabinet.",
        "Chargers slow down; packs are ready later and age faster.",
        "Lower the charging power and have cooling and filters looked at.",
    ),
    "humidity_high": Text(
        "Cabinet damp inside",
        "A seal leaks, or heater or drier do not work.",
        "Condensate and corrosion at contacts.",
        "Have seals and heater looked at on the next visit.",
    ),
    "mains_lost": Text(
        "Mains lost",
        "The grid connection is gone, or the main breaker has tripped.",
        "No pack charges. What is ready now is all there is.",
        "Ask the grid operator, check the main breaker, and send riders to other stations or bring packs.",
    ),
    "grid_limit_exceeded": Text(
        "Power above the grid limit",
        "The limit was lowered and the cabinet does not follow, or other loads draw from the same connection.",
        "The main breaker may trip, and the grid operator may charge a penalty.",
        "Lower the charging power of this station until it is under its limit.",
    ),
    "cabinet_fault": Text(
        "Cabinet reports a fault",
        "The cabinet's controller has set one of its fault bits.",
        "It depends on the fault: slots may not open or not charge.",
        "Look up the fault under the device, and follow its manual.",
    ),
    "charger_fault": Text(
        "Charger of slot {slot} has failed",
        "The charger reports a fault: overload, overheating, or broken electronics.",
        "The pack in this slot does not charge; one ready pack fewer.",
        "Reset the charger. If it fails again, move the pack to another slot and have the charger replaced.",
    ),
    "charger_warning": Text(
        "Charger of slot {slot} warns",
        "The charger has set one of its fault bits.",
        "It depends on the fault: charging may be slower, or may end.",
        "Look up the bit under the slot, and follow the charger's manual.",
    ),
    "pack_fault": Text(
        "Pack in slot {slot} reports a fault",
        "The pack's battery management has set one of its fault bits.",
        "The pack must not be handed out until the fault is understood.",
        "Take the slot out of service and have the pack looked at.",
    ),
    "cells_unbalanced": Text(
        "Cells of the pack in slot {slot} differ",
        "A weak cell, or balancing has not run for long.",
        "The pack holds less than it shows and may switch off under way.",
        "Let the pack rest when full so that it balances. If it stays, withdraw the pack.",
    ),
    "pack_id_twice": Text(
        "Pack in slot {slot} has an id that is there twice",
        "Two packs carry the same id, or a slot shows the id of a pack that has left.",
        "Swaps and pack histories are booked to the wrong pack.",
        "Read the labels of both packs, and have the wrong one programmed anew.",
    ),
    "door_left_open": Text(
        "Door of slot {slot} left open",
        "A rider did not close it, it jams, or its switch is broken.",
        "The pack can be stolen or rained on; the slot serves no one.",
        "Ask the rider to close it, or send someone.",
    ),
    "pack_unlocked": Text(
        "Pack in slot {slot} not locked",
        "The lock jams, or a rider did not fetch a pack that was released.",
        "The pack can be taken without being booked, and is not handed out.",
        "Lock it from here, or send someone to look at the lock.",
    ),
    "service_door_open": Text(
        "Service door open",
        "Someone works at the cabinet, forgot to close it, or broke it open.",
        "Live parts and packs are within reach; rain comes in.",
        "Ask who is on site. If nobody is, send someone.",
    ),
    "sensor_out_of_range": Text(
        "Slot {slot} reports impossible values",
        "A broken sensor, a loose plug, or a scale that is wrong in the device profile.",
        "The value is not used; what the slot does is estimated.",
        "See under the device which value it is, and have sensor and plug checked.",
    ),
    "sensor_failure": Text(
        "A sensor of slot {slot} has failed",
        "The device says that it cannot measure: broken sensor or cable, or no word from the pack.",
        "The value is missing; what the slot does is estimated.",
        "Take the pack out and put it in again. If it stays, have the sensor replaced.",
    ),
    "station_sensor_out_of_range": Text(
        "The station reports impossible values",
        "A broken sensor or meter, or a scale that is wrong in the device profile.",
        "The value is not used; the station's power or climate is not watched.",
        "See under the device which value it is, and have the sensor checked.",
    ),
    "station_sensor_failure": Text(
        "A sensor of the station has failed",
        "The device says that it cannot measure: broken sensor, meter or cable.",
        "The value is missing; the station's power or climate is not watched.",
        "See under the device which value it is, and have the sensor replaced.",
    ),
    "connection_away": Text(
        "No communication with anything at {device}",
        "The broker, converter or network that several devices share is down.",
        "All their values are unknown: the twin carries on alone, and forecasts grow uncertain.",
        "Check the broker or converter at this address, and the network to it.",
    ),
    "device_away": Text(
        "No communication with {device}",
        "The device is off, its network is down, or its address has changed.",
        "Its values are unknown: the twin carries on alone, and forecasts grow uncertain.",
        "Check power and network at the station. The device's page says what the connection reports.",
    ),
    "values_stale": Text(
        "{device} is connected but sends nothing new",
        "The device's program hangs, or a radio link is overloaded.",
        "Old values must not be trusted; the twin estimates instead.",
        "Restart the device if it does not recover by itself.",
    ),
    "values_frozen": Text(
        "Values of {device} stand still",
        "A hanging measurement inside the device: it repeats the same number as new.",
        "The values are not trusted; the twin estimates instead.",
        "Restart the device.",
    ),
    "clock_skew": Text(
        "Clock of {device} is wrong",
        "The device has no time server, or its battery is empty.",
        "Its time stamps cannot be used; histories are off by that much.",
        "Set the device's time server, or correct_clock in the site file.",
    ),
    "points_missing": Text(
        "{device} lacks values of its profile",
        "Another device type or firmware than the profile was written for.",
        "The missing values are shown as unknown and are not watched.",
        "Compare with `swaptwin check --connect`, and correct the profile.",
    ),
    "charger_degraded": Text(
        "Charger of slot {slot} gives less than it should",
        "An ageing charger, a failed module, or a limit set in the charger.",
        "Packs in this slot are ready later than planned.",
        "Have the charger looked at on the next visit.",
    ),
    "soc_sensor_drift": Text(
        "State of charge in slot {slot} drifts",
        "The pack's counter is off: its reading does not follow the charge that goes in.",
        "The pack may be handed out too empty, or be kept too long.",
        "Let the pack charge until full so that it calibrates. If it returns, withdraw it.",
    ),
    "station_power_mismatch": Text(
        "The station's meter does not fit its chargers",
        "A load that is not in the site file, or a meter that is scaled wrong.",
        "Less power may be left for charging than planned.",
        "Look for other loads at the connection, and check base_load_w and the meter's scale.",
    ),
    "twin_residual": Text(
        "Slot {slot} is not where the model expects it",
        "The pack is of another kind than the site file says, or a reading is wrong.",
        "The slot's forecast is less certain.",
        "Compare the slot's trend with the model, and check pack class and charger in the site file.",
    ),
    "stockout": Text(
        "No pack ready",
        "More riders came than packs were charged.",
        "Riders leave without a pack.",
        "Bring charged packs, or send riders to the next station.",
    ),
    "stockout_expected": Text(
        "Stockout likely within 30 minutes",
        "Demand is above what charges, or chargers, packs or power are missing.",
        "Riders will leave without a pack.",
        "Follow the station's advice: bring packs, raise the grid limit, or repair slots.",
    ),
    "forecast_too_old": Text(
        "Forecast rests on old data",
        "The station's values have not come for some time.",
        "The chance of a stockout shown is not to be relied on.",
        "Bring the station's devices back; until then ask someone on site.",
    ),
    "history_not_written": Text(
        "History cannot be written",
        "The disk is full or broken, or another program holds the file.",
        "What happens now is lost for reports; alarms do not survive a restart.",
        "Make room on the gateway's disk; its log says what failed.",
    ),
    "gateway_late": Text(
        "Gateway overloaded",
        "The computer is too slow, or is busy with something else.",
        "Values and alarms come late.",
        "See what else runs on the gateway's computer.",
    ),
}
