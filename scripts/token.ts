import process from "node:process";
import { OPERATOR, SCOPES } from "../src/orders/http/scopes.ts";
import { signToken } from "./lib/token.ts";

const [subject, ...scopes] = process.argv.slice(2);
if (!subject || subject.startsWith("-")) {
  console.error(`usage: npm run --silent token -- SUB [SCOPE[,SCOPE…]]

  without a scope      a customer
  operator             all rights
  orders:create,…      a service with these rights (docs/authorization.md lists them)`);
  process.exit(2);
}
// Between commas or spaces, as one argument or as several.
const words = scopes.flatMap((text) => text.split(/[\s,]+/)).filter((word) => word !== "");
const unknown = words.filter((word) => word !== OPERATOR && !(word in SCOPES));
if (unknown.length > 0) {
  console.error(
    `no such scope: ${unknown.join(", ")}. There are: ${[OPERATOR, ...Object.keys(SCOPES)].join(", ")}`,
  );
  process.exit(2);
}
console.log(await signToken(subject, words.join(" ")));
