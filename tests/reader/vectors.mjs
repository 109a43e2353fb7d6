// Checks the format vectors: node tests/reader/vectors.mjs tests/vectors/formats
//
// Prints how many cases of each kind held. The kind "sealed" is not checked here: Node 20 has no ML-KEM; of a
// log's and an attestation's signatures the Ed25519 ones are: it has no ML-DSA.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";
import { bufferSource, Refused, sha256 } from "./bytes.mjs";
import { context, hkdfExpand, Message, padme, sealedLength } from "./container.mjs";
import { cidOf, parseCustody, parseManifest, shareDigest } from "./documents.mjs";
import { anchorOf, checkAttestation, checkProof, leafOfEntry, readVkeys } from "./log.mjs";
import { judge } from "./provenance.mjs";
import { commitment, leafOf, merkleRoot } from "./series.mjs";
import { createCipheriv } from "node:crypto";

const hex = (text) => Buffer.from(text, "hex");
const material = ({ label, size }) => createHash("shake256", { outputLength: size || 1 }).update(label).digest().subarray(0, size);
const placeOf = (value) => ({ studyId: hex(value.study_id), sealedIn: value.sealed_in, series: value.series });

/** Seals as section 3 says: vectors give inputs, so the check needs a writer as well. */
function seal(key, info, salt, plaintext) {
  const label = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
  const okm = hkdfExpand(key, Buffer.concat([Buffer.from(label, "ascii"), salt, info]), 76);
  const out = [salt, okm.subarray(44)];
  for (let number = 0; number * 16384 <= plaintext.length; number++) {
    const nonce = Buffer.from(okm.subarray(32, 44));
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8);
    const cipher = createCipheriv("aes-256-gcm", okm.subarray(0, 32), nonce);
    out.push(cipher.update(plaintext.subarray(number * 16384, (number + 1) * 16384)), cipher.final(), cipher.getAuthTag());
  }
  return Buffer.concat(out);
}

function altered(sealed, change) {
  const out = Buffer.from(sealed);
  if ("flip_at" in change) out[change.flip_at] ^= 1;
  if ("swap_chunks" in change) {
    const [one, other] = change.swap_chunks.map((number) => 56 + number * 16400);
    sealed.copy(out, one, other, other + 16400);
    sealed.copy(out, other, one, one + 16400);
  }
  return Buffer.concat([out.subarray(0, change.cut_to ?? out.length), hex(change.append ?? "")]);
}

function multiply(a, b) {
  let product = 0n;
  for (; b; b >>= 1n) {
    if (b & 1n) product ^= a;
    a = (a << 1n) ^ (a >> 127n ? (1n << 128n) | 0x87n : 0n);
  }
  return product;
}

function inverse(a) {
  let [power, out] = [a, 1n]; // a^(2^128 - 2)
  for (let bit = 1; bit < 128; bit++) {
    power = multiply(power, power);
    out = multiply(out, power);
  }
  return out;
}

/** The value at 0 of the polynomial through points [x, y]. */
function atZero(points) {
  return points.reduce((sum, [x, y]) => {
    const others = points.filter(([other]) => other !== x);
    const factor = others.reduce((product, [other]) => multiply(product, multiply(other, inverse(other ^ x))), 1n);
    return sum ^ multiply(y, factor);
  }, 0n);
}

function refusedOr(check, outcome, accepted) {
  if (outcome === accepted) return check();
  assert.throws(check, Refused);
}

const checks = {
  context(it) {
    const kind = "info" in it ? "padding" : "instance" in it ? "pack" : "index";
    assert.equal(context(kind, placeOf(it), it.instance ?? 0).toString("hex"), it.context ?? it.info);
  },
  container(it) {
    const plaintext = material(it.plaintext);
    const sealed = seal(hex(it.key), hex(it.context), hex(it.salt), plaintext);
    assert.equal(sealed.length, sealedLength(plaintext.length));
    if (it.sealed_sha256) assert.equal(sha256(sealed).toString("hex"), it.sealed_sha256);
    const change = it.change ?? {};
    const source = bufferSource(altered(sealed, change));
    const [key, info] = [hex(change.open_with_key ?? it.key), hex(change.open_with_context ?? it.context)];
    const open = () => assert.deepEqual(Buffer.concat([...new Message(source, 0, source.size, key, info).chunks()]), plaintext);
    refusedOr(open, it.outcome, "opens");
  },
  padme: (it) => assert.deepEqual(it.pairs.map(([length]) => [length, padme(length)]), it.pairs),
  digests(it) {
    const [identity, header] = [sha256(it.transfer_syntax_uid, material(it.data_set)), sha256(hex(it.header))];
    const committed = commitment(hex(it.salt), identity, header);
    const leaf = leafOf({ number: it.number, offset: it.offset, sealed: it.length }, committed);
    const found = [identity, header, committed, leaf].map((value) => value.toString("hex"));
    assert.deepEqual(found, [it.identity_digest, it.header_digest, it.commitment, it.leaf]);
  },
  merkle: (it) => assert.equal(merkleRoot(it.leaves.map(material)).toString("hex"), it.root),
  cid(it) {
    const block = material(it.repeat);
    const mebibyte = Buffer.concat(Array(16).fill(block));
    const source = { size: it.size, read: (offset, length) => mebibyte.subarray(0, length) };
    assert.equal(cidOf(source), it.cid);
  },
  manifest: (it) => refusedOr(() => document(parseManifest, it), it.outcome, "accepted"),
  // Signatures and receipts take Keccak and secp256k1 recovery, which Node does not have: those parts are not judged.
  provenance: (it) => refusedOr(() => judge(it.file), it.part === "instance" ? "refused" : "judged", "judged"),
  custody: (it) => refusedOr(() => document(parseCustody, it), it.outcome, "accepted"),
  shares(it) {
    if (it.digest) return assert.equal(shareDigest(placeOf(it), "pack", it.index, hex(it.share)).toString("hex"), it.digest);
    const halves = [0, 32].map((from) => {
      const points = it.shares.map((share, i) => [BigInt(i + 1), BigInt(`0x${share.slice(from, from + 32)}`)]);
      return atZero(points.slice(-it.threshold)).toString(16).padStart(32, "0");
    });
    assert.equal(halves.join(""), it.secret);
  },
  attestation: (it) => refusedOr(() => checkAttestation(it.note, { ...it, vkeys: readVkeys(it.vkeys) }), it.outcome, "accepted"),
  log(it) {
    if ("leaf" in it) {
      const entry = { at: it.at, body: it.body, kind: it.kind, subject_id: `0x${it.subject_id}` };
      assert.equal(leafOfEntry(entry, hex(it.salt)).toString("hex"), it.leaf);
    } else if ("creation" in it) {
      const topic = hex(it.creation).subarray(42, 74);
      assert.equal(anchorOf(hex(it.origin_hash), topic, Buffer.from(it.note)).toString("hex"), it.creation);
    } else if ("file" in it) {
      const { entry, index, witnesses } = checkProof(it.file, readVkeys(it.vkeys));
      assert.deepEqual([entry.kind, index, witnesses], ["denied", it.index, it.witnesses]);
    } else {
      assert.equal(it.origin, `fiducia/v1/${it.chain_id}/${it.members}/${it.institution}`);
      assert.equal(sha256(it.origin).toString("hex"), it.origin_hash);
      assert.equal(Buffer.concat(readVkeys(it.vkeys).map(({ key }) => key)).toString("hex"), it.public);
    }
  },
};

function document(parse, it) {
  parse(Buffer.from(it.document, "utf-8"));
  assert.equal(sha256(it.document).toString("hex"), it.sha256);
}

const folder = process.argv[2];
const held = {};
for (const [kind, check] of Object.entries(checks)) {
  const files = readdirSync(join(folder, kind));
  for (const file of files) {
    try {
      check(JSON.parse(readFileSync(join(folder, kind, file))));
    } catch (error) {
      console.error(`${kind}/${file}: ${error.message}`);
      process.exitCode = 1;
    }
  }
  held[kind] = files.length;
}
console.log(JSON.stringify(held));
