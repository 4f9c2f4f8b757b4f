import { expect, test } from "vitest";
import { type Process, runtimesOf, stillRunning } from "../../scripts/lib/processes.ts";

const WORKERD = "/somewhere/bin/workerd serve --binary";

const process = (pid: number, command: string): Process => ({ pid, parent: 1, rss: 0, command });

test.each([
  ["ids that rise", 400, 401],
  ["ids that start again at low ones", 32_713, 326],
])("the public port tells wrangler's runtimes apart, with %s", (_, first, second) => {
  const all = [
    process(2, "node scripts/start.ts --socket-addr=entry=localhost:8787"),
    process(first, `${WORKERD} --socket-addr=entry=localhost:8787 --control-fd=3 -`),
    process(second, `${WORKERD} --socket-addr=entry=127.0.0.1:0 --control-fd=3 -`),
  ].toSorted((a, b) => a.pid - b.pid);
  const { proxy, workers } = runtimesOf(all, 8787);
  expect([proxy?.pid, workers?.pid]).toEqual([first, second]);
});

test("a runtime of the Workers that was started again keeps a port that is not the public one", () => {
  const again = process(9, `${WORKERD} --socket-addr=entry=127.0.0.1:42187 -`);
  expect(runtimesOf([again], 2187)).toEqual({ proxy: undefined, workers: again });
});

test("a process id that another program has got meanwhile is not the process that was known", async () => {
  const { pid } = globalThis.process;
  expect(await stillRunning([process(pid, "/somewhere/bin/workerd serve")])).toEqual([]);
});
