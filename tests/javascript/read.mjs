// Reads every array of a manifest with each program, and prints what each program said, as JSON.
//
// node read.mjs manifest.json
//
// The manifest: {root, cases: [{name, dtype, dataset, shards: [path]}]}. The answer: for each case and program, one
// result on the Zarr side and one for each shard on the HDF5 side: {shape, strides, data, missing, ...} or {error}.
// `data` is base64 of little-endian elements, `strides` counts elements, `missing` marks what a program left undefined.

import { readFileSync } from "node:fs";
import FileSystemStore from "@zarrita/storage/fs";
import h5wasm, { ready } from "h5wasm/node";
import { install_local_plugins } from "h5wasm-plugins";
import * as jsfive from "jsfive";
import * as zarr from "zarrita";

// Where a program answers with plain JavaScript numbers, the typed array that holds them. Float16Array is for Node 24.
const TYPED = {
  bool: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array,
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array,
  float16: Float32Array, float32: Float32Array, float64: Float64Array,
  complex64: Float32Array, complex128: Float64Array, r24: Uint8Array,
};

const base64 = (view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");

function elements(value, dtype) {
  if (ArrayBuffer.isView(value)) return { data: base64(value), kind: value.constructor.name };
  const plain = Array.from(value).flat(Infinity); // complex numbers come as pairs
  const missing = plain.map((v) => v === undefined);
  const Typed = TYPED[dtype];
  const convert = Typed === BigInt64Array || Typed === BigUint64Array ? (v) => BigInt(v ?? 0) : (v) => v ?? 0;
  const answer = { data: base64(Typed.from(plain, convert)), kind: Typed.name };
  return missing.includes(true) ? { ...answer, missing: base64(Uint8Array.from(missing)) } : answer;
}

async function attempt(read) {
  try {
    return await read();
  } catch (error) {
    // jsfive throws strings; a zarrita.js error has the codec's own as its cause.
    const cause = error?.cause === undefined ? "" : ` (${error.cause?.message ?? error.cause})`;
    return { error: `${error?.message ?? error}${cause}` || "failed without a message" };
  }
}

async function readZarr(root, { name, dtype }) {
  const array = await zarr.open.v3(root.resolve(name), { kind: "array" });
  const { data, shape, stride } = await zarr.get(array);
  const { attrs: attributes, dimensionNames: labels } = array;
  return { shape, strides: stride, ...elements(data, dtype), attributes, labels };
}

function readH5wasm(path, { name, dtype, dataset }) {
  const file = new h5wasm.File(path, "r");
  try {
    const found = file.get(dataset);
    const answer = { shape: found.shape, ...elements(found.value, dtype) };
    const attributes = Object.fromEntries(Object.entries(found.attrs).map(([key, a]) => [key, a.to_array()]));
    return { ...answer, attributes, labels: found.get_dimension_labels() };
  } finally {
    file.close();
  }
}

function readJsfive(path, { dtype, dataset }) {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  const file = new jsfive.File(buffer.slice(byteOffset, byteOffset + byteLength), path);
  const found = file.get(dataset);
  const answer = { shape: found.shape, ...elements(found.value, dtype) };
  return { ...answer, attributes: found.attrs, labels: found.attrs.DIMENSION_LABELS ?? null };
}

// Without its throwing error handler, h5wasm prints libhdf5's errors and returns memory that nobody has written.
async function readH5wasmStrictly(path, given) {
  library.activate_throwing_error_handler();
  const answer = await attempt(() => readH5wasm(path, given));
  library.deactivate_throwing_error_handler();
  if (answer.error === undefined) return answer;
  return { ...answer, silent: (await attempt(() => readH5wasm(path, given))).error === undefined };
}

async function eachShard(cases, program, read) {
  for (const given of cases) {
    answers[given.name][program] = [];
    for (const path of given.shards) {
      answers[given.name][program].push(await attempt(() => read(path, given)));
    }
  }
}

const { root, cases } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answers = Object.fromEntries(cases.map(({ name }) => [name, {}]));
const hierarchy = zarr.root(new FileSystemStore(root));
for (const given of cases) {
  answers[given.name]["zarrita.js"] = [await attempt(() => readZarr(hierarchy, given))];
}
const library = await ready;
await eachShard(cases, "h5wasm", readH5wasmStrictly);
install_local_plugins(library);
await eachShard(cases, "h5wasm-plugins", readH5wasmStrictly);
await eachShard(cases, "jsfive", readJsfive);
const group = await zarr.open.v3(hierarchy, { kind: "group" });
const facts = { node: process.versions.node, float16: typeof Float16Array !== "undefined", group: group.attrs };
process.stdout.write(
  JSON.stringify({ facts, answers }, (_, value) => (typeof value === "bigint" ? Number(value) : value)),
);
