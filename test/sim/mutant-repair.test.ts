import { describe, expect, it } from "vitest";
import { sourceFile } from "../../sim/mutants/places.ts";
import { repairQuotes } from "../../sim/mutants/repair.ts";

const SOURCES = [
  sourceFile("src/new.ts", 'if (level.free < units) refuse("sold");\nconst KEY = /^\\d$/;\n'),
  sourceFile("src/old.ts", "const LIMIT = 5;\n    counted(all);\n"),
];

describe("a repair of quotes", () => {
  it("puts file, quote and replacement into the words of the source, and leaves the rest", () => {
    const list = [
      {
        file: "src/old.ts",
        from: 'if (level.free < quantity) refuse("sold");',
        to: "void quantity;",
        also: [{ from: "const MAX = 5;", to: "const MAX = 1;" }],
      },
      { file: "src/new.ts", from: String.raw`const KEY = /^\d$/;`, to: "const KEY = /./;" },
    ];
    const text = `[
  {
    name: "from: 'it', to: 'there'", // A comment.
    file: "src/old.ts",
    from: 'if (level.free < quantity) refuse("sold");',
    to: "void quantity;",
    also: [{ from: "const MAX = 5;", to: "const MAX = 1;" }],
  },
  { file: "src/new.ts", from: String.raw\`const KEY = /^\\d$/;\`, to: "const KEY = /./;" },
]`;
    expect(repairQuotes(text, list, SOURCES)).toEqual({
      text: `[
  {
    name: "from: 'it', to: 'there'", // A comment.
    file: "src/new.ts",
    from: 'if (level.free < units) refuse("sold");',
    to: "void units;",
    also: [{ from: "const LIMIT = 5;", file: "src/old.ts", to: "const LIMIT = 1;" }],
  },
  { file: "src/new.ts", from: String.raw\`const KEY = /^\\d$/;\`, to: "const KEY = /./;" },
]`,
      count: 2,
      failures: [],
    });
  });

  it("keeps the white space around a quote, as it is in the source", () => {
    const list = [{ file: "src/old.ts", from: "  counted(every);\n", to: "" }];
    const text = '[{ file: "src/old.ts", from: "  counted(every);\\n", to: "" }]';
    expect(repairQuotes(text, list, SOURCES).text).toBe(
      '[{ file: "src/old.ts", from: "    counted(all);\\n", to: "" }]',
    );
  });

  it("leaves a quote that has no place, and says in which line it is", () => {
    const list = [{ file: "src/old.ts", from: "const LIMIT = 6;", to: "" }];
    const text = '[\n  { file: "src/old.ts", from: "const LIMIT = 6;", to: "" }]';
    const repaired = repairQuotes(text, list, SOURCES);
    expect(repaired).toMatchObject({ text, count: 0 });
    expect(repaired.failures).toEqual([expect.stringMatching(/^2: The quote of src\/old.ts\n/)]);
  });
});
