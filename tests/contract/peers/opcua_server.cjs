// An OPC UA server on node-opcua, for tests. Usage: node opcua_server.cjs PORT [extra namespaces before ours]
//
// It prints "ready PORT" when it listens. Commands on standard input, one a line:
//   set NODE VALUE       a number, or NaN
//   status NODE NAME     a status code, such as BadNoCommunication
//   stamp NODE SECONDS   the same value again, with a source time of this epoch second
//   tick                 every counter one higher
// Environment: PEER_COUNTERS=abc counters a1 to a999, b1 to b999, c1 to c999; PEER_TRUSTS=nobody refuse unknown client certificates;
//   PEER_USER, PEER_PASSWORD who alone may come in; PEER_ITEMS_A_CALL its limit of monitored items in one call.
"use strict";
const os = require("os");
const path = require("path");
const readline = require("readline");
const { OPCUACertificateManager, OPCUAServer, Variant, DataType, StatusCodes } = require("node-opcua");

const URI = "urn:test:cabinet";

async function main() {
  const port = Number(process.argv[2]);
  const { PEER_USER, PEER_PASSWORD, PEER_TRUSTS, PEER_COUNTERS, PEER_ITEMS_A_CALL } = process.env;
  const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
    allowAnonymous: !PEER_USER,
    userManager: { isValidUser: (name, password) => name === PEER_USER && password === PEER_PASSWORD },
    serverCertificateManager: new OPCUACertificateManager({
      automaticallyAcceptUnknownCertificate: PEER_TRUSTS !== "nobody",
      rootFolder: path.join(os.homedir(), "pki"),
    }),
    serverCapabilities: PEER_ITEMS_A_CALL
      ? { operationLimits: { maxMonitoredItemsPerCall: Number(PEER_ITEMS_A_CALL), maxNodesPerRead: 7 } }
      : {},
    buildInfo: { productName: "peer" },
    serverInfo: { applicationUri: "urn:test:peer" },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  for (let extra = 0; extra < Number(process.argv[3] || 0); extra += 1) {
    space.registerNamespace(`urn:test:other:${extra}`);
  }
  const ours = space.registerNamespace(URI);
  const cabinet = ours.addObject({ organizedBy: space.rootFolder.objects, browseName: "Cabinet" });
  const nodes = {};
  const add = (name, dataType, value) => {
    nodes[name] = ours.addVariable({
      componentOf: cabinet,
      browseName: name,
      nodeId: `s=${name}`,
      dataType,
      value: { dataType, value },
    });
    nodes[name].setValueFromSource(new Variant({ dataType, value }));
  };
  add("slot1.soc", DataType.Double, 0.5);
  add("slot2.soc", DataType.Double, 0.25);
  add("slot1.state", DataType.Int32, 1);
  add("slot2.state", DataType.Int32, 42);
  add("slot1.occupied", DataType.Boolean, true);
  add("slot2.occupied", DataType.Boolean, false);
  add("slot1.id", DataType.String, "PK-1");
  add("slot2.id", DataType.String, "");
  add("power", DataType.Float, 1500.5);
  add("heartbeat", DataType.UInt32, 1);
  const counters = [];
  for (const letter of PEER_COUNTERS || "") {
    const group = ours.addObject({ organizedBy: space.rootFolder.objects, browseName: `Counters ${letter}` });
    for (let number = 1; number <= 999; number += 1) {
      const value = { dataType: DataType.UInt32, value: 0 };
      const name = `${letter}${number}`;
      const node = ours.addVariable({
        componentOf: group,
        browseName: name,
        nodeId: `s=${name}`,
        dataType: DataType.UInt32,
        value,
      });
      node.setValueFromSource(new Variant(value));
      counters.push(node);
    }
  }
  await server.start();
  let ticks = 0;

  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const [command, name, word] = line.split(" ");
    if (command === "tick") {
      ticks += 1;
      for (const counter of counters) {
        counter.setValueFromSource(new Variant({ dataType: DataType.UInt32, value: ticks }));
      }
      return;
    }
    const node = nodes[name];
    const dataType = node.dataType.value;
    const old = node.readValue().value;
    if (command === "set") {
      node.setValueFromSource(new Variant({ dataType, value: Number(word) }));
    } else if (command === "status") {
      node.setValueFromSource(old, StatusCodes[word]);
    } else if (command === "stamp") {
      node.setValueFromSource(old, StatusCodes.Good, new Date(Number(word) * 1000));
    }
  }).on("close", () => process.exit(0));
  console.log(`ready ${port}`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
