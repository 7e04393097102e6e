// Compiles src/**/*.sol and writes what the rest of the project uses to artifacts/.
//
//   node build.mjs            compile and write
//   node build.mjs --check    compile, compare with the committed artefacts, exit 1 if they differ
//
// The output depends on the sources, package-lock.json and the settings below, and on nothing else: the compiler is
// the npm package (WebAssembly, the same on every machine), metadata and its hash are left out of the bytecode, and
// every object is written with sorted keys.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const sourceFolder = join(root, "src");
const artefactFolder = join(root, "artifacts");
const modules = join(root, "node_modules");

const settings = {
  optimizer: { enabled: true, runs: 200 },
  // Transient storage needs Cancun; nothing newer is used.
  evmVersion: "cancun",
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"] } },
};

// EIP-170: a chain refuses longer code.
const largestDeployedCode = 24_576;

function main() {
  const [mode, ...rest] = process.argv.slice(2);
  if (rest.length > 0 || (mode !== undefined && mode !== "--check")) {
    fail("usage: node build.mjs [--check]");
  }
  const artefacts = compile();
  if (mode === "--check") check(artefacts);
  else write(artefacts);
}

/** Map of file name below artifacts/ (such as "CryptoDelegate.json") to file content. */
function compile() {
  const solc = loadCompiler();
  const sources = {};
  for (const file of solidityFiles(sourceFolder)) {
    sources[unitName(file)] = { content: readFileSync(file, "utf8") };
  }
  const output = JSON.parse(
    solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), { import: readImport }),
  );
  const problems = output.errors ?? [];
  for (const problem of problems) console.error(problem.formattedMessage.trimEnd());
  if (problems.length > 0) fail(`solc found ${problems.length} problem(s); warnings count, too`);

  const artefacts = new Map();
  for (const unit of Object.keys(sources)) {
    for (const [contractName, contract] of Object.entries(output.contracts[unit] ?? {})) {
      const deployedSize = contract.evm.deployedBytecode.object.length / 2;
      if (deployedSize > largestDeployedCode) {
        fail(`${contractName} compiles to ${deployedSize} bytes; a chain takes ${largestDeployedCode} at most (EIP-170)`);
      }
      // Abstract contracts cannot be deployed, and the ABI of internal libraries is empty.
      if (deployedSize === 0 || contract.abi.length === 0) continue;
      const folder = unit.startsWith("src/test/") ? "test/" : "";
      const name = `${folder}${contractName}.json`;
      if (artefacts.has(name)) fail(`two contracts are called ${contractName}`);
      artefacts.set(name, artefact(contractName, unit, contract, solc.version()));
    }
  }
  return artefacts;
}

function artefact(contractName, unit, contract, compilerVersion) {
  // Which sources went in, by the compiler's own account.
  const sourceHashes = {};
  for (const [name, { keccak256 }] of Object.entries(JSON.parse(contract.metadata).sources)) {
    sourceHashes[name] = keccak256;
  }
  const document = {
    abi: contract.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    compiler: { evmVersion: settings.evmVersion, optimizer: settings.optimizer, version: compilerVersion },
    contractName,
    deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    sourceHashes,
    sourceName: unit,
  };
  return `${JSON.stringify(sorted(document), null, 2)}\n`;
}

function write(artefacts) {
  rmSync(artefactFolder, { recursive: true, force: true });
  for (const [name, content] of artefacts) {
    const file = join(artefactFolder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  for (const [name, content] of [...artefacts].sort()) {
    const size = JSON.parse(content).deployedBytecode.length / 2 - 1;
    console.log(`${basename(name, ".json").padEnd(20)} ${String(size).padStart(6)} bytes`);
  }
}

function check(artefacts) {
  const differences = [];
  for (const [name, content] of artefacts) {
    const file = join(artefactFolder, name);
    if (!existsSync(file)) differences.push(`artifacts/${name} is missing`);
    else if (readFileSync(file, "utf8") !== content) {
      differences.push(`artifacts/${name} differs (compiled now: sha256 ${sha256(content)})`);
    }
  }
  for (const file of filesBelow(artefactFolder)) {
    const name = portable(relative(artefactFolder, file));
    if (!artefacts.has(name)) differences.push(`artifacts/${name} has no source`);
  }
  if (differences.length > 0) {
    fail(
      `the committed artefacts are not what the sources compile to:\n  ${differences.sort().join("\n  ")}\n` +
        "Run `node build.mjs` in contracts/ and commit artifacts/.",
    );
  }
  console.log(`${artefacts.size} artefacts are what the sources compile to`);
}

function loadCompiler() {
  const wanted = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.solc;
  const remedy = "run `npm ci --ignore-scripts` in contracts/";
  let solc;
  try {
    solc = createRequire(import.meta.url)("solc");
  } catch (problem) {
    if (problem.code !== "MODULE_NOT_FOUND") throw problem;
    fail(`the Solidity compiler (npm package solc ${wanted}) is not installed: ${remedy}`);
  }
  if (!solc.version().startsWith(`${wanted}+`)) {
    fail(`the Solidity compiler is ${solc.version()}, but package.json pins ${wanted}: ${remedy}`);
  }
  return solc;
}

/** solc asks for what a source imports and was not given. */
function readImport(name) {
  const file = join(modules, name);
  if (!name.startsWith("@openzeppelin/")) return { error: `${name} is neither below src/ nor in @openzeppelin` };
  if (!existsSync(file)) return { error: `${name} is not installed: run \`npm ci --ignore-scripts\` in contracts/` };
  return { contents: readFileSync(file, "utf8") };
}

function solidityFiles(folder) {
  return filesBelow(folder).filter((file) => file.endsWith(".sol"));
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    })
    .sort();
}

function unitName(file) {
  return portable(relative(root, file));
}

function portable(path) {
  return path.replaceAll("\\", "/");
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function fail(message) {
  console.error(`contracts: ${message}`);
  process.exit(1);
}

main();
