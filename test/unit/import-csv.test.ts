import { describe, expect, test } from "vitest";
import { planOf, summaryOf } from "../../scripts/import/plan.ts";
import { readCsv, type Row } from "../../scripts/import/read-csv.ts";
import type { StockedItem } from "../../src/orders/items/item.ts";

const HEADER = "sku,name,price,currency,stock";
const read = (text: string) => readCsv(text);
const errorsOf = (row: string, header = HEADER) =>
  read(`${header}\n${row}`).bad.flatMap(({ messages }) => messages);

describe("a CSV", () => {
  test("of any common form is read alike", () => {
    const rows = read(
      'sku,name,price,currency,stock\nA,"Poster, ""large""",12.50,EUR,7\nB,Pin,3,EUR,\n',
    );
    expect(rows).toEqual({
      bad: [],
      rows: [
        {
          line: 2,
          sku: "A",
          stock: 7,
          details: {
            name: 'Poster, "large"',
            price: { amount: 1_250, currency: "EUR" },
            limitPerCustomer: null,
            paymentWindowSeconds: null,
            saleStartsAt: null,
            saleEndsAt: null,
            status: "listed",
          },
        },
        expect.objectContaining({ line: 3, sku: "B", stock: undefined }),
      ],
    });
    const semicolons =
      '\uFEFFsku;name;price;currency;stock\r\nA;"Poster, ""large""";12.50;EUR;7\r\n\r\nB;Pin;3;EUR;\r\n';
    expect(read(semicolons).rows.map(({ sku, details, stock }) => [sku, details, stock])).toEqual(
      rows.rows.map(({ sku, details, stock }) => [sku, details, stock]),
    );
    const tabs = 'sku\tstock\tname\tcurrency\tprice\nA\t7\t"Poster, ""large"""\tEUR\t12.5';
    expect(read(tabs).rows[0]).toEqual(rows.rows[0]);
  });

  test("reads the payment windows of items: an empty one is none, and 0 is for ever", () => {
    const header = "sku,name,price,currency,paymentWindowSeconds";
    const { rows, bad } = read(
      `${header}\nA,Item,1,EUR,90\nB,Item,1,EUR,\nC,Item,1,EUR,0\nD,Item,1,EUR,59`,
    );
    expect(rows.map(({ details }) => details?.paymentWindowSeconds)).toEqual([90, null, 0]);
    expect(bad).toEqual([
      { line: 5, messages: [expect.stringMatching(/^paymentWindowSeconds: must be 0, or/)] },
    ]);
  });

  test("names the line of each error, and reads the others", () => {
    const lines = Array.from({ length: 30 }, (_, i) => `S-${i + 2},Item,1,EUR,1`);
    lines[15] = "S-17,Item,1.234,EUR,1";
    lines[20] = 'S-22,Item "quoted" badly,1,EUR,1';
    lines[25] = "S-2,Item,1,EUR,1";
    const { rows, bad } = read([HEADER, ...lines].join("\n"));
    expect(rows).toHaveLength(27);
    expect(bad.map(({ line }) => line)).toEqual([17, 22, 27]);
    expect(bad[0]?.messages).toEqual([
      "price: must be a number with at most 2 decimals and a point",
    ]);
    expect(bad[2]?.messages).toEqual(["sku: S-2 is in line 2 already"]);
  });

  test.each([
    ["no sku!,Item,1,EUR,1", /^sku: /],
    ["A,,1,EUR,1", /^name: /],
    ["A,Item,1,ZZZ,1", /^currency: /],
    ["A,Item,-1,EUR,1", /^price: /],
    ['A,Item,"1,50",EUR,1', /^price: /],
    ["A,Item,1.5,JPY,1", /^price: must be a whole number/],
    ["A,Item,1,EUR,1.5", /^stock: /],
    ["A,Item,1,EUR,-1", /^stock: /],
    ["A,Item,1,EUR", /^has 4 fields, and the first line 5/],
    ["A,Item,1,EUR,1,more", /^has 6 fields/],
  ])("refuses %s", (row, message) => {
    expect(errorsOf(row)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ["sku,name,price,currency,colour", /names "colour"/],
    ["sku,name,price", /lacks currency/],
    ["name,price,currency", /lacks sku/],
    ["sku", /nothing to import/],
    ["sku,stock,stock", /stock twice/],
    ["", /lacks sku|nothing/],
  ])("whose first line is %j is refused as a whole", (header, message) => {
    expect(() => read(`${header}\n`)).toThrow(message);
  });
});

describe("a plan", () => {
  const item = (sku: string, available: number, held = 0, name = "Item"): StockedItem => ({
    sku,
    name,
    price: { amount: 100, currency: "EUR" },
    limitPerCustomer: null,
    paymentWindowSeconds: null,
    saleStartsAt: null,
    saleEndsAt: null,
    status: "listed",
    etag: '"1.1"',
    saleState: "open",
    paused: false,
    level: { received: available + held, available, held, sold: 0 },
    updatedAt: "2026-12-01T18:00:00.000Z",
  });
  const rowsOf = (text: string): Row[] => read(text).rows;

  test("has what differs, and counts what is there and held", () => {
    const file = `${HEADER}\nSAME,Item,1,EUR,5\nNEW,Item,1,EUR,3\nNAME,Other,1,EUR,\nMORE,Item,1,EUR,9\nNONE,Item,1,EUR,0`;
    const items = [item("SAME", 3, 2), item("NAME", 1), item("MORE", 4, 1), item("NONE", 2)];
    const plan = planOf(rowsOf(file), new Map(items.map((one) => [one.sku, one])));
    expect(plan.created.map(({ sku }) => sku)).toEqual(["NEW"]);
    expect(plan.changed.map(({ sku }) => sku)).toEqual(["NAME"]);
    expect(plan.unchanged).toBe(3);
    expect(plan.counts).toEqual([
      { sku: "SAME", unsold: 5, expected: 5 },
      { sku: "NEW", unsold: 3, expected: 0 },
      { sku: "MORE", unsold: 9, expected: 5 },
      { sku: "NONE", unsold: 0, expected: 2 },
    ]);
    expect(summaryOf(plan)).toMatch(
      /1 new, 1 changed, 3 as they are\n.*3 of 4 counts differ: \+7 and -2/,
    );
  });

  test("sees another payment window", () => {
    const file = "sku,name,price,currency,paymentWindowSeconds\nA,Item,1,EUR,90\nB,Item,1,EUR,";
    const items = [item("A", 1), item("B", 1)];
    const plan = planOf(rowsOf(file), new Map(items.map((one) => [one.sku, one])));
    expect(plan.changed.map(({ sku }) => sku)).toEqual(["A"]);
  });

  test("of a file with stock only names SKUs that are not there", () => {
    const plan = planOf(rowsOf("sku,stock\nA,1\nB,2"), new Map([["A", item("A", 1)]]));
    expect(plan).toMatchObject({
      created: [],
      counts: [{ sku: "A" }],
      unknown: [{ line: 3, sku: "B" }],
    });
  });
});
