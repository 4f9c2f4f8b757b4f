import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { originOf, readOptions } from "../../scripts/lib/options.ts";
import { ROOT } from "../../scripts/lib/project.ts";

afterEach(() => void vi.restoreAllMocks());

const run = promisify(execFile);

test("a command that is asked for help prints its usage, nothing else, and ends well", async () => {
  const { stdout, stderr } = await run(process.execPath, ["scripts/graph.ts", "--help"], {
    cwd: ROOT,
  });
  expect(stdout).toMatch(/^usage: npm run graph/);
  expect(stderr).toBe("");
});

test.each([
  [["--colour=red"], "Unknown option '--colour'"],
  [["--rounds=0"], "--rounds is a whole number from 1 to 9, not 0"],
  [["--rounds=10"], "--rounds is a whole number from 1 to 9, not 10"],
  [["--rounds=1.5"], "--rounds is a whole number from 1 to 9, not 1.5"],
  [["red"], "red is not an option"],
])("%j is refused with 2, the reason and the usage", (args, reason) => {
  vi.spyOn(process, "argv", "get").mockReturnValue(["node", "script.ts", ...args]);
  vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => readOptions("the usage", { rounds: [3, 9] }, (values) => values)).toThrow("exit 2");
  expect(said).toHaveBeenCalledWith(expect.stringContaining(reason));
  expect(said).toHaveBeenCalledWith(expect.stringMatching(/\n\nthe usage$/));
});

test("what is not given has its default, and each value the type of its default", () => {
  vi.spyOn(process, "argv", "get").mockReturnValue(["node", "script.ts", "--a=2", "--c"]);
  const defaults = { a: 1, b: [3, 9], c: false, d: false, e: "text" } as const;
  expect(readOptions("", defaults)).toEqual({ a: 2, b: 3, c: true, d: false, e: "text" });
});

test("an address is its origin, with or without a slash at its end", () => {
  for (const url of ["https://orders.example.com", "https://Orders.Example.com/"]) {
    expect(originOf(url)).toBe("https://orders.example.com");
  }
  expect(originOf("http://localhost:8787/")).toBe("http://localhost:8787");
});

test.each([
  "orders.example.com",
  "localhost:8787",
  "ftp://orders.example.com",
  "https://orders.example.com/console",
  "https://orders.example.com/?a",
  "https://me:secret@orders.example.com",
])("%s is no origin", (url) => {
  expect(() => originOf(url)).toThrow(`--url is an origin such as https://orders.example.com, not`);
});
