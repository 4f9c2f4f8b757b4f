import { ENTRY_COLUMNS } from "../../src/orders/export/accounts.ts";
import { ITEM_COLUMNS } from "../../src/orders/export/export-items.ts";
import * as examples from "../examples.ts";
import { ndjson, type Operation } from "../operation.ts";

const PATH = "/v1/operations";
const columns = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

const FORMATS = `\`Accept: text/csv\` (default) or \`application/x-ndjson\`. In CSV (RFC 4180, with a header line) a text that begins with \`=\`, \`+\`, \`-\`, \`@\` (also full-width), a tab or a carriage return has an apostrophe before it, so that no spreadsheet runs it as a formula.`;

const END =
  'The last line tells whether you have everything: `end` in CSV, `{"next": null}` in NDJSON. A long export ends earlier, with `next` and a key: continue with `after` and that key. If the last line is missing, or the connection breaks, something went wrong: do not use the part for the whole, repeat.';

export const exportOperations: Operation[] = [
  {
    id: "exportOrders",
    method: "get",
    path: `${PATH}/orders/export`,
    tag: "Operations",
    summary: "Export orders with their payments and returns",
    description: `Streams the orders whose ids were made from \`from\` on and before \`to\`, by id. An id is made a moment before \`placedAt\`, so each order is in one range of time only. Orders of the last five minutes may still be on their way, so export a time when it has been over for that long.

${FORMATS}

${END}

In NDJSON each line is an order with its \`payments\` and \`returns\`. In CSV each row is an entry of the books, with the columns ${columns(ENTRY_COLUMNS)}. Amounts are in minor units. The \`type\` of an entry, and what \`at\` and \`amount\` then are:

- \`sale\`: a line of a paid order, when it was paid. What is due beyond the lines (\`amountDue\` minus \`total\`), like shipping, is a sale without \`sku\`.
- \`return\`: units that came back, with a negative \`quantity\` and \`amount\`, at the price at which they were sold; \`state\` is \`restocked\` or \`written_off\`.
- \`payment\`: money that arrived, with its \`state\` and, if it was unmatched, its \`reason\`. Each payment is with the order that it pays.
- \`refund\`: an unmatched payment that you paid back, with a negative \`amount\`.`,
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["ExportFrom", "ExportTo", "ExportAfter", "Accept"],
    answers: [
      {
        status: 200,
        description: "The export; in NDJSON, the schema is that of a line.",
        content: [
          { type: "text/csv", example: examples.exportedOrdersCsv },
          ndjson(
            "ExportedOrderLine",
            ["An order", examples.exportedOrder],
            ["The last line", { next: null }],
            ["The last line of a part", { next: examples.ORDER_ID }],
          ),
        ],
      },
    ],
    problems: ["not_acceptable"],
    headers: {
      Vary: { always: [200, 406], sometimes: [503] },
    },
  },
  {
    id: "exportItems",
    method: "get",
    path: `${PATH}/items/export`,
    tag: "Operations",
    summary: "Export all items",
    description: `Streams every item with its level and sale, also drafts and archived ones, by SKU. Levels lag a second or two behind the stock.

${FORMATS} Its columns are ${columns(ITEM_COLUMNS)}.

${END}`,
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["ExportAfterSku", "Accept"],
    answers: [
      {
        status: 200,
        description: "The export; in NDJSON, the schema is that of a line.",
        content: [
          { type: "text/csv", example: examples.exportedItemsCsv },
          ndjson(
            "ExportedItemLine",
            ["An item", examples.stockedItem],
            ["The last line", { next: null }],
          ),
        ],
      },
    ],
    problems: ["not_acceptable"],
    headers: {
      Vary: { always: [200, 406], sometimes: [503] },
    },
  },
];
