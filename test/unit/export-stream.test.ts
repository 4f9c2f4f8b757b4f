import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { type StreamPorts, streamPages } from "../../src/orders/export/page-stream.ts";
import { ndjson } from "../../src/orders/export/pages.ts";

const format = { ...ndjson((n: number) => ({ n })), head: "head\n" };
const limits = { maxPages: 1_000, stall_ms: 60_000 };

/** Numbers up to a last one, so many a page. */
function numbers(last: number, size = 2) {
  const read = vi.fn<StreamPorts<number>["read"]>(async (after) => {
    const first = after === "" ? 1 : Number(after) + 1;
    const count = Math.max(0, Math.min(size, last - first + 1));
    const entries = Array.from({ length: count }, (_, i) => first + i);
    return { entries, next: first + size > last ? null : `${entries.at(-1)}` };
  });
  const onPage = vi.fn<StreamPorts<number>["onPage"]>();
  const onEnd = vi.fn<StreamPorts<number>["onEnd"]>();
  return { read, onPage, onEnd };
}

const textOf = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();
const tick = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("a stream of pages", () => {
  it.each([
    [0, "head\n"],
    [1, 'head\n{"n":1}\n'],
    [2, 'head\n{"n":1}\n{"n":2}\n'],
    [3, 'head\n{"n":1}\n{"n":2}\n{"n":3}\n'],
    [4, 'head\n{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n'],
  ])("of %s entries has each once, and then says that this is all", async (last, expected) => {
    const ports = numbers(last);
    const stream = streamPages(format, await ports.read(""), ports, limits);
    expect(await textOf(stream)).toBe(`${expected}{"next":null}\n`);
    expect(ports.onEnd.mock.calls).toEqual([[null]]);
    expect(ports.onPage).toHaveBeenCalledTimes(ports.read.mock.calls.length);
  });

  it("ends after so many pages, and says where to go on", async () => {
    const ports = numbers(9);
    const some = { ...limits, maxPages: 2 };
    const part = await textOf(streamPages(format, await ports.read(""), ports, some));
    expect(part).toBe('head\n{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n{"next":"4"}\n');
    expect(ports.onEnd.mock.calls).toEqual([[null]]);
    const rest = await textOf(streamPages(format, await ports.read("4"), ports, limits));
    expect(rest).toMatch(/^head\n\{"n":5\}\n[^]*\{"n":9\}\n\{"next":null\}\n$/);
    // The last page may be the last that a response may have.
    const all = await textOf(streamPages(format, await ports.read("6"), ports, some));
    expect(all).toMatch(/\{"n":9\}\n\{"next":null\}\n$/);
  });

  it("reads a page only when its reader takes it", async () => {
    const ports = numbers(100);
    const reader = streamPages(format, await ports.read(""), ports, limits).getReader();
    await tick();
    expect(ports.read).toHaveBeenCalledTimes(1);
    for (let taken = 1; taken <= 5; taken++) {
      await reader.read();
      await tick();
      expect(ports.read).toHaveBeenCalledTimes(taken);
    }
    await reader.cancel("enough");
    await tick();
    expect(ports.read).toHaveBeenCalledTimes(5);
    expect(ports.onEnd.mock.calls).toEqual([["enough"]]);
  });

  it("is broken, without a last line, when a page cannot be read or may not be", async () => {
    for (const fault of ["read", "onPage"] as const) {
      const ports = numbers(100);
      const first = await ports.read("");
      const reader = streamPages(format, first, ports, limits).getReader();
      await reader.read();
      const error = new Error("D1 is away");
      ports[fault].mockImplementation(() => {
        throw error;
      });
      await expect(reader.read()).rejects.toBe(error);
      expect(ports.onEnd.mock.calls).toEqual([[error]]);
    }
  });

  it("is broken when its reader takes nothing for too long, at the beginning or later", async () => {
    vi.useFakeTimers();
    try {
      for (const taken of [0, 2]) {
        const ports = numbers(100);
        const first = await ports.read("");
        const reader = streamPages(format, first, ports, limits).getReader();
        for (let i = 0; i < taken; i++) {
          await vi.advanceTimersByTimeAsync(limits.stall_ms - 1);
          await reader.read();
        }
        await vi.advanceTimersByTimeAsync(limits.stall_ms - 1);
        expect(ports.onEnd).not.toHaveBeenCalled();
        await vi.advanceTimersByTimeAsync(1);
        expect(ports.onEnd).toHaveBeenCalledTimes(1);
        await expect(reader.read()).rejects.toThrow("took nothing for 60000 ms");
        expect(ports.read).toHaveBeenCalledTimes(Math.max(1, taken));
      }
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("leaves no timer behind, however it ends", async () => {
    vi.useFakeTimers();
    try {
      const ports = numbers(3);
      await textOf(streamPages(format, await ports.read(""), ports, limits));
      await streamPages(format, await ports.read(""), ports, limits).cancel();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("has one page in memory, however many there are and however slow the reader is", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const PAGE = 1_000_000;
    const PAGES = 500;
    let page = 0;
    const read = async () => {
      const entries = Array.from({ length: PAGE / 1_000 }, (_, i) => ({
        i,
        text: "x".repeat(980),
      }));
      return { entries, next: ++page === PAGES ? null : `${page}` };
    };
    const ports = { read, onPage: () => undefined, onEnd: () => undefined };
    const wide = ndjson((entry: object) => entry);
    const reader = streamPages(wide, await read(), ports, limits).getReader();
    gc();
    const before = memory();
    let most = 0;
    let bytes = 0;
    for (let taken = 0; ; taken++) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      if (taken % 50 !== 0) continue;
      gc();
      most = Math.max(most, memory() - before);
    }
    expect(bytes).toBeGreaterThan(PAGE * PAGES * 0.99);
    // With all pages kept it would be 500. A busy machine frees buffers some time after gc().
    expect(most).toBeLessThan(150 * PAGE);
  });
});

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
