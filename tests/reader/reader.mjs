// Reads a sealed study with nothing but docs/formats.md and Node: the proof that the page is complete.
//
//   node tests/reader/reader.mjs --manifest FILE --objects DIR --keys FILE [--digest HEX] [--out DIR]
//
// DIR of objects: files named by CID, or the embedded store's objects/ folder. Keys: {"series": [{"number": 1, "index_key": "0x...", "pack_key": "0x..."}]}; a
// series without keys is left out. Every object's CID is recomputed. Writes series-N/instance-N.dcm to --out, each only when it is
// proved; prints what was read as one JSON object. Exit 1: refused, naming series and instance. 2: usage.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileSource, refuse, Refused, sha256 } from "./bytes.mjs";
import { cidOf, fromHex, parseCustody, parseManifest, rawCid } from "./documents.mjs";
import { Series } from "./series.mjs";

let where = "the manifest";

function locate(folder, cid) {
  const flat = join(folder, cid);
  return existsSync(flat) ? flat : join(folder, cid.slice(-3, -1), cid);
}

function openObject(folder, cid, size) {
  const source = fileSource(locate(folder, cid));
  refuse(source.size !== size || cidOf(source) !== cid, "the object is not the one that its CID names");
  return source;
}

function readInstance(series, entry, out) {
  const file = Buffer.concat([...series.message(entry).chunks()]);
  series.verify(entry, file);
  for (const { offset, length } of series.frameTable(entry)) {
    const frame = series.message(entry).read(offset, length);
    refuse(!frame.equals(file.subarray(offset, offset + length)), "a frame read alone is another one");
  }
  if (out) {
    const folder = join(out, `series-${series.line.number}`);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `instance-${entry.number}.dcm`);
    writeFileSync(`${path}.part`, file);
    renameSync(`${path}.part`, path);
  }
  const attributes = Object.keys(series.dicomJson(entry)).length;
  return { number: entry.number, size: file.length, sha256: sha256(file).toString("hex"), attributes, frames: entry.frames };
}

function readSeries(manifest, line, keys, options) {
  where = `series ${line.number}: index`;
  const index = openObject(options.objects, line.index_cid, line.index_size_bytes);
  const pack = openObject(options.objects, line.pack_cid, line.pack_size_bytes);
  const secrets = { indexKey: fromHex(keys.index_key, 32), packKey: fromHex(keys.pack_key, 32) };
  const series = new Series(manifest, line, secrets, index, pack);
  const instances = series.entries.map((entry) => {
    where = `series ${line.number}, instance ${entry.number}`;
    return readInstance(series, entry, options.out);
  });
  where = `series ${line.number}: pack`;
  series.verifyPadding();
  index.close();
  pack.close();
  return { number: line.number, instances };
}

function run(options) {
  const data = readFileSync(options.manifest);
  const digest = sha256(data);
  refuse(options.digest && !digest.equals(fromHex(options.digest, 32)), "not the one that the ledger names");
  const manifest = parseManifest(data);
  where = "the custody document";
  const custody = locate(options.objects, rawCid(fromHex(manifest.custody, 32)));
  if (existsSync(custody)) {
    const document = readFileSync(custody);
    refuse(!sha256(document).equals(fromHex(manifest.custody, 32)), "not the one that the manifest names");
    refuse(parseCustody(document).study_id !== manifest.study_id, "of another study");
  }
  const keys = new Map(JSON.parse(readFileSync(options.keys)).series.map((entry) => [entry.number, entry]));
  const lines = manifest.series.filter((line) => keys.has(line.number));
  where = "the keys";
  refuse(lines.length !== keys.size, "they are of series that this revision does not have");
  const series = lines.map((line) => readSeries(manifest, line, keys.get(line.number), options));
  return { digest: `0x${digest.toString("hex")}`, study_id: manifest.study_id, revision: manifest.revision, series };
}

const names = ["manifest", "objects", "keys", "digest", "out"];
try {
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
  if (!values.manifest || !values.objects || !values.keys) throw new TypeError("--manifest, --objects and --keys are needed");
  console.log(JSON.stringify(run(values)));
} catch (error) {
  console.error(error instanceof Refused ? `${where}: ${error.message}` : String(error.message ?? error));
  process.exitCode = error instanceof Refused ? 1 : 2;
}
