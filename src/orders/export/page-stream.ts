import type { Format, Page } from "./pages.ts";

/** How an export that is under way ends, if not by its last page. */
export interface StreamLimits {
  /** Pages of one response. Then its last line says where to go on. */
  maxPages: number;
  /** A reader that takes nothing for this long is given up. */
  stall_ms: number;
}

export interface StreamPorts<T> {
  /** The page after a key. */
  read: (after: string) => Promise<Page<T>>;
  /** Called before each page. Throws if the export may not go on. */
  onPage: () => void;
  /** Called once, when the export has ended: `null` is an end as intended. */
  onEnd: (error: unknown) => void;
}

/**
 * Streams the pages as text, beginning with one that is read already. The next page is read only when
 * the reader has taken the one before, so one page at a time is in memory. After an error the stream
 * is broken, without its last line: a reader cannot take the part that it has for the whole.
 */
export function streamPages<T>(
  format: Format<T>,
  first: Page<T>,
  { read, onPage, onEnd }: StreamPorts<T>,
  { maxPages, stall_ms }: StreamLimits,
): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder();
  let page: Page<T> | null = first;
  let after = "";
  let pages = 0;
  let stalled: ReturnType<typeof setTimeout> | undefined;

  function watch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    stalled = setTimeout(() => {
      const error = new Error(`the reader took nothing for ${stall_ms} ms`);
      controller.error(error);
      onEnd(error);
    }, stall_ms);
  }

  async function nextPage(): Promise<{ text: string; isLast: boolean }> {
    onPage();
    const { entries, next } = page ?? (await read(after));
    page = null;
    pages++;
    after = next ?? "";
    const isLast = next === null || pages === maxPages;
    const parts = [pages === 1 ? format.head : "", ...entries.map(format.entry)];
    return { text: parts.join("") + (isLast ? format.end(next) : ""), isLast };
  }

  return new ReadableStream<Uint8Array>(
    {
      start: watch,
      async pull(controller) {
        clearTimeout(stalled);
        try {
          const { text, isLast } = await nextPage();
          controller.enqueue(utf8.encode(text));
          if (!isLast) return watch(controller);
          controller.close();
          onEnd(null);
        } catch (error) {
          onEnd(error);
          throw error;
        }
      },
      cancel(reason) {
        clearTimeout(stalled);
        onEnd(reason ?? new Error("the reader has gone"));
      },
    },
    { highWaterMark: 0 },
  );
}
