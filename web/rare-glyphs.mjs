// Cuts out of a TrueType font the glyphs of some characters: a small font with the same outlines and metrics.
// Section names follow the OpenType specification.

/** Reads the tables that subsetting needs. */
export function parse(data) {
  const tables = {};
  for (let i = 0; i < data.readUInt16BE(4); i++) {
    const at = 12 + 16 * i;
    const offset = data.readUInt32BE(at + 8);
    tables[data.toString("latin1", at, at + 4)] = data.subarray(offset, offset + data.readUInt32BE(at + 12));
  }
  if (tables.head.readUInt16BE(50) !== 1) throw new Error("want long offsets in loca");
  return { tables, glyphs: characters(tables.cmap) };
}

// characters maps code points to glyphs, from the subtable of format 12 (platform 3, encoding 10).
function characters(cmap) {
  const found = new Map();
  for (let i = 0; i < cmap.readUInt16BE(2); i++) {
    if (cmap.readUInt32BE(4 + 8 * i) !== ((3 << 16) | 10)) continue;
    const table = cmap.subarray(cmap.readUInt32BE(8 + 8 * i));
    for (let g = 0; g < table.readUInt32BE(12); g++) {
      const [first, last, glyph] = [0, 4, 8].map((n) => table.readUInt32BE(16 + 12 * g + n));
      for (let c = first; c <= last; c++) found.set(c, glyph + c - first);
    }
  }
  return found;
}

const outline = ({ loca, glyf }, glyph) => glyf.subarray(loca.readUInt32BE(4 * glyph), loca.readUInt32BE(4 * glyph + 4));

// parts gives where a composite glyph names its components (glyf table, composite glyph description).
function parts(data) {
  const at = [];
  if (data.length < 10 || data.readInt16BE(0) >= 0) return at;
  for (let i = 10, flags = 0x20; flags & 0x20; ) {
    flags = data.readUInt16BE(i);
    at.push(i + 2);
    i += (flags & 1 ? 8 : 6) + (flags & 8 ? 2 : flags & 0x40 ? 4 : flags & 0x80 ? 8 : 0);
  }
  return at;
}

/** Makes a font of the characters alone, in the order of their codes. */
export function cut(font, codes) {
  const { tables } = font;
  const kept = [0], number = new Map([[0, 0]]);
  const keep = (glyph) => {
    if (!number.has(glyph)) number.set(glyph, kept.push(glyph) - 1);
    return number.get(glyph);
  };
  const sorted = [...codes].sort((a, b) => a - b);
  const groups = sorted.map((code) => [code, code, keep(font.glyphs.get(code))]);
  const glyf = [], loca = [0];
  for (let i = 0, size = 0; i < kept.length; i++) {
    const data = Buffer.from(outline(tables, kept[i]));
    for (const at of parts(data)) data.writeUInt16BE(keep(data.readUInt16BE(at)), at);
    const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
    glyf.push(padded);
    loca.push((size += padded.length));
  }
  const metrics = tables.hhea.readUInt16BE(34);
  const hmtx = kept.map((glyph) => {
    const last = tables.hmtx.readUInt16BE(4 * Math.min(glyph, metrics - 1));
    const bearing = glyph < metrics ? tables.hmtx.readInt16BE(4 * glyph + 2) : tables.hmtx.readInt16BE(4 * metrics + 2 * (glyph - metrics));
    const entry = Buffer.alloc(4);
    entry.writeUInt16BE(last, 0);
    entry.writeInt16BE(bearing, 2);
    return entry;
  });
  const counted = (table, at) => {
    const copy = Buffer.from(table);
    copy.writeUInt16BE(kept.length, at);
    return copy;
  };
  const { head, name, post, prep, "OS/2": os2 } = tables;
  return assemble({ head, name, post, prep, "OS/2": os2, hhea: counted(tables.hhea, 34), maxp: counted(tables.maxp, 4), hmtx: Buffer.concat(hmtx),
    glyf: Buffer.concat(glyf), loca: words(loca), cmap: cmapOf(groups) });
}

function words(list) {
  const out = Buffer.alloc(4 * list.length);
  list.forEach((n, i) => out.writeUInt32BE(n, 4 * i));
  return out;
}

function cmapOf(groups) {
  const header = Buffer.from([0, 0, 0, 1, 0, 3, 0, 10, 0, 0, 0, 12]);
  return Buffer.concat([header, words([12 << 16, 16 + 12 * groups.length, 0, groups.length]), words(groups.flat())]);
}

function checksum(data) {
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum = (sum + data.readUInt32BE(i)) >>> 0;
  return sum;
}

function assemble(tables) {
  const names = Object.keys(tables).sort();
  const power = 2 ** Math.floor(Math.log2(names.length));
  const directory = Buffer.alloc(12 + 16 * names.length);
  [0x0001, 0, names.length, 16 * power, Math.log2(power), 16 * (names.length - power)].forEach((n, i) => directory.writeUInt16BE(n, 2 * i));
  const bodies = [];
  let offset = directory.length;
  names.forEach((name, i) => {
    const data = Buffer.concat([tables[name], Buffer.alloc(-tables[name].length & 3)]);
    if (name === "head") data.writeUInt32BE(0, 8);
    directory.write(name, 12 + 16 * i, "latin1");
    [checksum(data), offset, tables[name].length].forEach((n, j) => directory.writeUInt32BE(n, 16 + 16 * i + 4 * j));
    bodies.push(data);
    offset += data.length;
  });
  const head = bodies[names.indexOf("head")];
  head.writeUInt32BE((0xb1b0afba - checksum(Buffer.concat([directory, ...bodies]))) >>> 0, 8); // checksumAdjustment
  return Buffer.concat([directory, ...bodies]);
}
