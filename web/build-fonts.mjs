// Packs the court's typeface for embedding into the binary: reads the pinned npm package, writes
// service/pdf/fonts/*.gz (git-ignored; `make assets` runs this). The same package always gives the same bytes.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const web = dirname(fileURLToPath(import.meta.url));
const from = join(web, "node_modules", "@expo-google-fonts", "noto-serif-sc");
const to = join(web, "..", "service", "pdf", "fonts");

const files = [
  ["400Regular/NotoSerifSC_400Regular.ttf", "NotoSerifSC-Regular.ttf.gz"],
  ["700Bold/NotoSerifSC_700Bold.ttf", "NotoSerifSC-Bold.ttf.gz"],
  ["LICENSE_FONT", "OFL.txt.gz"], // the licence must travel with the fonts
];

mkdirSync(to, { recursive: true });
for (const [source, target] of files) {
  const packed = gzipSync(readFileSync(join(from, source)), { level: 9 });
  packed[9] = 255; // RFC 1952 OS byte "unknown": the same on every platform
  const path = join(to, target);
  writeFileSync(path + ".part", packed);
  renameSync(path + ".part", path); // a build that is cut short leaves no half font
}
