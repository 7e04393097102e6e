// Writes ethers.json: calls and log entries as ethers.js encodes them, an implementation of the
// ABI that shares no code with ours. Run after `npm ci` in contracts/:
//
//     node runtime/schema/tests/vectors/generate.mjs
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../../../contracts/", import.meta.url));
const { Interface, keccak256, toUtf8Bytes, version } = require("ethers");

const ALICE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const BOB = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";
const MAX_256 = (2n ** 256n - 1n).toString();
const MIN_256 = (-(2n ** 255n)).toString();

const calls = [
  ["settle(uint32 period, address payer, uint256 amount)", { period: 3, payer: ALICE, amount: "1200" }],
  ["close()", {}],
  ["baz(uint32 x, bool y)", { x: 69, y: true }],
  ["bar(bytes3[2] words)", { words: ["0x616263", "0x646566"] }],
  ["sam(bytes name, bool flag, uint256[] numbers)", { name: "0x64617665", flag: true, numbers: ["1", "2", "3"] }],
  ["f(uint256 a, uint32[] b, bytes10 c, bytes d)", { a: "291", b: [1110, 1929], c: "0x31323334353637383930", d: "0x48656c6c6f2c20776f726c6421" }],
  ["g(uint256[][] rows, string[] words)", { rows: [["1", "2"], ["3"]], words: ["one", "two", "three"] }],
  ["edges(uint8 a, int8 b, int8 c, uint32 d, int32 e, uint40 f, int40 g, uint256 h, int256 i, int256 j)",
    { a: 255, b: -128, c: 127, d: 4294967295, e: -2147483648, f: "1099511627775", g: "-549755813888", h: MAX_256, i: MIN_256, j: "-1" }],
  ["text(string a, string b)", { a: "", b: "Zinssatz 4,38 % – \"fix\"\n€ 𝄞" }],
  ["bytesOfEverySize(bytes1 a, bytes31 b, bytes32 c, bytes d)",
    { a: "0xff", b: "0x" + "ab".repeat(31), c: "0x" + "cd".repeat(32), d: "0x" + "ef".repeat(33) }],
  ["net(tuple(uint32 period, address payer) leg, uint96 amount)", { leg: { period: 1, payer: BOB }, amount: "5" }],
  ["netAll(tuple(uint32 period, string note)[] legs, tuple(bool last, int64 rateBps) close)",
    { legs: [{ period: 1, note: "first" }, { period: 2, note: "" }], close: { last: false, rateBps: "-12" } }],
  ["deep(tuple(tuple(address[] owners, bytes salt)[2] pairs, uint8[2][] grid)[] items)",
    { items: [{ pairs: [{ owners: [ALICE, BOB], salt: "0x" }, { owners: [], salt: "0x00" }], grid: [[1, 2], [3, 4]] }, { pairs: [{ owners: [], salt: "0x" }, { owners: [BOB], salt: "0x01" }], grid: [] }] }],
  ["single(tuple(int48 only) one)", { one: { only: "-1" } }],
  ["empties(string[] a, uint256[] b, bytes[] c)", { a: [], b: [], c: ["0x"] }],
];

const events = [
  ["PeriodEnded(uint32 indexed period, string quarter, uint256 notional, uint32 fixedBps, uint32 dayCount, address fixedPayer, address floatingPayer)",
    { period: 1, quarter: "2006-Q1", notional: "10000000", fixedBps: 425, dayCount: 90, fixedPayer: ALICE, floatingPayer: BOB }],
  ["Transfer(address indexed from, address indexed to, uint256 value)", { from: ALICE, to: BOB, value: "17" }],
  ["Three(int8 indexed a, bytes4 indexed b, bool indexed c)", { a: -3, b: "0xdeadbeef", c: true }],
  ["Plain(string a, uint8[] b)", { a: "x", b: [1, 2, 3] }],
  ["Nothing()", {}],
  ["Hashed(string indexed quarter, uint256 rate)", { quarter: "2006-Q1", rate: "4" }, { quarter: keccak256(toUtf8Bytes("2006-Q1")), rate: "4" }],
];

const ordered = (fragment, fields) => fragment.inputs.map((input) => fields[input.name]);

const vectors = { generator: `ethers ${version}`, calls: [], events: [] };
for (const [message, fields] of calls) {
  const abi = new Interface([`function ${message}`]);
  const fragment = abi.fragments[0];
  const call = abi.encodeFunctionData(fragment, ordered(fragment, fields));
  vectors.calls.push({ message, signature: fragment.format("sighash"), json: JSON.stringify(fields), call });
}
for (const [message, fields, shown = fields] of events) {
  const abi = new Interface([`event ${message}`]);
  const fragment = abi.fragments[0];
  const { data, topics } = abi.encodeEventLog(fragment, ordered(fragment, fields));
  vectors.events.push({ message, signature: fragment.format("sighash"), json: JSON.stringify(shown), topics, data });
}
writeFileSync(new URL("ethers.json", import.meta.url), JSON.stringify(vectors, null, 2) + "\n");
