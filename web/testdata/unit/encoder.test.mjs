import assert from "node:assert/strict";
import { test } from "node:test";
import { EncoderWatch } from "../../src/room/encoder.ts";

const [one, two] = [{}, {}]; // connections

/** Plays a minute at most: each second a camera gives 20 pictures, of which all are encoded, and the server reports; change says what is otherwise. Tells what was found at which second. */
function play(seconds, change) {
  const watch = new EncoderWatch();
  const sum = { pictures: 0, frames: 0, keys: 0, bytes: 0, heard: 0 };
  const found = [];
  for (let s = 0; s <= seconds; s++) {
    const step = { at: 1000 * s, of: one, codec: "H264", pictures: 20, frames: 20, keys: 1, bytes: 40_000, heard: 300, ...change(s) };
    if (step.off) {
      watch.look(null);
      continue;
    }
    for (const what of Object.keys(sum)) sum[what] += step[what] ?? 0;
    const finding = watch.look({ ...step, ...sum, ...(step.pictures === null ? { pictures: null } : {}), ...(step.heard === null ? { heard: null } : {}), ...step.counts });
    if (finding) found.push(`${s} ${finding.codec} ${finding.works ? "works" : "failed"}`);
  }
  return found;
}
const failures = (found) => found.filter((f) => f.endsWith("failed"));
const nothing = { frames: 0, keys: 0, bytes: 0 };

test("an encoder that works is said to work, and never to fail", () => {
  const found = play(20, () => ({}));
  assert.equal(found.length, 20);
  assert.deepEqual(failures(found), []);
});

test("nothing comes out from the beginning: failed after four seconds, and again for as long as it lasts", () => {
  assert.deepEqual(play(12, () => nothing), ["4 H264 failed", "8 H264 failed", "12 H264 failed"]);
});

test("nothing comes out any more", () => {
  assert.deepEqual(failures(play(12, (s) => (s > 5 ? nothing : {}))), ["9 H264 failed"]);
});

test("one picture in three seconds is slow, not broken", () => {
  assert.deepEqual(failures(play(30, (s) => (s % 3 ? nothing : { frames: 1, bytes: 900, keys: s ? 0 : 1 }))), []);
});

test("pictures that are counted but come to no bytes, or are never a key picture, are none", () => {
  assert.deepEqual(failures(play(5, () => ({ bytes: 0 }))), ["4 H264 failed"]);
  assert.deepEqual(failures(play(5, () => ({ keys: 0 }))), ["4 H264 failed"]);
});

test("a camera that gives none is no fault of the encoder; where nobody says what it gives, it is taken to give", () => {
  assert.deepEqual(play(30, () => ({ ...nothing, pictures: 0 })), []);
  assert.deepEqual(play(30, () => ({ ...nothing, pictures: 2 })), ["5 H264 failed", "10 H264 failed", "15 H264 failed", "20 H264 failed", "25 H264 failed", "30 H264 failed"]);
  assert.deepEqual(play(5, () => ({ ...nothing, pictures: null })), ["4 H264 failed"]);
});

test("a camera whose pictures are counted anew when their size changes still gives some", () => {
  assert.deepEqual(play(9, (s) => (s > 3 ? { ...nothing, counts: { pictures: 20 * (s - 3) } } : nothing)), ["4 H264 failed", "8 H264 failed"]);
});

test("what need not be sent does not count: camera off, held, no layer taken, page hidden, way being mended", () => {
  assert.deepEqual(play(40, (s) => (s % 4 === 3 ? { off: true } : nothing)), []);
  assert.deepEqual(play(9, (s) => (s < 3 ? nothing : s < 5 ? { off: true } : nothing)), ["9 H264 failed"]);
});

test("a server that is not heard cannot get any", () => {
  assert.deepEqual(failures(play(30, (s) => (s > 4 ? { ...nothing, heard: 0 } : {}))), []);
  assert.deepEqual(failures(play(30, (s) => (s > 4 && s < 10 ? { ...nothing, heard: 0 } : {}))), []);
  assert.deepEqual(play(5, () => ({ ...nothing, heard: null })), ["4 H264 failed"]);
  assert.deepEqual(play(9, (s) => (s % 2 ? { ...nothing, heard: 0 } : nothing)), ["4 H264 failed", "8 H264 failed"]);
});

test("a page that slept begins anew", () => {
  assert.deepEqual(play(6, (s) => ({ ...nothing, at: s < 3 ? 1000 * s : 60_000 + 1000 * s })), []);
});

test("another connection begins anew", () => {
  assert.deepEqual(play(10, (s) => (s < 3 ? nothing : { ...nothing, of: two, codec: "VP8" })), ["7 VP8 failed"]);
  assert.deepEqual(failures(play(10, (s) => (s < 3 ? {} : { of: two, codec: "VP8" }))), []);
});

test("a codec that the browser itself changes in the middle has failed, whatever came of the other", () => {
  assert.deepEqual(failures(play(4, (s) => (s < 3 ? {} : { codec: "VP8" }))), ["3 H264 failed", "4 H264 failed"]);
  assert.deepEqual(failures(play(6, (s) => (s < 3 ? {} : s === 4 ? { off: true } : { codec: "VP8" }))), ["3 H264 failed", "6 H264 failed"]);
  assert.deepEqual(failures(play(9, (s) => (s < 2 ? nothing : { codec: "VP8" }))), [], "one that never sent anything is nobody's");
});
