// Our typed data against an independent implementation: ethers.js. The Rust side reads the same vectors
// (src/typed_data.rs), and the gateway accepts what the Rust side signs (tests/).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AbiCoder, TypedDataEncoder, keccak256 } from "ethers";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const vectors = read("./vectors/typed-data.json");

/** "Skip(bytes32 binding,uint64 delivery)" -> { Skip: [{ type: "bytes32", name: "binding" }, …] } */
function parse(type) {
  const [, name, members] = /^(\w+)\((.*)\)$/.exec(type);
  return { [name]: members.split(",").map((member) => ({ type: member.split(" ")[0], name: member.split(" ")[1] })) };
}

test("the domain separator is the one that ethers computes", () => {
  assert.equal(TypedDataEncoder.hashDomain(vectors.domain), vectors.domainSeparator);
});

for (const { type, message, digest } of vectors.messages) {
  test(`the digest of ${type.split("(")[0]} is the one that ethers computes`, () => {
    const types = parse(type);
    assert.equal(TypedDataEncoder.from(types).encodeType(type.split("(")[0]), type);
    assert.equal(TypedDataEncoder.hash(vectors.domain, types, message), digest);
  });
}

test("the binding id is the one that ethers computes", () => {
  const { counterparties, salt, id } = vectors.binding;
  assert.equal(keccak256(AbiCoder.defaultAbiCoder().encode(["address[]", "bytes32"], [counterparties, salt])), id);
});

test("a Result has the members that the contract's ABI has, in their order", () => {
  const abi = read("../artifacts/CryptoDelegate.json").abi;
  const [result] = abi.find((entry) => entry.name === "deliver").inputs;
  const members = result.components.map(({ type, name }) => `${type} ${name}`).join(",");
  assert.equal(`Result(${members})`, vectors.messages.find(({ type }) => type.startsWith("Result(")).type);
});
