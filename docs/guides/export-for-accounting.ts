import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";

/** The orders of the last days as files, with checked sums. docs/guides/export-for-accounting.md explains it. */

const {
  LOCKSTOCK_URL = "http://localhost:8787",
  LOCKSTOCK_TOKEN = "",
  FOLDER = "books",
  DAYS = "1",
} = process.env;
const DAY_MS = 86_400_000;
/** An order may be stored so long after its id was made. */
const SETTLING_MS = 300_000;
const TRIES = 5;
const PAUSE_MS = 1_000;

/** Records of CSV, with their line ends. A line end within quotes ends no record. */
async function* recordsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const utf8 = new TextDecoder();
  const record = /(?:[^"\r]|"(?:[^"]|"")*"|\r(?!\n))*\r\n/y;
  let text = "";
  for await (const chunk of chunks) {
    text += utf8.decode(chunk, { stream: true });
    let end = 0;
    for (let found = record.exec(text); found; found = record.exec(text)) {
      end = record.lastIndex;
      yield found[0];
    }
    text = text.slice(end);
  }
}

const cellsOf = (record: string): string[] =>
  [...record.slice(0, -2).matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "",
  );

/** Repeating the call would not help. */
class Refused extends Error {}

async function call(url: URL): Promise<AsyncIterable<Uint8Array>> {
  const headers = { Authorization: `Bearer ${LOCKSTOCK_TOKEN}`, Accept: "text/csv" };
  const response = await fetch(url, { headers });
  if (response.status >= 400 && response.status < 500) throw new Refused(await response.text());
  if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
  return response.body;
}

/** The records of a day, with one header. A very long day has several answers. */
async function* download(day: string): AsyncGenerator<string> {
  const from_ms = Date.parse(`${day}T00:00:00Z`);
  const url = new URL("/v1/operations/orders/export", LOCKSTOCK_URL);
  url.searchParams.set("from", new Date(from_ms).toISOString());
  url.searchParams.set("to", new Date(from_ms + DAY_MS).toISOString());
  for (let next: string | undefined = ""; next !== undefined;) {
    if (next !== "") url.searchParams.set("after", next);
    let isHeader = true;
    let last: string[] = [];
    for await (const record of recordsOf(await call(url))) {
      last = cellsOf(record);
      const isEnd = last[0] === "end" || last[0] === "next";
      if (!isEnd && (next === "" || !isHeader)) yield record;
      isHeader = false;
    }
    const [type, , orderId] = last;
    if (type !== "end" && type !== "next") throw new Error("the export is not complete");
    next = type === "next" ? orderId : undefined;
  }
}

/** Writes the file of a day. It gets its name once it is complete, and replaces the one before. */
async function exportDay(day: string): Promise<string> {
  const path = join(FOLDER, `orders-${day}.csv`);
  for (let tried = 1; ; tried++) {
    try {
      await pipeline(download(day), createWriteStream(`${path}.part`));
      await rename(`${path}.part`, path);
      return path;
    } catch (error) {
      // Whatever went wrong, the day is read again from its beginning.
      if (tried === TRIES || error instanceof Refused) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** tried));
    }
  }
}

/** What the entries of one order add up to. */
class Account {
  sold = 0;
  readonly applied: number[] = [];
  /** Sold, less what came back. */
  readonly units = new Map<string, number>();

  add({ type, state, sku, quantity, amount }: Record<string, string>): void {
    if (type === "sale") this.sold += Number(amount);
    if (type === "payment" && state === "applied") this.applied.push(Number(amount));
    if (sku) this.units.set(sku, (this.units.get(sku) ?? 0) + Number(quantity));
  }

  /** An order without a payment was marked as paid by hand, or nothing was due. */
  faults(): string[] {
    const paid = this.applied.filter((amount) => amount !== this.sold);
    const returned = [...this.units].filter(([, units]) => units < 0);
    return [
      ...paid.map((amount) => `sold for ${this.sold}, paid ${amount}`),
      ...(this.applied.length > 1 ? ["paid more than once"] : []),
      ...returned.map(([sku]) => `more of ${sku} came back than was sold`),
    ];
  }
}

const sums = new Map<string, { entries: number; amount: number }>();
const faults: string[] = [];

/** Adds a day to the sums, and checks each order. The entries of an order follow each other. */
async function addDay(path: string): Promise<void> {
  let columns: string[] | undefined;
  let order = "";
  let account = new Account();
  const close = () => faults.push(...account.faults().map((fault) => `${order}: ${fault}`));
  for await (const record of recordsOf(createReadStream(path))) {
    const cells = cellsOf(record);
    const row = Object.fromEntries(columns?.map((name, i) => [name, cells[i] ?? ""]) ?? []);
    columns ??= cells;
    const { type, at, state, currency, amount, order_id: id } = row;
    if (!id) continue;
    if (id !== order) {
      close();
      [order, account] = [id, new Account()];
    }
    account.add(row);
    const key = [at?.slice(0, 10), type, state, currency].join("\t");
    const sum = sums.get(key) ?? { entries: 0, amount: 0 };
    sums.set(key, { entries: sum.entries + 1, amount: sum.amount + Number(amount) });
  }
  close();
}

await mkdir(FOLDER, { recursive: true });
const yesterday_ms = Date.now() - SETTLING_MS - DAY_MS;
for (let back = Number(DAYS) - 1; back >= 0; back--) {
  await addDay(await exportDay(new Date(yesterday_ms - back * DAY_MS).toISOString().slice(0, 10)));
}
console.log("day\ttype\tstate\tcurrency\tentries\tamount");
for (const key of [...sums.keys()].toSorted((a, b) => (a < b ? -1 : 1))) {
  console.log(`${key}\t${sums.get(key)?.entries}\t${sums.get(key)?.amount}`);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
