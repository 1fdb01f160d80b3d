const NAMES: Readonly<Record<string, string>> = {
  opcua: "OPC UA",
  modbus: "Modbus",
  mqtt: "MQTT",
  sparkplug: "Sparkplug B",
  tower: "China Tower",
};

/** A protocol by its proper name, which is the same in every language. */
export function protocolName(protocol: string): string {
  return NAMES[protocol] ?? protocol;
}
