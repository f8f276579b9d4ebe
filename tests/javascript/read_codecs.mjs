// Reads arrays with zarrita.js, and prints what each is, as JSON.
//
// node read_codecs.mjs path...
//
// The answer: for each path {shape, strides, kind, data} or {error}. `data` is base64 of little-endian elements,
// `strides` counts elements.

import FileSystemStore from "@zarrita/storage/fs";
import * as zarr from "zarrita";

const base64 = (view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");

async function read(path) {
  try {
    const array = await zarr.open.v3(zarr.root(new FileSystemStore(path)), { kind: "array" });
    const { data, shape, stride } = await zarr.get(array);
    return { shape, strides: stride, kind: data.constructor.name, data: base64(data) };
  } catch (error) {
    return { error: `${error?.message ?? error} (${error?.cause?.message ?? ""})` };
  }
}

const answers = [];
for (const path of process.argv.slice(2)) answers.push(await read(path));
console.log(JSON.stringify(answers));
