// Sparkplug payloads by sparkplug-payload, for tests. One line of JSON in, one out:
//   {"encode": PAYLOAD}  ->  {"hex": BYTES}
//   {"decode": BYTES}    ->  {"payload": PAYLOAD}, or {"error": TEXT}
"use strict";
const codec = require("sparkplug-payload").get("spBv1.0");

// 64-bit numbers come as objects; a string keeps all their digits.
const plain = (_, value) => (value && value.constructor && value.constructor.name === "Long" ? value.toString() : value);

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    try {
      const asked = JSON.parse(line);
      const said = asked.encode
        ? { hex: Buffer.from(codec.encodePayload(asked.encode)).toString("hex") }
        : { payload: codec.decodePayload(Buffer.from(asked.decode, "hex")) };
      console.log(JSON.stringify(said, plain));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error) }));
    }
  });
console.log("ready 0");
