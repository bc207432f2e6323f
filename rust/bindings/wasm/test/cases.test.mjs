// The shared cases of tests/cases, which Rust and Python run too. `make wasm` builds the modules and runs this.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../../../", import.meta.url);
const STEPS = [1, 7, Infinity];
const TOLERANCE = 1e-9;

async function load(name) {
  const module = await import(new URL(`target/wasm/${name}.js`, ROOT));
  module.initSync({ module: readFileSync(new URL(`target/wasm/${name}_bg.wasm`, ROOT)) });
  return module;
}

function cases(name) {
  return JSON.parse(readFileSync(new URL(`tests/cases/${name}`, ROOT), "utf8"));
}

// Fails unless `seen` has everything that `wanted` names.
function assertHolds(seen, wanted, where) {
  if (Array.isArray(wanted)) {
    assert.equal(seen?.length, wanted.length, where);
    wanted.forEach((value, index) => assertHolds(seen[index], value, `${where}[${index}]`));
  } else if (wanted !== null && typeof wanted === "object") {
    for (const [key, value] of Object.entries(wanted)) assertHolds(seen?.[key], value, `${where}.${key}`);
  } else if (typeof wanted === "number") {
    assert.ok(Math.abs(seen - wanted) <= TOLERANCE * Math.abs(wanted), `${where} is ${seen}, not ${wanted}`);
  } else {
    // JavaScript's word for no value is `undefined`, JSON's is `null`.
    assert.deepEqual(seen ?? null, wanted, where);
  }
}

const { runGuard } = await load("cases");
const { TextGuard } = await load("midstream");

for (const { name, body, texts, summary } of cases("streams.json")) {
  test(name, () => {
    const bytes = new TextEncoder().encode(body);
    for (const step of STEPS) {
      const seen = JSON.parse(runGuard(bytes, Math.min(step, bytes.length), "auto", "auto", "clean"));
      assert.deepEqual(seen.texts, texts);
      assertHolds(seen.summary, summary, `summary, ${step} bytes a chunk`);
    }
  });
}

for (const { name, text, findings } of ["repeat.json", "texts.json"].flatMap(cases)) {
  test(name, () => {
    const characters = [...text];
    for (const step of STEPS) {
      const guard = new TextGuard();
      const found = [];
      for (let at = 0; at < characters.length; at += Math.min(step, characters.length)) {
        found.push(...guard.push(characters.slice(at, at + step).join(""), 0));
      }
      assertHolds(found, findings, `findings, ${step} characters a push`);
      guard.free();
    }
  });
}

test("time that goes on without text is a stall", () => {
  const guard = new TextGuard();
  guard.push("Hello", 0);
  const [stall] = guard.tick(1e6);
  assert.equal(stall.check, "pace");
  assert.equal(stall.kind, "stall");
});
