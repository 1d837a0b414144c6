// When a person who does not see the sign of the connection is told of it: once when it has become bad, once when it is
// good again. The score changes each second on a weak network; what would be said each second is not heard at all.

import type { Net } from "./status";

const badFor = 4000; // milliseconds; what passes sooner is not worth an interruption
const goodFor = 8000; // a lull is not the end of it

export class NetNews {
  private told: "" | "bad" | "good" = "";
  private since = 0;
  private was: Net = "connecting";

  /** What is to be said now, which stays the same until there is something else to say. */
  look(at: number, net: Net): "" | "bad" | "good" {
    if (net !== this.was) this.since = at;
    this.was = net;
    const held = at - this.since;
    if (net === "bad" && held >= badFor) this.told = "bad";
    if (net === "good" && held >= goodFor && this.told === "bad") this.told = "good";
    return this.told;
  }
}
