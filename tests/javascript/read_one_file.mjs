// Reads arrays of one file with each program, and prints their elements, or what the program says instead, as JSON.
//
// node read_one_file.mjs study.h5 '["array", ...]'

import { readFileSync } from "node:fs";
import ZipFileStore from "@zarrita/storage/zip";
import h5wasm, { ready } from "h5wasm/node";
import * as jsfive from "jsfive";
import * as zarr from "zarrita";

const [path, names] = [process.argv[2], JSON.parse(process.argv[3])];
const bytes = readFileSync(path);
const root = zarr.root(ZipFileStore.fromBlob(new Blob([bytes])));
await ready;
const wasm = new h5wasm.File(path, "r");
const five = new jsfive.File(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength), path);

const plain = (value) => (typeof value === "object" ? Array.from(value).flat(Infinity) : [value]).map((v) =>
  typeof v === "bigint" ? Number(v) : v);

const PROGRAMS = {
  "zarrita.js": async (name) => {
    const found = await zarr.get(await zarr.open.v3(root.resolve(name), { kind: "array" }));
    return plain(found?.data ?? found);
  },
  h5wasm: (name) => plain(wasm.get(name).value),
  jsfive: (name) => plain(five.get(name).value),
};

const answers = {};
for (const [program, read] of Object.entries(PROGRAMS)) {
  answers[program] = {};
  for (const name of names) {
    try {
      answers[program][name] = await read(name);
    } catch (error) {
      answers[program][name] = `${error?.message ?? error}`;
    }
  }
}
process.stdout.write(JSON.stringify(answers));
