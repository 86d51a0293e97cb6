// Parse and analyse queries against the tables that they may read. Input: {"tables": {name: "(column:type, ...)"},
// "queries": {name: text}} on standard input. Output: {name: [message, ...]} of every query with a fault.
// The package is no module: its two scripts are run in this context, as its own pages do in a browser.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const home = path.join(process.argv[2], "node_modules/@kusto/language-service-next");
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"])
  vm.runInThisContext(fs.readFileSync(path.join(home, file), "utf8"), { filename: file });

const { tables, queries } = JSON.parse(fs.readFileSync(0, "utf8"));
const Symbols = Kusto.Language.Symbols;
const made = Object.entries(tables).map(([name, columns]) => Symbols.TableSymbol.From(columns).WithName(name));
const database = new Symbols.DatabaseSymbol.ctor("logs", System.Array.init(made, Symbols.Symbol));
const known = Kusto.Language.GlobalState.Default.WithDatabase(database);

const faults = {};
for (const [name, text] of Object.entries(queries)) {
  const found = Kusto.Language.KustoCode.ParseAndAnalyze(text, known).GetDiagnostics();
  const messages = [];
  for (let i = 0; i < found.Count; i++) messages.push(found.getItem(i).Message);
  if (messages.length) faults[name] = messages;
}
process.stdout.write(JSON.stringify(faults));
