// The page's build: `npm run build` writes dist/, which is committed and served at /ui by the gateway.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const GATEWAY = process.env.RECGATE_URL ?? "http://127.0.0.1:8080";
const SOURCES = ["index.html", "package-lock.json", "vite.config.ts", "src"];

// tests compare this with the sources, so that no change of them is forgotten in dist/
const fingerprint = (): Plugin => ({
  name: "fingerprint-of-sources",
  apply: "build",
  closeBundle() {
    const hash = createHash("sha256");
    const files = SOURCES.flatMap((place) =>
      place === "src"
        ? readdirSync(place, { recursive: true, withFileTypes: true })
            .filter((each) => each.isFile())
            .map((each) => join(each.parentPath, each.name))
        : [place],
    );
    for (const file of files.sort()) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
    writeFileSync("dist/sources.sha256", `${hash.digest("hex")}\n`);
  },
});

export default defineConfig({
  base: "/ui/",
  plugins: [fingerprint()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, cssCodeSplit: false },
  server: { proxy: Object.fromEntries(["/admin", "/events", "/openapi.json"].map((path) => [path, GATEWAY])) },
});
