// `npm run build` writes dist/, which is committed and served as /recgate.js by the gateway.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

await build({ entryPoints: ["src/recgate.ts"], outfile: "dist/recgate.js", bundle: true, minify: true, format: "iife", target: "es2020" });
const hash = createHash("sha256");
for (const file of ["build.mjs", "package-lock.json", "src/recgate.ts"]) hash.update(readFileSync(file));
writeFileSync("dist/sources.sha256", `${hash.digest("hex")}\n`);
