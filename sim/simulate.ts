import { FAULTS, TROUBLES } from "./kernel/faults.ts";
import { run } from "./run.ts";
const [from = "1", count = "10", print] = process.argv.slice(2);
const t = performance.now(); const fired: Record<string, number> = {}; let ev = 0, bad = 0, req=0, ord=0;
for (let seed = Number(from); seed < Number(from) + Number(count); seed++) {
  const r = await run({ seed, isPrinted: print === "print" });
  ev += r.events; req += r.requests; ord += r.orders;
  for (const [k, n] of Object.entries(r.fired)) fired[k] = (fired[k] ?? 0) + n;
  if (r.lines) console.log(r.lines.join("\n"));
  if (r.violations.length) { bad++; console.log(seed, r.hash, r.strikes, r.violations[0]); }
}
console.log({ ms: (performance.now() - t) / Number(count), ev: ev / Number(count), req: req/Number(count), ord: ord/Number(count), bad });
if (print === "faults") for (const k of [...Object.keys(FAULTS), ...TROUBLES]) console.log(k, fired[k] ?? 0);
