import * as examples from "../examples.ts";
import { json, type Operation } from "../operation.ts";

export const changeOperations: Operation[] = [
  {
    id: "listChanges",
    method: "get",
    path: "/v1/changes",
    tag: "Changes",
    summary: "Follow what happens",
    description: `Returns every step of every order and payment, and every item that sold out or came back, in the order of commits. No step is missing and none comes twice for a reader that continues with \`nextCursor\`, whatever crashes on the way.

Each change has its subject as it stands now, which may be later than the step: \`revision\` says which step it is. A page ends early when its orders are long. With \`Prefer: wait=N\` the call waits up to N seconds (at most 10) while there is nothing new.

Changes are kept for 30 days. A cursor that is older, or from before the database was restored, is refused with \`changes_reset\`.`,
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["After", "ChangeLimit", "Prefer"],
    answers: [
      json(
        200,
        "The next changes.",
        "ChangePage",
        ["A confirmed order, its payment, and an item", examples.changePage],
        ["Nothing new", { changes: [], nextCursor: examples.CHANGE_CURSOR }],
      ),
    ],
    problems: ["changes_reset"],
    headers: {
      "Preference-Applied": { sometimes: [200, 410, 500, 503] },
    },
  },
];
