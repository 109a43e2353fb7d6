// docs/formats.md, sections 9, 10 and 12: manifest, CIDs, custody document.
import { be, refuse, sha256 } from "./bytes.mjs";

const CHUNK = 1 << 20;
const LINKS = 1024;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

export const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
};

export function fromHex(text, bytes) {
  refuse(typeof text !== "string" || !new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`).test(text), "not 0x and lower-case hex");
  return Buffer.from(text.slice(2), "hex");
}

function parse(data, names) {
  refuse(data.length > 1 << 20, "the document is longer than a block");
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data));
  } catch {
    refuse(true, "the document is not JSON");
  }
  refuse(canonical(value) !== data.toString("utf-8"), "the document is not canonical JSON");
  fields(value, names);
  return value;
}

function fields(value, names) {
  refuse(value === null || typeof value !== "object" || Array.isArray(value), "not a JSON object");
  refuse(Object.keys(value).sort().join() !== [...names].sort().join(), "unknown or missing fields");
}

function integer(value, low, high) {
  refuse(!Number.isSafeInteger(value) || value < low || value > high, `not an integer from ${low} to ${high}`);
  return value;
}

function ascending(series) {
  refuse(!Array.isArray(series) || series.length === 0, "there are no series");
  series.forEach((line, i) => refuse(i > 0 && line.number <= series[i - 1].number, "the series do not ascend"));
}

export function parseManifest(data) {
  const value = parse(data, ["format", "study_id", "revision", "custodian", "custody", "series"]);
  refuse(value.format !== "fiducia/v1/manifest", "not a manifest");
  integer(value.revision, 1, 65535);
  integer(value.custodian, 1, 2 ** 32 - 1);
  const studyId = fromHex(value.study_id, 32);
  fromHex(value.custody, 32);
  ascending(value.series);
  for (const line of value.series) {
    fields(line, ["number", "sealed_in", "pack_cid", "pack_size_bytes", "index_cid", "index_size_bytes", "root"]);
    integer(line.number, 1, 2 ** 32 - 1);
    integer(line.sealed_in, 1, value.revision);
    integer(line.pack_size_bytes, 1, Number.MAX_SAFE_INTEGER);
    integer(line.index_size_bytes, 1, Number.MAX_SAFE_INTEGER);
    fromHex(line.root, 32);
    refuse(!isCid(line.pack_cid) || !isCid(line.index_cid), "not a CID");
  }
  return { ...value, studyId };
}

export function parseCustody(data) {
  const names = ["format", "study_id", "threshold", "trustees", "series"];
  const value = parse(data, data.includes('"moves_to"') ? [...names, "moves_to"] : names);
  if (value.moves_to !== undefined) {
    fields(value.moves_to, ["threshold", "trustees"]);
    refuse(!Array.isArray(value.moves_to.trustees), "trustees is not an array");
    value.moves_to.trustees.forEach((trustee) => integer(trustee, 1, 2 ** 32 - 1));
    integer(value.moves_to.threshold, 1, value.moves_to.trustees.length);
  }
  refuse(value.format !== "fiducia/v1/custody", "not a custody document");
  fromHex(value.study_id, 32);
  refuse(!Array.isArray(value.trustees), "trustees is not an array");
  value.trustees.forEach((trustee) => integer(trustee, 1, 2 ** 32 - 1));
  refuse(new Set(value.trustees).size !== value.trustees.length || value.trustees.length > 255, "trustees twice or too many");
  integer(value.threshold, 1, value.trustees.length);
  ascending(value.series);
  for (const line of value.series) {
    fields(line, ["number", "sealed_in", "index_digests", "pack_digests"]);
    integer(line.number, 1, 2 ** 32 - 1);
    integer(line.sealed_in, 1, 65535);
    for (const digests of [line.index_digests, line.pack_digests]) {
      refuse(!Array.isArray(digests) || digests.length !== value.trustees.length, "not one digest per trustee");
      digests.forEach((digest) => fromHex(digest, 32));
    }
  }
  return value;
}

function base32(bytes) {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  bits = bits.padEnd(Math.ceil(bits.length / 5) * 5, "0");
  return "b" + bits.match(/.{5}/g).map((five) => ALPHABET[parseInt(five, 2)]).join("");
}

function isCid(text) {
  if (typeof text !== "string" || !/^b[a-z2-7]{58}$/.test(text)) return false;
  const bits = [...text.slice(1)].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const known = bytes[0] === 1 && (bytes[1] === 0x55 || bytes[1] === 0x70) && bytes[2] === 0x12 && bytes[3] === 32;
  return known && base32(bytes) === text;
}

const binaryCid = (codec, digest) => Buffer.concat([Buffer.of(1, codec, 0x12, 32), digest]);

export const rawCid = (digest) => base32(binaryCid(0x55, digest));

function varint(number) {
  const out = [];
  for (; number > 127; number = Math.floor(number / 128)) out.push((number % 128) | 128);
  return Buffer.from([...out, number]);
}

const field = (tag, value) => Buffer.concat([Buffer.of(tag), varint(value.length), value]);

function node(links) {
  const size = links.reduce((sum, link) => sum + link.file, 0);
  const data = [Buffer.of(8, 2, 0x18), varint(size), ...links.flatMap((link) => [Buffer.of(0x20), varint(link.file)])];
  const encoded = links.map((link) =>
    field(0x12, Buffer.concat([field(0x0a, link.cid), Buffer.of(0x12, 0, 0x18), varint(link.tree)])),
  );
  const block = Buffer.concat([...encoded, field(0x0a, Buffer.concat(data))]);
  const tree = block.length + links.reduce((sum, link) => sum + link.tree, 0);
  return { cid: binaryCid(0x70, sha256(block)), tree, file: size };
}

/** The CID of the object that a source holds. */
export function cidOf(source) {
  let level = [];
  for (let at = 0; at === 0 || at < source.size; at += CHUNK) {
    const length = Math.min(CHUNK, source.size - at);
    level.push({ cid: binaryCid(0x55, sha256(source.read(at, length))), tree: length, file: length });
  }
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at < level.length; at += LINKS) above.push(node(level.slice(at, at + LINKS)));
    level = above;
  }
  return base32(level[0].cid);
}

export const shareDigest = (place, kind, index, share) =>
  sha256(`fiducia/v1/share/${kind}/`, place.studyId, be(place.sealedIn, 2), be(place.series, 4), be(index, 1), share);
