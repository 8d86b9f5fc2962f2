// Lint of the pages' scripts, run from the root of the repository. The scripts of a page are put together into one, so
// each may use what another declares at its top level; what no other uses is dead.
import js from "@eslint/js";
import globals from "globals";
import { existsSync, readFileSync, readdirSync } from "node:fs";

const rooms = readdirSync("tinyaae")
  .map((room) => `tinyaae/${room}/static`)
  .filter(existsSync);
const files = rooms
  .flatMap((room) => readdirSync(room).map((name) => `${room}/${name}`))
  .filter((name) => name.endsWith(".js"));
const code = files.map((name) => readFileSync(name, "utf8")).join("\n");
const declared = [...code.matchAll(/^(?:async )?(?:function|const|let|class) (\w+)/gm)].map(([, name]) => name);
const dead = declared.filter((name) => code.match(new RegExp(`\\b${name}\\b`, "g")).length === 1);
if (dead.length) throw new Error(`declared, but used nowhere: ${dead.join(", ")}`);

export default [
  js.configs.recommended,
  {
    languageOptions: {
      sourceType: "script",
      globals: { ...globals.browser, ...Object.fromEntries(declared.map((name) => [name, "readonly"])) },
    },
    rules: {
      eqeqeq: "error",
      "no-redeclare": ["error", { builtinGlobals: false }],
      "no-unused-vars": ["error", { vars: "local" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
