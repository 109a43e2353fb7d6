// EIP-712 digests by viem, the library that wallets and browsers use: an encoder that shares no line with ours.
//
// stdin:  a JSON array of {domain, types, primaryType, message}; integers as decimal strings, bytes as 0x hex.
// stdout: a JSON array with each one's digest as 0x hex, or null where viem refuses it.
// viem comes with the contracts' development tools: contracts/node_modules.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { hashTypedData } = createRequire(new URL("../../contracts/package.json", import.meta.url))("viem");

// Wallets take integers as numbers or bigints; a decimal string becomes the bigint that it spells.
function typed(value, kind, types) {
  if (kind.endsWith("[]")) return value.map((item) => typed(item, kind.slice(0, -2), types));
  if (types[kind]) {
    const members = new Map(types[kind].map(({ name, type }) => [name, type]));
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, members.has(name) ? typed(item, members.get(name), types) : item]),
    );
  }
  return kind.startsWith("uint") && typeof value === "string" ? BigInt(value) : value;
}

function digest({ domain, types, primaryType, message }) {
  try {
    const chainId = BigInt(domain.chainId);
    return hashTypedData({ domain: { ...domain, chainId }, types, primaryType, message: typed(message, primaryType, types) });
  } catch {
    return null;
  }
}

const cases = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(digest)));
