import { expect, it } from "vitest";
import { follow } from "./events";

it("takes whatever number comes first as the beginning", () => {
  expect(follow(null, 881)).toEqual({ last: 881, deliver: true, missed: false });
});

it("tells the next event on, and a repeat not again", () => {
  expect(follow(881, 882)).toEqual({ last: 882, deliver: true, missed: false });
  expect(follow(882, 882)).toEqual({ last: 882, deliver: false, missed: false });
  expect(follow(882, 880)).toEqual({ last: 882, deliver: false, missed: false });
});

it("knows from a hole in the numbers that events were missed", () => {
  expect(follow(882, 884)).toEqual({ last: 884, deliver: true, missed: true });
});
