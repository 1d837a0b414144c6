import assert from "node:assert/strict";
import { test } from "node:test";
import { NetNews } from "../../src/room/netnews.ts";

/** What is said, in turn, when the connection is so each half second. */
function said(...course) {
  const news = new NetNews();
  const words = [];
  let at = 0;
  for (const [net, seconds] of course) {
    for (const end = at + 1000 * seconds; at < end; at += 500) {
      const word = news.look(at, net);
      if (word !== (words.at(-1) ?? "")) words.push(word);
    }
  }
  return words.join();
}

test("a connection that is good from the beginning is nothing to tell", () => assert.equal(said(["connecting", 2], ["good", 60], ["fair", 60]), ""));
test("bad is told once, however long it lasts", () => assert.equal(said(["good", 5], ["bad", 60]), "bad"));
test("so is good again", () => assert.equal(said(["bad", 10], ["good", 60]), "bad,good"));
test("a short weakness is nobody's business", () => assert.equal(said(["good", 5], ["bad", 3], ["good", 20]), ""));
test("a lull is not the end", () => assert.equal(said(["bad", 10], ["good", 5], ["bad", 10], ["good", 5]), "bad"));
test("what changes each second is not told each second", () => {
  const restless = Array.from({ length: 60 }, (_, n) => [["bad", "good", "fair"][n % 3], 1]);
  assert.equal(said(...restless), "");
  assert.equal(said(["bad", 5], ...restless, ["good", 10], ...restless), "bad,good");
});
test("fair, and a lost connection, which is told otherwise, are neither", () => assert.equal(said(["bad", 5], ["fair", 30], ["lost", 30], ["connecting", 30]), "bad"));
