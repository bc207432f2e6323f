// One round of the WebAssembly module: `page.mjs TOKENS`.
import { readFileSync } from "node:fs";

const ROOT = new URL("../../../", import.meta.url);
const TIMES = 20;
const { initSync, TextGuard } = await import(new URL("target/wasm/midstream.js", ROOT));
initSync({ module: readFileSync(new URL("target/wasm/midstream_bg.wasm", ROOT)) });

const tokens = JSON.parse(readFileSync(process.argv[2], "utf8"));

function read(times) {
  const guard = new TextGuard();
  let findings = 0;
  for (let time = 0; time < times; time += 1) {
    for (const token of tokens) findings += guard.push(token, 0).length;
  }
  guard.free();
  return findings;
}

read(3);
const before = process.cpuUsage();
read(TIMES);
const { user, system } = process.cpuUsage(before);
console.log(tokens.length * TIMES, (user + system) / 1e6, 0, 0);
