import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvFormat, csvLine } from "../../src/orders/export/csv.ts";
import { acceptedType } from "../../src/orders/http/accept.ts";
import { Problem } from "../../src/orders/http/problem.ts";

/** A reader of RFC 4180, written from its grammar. */
function cellsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length;) {
    let cell = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (text[at] === '"') at++;
        cell += text[at];
      }
      at++;
    } else {
      while (!",\r\n".includes(text[at] ?? "\n")) cell += text[at++];
    }
    row.push(cell);
    if (text[at] === ",") at++;
    else if (text.startsWith("\r\n", at)) {
      rows.push(row);
      row = [];
      at += 2;
    } else throw new Error(`no comma and no end of line at ${at}`);
    // A comma at the end of a line has an empty cell behind it.
    if (text[at - 1] === "," && text.startsWith("\r\n", at)) {
      row.push("");
      rows.push(row);
      row = [];
      at += 2;
    }
  }
  return rows;
}

describe("a line of CSV", () => {
  it("quotes what needs quotes, and nothing else", () => {
    expect(csvLine(["a", "b c", "", null, 0, -5])).toBe("a,b c,,,0,-5\r\n");
    expect(csvLine(["a,b", 'say "hi"', "two\nlines", "two\r\nlines", "\u2028", "ü"])).toBe(
      '"a,b","say ""hi""","two\nlines","two\r\nlines",\u2028,ü\r\n',
    );
  });

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠SUM(A1)"])(
    "makes no formula of the text %j, and leaves numbers alone",
    (text) => {
      const [[first = "", second] = []] = cellsOf(csvLine([text, -1]));
      expect([first, second]).toEqual([`'${text}`, "-1"]);
    },
  );

  it("leaves a text alone that has such a character further on", () => {
    expect(csvLine(["a=b", " =b", "'=b", "1-2"])).toBe("a=b, =b,'=b,1-2\r\n");
  });

  it("is read again as it was, whatever the texts are", () => {
    const texts = fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 3 }), (rows) => {
        const written = rows.map((row) => csvLine(row)).join("");
        const guarded = rows.map((row) =>
          row.map((text) => (/^[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : text)),
        );
        expect(cellsOf(written)).toEqual(guarded);
      }),
      { numRuns: 2_000 },
    );
  });
});

it("a format has a header line, a cell for each column, and a last row that says how it ends", () => {
  const format = csvFormat(["type", "key", "text"], "key", (n: number) => [
    { type: "row", key: `${n}`, text: "x" },
    { type: "row", text: null },
  ]);
  expect(format.head).toBe("type,key,text\r\n");
  expect(format.entry(7)).toBe("row,7,x\r\nrow,,\r\n");
  expect(format.end(null)).toBe("end,,\r\n");
  expect(format.end("7")).toBe("next,7,\r\n");
});

describe("the type that Accept asks for", () => {
  const [csv, ndjson] = ["text/csv", "application/x-ndjson"] as const;
  const typeFor = (header: string | undefined) => acceptedType(header, [csv, ndjson]);

  it.each([
    [undefined, csv],
    ["", csv],
    ["*/*", csv],
    ["text/*", csv],
    ["TEXT/CSV", csv],
    ["text/csv; charset=utf-8", csv],
    ["application/x-ndjson", ndjson],
    ["application/*", ndjson],
    ["application/x-ndjson, */*", csv],
    ["application/x-ndjson, */*;q=0.1", ndjson],
    ["text/csv;q=0.5,application/x-ndjson;q=0.9", ndjson],
    ["text/csv;q=0.9,application/x-ndjson;q=0.9", csv],
    ["text/csv;q=0, */*", ndjson],
    ["text/csv;q=0,text/*", "not_acceptable"],
    ["text/csv;header=present;q=0.2,application/x-ndjson;q=0.3", ndjson],
    ["text/html,application/xhtml+xml,*/*;q=0.8", csv],
    ["application/json", "not_acceptable"],
    ["text/html", "not_acceptable"],
    ["text/csv;q=0", "not_acceptable"],
    ["*/*;q=0", "not_acceptable"],
    ["csv", "not_acceptable"],
    [`application/x-ndjson${" ".repeat(1_000)}`, csv],
  ])("%j is %s", (header, expected) => {
    const found = () => {
      try {
        return typeFor(header);
      } catch (error) {
        return (error as Problem).code;
      }
    };
    expect(found()).toBe(expected);
  });
});
