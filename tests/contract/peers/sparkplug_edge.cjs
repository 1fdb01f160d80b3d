// A Sparkplug edge node on sparkplug-client, for tests. Usage: node sparkplug_edge.cjs BROKER_PORT GROUP EDGE_NODE DEVICE
//
// Its device has the metrics of ``metrics`` below, which a command may change. It obeys Rebirth. Commands on standard input:
//   set NAME VALUE | null NAME | historical NAME VALUE | unknown | zip NAME VALUE
//   skip N             leave out N sequence numbers, as if messages had been lost
//   unborn             DDATA of a device that was never born
//   device-death       DDEATH
//   stale-death        an NDEATH with another bdSeq
"use strict";
const sparkplug = require("sparkplug-client");

const [port, group, edge, device] = process.argv.slice(2);
const client = sparkplug.newClient({
  serverUrl: `tcp://127.0.0.1:${port}`,
  username: "",
  password: "",
  groupId: group,
  edgeNode: edge,
  clientId: `edge-${process.pid}`,
  version: "spBv1.0",
});
const metrics = {
  "Slot1/SoC": { type: "Float", value: 50, alias: 11 },
  "Slot1/Limit": { type: "Int16", value: 120, alias: 12 },
  "Slot1/Id": { type: "String", value: "PK-1", alias: 13 },
  "Slot1/Enabled": { type: "Boolean", value: true, alias: 14 },
  Power: { type: "Int32", value: -1500, alias: 15 },
  Beat: { type: "UInt64", value: 1, alias: 16 },
};

const now = () => Date.now();
const whole = (name) => ({ name, timestamp: now(), ...metrics[name] });

function born() {
  client.publishNodeBirth({
    timestamp: now(),
    metrics: [{ name: "Node Control/Rebirth", type: "Boolean", value: false, timestamp: now() }],
  });
  client.publishDeviceBirth(device, { timestamp: now(), metrics: Object.keys(metrics).map(whole) });
}

// Data go by alias alone, as the specification wants it.
function say(name, more = {}, options = {}) {
  const metric = { ...whole(name), ...more, name: undefined };
  client.publishDeviceData(device, { timestamp: now(), metrics: [metric] }, options);
}

client.on("birth", born);
client.on("ncmd", (payload) => {
  if (payload.metrics.some((metric) => metric.name === "Node Control/Rebirth" && metric.value)) born();
});
client.on("dcmd", (_, payload) => {
  for (const metric of payload.metrics) {
    const name = Object.keys(metrics).find(
      (each) => each === metric.name || metrics[each].alias === Number(metric.alias),
    );
    if (!name) continue;
    metrics[name].value = typeof metric.value === "object" ? Number(metric.value) : metric.value;
    say(name);
  }
});

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [word, name, text] = line.split(" ");
    const value = text === undefined ? undefined : JSON.parse(text);
    switch (word) {
      case "set":
        metrics[name].value = value;
        return say(name);
      case "zip":
        metrics[name].value = value;
        return say(name, {}, { compress: true });
      case "null":
        return say(name, { value: null });
      case "historical":
        return say(name, { value, isHistorical: true });
      case "unknown":
        return client.publishDeviceData(device, {
          timestamp: now(),
          metrics: [{ alias: 99, type: "Float", value: 1 }],
        });
      case "skip":
        for (let count = 0; count < Number(name); count++) client.incrementSeqNum();
        return;
      case "unborn":
        return client.publishDeviceData("stranger", { timestamp: now(), metrics: [] });
      case "device-death":
        return client.publishDeviceDeath(device, { timestamp: now(), metrics: [] });
      case "stale-death": {
        const death = { timestamp: now(), metrics: [{ name: "bdSeq", type: "UInt64", value: 77 }] };
        return client.client.publish(`spBv1.0/${group}/NDEATH/${edge}`, client.encodePayload(death));
      }
    }
  });
client.on("connect", () => console.log("ready 0"));
