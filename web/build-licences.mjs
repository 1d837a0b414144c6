// Writes the notices of everything that the binary carries: Go modules, front-end packages, fonts.
// Usage: node build-licences.mjs OUT  (run from the repository's top; GO names the go command)
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const out = process.argv[2];
const go = process.env.GO || "go";
const isNotice = (name) => /^(licen[cs]e|copying|notice|patents)/i.test(name);

function notices(dir) {
  return readdirSync(dir, { withFileTypes: true }).filter((e) => e.isFile() && isNotice(e.name)).map((e) => e.name).sort()
    .map((name) => readFileSync(join(dir, name), "utf8").trim());
}

function goModules() {
  const listed = execFileSync(go, ["list", "-e", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/yunting"],
    { encoding: "utf8", maxBuffer: 1 << 26 });
  return [...new Set(listed.split("\n").filter(Boolean))].sort().map((line) => line.split("\t"));
}

// Only what the bundles and the PDF fonts carry: dependencies of package.json and what those need.
function npmPackages() {
  const seen = new Map();
  const visit = (name) => {
    const dir = join("web/node_modules", name);
    if (seen.has(name) || !existsSync(join(dir, "package.json"))) return;
    const pkg = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    seen.set(name, [`${name} ${pkg.version} (${pkg.license})`, dir]);
    Object.keys(pkg.dependencies ?? {}).forEach(visit);
  };
  Object.keys(JSON.parse(readFileSync("web/package.json", "utf8")).dependencies).forEach(visit);
  return [...seen.values()];
}

const parts = [...goModules(), ...npmPackages()].map(([title, dir]) =>
  `${"=".repeat(72)}\n${title}\n${"=".repeat(72)}\n${notices(dir).join("\n\n") || "(no notice file in the package)"}\n`);
writeFileSync(out, parts.join("\n"));
