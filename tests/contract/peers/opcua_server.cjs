// An OPC UA server on node-opcua, for tests. Usage: node opcua_server.cjs PORT [extra namespaces before ours]
//
// It prints "ready PORT" when it listens. Commands on standard input, one a line:
//   set NODE VALUE       a number, or NaN
//   status NODE NAME     a status code, such as BadNoCommunication
//   stamp NODE SECONDS   the same value again, with a source time of this epoch second
"use strict";
const readline = require("readline");
const { OPCUAServer, Variant, DataType, StatusCodes, DataValue } = require("node-opcua");

const URI = "urn:test:cabinet";

async function main() {
  const port = Number(process.argv[2]);
  const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
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
  await server.start();

  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const [command, name, word] = line.split(" ");
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
