// A Modbus TCP client on modbus-serial, for tests. Usage: node modbus_client.cjs PORT STEP...
//
// Steps, done in turn on one connection; each prints one line of JSON, {"values"} or {"exception"}:
//   holding:UNIT:ADDRESS:COUNT | input:… | coils:… | discrete:…   read
//   register:UNIT:ADDRESS:VALUE[,VALUE…]                           write, with function 6 or 16
"use strict";
const ModbusRTU = require("modbus-serial");

const READS = {
  holding: "readHoldingRegisters",
  input: "readInputRegisters",
  coils: "readCoils",
  discrete: "readDiscreteInputs",
};

async function step(client, [kind, unit, address, rest]) {
  client.setID(Number(unit));
  if (kind === "register") {
    const values = rest.split(",").map(Number);
    if (values.length === 1) await client.writeRegister(Number(address), values[0]);
    else await client.writeRegisters(Number(address), values);
    return { values };
  }
  const { data } = await client[READS[kind]](Number(address), Number(rest));
  return { values: data.slice(0, Number(rest)) };
}

async function main() {
  const [port, ...steps] = process.argv.slice(2);
  const client = new ModbusRTU();
  client.setTimeout(3000);
  await client.connectTCP("127.0.0.1", { port: Number(port) });
  for (const text of steps) {
    try {
      console.log(JSON.stringify(await step(client, text.split(":"))));
    } catch (error) {
      if (error.modbusCode === undefined) throw error;
      console.log(JSON.stringify({ exception: error.modbusCode }));
    }
  }
  client.close(() => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
