import { describe, expect, it } from "vitest";
import { csvText } from "./csv";

const COLUMNS = [{ name: "time", time: true }, { name: "power_w" }, { name: "quality" }];

describe("a table as CSV", () => {
  it("writes times with the offset of the zone, and nothing for what is unknown", () => {
    const summer = Date.UTC(2026, 9, 25, 0, 30) / 1000;
    const rows = [
      [summer, 1450.5, "good"],
      [summer + 3600, null, "bad"],
    ];
    expect(csvText(COLUMNS, rows, { zone: "Europe/Berlin", emulated: false })).toBe(
      "time,power_w,quality\r\n2026-10-25T02:30:00+02:00,1450.5,good\r\n2026-10-25T02:30:00+01:00,,bad\r\n",
    );
  });

  it("says that its numbers come from an emulator", () => {
    expect(csvText(COLUMNS, [], { zone: "UTC", emulated: true }).split("\r\n")[0]).toBe("# EMULATED");
  });

  it("quotes what would break the table, and disarms what a spreadsheet would run", () => {
    const text = csvText([{ name: "text" }], [['a "b", c'], ["=1+1"], ["-5.5"]], { zone: "UTC", emulated: false });
    expect(text).toBe('text\r\n"a ""b"", c"\r\n\'=1+1\r\n-5.5\r\n');
  });
});
