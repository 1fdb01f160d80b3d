// A Modbus TCP server on modbus-serial, for tests. Usage: node modbus_server.cjs PORT
//
// It prints "ready PORT" when it listens. It answers each unit from tables of its own, register by register, and refuses
// what it does not have with "illegal data address". Commands on standard input, one a line:
//   holding UNIT ADDRESS VALUE   set a holding register
//   show UNIT ADDRESS            print {"unit", "address", "value"} of a holding register
"use strict";
const ModbusRTU = require("modbus-serial");

const port = Number(process.argv[2]);
const tables = {};
const table = (unit) => (tables[unit] ??= { holding: {}, input: {}, coils: {}, discrete: {} });

function words(kind, address, values) {
  values.forEach((value, index) => (kind[address + index] = value & 0xffff));
}

// 1: values of several types; 2: another unit of the same line.
const bytes = Buffer.alloc(4);
bytes.writeFloatBE(1234.5);
words(table(1).holding, 0, [873, 65535]);
const [high, low] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
words(table(1).holding, 10, [high, low, high, low]);
words(table(1).holding, 20, [low, high, low, high]);
words(table(1).holding, 40, [0x504b, 0x2d37, 0, 0, 0x504b, 0x2d38, 0, 0]);
words(table(1).input, 0, [253, -125]);
Object.assign(table(1).coils, { 0: true, 1: false });
Object.assign(table(1).discrete, { 8: false, 9: true });
words(table(2).holding, 0, [512, 640]);

function place(kind, address) {
  const value = kind[address];
  if (value === undefined) throw Object.assign(new Error(`no place ${address}`), { modbusErrorCode: 2 });
  return value;
}

const vector = {
  getHoldingRegister: async (address, unit) => place(table(unit).holding, address),
  getInputRegister: async (address, unit) => place(table(unit).input, address),
  getCoil: async (address, unit) => place(table(unit).coils, address),
  getDiscreteInput: async (address, unit) => place(table(unit).discrete, address),
  setRegister: async (address, value, unit) => {
    place(table(unit).holding, address);
    table(unit).holding[address] = value;
  },
  setCoil: async (address, value, unit) => {
    place(table(unit).coils, address);
    table(unit).coils[address] = value;
  },
};

// 255 is the library's word for every unit.
const server = new ModbusRTU.ServerTCP(vector, { host: "127.0.0.1", port, unitID: 255 });
server.on("initialized", () => console.log(`ready ${port}`));

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [word, unit, address, value] = line.split(" ");
    if (word === "holding") table(unit).holding[address] = Number(value);
    if (word === "show") console.log(JSON.stringify({ unit: Number(unit), value: table(unit).holding[address] }));
  });
