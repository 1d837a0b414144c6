// Packs the court's typeface for embedding into the binary: reads the pinned npm packages, writes
// service/pdf/fonts/*.gz and web/static/dist/rare-*.ttf (git-ignored; `make assets` runs this). The same packages always
// give the same bytes.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { cut, parse } from "./rare-glyphs.mjs";

const web = dirname(fileURLToPath(import.meta.url));
const packages = join(web, "node_modules", "@expo-google-fonts");
const to = join(web, "..", "service", "pdf", "fonts");
const dist = join(web, "static", "dist");

const read = (country, weight) => readFileSync(join(packages, `noto-serif-${country.toLowerCase()}`, weight, `NotoSerif${country}_${weight}.ttf`));

function write(path, data) {
  writeFileSync(path + ".part", data);
  renameSync(path + ".part", path); // a build that is cut short leaves no half font
}

function pack(name, data) {
  const packed = gzipSync(data, { level: 9 });
  packed[9] = 255; // RFC 1952 OS byte "unknown": the same on every platform
  write(join(to, name + ".gz"), packed);
}

const isHan = (c) => (c >= 0x3400 && c <= 0x9fff) || c >= 0x20000; // with extensions A to H

// Pages name the reader's own typefaces; where those lack a character beyond the basic plane the browser fetches these.
const forPages = (country, font, codes) => write(join(dist, `rare-${country.toLowerCase()}.ttf`), cut(font, codes.filter((c) => c >= 0x20000)));

mkdirSync(to, { recursive: true });
mkdirSync(dist, { recursive: true });
for (const [weight, name] of [["400Regular", "Regular"], ["700Bold", "Bold"]]) {
  // Characters of names that the Chinese typeface lacks, such as 𠮷 and 𢫏, come from its Japanese and Hong Kong sisters.
  const whole = read("SC", weight);
  const chinese = parse(whole);
  const known = new Set(chinese.glyphs.keys());
  pack(`NotoSerifSC-${name}.ttf`, whole);
  if (name === "Regular") forPages("SC", chinese, [...known]);
  for (const country of ["JP", "HK"]) {
    const sister = parse(read(country, weight));
    const codes = [...sister.glyphs.keys()].filter((c) => isHan(c) && !known.has(c));
    codes.forEach((c) => known.add(c));
    pack(`NotoSerif${country}-${name}.rare.ttf`, cut(sister, codes));
    if (name === "Regular") forPages(country, sister, codes);
  }
}
pack("OFL.txt", readFileSync(join(packages, "noto-serif-sc", "LICENSE_FONT"))); // the licence must travel with the fonts
