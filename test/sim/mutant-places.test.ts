import { describe, expect, it } from "vitest";
import { applyChanges, findPlace, sourceFile } from "../../sim/mutants/places.ts";

const FILE = "src/stock.ts";

/** The source with the change in it; the changed file alone. */
function applied(source: string, from: string, to: string, file = FILE): string | undefined {
  return applyChanges([{ file, from, to }], [sourceFile(FILE, source)]).get(FILE);
}

const find = (source: string, from: string, to = "", file = FILE) =>
  findPlace({ file, from, to }, [sourceFile(FILE, source)]);

describe("a quote of the source", () => {
  it("is found whatever the layout, the comments and the trailing commas", () => {
    const source =
      "const lock = take(\n  // One of each.\n  sku,\n  quantity, /* units */\n);\nnext();\n";
    expect(applied(source, "const lock = take(sku, quantity);", "const lock = 1;")).toBe(
      "const lock = 1;\nnext();\n",
    );
    expect(applied("f(a, b);", "f(\n  a,\n  b,\n);", "f(b);")).toBe("f(b);");
  });

  it("is found when names were changed one to one, and the replacement speaks of the new ones", () => {
    const source = "if (level.free < units) return refuse(`of ${units}`);";
    expect(
      applied(
        source,
        "if (counters.free < quantity) return refuse(`of ${quantity}`);",
        "if (counters.free <= quantity) return refuse(`of ${quantity} quantity`);",
      ),
    ).toBe("if (level.free <= units) return refuse(`of ${units} quantity`);");
  });

  it("is found inside of a template, and changed there", () => {
    const source =
      'const a = `// it\'s "${b}` + "`";\nconst sql = `WHERE id = ${KEY} AND name = ${KEY}`;';
    expect(
      applied(source, "WHERE id = ${OWNER} AND name = ${OWNER}", "WHERE OWNER = ${OWNER}"),
    ).toContain("`WHERE OWNER = ${KEY}`");
  });

  it("is found below an apostrophe in the text of a page", () => {
    expect(find("<p>it's</p>\nshow(orders);", "show(list);").from).toBe("show(orders);");
  });

  it("may have a renamed name in the text of a string too", () => {
    const from = 'count(total, "sum of total");';
    expect(applied('count(sum, "sum of sum");', from, 'count(total, "total");')).toBe(
      'count(sum, "sum");',
    );
    expect(() => find('count(total, "sum of all");', from)).toThrow("is not there");
  });

  it.each([
    ["one name that became two", "a.take(a);", "b.take(c);"],
    ["two names that became one", "a.take(b);", "c.take(c);"],
    ["another string", 'pay: { to: "paid" },', 'pay: { to: "cancelled" },'],
    ["another number", "const A = 500;", "const A = 501;"],
    ["another keyword", "await send(a);", "return send(a);"],
    ["another operator", "a < b;", "a <= b;"],
    ["a regular expression with other signs", "/^[\"'`]$/;", "/^[\"']$/;"],
    ["the same words in a comment", "take(a);", "// take(a);\nlet b;"],
  ])("is not found as %s", (_, quote, source) => {
    expect(() => find(source, quote)).toThrow("is not there any more");
  });

  it("is taken where the fewest names differ", () => {
    expect(find("const CLAIM = 8;\nconst RUNS = 8;", "const RUNS = 8;").start).toBe(17);
    expect(find("f(a, c);\nf(d, e);", "f(a, b);").start).toBe(0);
  });

  it.each([
    ["as quoted", "const RUNS = 8;", "const RUNS = 8;"],
    ["each with another name", "const ROUNDS = 8;", "const CLAIM = 8;"],
  ])("is refused when it is there twice, %s", (_, first, last) => {
    expect(() => find(`${first}\nlet a;\n${last}`, "const RUNS = 8;")).toThrow(
      `is there 2 times, equally near:\n    src/stock.ts:1: ${first}\n    src/stock.ts:3: ${last}`,
    );
  });

  it("is found in another file, unless that has none of its words", () => {
    const place = find("let a;\nconst MAX_RUNS = 8;", "const MAX_RUNS = 8;", "", "src/gone.ts");
    expect(place).toMatchObject({ file: FILE, start: 7 });
    expect(() => find("const OTHER = 8;", "const MAX_RUNS = 8;", "", "src/gone.ts")).toThrow(
      "is not there any more",
    );
  });

  it("is sought in its own file first", () => {
    const own = sourceFile("src/own.ts", "if (earlier(order)) return;");
    const other = sourceFile("src/other.ts", "if (former(order)) return;");
    const change = { file: "src/own.ts", from: "if (done(order)) return;", to: "" };
    expect(findPlace(change, [other, own]).file).toBe("src/own.ts");
  });

  it("that is not there any more is shown with the line that is nearest", () => {
    const source = "let a;\nif (level.free < units + 1) return refuse(level);\nlet b;\n";
    expect(() => find(source, "if (level.free < units) return refuse(level);")).toThrow(
      `The quote of ${FILE}\n    if (level.free < units) return refuse(level);\n` +
        `is not there any more. Nearest to it is:\n` +
        `    ${FILE}:2: if (level.free < units + 1) return refuse(level);`,
    );
  });

  it("has a replacement whose names are all known where it stands", () => {
    const source = "send(batch.parcels);\nvoid all;";
    expect(() => find(source, "send(batch.parcels);", "all.ack(parcel);")).toThrow(
      `uses names that ${FILE} does not have: ack, parcel`,
    );
    expect(find(source, "send(batch.parcels);", "const one = { all: JSON };").to).toContain("one");
  });
});

describe("the changes of one bug", () => {
  it("are all put in, also in several files", () => {
    const sources = [
      sourceFile("src/a.ts", "one();\ntwo();\n"),
      sourceFile("src/b.ts", "two(2);\n"),
    ];
    const changed = applyChanges(
      [
        { file: "src/a.ts", from: "one();\n", to: "" },
        { file: "src/a.ts", from: "two();", to: "two(two);" },
        { file: "src/b.ts", from: "two(2);", to: "two(3);" },
      ],
      sources,
    );
    expect(Object.fromEntries(changed)).toEqual({
      "src/a.ts": "two(two);\n",
      "src/b.ts": "two(3);\n",
    });
  });

  it("must not overlap", () => {
    const changes = [
      { file: FILE, from: "one(); two();", to: "" },
      { file: FILE, from: "two();", to: "one();" },
    ];
    expect(() => applyChanges(changes, [sourceFile(FILE, "one();\ntwo();\n")])).toThrow("overlap");
  });
});
