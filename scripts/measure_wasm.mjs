// `measure_wasm.mjs FOLDER NAME BUDGET`: how big the module and its glue are, and that it needs nothing else.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

const [folder, name, budget] = process.argv.slice(2);

function brotli(bytes) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  return brotliCompressSync(bytes, { params }).length;
}

let total = 0;
for (const file of [`${name}_bg.wasm`, `${name}.js`]) {
  const bytes = readFileSync(`${folder}/${file}`);
  const packed = brotli(bytes);
  total += packed;
  console.log(`wasm: ${file.padEnd(18)} ${String(bytes.length).padStart(8)} bytes ${String(packed).padStart(7)} after brotli`);
}
console.log(`wasm: a page loads ${total} of at most ${budget} bytes`);

const module = new WebAssembly.Module(readFileSync(`${folder}/${name}_bg.wasm`));
const foreign = WebAssembly.Module.imports(module).filter((entry) => entry.module !== `./${name}_bg.js`);
for (const entry of foreign) console.error(`wasm: imports ${entry.name} from ${entry.module}: a browser has no such thing`);
if (foreign.length > 0 || total > Number(budget)) process.exit(1);
